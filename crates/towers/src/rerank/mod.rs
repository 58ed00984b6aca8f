//! Re-ranking: a second look at what retrieval found, by a model that sees user and candidate together.
//!
//! A two-tower model makes one vector of a user, whatever is asked about. [`Reranker`] pools the history anew for each candidate,
//! by attention of the candidate over it (Zhou et al. 2018, "Deep interest network"), so it can score some hundreds of candidates
//! but no catalogue: O(candidates · history · dim).

mod file;
mod model;
mod net;
mod params;
mod retrieval;
mod training;

pub use model::{RerankError, RerankScratch, Reranker};
pub use params::RerankParams;
pub use retrieval::Retrieval;
