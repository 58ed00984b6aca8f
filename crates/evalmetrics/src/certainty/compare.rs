use embed_core::Run;
use serde::Serialize;

use super::{
    BootstrapParams, CertaintyError, Interval, RandomisationParams, benjamini_hochberg, bootstrap_columns,
    holm, paired_randomisation,
};
use crate::PerUser;

/// How two runs are compared.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CompareParams {
    /// The intervals of the differences.
    pub bootstrap: BootstrapParams,
    /// The tests.
    pub randomisation: RandomisationParams,
    /// What is done about testing many measures at once.
    pub correction: Correction,
}

/// What is done about testing many measures at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Correction {
    /// [`holm`]: hardly one false finding among all.
    #[default]
    Holm,
    /// [`benjamini_hochberg`]: a small share of false ones among the findings.
    BenjaminiHochberg,
}

/// Two runs by one measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The measure, as in `recall@20`.
    pub name: String,
    /// Mean of the first run.
    pub a: f64,
    /// Mean of the second run.
    pub b: f64,
    /// First less second, with its interval.
    pub difference: Interval,
    /// The paired randomisation test.
    pub p: f64,
    /// The same, corrected for the number of measures compared: what to judge by.
    pub p_adjusted: f64,
    /// Users who do better in the first run.
    pub wins: usize,
    /// Users who do alike in both.
    pub ties: usize,
    /// Users who do better in the second run.
    pub losses: usize,
}

/// Compares two runs over the same users by every measure that both have, in the order of the first.
///
/// # Errors
/// - [`CertaintyError::Length`], [`CertaintyError::OtherUsers`] for runs over different users.
/// - [`CertaintyError::NothingInCommon`] for runs without a measure in common.
/// - As [`super::bootstrap`] and [`paired_randomisation`].
///
/// # Complexity
/// As [`bootstrap_columns`], and one [`paired_randomisation`] a measure.
pub fn compare(
    a: &PerUser,
    b: &PerUser,
    params: &CompareParams,
    run: &mut Run<'_>,
) -> Result<Vec<Comparison>, CertaintyError> {
    if a.users.len() != b.users.len() {
        return Err(CertaintyError::Length { expected: a.users.len(), got: b.users.len() });
    }
    if let Some(at) = a.users.iter().zip(&b.users).position(|(a, b)| a != b) {
        return Err(CertaintyError::OtherUsers { at, a: a.users[at], b: b.users[at] });
    }
    let both = |column: &crate::Column| {
        let other = b.columns.iter().find(|other| other.name() == column.name())?;
        Some((column.name(), column.values.clone(), other.values.clone()))
    };
    let pairs: Vec<_> = a.columns.iter().filter_map(both).collect();
    if pairs.is_empty() {
        return Err(CertaintyError::NothingInCommon);
    }
    let mut tests = Vec::with_capacity(pairs.len());
    let mut differences = Vec::with_capacity(pairs.len());
    for (_, a, b) in &pairs {
        tests.push(paired_randomisation(a, b, &params.randomisation, run)?);
        differences.push(a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>());
    }
    let columns: Vec<&[f64]> = differences.iter().map(Vec::as_slice).collect();
    let intervals = bootstrap_columns(&columns, &params.bootstrap, run)?;
    let p: Vec<f64> = tests.iter().map(|test| test.p).collect();
    let adjusted = match params.correction {
        Correction::Holm => holm(&p)?,
        Correction::BenjaminiHochberg => benjamini_hochberg(&p)?,
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / crate::number::float(values.len());
    let one = |(i, (name, a, b)): (usize, (String, Vec<f64>, Vec<f64>))| Comparison {
        name,
        a: mean(&a),
        b: mean(&b),
        difference: intervals[i],
        p: p[i],
        p_adjusted: adjusted[i],
        wins: differences[i].iter().filter(|&&d| d > 0.0).count(),
        ties: differences[i].iter().filter(|&&d| d == 0.0).count(),
        losses: differences[i].iter().filter(|&&d| d < 0.0).count(),
    };
    Ok(pairs.into_iter().enumerate().map(one).collect())
}
