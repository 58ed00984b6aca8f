use embed_core::{FeatureType, VocabError};

use super::Side;

/// Features that do not fit the schema of a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// A column that the model needs is not there.
    #[error("the {side} features have no column {column:?}, which the model needs")]
    Missing {
        /// Whose features.
        side: Side,
        /// The column.
        column: String,
    },
    /// A column of another type than the model was trained with.
    #[error("column {column:?} of the {side} features is of type {got}, expected {expected}")]
    Kind {
        /// Whose features.
        side: Side,
        /// The column.
        column: String,
        /// What the model was trained with.
        expected: FeatureType,
        /// What there is.
        got: FeatureType,
    },
    /// Vectors of another width than the model was trained with.
    #[error("column {column:?} of the {side} features has vectors of {got} numbers, expected {expected}")]
    Width {
        /// Whose features.
        side: Side,
        /// The column.
        column: String,
        /// Numbers in training.
        expected: usize,
        /// Numbers there are.
        got: usize,
    },
    /// A number that is none.
    #[error("column {column:?} of the {side} features, row {row} (key {key:?}): {got} is no finite number")]
    NotFinite {
        /// Whose features.
        side: Side,
        /// The column.
        column: String,
        /// The row, from 1.
        row: usize,
        /// Its key.
        key: String,
        /// The value.
        got: String,
    },
    /// Two features name one table and code it differently.
    #[error("table {table:?} is coded in two ways: features that share it need the same coding")]
    TwoCodings {
        /// The table.
        table: String,
    },
    /// A schema that names a column twice.
    #[error("column {column:?} of the {side} features is in the schema twice")]
    Twice {
        /// Whose features.
        side: Side,
        /// The column.
        column: String,
    },
    /// A side without anything to make a vector of.
    #[error("the {side} side has no feature")]
    Nothing {
        /// Which side.
        side: Side,
    },
    /// A history by a feature that items do not have.
    #[error("the history is to be described by column {column:?}, which is no category or list of the items")]
    History {
        /// The column.
        column: String,
    },
    /// A history without anything to describe its items by.
    #[error("the history has nothing to describe its items by: neither their id nor a column")]
    BareHistory,
    /// More categories than codes.
    #[error("table {table:?}: {source}")]
    Vocab {
        /// The table.
        table: String,
        /// What is wrong.
        source: VocabError,
    },
}
