use std::fmt;

/// What a family of lists or codes keeps of each vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Coding {
    /// How a vector is kept.
    pub codes: Codes,
    /// Whether vectors are first turned by a learned rotation (OPQ), which only product codes gain from.
    pub opq: bool,
    /// By what the best answers are scored again.
    pub refine: Refine,
}

impl Coding {
    /// Codes without rotation and refinement.
    #[must_use]
    pub fn new(codes: Codes) -> Self {
        Self { codes, opq: false, refine: Refine::None }
    }

    pub(super) fn print(&self, f: &mut fmt::Formatter<'_>, nlist: Option<usize>) -> fmt::Result {
        if let (true, Some(m)) = (self.opq, self.codes.m()) {
            write!(f, "OPQ{m},")?;
        }
        match nlist {
            None => {}
            Some(0) => f.write_str("IVF,")?,
            Some(nlist) => write!(f, "IVF{nlist},")?,
        }
        write!(f, "{}", self.codes)?;
        match self.refine {
            Refine::None => Ok(()),
            Refine::Flat => f.write_str(",Refine(Flat)"),
            Refine::Sq8 => f.write_str(",Refine(SQ8)"),
        }
    }
}

/// How a vector is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codes {
    /// The vector itself, 4 bytes a component.
    Flat,
    /// One byte a component.
    Sq8,
    /// Product quantization (Jégou et al. 2011): `m` parts of the vector, one byte each. Where components deviate unevenly,
    /// parts are cut so that each has about the same sum of standard deviations, not the same number of components: images
    /// have edges that need next to no bits.
    Pq {
        /// Number of parts.
        m: usize,
    },
    /// The same with half a byte a part, looked up in registers (André et al. 2015).
    PqFast {
        /// Number of parts.
        m: usize,
    },
}

impl Codes {
    /// Number of parts of product codes.
    #[must_use]
    pub fn m(self) -> Option<usize> {
        match self {
            Self::Flat | Self::Sq8 => None,
            Self::Pq { m } | Self::PqFast { m } => Some(m),
        }
    }
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flat => f.write_str("Flat"),
            Self::Sq8 => f.write_str("SQ8"),
            Self::Pq { m } => write!(f, "PQ{m}x8"),
            Self::PqFast { m } => write!(f, "PQ{m}x4fs"),
        }
    }
}

/// By what the best answers of codes are scored again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Refine {
    /// Not at all: scores are those of the codes.
    #[default]
    None,
    /// The vectors themselves: scores are exact.
    Flat,
    /// One byte a component.
    Sq8,
}
