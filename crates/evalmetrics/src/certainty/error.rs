use embed_core::ParallelismError;

/// Why nothing can be said about the certainty of a figure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertaintyError {
    /// No values.
    #[error("there are no values")]
    Empty,
    /// A NaN or infinite value.
    #[error("value {at} is {value}")]
    NotFinite {
        /// Its place.
        at: usize,
        /// NaN or infinite.
        value: f64,
    },
    /// A level that is not strictly between 0 and 1.
    #[error("a level of {got} is no confidence: it must be above 0 and below 1")]
    Level {
        /// The level.
        got: f64,
    },
    /// Too few repetitions.
    #[error("{name} must be from {least} to {most}, not {got}")]
    Repetitions {
        /// The parameter.
        name: &'static str,
        /// The fewest that say anything.
        least: usize,
        /// The most there can be.
        most: usize,
        /// What was asked for.
        got: usize,
    },
    /// Values that do not pair.
    #[error("{got} values cannot be paired with {expected}")]
    Length {
        /// Values of the first.
        expected: usize,
        /// Values of the other.
        got: usize,
    },
    /// Two runs over different users.
    #[error("at place {at} one run has user {a}, the other user {b}: runs are compared over the same users")]
    OtherUsers {
        /// The first place where they differ.
        at: usize,
        /// The user of the first run.
        a: u32,
        /// The user of the second run.
        b: u32,
    },
    /// Two runs that have no measure in common.
    #[error("the two runs have no measure in common")]
    NothingInCommon,
    /// A p-value that is none.
    #[error("p-value {at} is {value}: it must be from 0 to 1")]
    Probability {
        /// Its place.
        at: usize,
        /// The value.
        value: f64,
    },
    /// The observer stopped the work.
    #[error("stopped after {done} of {total} {unit}")]
    Stopped {
        /// How many were done.
        done: usize,
        /// How many there are.
        total: usize,
        /// What was counted.
        unit: &'static str,
    },
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
}

/// The first value that is no number.
pub(super) fn check_finite(values: &[f64]) -> Result<(), CertaintyError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(CertaintyError::NotFinite { at, value: values[at] }),
        None => Ok(()),
    }
}
