/// Why a layer could not work.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// Batch normalisation has no statistics of fewer than two rows.
    #[error(
        "batch normalisation in training needs at least 2 rows, got {rows}: use larger batches, or none of it"
    )]
    BatchOfOne {
        /// Rows of the batch.
        rows: usize,
    },
    /// Rows, offsets or masks that do not belong together.
    #[error("expected {expected} {what}, got {got}")]
    Shape {
        /// What is counted.
        what: &'static str,
        /// How many are needed.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// A setting out of its range.
    #[error("{name} is {got}, must be {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        got: f64,
        /// What it must be.
        expected: &'static str,
    },
}
