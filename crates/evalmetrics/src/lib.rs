//! What recommendations and embeddings are worth, and how sure that is: rankings of full catalogues, exact under
//! ties, with every denominator stated and every policy named; what lists are like beyond hits; vectors in
//! themselves; answers of indexes; intervals and tests.
//!
//! ```
//! use embed_core::{Csr, Metric, Run};
//! use evalmetrics::{EmbeddingScorer, FullRanking};
//! use ndarray::array;
//!
//! let users = array![[1.0, 0.0], [0.0, 1.0]];
//! let items = array![[0.9, 0.1], [0.2, 0.8], [0.8, 0.3]];
//! let scorer = EmbeddingScorer::new(users, items, Metric::InnerProduct)?;
//! let (seen, truth) = (Csr::from_rows([[0], [1]]), Csr::from_rows([[2], [0]]));
//! let report = FullRanking::at([1]).evaluate(&scorer, &seen, &truth, &mut Run::default())?;
//! assert_eq!(report.get("recall", 1), Some(0.5));
//! # Ok::<(), evalmetrics::EvalError>(())
//! ```
//!
//! | to | use |
//! |---|---|
//! | say what is measured, at which cutoffs, by which policies | [`FullRanking`], [`Measure`], [`Gain`], [`EmptyUsers`], [`SeenItems`] |
//! | score a catalogue | [`Scorer`]: [`EmbeddingScorer`], [`PopularityScorer`], [`FnScorer`]; [`HistoryScorer`] from a scorer of histories |
//! | measure scores, lists, or an index | [`FullRanking::evaluate`], [`FullRanking::evaluate_lists`], [`FullRanking::evaluate_index`] |
//! | read the figures | [`RankingReport`], [`PerUser`] |
//! | rank a few candidates, under a name that says so | [`SampledRanking`] |
//! | know how much of the catalogue lists reach, how new and varied they are, whether they are bestsellers | [`beyond`] |
//! | look into vectors: categories, neighbours, hubs, directions | [`intrinsic`], [`Labels`] |
//! | hold an index against exact search | [`search`] |
//! | know how sure a figure is, and whether two runs differ | [`certainty`] |
//! | put vectors on a plane | [`projection`] |
//!
//! Predicting the next item of a session is the same task as a user's: one row of truth with one item for each
//! prefix, and [`SeenItems::Keep`] where an item may come again.
//!
//! Not in this crate: splitting of logs, drawing, printing.

#![forbid(unsafe_code)]

pub mod beyond;
pub mod certainty;
mod eigen;
mod exact;
pub mod intrinsic;
mod labels;
mod moments;
mod number;
pub mod projection;
mod ranking;
pub mod search;
mod statistics;

pub use labels::Labels;
pub use ranking::{
    ColdUsers, Column, EmbeddingScorer, EmptyUsers, EvalError, Figure, Figures, FnScorer, FullRanking, Gain,
    HistoryScorer, Measure, ParseMeasureError, PerUser, PopularityScorer, RankingReport, SampledRanking,
    SeenItems,
};

pub use embed_core::{ScoreError, Scorer};
