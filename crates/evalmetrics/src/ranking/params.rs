use crate::{EvalError, Measure};

/// What becomes of users without a positive, for whom recall has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmptyUsers {
    /// They are left out of the mean, and their lists out of coverage.
    #[default]
    Skip,
    /// They count as 0 in every mean.
    CountAsZero,
}

/// What becomes of items a user has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SeenItems {
    /// They are never recommended. A positive among them cannot be found, and stays in the denominator.
    #[default]
    Mask,
    /// They compete like all others.
    Keep,
}

/// What a positive is worth to [`Measure::GradedNdcg`], by its value `v` in the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gain {
    /// `v`.
    #[default]
    Linear,
    /// `2ᵛ − 1`.
    Exponential,
}

impl Gain {
    pub(crate) fn of(self, value: f32) -> f64 {
        let value = f64::from(value);
        match self {
            Self::Linear => value,
            Self::Exponential => value.exp2() - 1.0,
        }
    }
}

/// Evaluation over the full ranking of the catalogue, no sampled candidates.
///
/// ```
/// use embed_core::{Csr, Run};
/// use evalmetrics::{FullRanking, PopularityScorer};
///
/// let popularity = PopularityScorer::new(&[9, 5, 4, 1]);
/// let seen = Csr::from_rows([vec![0], vec![0, 1]]);
/// let truth = Csr::from_rows([vec![1], vec![3]]);
/// let report = FullRanking::at([1, 2]).evaluate(&popularity, &seen, &truth, &mut Run::default())?;
/// assert_eq!(report.get("recall", 1), Some(0.5)); // user 0 gets 1, user 1 gets 2
/// assert_eq!(report.get("mrr", 2), Some(0.75));
/// # Ok::<(), evalmetrics::EvalError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullRanking {
    /// Over how many ranks, each once, each at least 1; more than the catalogue has is fine.
    pub cutoffs: Vec<usize>,
    /// What is measured, each once.
    pub measures: Vec<Measure>,
    /// Users without a positive.
    pub empty_users: EmptyUsers,
    /// Items a user has already.
    pub seen_items: SeenItems,
    /// What a positive is worth to [`Measure::GradedNdcg`].
    pub gain: Gain,
    /// Whether the report keeps the values of each user: 8 bytes a user, measure and cutoff.
    pub per_user: bool,
    /// Whether the report keeps the lists, for [`crate::beyond`]: 4 bytes a user and rank up to the largest
    /// cutoff.
    pub lists: bool,
}

impl Default for FullRanking {
    /// The usual measures at 10 and 20.
    fn default() -> Self {
        Self {
            cutoffs: vec![10, 20],
            measures: Measure::USUAL.to_vec(),
            empty_users: EmptyUsers::default(),
            seen_items: SeenItems::default(),
            gain: Gain::default(),
            per_user: false,
            lists: false,
        }
    }
}

impl FullRanking {
    /// The usual measures at these cutoffs.
    #[must_use]
    pub fn at(cutoffs: impl Into<Vec<usize>>) -> Self {
        Self { cutoffs: cutoffs.into(), ..Self::default() }
    }

    /// Checks the settings; every evaluation does it first.
    ///
    /// # Errors
    /// [`EvalError::NoCutoffs`], [`EvalError::ZeroCutoff`], [`EvalError::RepeatedCutoff`],
    /// [`EvalError::NoMeasures`], [`EvalError::RepeatedMeasure`].
    pub fn validate(&self) -> Result<(), EvalError> {
        if self.cutoffs.is_empty() {
            return Err(EvalError::NoCutoffs);
        }
        if self.cutoffs.contains(&0) {
            return Err(EvalError::ZeroCutoff);
        }
        if self.measures.is_empty() {
            return Err(EvalError::NoMeasures);
        }
        if let Some(cutoff) = first_repeated(&self.cutoffs) {
            return Err(EvalError::RepeatedCutoff { cutoff });
        }
        if let Some(measure) = first_repeated(&self.measures) {
            return Err(EvalError::RepeatedMeasure { measure });
        }
        Ok(())
    }

    /// Every measure that is per user, at every cutoff it has, in the order of the report.
    pub(crate) fn per_user_columns(&self) -> Vec<(Measure, Option<usize>)> {
        self.columns().filter(|(measure, _)| measure.is_per_user()).collect()
    }

    /// Every measure at every cutoff it has.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (Measure, Option<usize>)> {
        self.measures.iter().flat_map(|&measure| {
            let cutoffs = if measure.has_cutoff() { &self.cutoffs[..] } else { &[] };
            let whole = (!measure.has_cutoff()).then_some((measure, None));
            cutoffs.iter().map(move |&cutoff| (measure, Some(cutoff))).chain(whole)
        })
    }

    /// Whether a measure of the whole ranking is asked for.
    pub(crate) fn whole(&self) -> bool {
        self.measures.iter().any(|measure| !measure.has_cutoff())
    }
}

fn first_repeated<T: PartialEq + Copy>(values: &[T]) -> Option<T> {
    values.iter().enumerate().find(|(i, value)| values[..*i].contains(value)).map(|(_, &value)| value)
}
