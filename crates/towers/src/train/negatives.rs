use std::fmt;

use negsample::{Popularity, RefreshableSampler, Uniform};

use crate::FitError;

/// Plain numbers of the negatives that a positive is contrasted with: what presets hold and files keep.
///
/// [`NegativeSampling::from`] makes of them what a training takes, with the standard sampler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NegativeCounts {
    /// Use of the batch's other positives as negatives.
    pub in_batch: bool,
    /// Items drawn once a batch, for all of its rows.
    pub per_batch: usize,
    /// Items drawn for each positive alone; 0 where there are others.
    pub per_example: usize,
    /// Correction: true where log Q is subtracted from the logits (Yi et al. 2019).
    pub corrected: bool,
}

impl Default for NegativeCounts {
    /// The batch's other positives, with log Q.
    fn default() -> Self {
        Self { in_batch: true, per_batch: 0, per_example: 0, corrected: true }
    }
}

impl NegativeCounts {
    /// Checks that there are negatives, and of one kind that the losses know.
    ///
    /// # Errors
    /// [`NegativesError::None`] when there are none, [`NegativesError::Mixed`] when some are drawn for each positive and
    /// others are not.
    pub fn validate(self) -> Result<(), NegativesError> {
        let Self { in_batch, per_batch, per_example, .. } = self;
        match (in_batch || per_batch > 0, per_example > 0) {
            (false, false) => Err(NegativesError::None),
            (true, true) => Err(NegativesError::Mixed { per_example }),
            _ => Ok(()),
        }
    }

    /// Number of negatives of a positive in a batch of `batch` positives, masked ones included.
    #[must_use]
    pub fn per_positive(self, batch: usize) -> usize {
        let others = if self.in_batch { batch.saturating_sub(1) } else { 0 };
        others + self.per_batch + self.per_example
    }
}

/// Negatives of a training: which there are, what draws them, and whether log Q is subtracted.
///
/// A sampler comes in together with the number of its draws, so none can be passed that is not used. Without one, the standard
/// sampler is filled in from the training data: every item that has an interaction, each alike.
///
/// Log Q of the batch's other positives always comes from the data: `n − 1` times the item's share of all interactions, for a
/// batch of `n`. Log Q of drawn ones is what their sampler says. Of both together it is that of the sum.
///
/// ```
/// use negsample::Popularity;
/// use towers::train::NegativeSampling;
///
/// let in_batch = NegativeSampling::in_batch();
/// let mixed = NegativeSampling::in_batch().and_per_batch(300);
/// let by_count = NegativeSampling::per_batch_from(50, Popularity::new(&[8, 1, 4], 0.75)?);
/// assert!(in_batch.counts().corrected && mixed.counts().per_batch == 300 && by_count.has_sampler());
/// # Ok::<(), embed_core::SampleError>(())
/// ```
///
/// Yi et al. 2019, "Sampling-bias-corrected neural modeling for large corpus item recommendations".
pub struct NegativeSampling<'s> {
    counts: NegativeCounts,
    sampler: Option<Box<dyn RefreshableSampler + 's>>,
    /// Fault in how it was put together; said where it is used.
    fault: Option<NegativesError>,
}

/// Negatives that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NegativesError {
    /// There is nothing that a positive is contrasted with.
    #[error("no negatives: take those of the batch, or draw some for each batch or for each positive")]
    None,
    /// A number of draws that is 0, so that the sampler beside it would not be used.
    #[error("0 negatives {which}: leave them out, or draw at least 1")]
    NoDraws {
        /// `per batch` or `per example`.
        which: &'static str,
    },
    /// Draws of one kind were asked for twice.
    #[error("negatives per batch were given twice: {first}, then {second}")]
    Twice {
        /// The number given first.
        first: usize,
        /// The number given then.
        second: usize,
    },
    /// Negatives of a positive's own beside those that a batch shares.
    #[error("{per_example} negatives of each positive's own cannot stand beside those that a batch shares")]
    Mixed {
        /// Number of negatives of each positive's own.
        per_example: usize,
    },
    /// Training that draws for each positive was given other negatives.
    #[error("{what} takes negatives per example, and none that a batch shares")]
    NotPerExample {
        /// Model that is trained.
        what: &'static str,
    },
}

