//! What most programs use: `use nearfield::prelude::*;`.
//!
//! Names that only make sense beside their crate get the name of the model with them: [`ItemToVec`] is
//! [`seqemb::Params`].

pub use ann::{Flat, Hnsw, HnswParams, Index, IndexSpec, Live, TuneParams};
pub use embed_core::{
    AnnIndex, AnnIndexMut, Csr, Effort, Embedder, Embeddings, Filter, Flow, ItemId, Metric, NegativeSampler,
    Parallelism, Progress, Run, Scorer, SearchRequest, SeededRng, Vocab,
};
pub use evalmetrics::{
    ColdUsers, EmbeddingScorer, FullRanking, HistoryScorer, PopularityScorer, RankingReport,
};
pub use interactions::{Log, ReadOptions, Split};
pub use seqemb::{ItemVectors, Params as ItemToVec, Pooled, Pooling, Scoring, SkipGram};

pub use crate::{ConcurrentRecommender, Options, Recommendation, Recommender, Retriever};
