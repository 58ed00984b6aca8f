//! What vectors are like in themselves: whether categories hang together, whether neighbours agree, how the
//! space is used.
//!
//! ```
//! use embed_core::{Metric, Run};
//! use evalmetrics::Labels;
//! use evalmetrics::intrinsic::{NeighborGraph, coherence, label_agreement};
//! use ndarray::array;
//!
//! let vectors = array![[1.0, 0.1], [0.9, 0.0], [0.1, 1.0], [0.0, 0.8]];
//! let shelves = Labels::single([Some(1), Some(1), Some(2), Some(2)]);
//! let coherence = coherence(vectors.view(), &shelves)?;
//! assert!(coherence.within > 0.9 && coherence.between < 0.2);
//! let graph = NeighborGraph::exact(vectors.view(), Metric::Cosine, 1, None, &mut Run::default())?;
//! assert_eq!(label_agreement(&graph, &shelves)?.share, 1.0);
//! # Ok::<(), evalmetrics::intrinsic::IntrinsicError>(())
//! ```
//!
//! | question | measure |
//! |---|---|
//! | are items of a category nearer to each other than to others? | [`coherence`], [`silhouette()`], [`davies_bouldin`] |
//! | do neighbours share a category? | [`label_agreement`] |
//! | would clusters be the categories? | [`cluster_agreement`], [`normalized_mutual_information`], [`adjusted_rand_index`] |
//! | are pairs that belong together close, and is the sphere used evenly? | [`alignment`], [`uniformity`] |
//! | does the length of a vector follow popularity? | [`norm_popularity`] |
//! | are some items neighbours of everything? | [`hubness`] |
//! | how many directions are in use? | [`spectrum`] |
//! | what is near this item? | [`NeighborGraph::of`] |
//! | all of it at once | [`inspect()`] |

mod agreement;
mod clustering;
mod coherence;
mod davies_bouldin;
mod error;
mod hubness;
mod inspect;
mod neighbors;
mod norms;
mod sample;
mod silhouette;
mod spectrum;
mod uniformity;
mod vectors;

pub use agreement::{LabelAgreement, label_agreement};
pub use clustering::{
    ClusterAgreement, adjusted_rand_index, cluster_agreement, normalized_mutual_information,
};
pub use coherence::{Coherence, LabelCoherence, coherence};
pub use davies_bouldin::davies_bouldin;
pub use error::IntrinsicError;
pub use hubness::{Hubness, hubness};
pub use inspect::{InspectParams, Inspection, LabelInspection, inspect};
pub use neighbors::NeighborGraph;
pub use norms::{NormPopularity, norm_popularity};
pub use silhouette::{Distance, LabelSilhouette, Silhouette, SilhouetteParams, silhouette};
pub use spectrum::{Spectrum, spectrum};
pub use uniformity::{Estimate, alignment, uniformity};
pub(crate) use vectors::{check, unit_rows};