impl Default for NegativeSampling<'_> {
    /// [`NegativeSampling::in_batch`].
    fn default() -> Self {
        Self::in_batch()
    }
}

impl From<NegativeCounts> for NegativeSampling<'_> {
    /// The standard sampler in these numbers.
    fn from(counts: NegativeCounts) -> Self {
        Self { counts, sampler: None, fault: None }
    }
}

impl fmt::Debug for NegativeSampling<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sampler = if self.sampler.is_some() { "given" } else { "standard" };
        f.debug_struct("NegativeSampling").field("counts", &self.counts).field("sampler", &sampler).finish()
    }
}

impl<'s> NegativeSampling<'s> {
    /// The batch's other positives, log Q subtracted.
    #[must_use]
    pub fn in_batch() -> Self {
        NegativeCounts::default().into()
    }

    /// `n` items that the standard sampler draws for each batch, log Q subtracted.
    #[must_use]
    pub fn per_batch(n: usize) -> Self {
        Self::none().and_per_batch(n)
    }

    /// `n` items that `sampler` draws for each batch, log Q subtracted. A `&mut` sampler is one, too.
    #[must_use]
    pub fn per_batch_from(n: usize, sampler: impl RefreshableSampler + 's) -> Self {
        Self::none().and_per_batch_from(n, sampler)
    }

    /// `n` items that the standard sampler draws for each positive alone, log Q subtracted.
    #[must_use]
    pub fn per_example(n: usize) -> Self {
        let mut this = Self::none();
        this.counts.per_example = n;
        this.fault = (n == 0).then_some(NegativesError::NoDraws { which: "per example" });
        this
    }

    /// `n` items that `sampler` draws for each positive alone, log Q subtracted.
    #[must_use]
    pub fn per_example_from(n: usize, sampler: impl RefreshableSampler + 's) -> Self {
        Self { sampler: Some(Box::new(sampler)), ..Self::per_example(n) }
    }

    /// The same and `n` items that the standard sampler draws for each batch.
    #[must_use]
    pub fn and_per_batch(mut self, n: usize) -> Self {
        let first = self.counts.per_batch;
        let fault = match (n, first) {
            (0, _) => Some(NegativesError::NoDraws { which: "per batch" }),
            (_, 0) => None,
            _ => Some(NegativesError::Twice { first, second: n }),
        };
        self.fault = self.fault.or(fault);
        self.counts.per_batch = n;
        self
    }

    /// The same and `n` items that `sampler` draws for each batch.
    #[must_use]
    pub fn and_per_batch_from(self, n: usize, sampler: impl RefreshableSampler + 's) -> Self {
        Self { sampler: Some(Box::new(sampler)), ..self.and_per_batch(n) }
    }

    /// The same with log Q subtracted from the logits, as it is unless [`NegativeSampling::uncorrected`] was asked for.
    #[must_use]
    pub fn corrected(mut self) -> Self {
        self.counts.corrected = true;
        self
    }

    /// The same without log Q: what a loss other than the softmax wants.
    #[must_use]
    pub fn uncorrected(mut self) -> Self {
        self.counts.corrected = false;
        self
    }

    /// Their numbers.
    #[must_use]
    pub fn counts(&self) -> NegativeCounts {
        self.counts
    }

    /// Presence of a given sampler, in place of the standard one.
    #[must_use]
    pub fn has_sampler(&self) -> bool {
        self.sampler.is_some()
    }

    /// Checks how it was put together.
    ///
    /// # Errors
    /// [`NegativesError`] names what cannot be.
    pub fn validate(&self) -> Result<(), NegativesError> {
        self.fault.map_or_else(|| self.counts.validate(), Err)
    }

    fn none() -> Self {
        NegativeCounts { in_batch: false, ..NegativeCounts::default() }.into()
    }

