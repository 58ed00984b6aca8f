/// Why no vector could be made for cold items.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ColdError {
    /// A setting out of its range.
    #[error("{name} is {got}, must be in {least}..={most}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        got: f64,
        /// Least value.
        least: f64,
        /// Greatest value.
        most: f64,
    },
    /// Two things that belong together differ in size.
    #[error("{what}: expected {expected}, got {got}")]
    Shape {
        /// What is of the wrong size.
        what: &'static str,
        /// The size asked for.
        expected: usize,
        /// Its size.
        got: usize,
    },
    /// A feature or vector that is NaN or infinite.
    #[error("{what} of row {row} is not finite in column {column}")]
    NotFinite {
        /// Feature or vector.
        what: &'static str,
        /// The row.
        row: usize,
        /// The column.
        column: usize,
    },
    /// There are too few warm items to learn from.
    #[error("{got} items to learn from, at least {least} are needed")]
    TooFew {
        /// Items there are.
        got: usize,
        /// Items needed.
        least: usize,
    },
    /// The normal equations have no unique solution to working precision.
    #[error("the features are linearly dependent: raise lambda")]
    Singular,
}
