//! Rankings of the whole catalogue, and where the positives stand in them.

mod embedding;
mod error;
mod expected;
mod full;
mod lists;
mod measure;
mod params;
mod report;
mod sampled;
mod scorer;
pub(crate) mod select;
mod tally;

pub use embedding::{ColdUsers, EmbeddingScorer};
pub use error::EvalError;
pub use measure::{Measure, ParseMeasureError};
pub use params::{EmptyUsers, FullRanking, Gain, SeenItems};
pub use report::{Column, Figure, Figures, PerUser, RankingReport};
pub use sampled::SampledRanking;
pub use scorer::{FnScorer, HistoryScorer, PopularityScorer};
pub(crate) use tally::sorted_sets;
