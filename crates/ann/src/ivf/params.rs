use crate::{Codes, Coding, ParamsError};

/// How an [`Ivf`](crate::Ivf) is built, and how hard it looks by default.
///
/// ```
/// use ann::{Codes, Coding, IvfParams, Refine};
///
/// let coding = Coding { refine: Refine::Flat, ..Coding::new(Codes::PqFast { m: 16 }) };
/// let params = IvfParams { nlist: 256, coding, ..IvfParams::default() };
/// assert!(params.validate().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IvfParams {
    /// Number of lists, at most 2²⁴; 0 takes √n. Never more than there are vectors.
    pub nlist: usize,
    /// Lists that a search looks into if it asks for no effort of its own; 0 takes √nlist.
    pub nprobe: usize,
    /// What the lists hold.
    pub coding: Coding,
    /// With refinement, how many times k candidates are kept to be scored again; 0 takes 3 after SQ8, and
    /// 2 + 32 nprobe / (nprobe + 32) after product codes.
    pub refine: usize,
    /// Rounds of k-means, 1 to 1000.
    pub iterations: usize,
}

impl Default for IvfParams {
    fn default() -> Self {
        Self { nlist: 0, nprobe: 0, coding: Coding::new(Codes::Flat), refine: 0, iterations: 10 }
    }
}

impl IvfParams {
    /// The most lists.
    pub const MAX_LISTS: usize = 1 << 24;
    /// The most parts of a product code.
    pub const MAX_PARTS: usize = 1 << 12;
    /// The most candidates, as a multiple of k.
    const MAX_REFINE: usize = 1 << 16;

    /// Checks every field.
    ///
    /// # Errors
    /// [`ParamsError`] names the first field that is out of its range.
    pub fn validate(&self) -> Result<(), ParamsError> {
        for (name, got, least, most) in [
            ("nlist", self.nlist, 0, Self::MAX_LISTS),
            ("nprobe", self.nprobe, 0, Self::MAX_LISTS),
            ("m", self.coding.codes.m().unwrap_or(1), 1, Self::MAX_PARTS),
            ("refine", self.refine, 0, Self::MAX_REFINE),
            ("iterations", self.iterations, 1, 1000),
        ] {
            if !(least..=most).contains(&got) {
                return Err(ParamsError { name, least, most, got });
            }
        }
        Ok(())
    }

    /// The number of lists over `n` vectors.
    pub(crate) fn lists(&self, n: usize) -> usize {
        let lists = if self.nlist == 0 { n.isqrt().max(1) } else { self.nlist };
        lists.min(n).max(1)
    }

    /// The lists that a search looks into by default.
    pub(crate) fn probes(&self, nlist: usize) -> usize {
        let probes = if self.nprobe == 0 { nlist.isqrt() } else { self.nprobe };
        probes.clamp(1, nlist.max(1))
    }

    /// How many times as many candidates as answers are scored again: codes of a byte a component need few;
    /// for product codes it grows with the lists that candidates compete from.
    pub(crate) fn times(&self, nprobe: usize) -> usize {
        match (self.refine, self.coding.codes) {
            (0, Codes::Sq8) => 3,
            (0, _) => 2 + 32usize.saturating_mul(nprobe) / nprobe.saturating_add(32).max(1),
            (times, _) => times,
        }
    }
}