    /// The numbers, and what draws: nothing where nothing is drawn.
    ///
    /// # Errors
    /// [`FitError::Negatives`], [`FitError::Sample`] when no item has an interaction, [`FitError::Catalogue`] when the sampler is over
    /// another number of items than there are counts.
    pub(crate) fn resolve(self, counts: &[u64], standard: Standard) -> Result<Resolved<'s>, FitError> {
        self.validate()?;
        let drawn = self.counts.per_batch + self.counts.per_example > 0;
        let sampler = match self.sampler {
            Some(sampler) => {
                let (expected, got) = (counts.len(), sampler.n_items());
                if expected != got {
                    return Err(FitError::Catalogue { what: "items of the sampler", expected, got });
                }
                Some(sampler)
            }
            None if drawn => Some(standard.sampler(counts)?),
            None => None,
        };
        Ok(Resolved { counts: self.counts, sampler })
    }
}

/// Negatives with the sampler that draws them.
pub(crate) struct Resolved<'s> {
    pub(crate) counts: NegativeCounts,
    /// Invariant: there is one where something is drawn.
    pub(crate) sampler: Option<Box<dyn RefreshableSampler + 's>>,
}

impl fmt::Debug for Resolved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolved").field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// The standard sampler's stream of draws. The law is one: each item that has an interaction, alike. Items that nobody has
/// are no negatives: of those known by features, it would teach that what is new is not wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standard {
    /// By number where every item has an interaction, else by an alias table.
    Ids,
    /// By an alias table always, as catalogues over features hold items that nobody has.
    Features,
}

impl Standard {
    fn sampler<'s>(self, counts: &[u64]) -> Result<Box<dyn RefreshableSampler + 's>, FitError> {
        Ok(if self == Self::Ids && counts.iter().all(|&count| count > 0) {
            Box::new(Uniform::new(counts.len())?)
        } else {
            Box::new(Popularity::new(counts, 0.0)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_named() {
        let uniform = || Uniform::new(3).unwrap();
        for (negatives, expected) in [
            (NegativeSampling::per_batch_from(0, uniform()), NegativesError::NoDraws { which: "per batch" }),
            (
                NegativeSampling::per_example_from(0, uniform()),
                NegativesError::NoDraws { which: "per example" },
            ),
            (NegativeSampling::in_batch().and_per_batch(0), NegativesError::NoDraws { which: "per batch" }),
            (NegativeSampling::per_batch(3).and_per_batch(5), NegativesError::Twice { first: 3, second: 5 }),
            (NegativeSampling::per_example(3).and_per_batch(5), NegativesError::Mixed { per_example: 3 }),
            (NegativeCounts { in_batch: false, ..NegativeCounts::default() }.into(), NegativesError::None),
        ] {
            assert_eq!(negatives.validate(), Err(expected));
            assert!(
                matches!(negatives.resolve(&[1; 3], Standard::Ids), Err(FitError::Negatives(e)) if e == expected)
            );
        }
        let other = NegativeSampling::per_batch_from(2, uniform()).resolve(&[1; 4], Standard::Ids);
        assert!(matches!(other, Err(FitError::Catalogue { expected: 4, got: 3, .. })));
    }

    #[test]
    fn the_standard_sampler_leaves_out_what_nobody_has() {
        use embed_core::{NegativeContext, SeededRng};
        for standard in [Standard::Ids, Standard::Features] {
            let negatives = NegativeSampling::per_batch(64).resolve(&[3, 0, 1, 0], standard).unwrap();
            let mut out = [9; 64];
            let sampler = negatives.sampler.unwrap();
            sampler.sample_into(&NegativeContext::draws(64), &mut SeededRng::new(1), &mut out).unwrap();
            assert!(out.contains(&0) && out.contains(&2) && out.iter().all(|item| [0, 2].contains(item)));
        }
        let nothing_drawn = NegativeSampling::in_batch().resolve(&[0, 0], Standard::Ids).unwrap();
        assert!(nothing_drawn.sampler.is_none());
    }
}
