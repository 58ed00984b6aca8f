//! What most programs use: `use nearfield::prelude::*;`.

pub use embed_core::{
    AnnIndex, Csr, Effort, Embedder, Embeddings, Filter, Flow, ItemId, Metric, NegativeSampler, Parallelism,
    Progress, Run, SearchRequest, SeededRng, Vocab,
};
pub use evalmetrics::{EmbeddingScorer, FullRanking, PopularityScorer, Scorer};

pub use crate::{Options, Recommendation, Recommender};
