//! Features of users and items: which columns a model looks at ([`Schema`]), how their values become codes and numbers
//! ([`Coder`], learned from the training data and saved with the model), and the coded rows ([`Records`]).
//!
//! | feature | becomes | unseen in training, or empty |
//! |---|---|---|
//! | id | a row of a table | the row of the unknown, trained by id dropout |
//! | category, by vocabulary | a row of a table | the row of the unknown |
//! | category, hashed | a row of a table | a row that others share; the row of the unknown when empty |
//! | list of categories | the mean of their rows | left out; an empty list is a zero vector |
//! | number | one value of mean 0 and deviation 1 over training | refused |
//! | vector | its values | refused |
//! | history | the pooled vectors of its items | a zero vector |

mod coder;
mod error;
mod records;
mod schema;
mod table;

pub(crate) use coder::Column;
pub use coder::{Coder, Seen};
pub use error::FeatureError;
pub use records::{Coded, Records};
pub use schema::{Coding, Feature, HistoryFeature, IdFeature, Schema, SchemaOptions, Side, SideSchema};
pub use table::CodeTable;
