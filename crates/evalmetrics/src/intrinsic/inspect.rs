use embed_core::{Metric, Run};
use ndarray::ArrayView2;
use serde::Serialize;

use super::{
    ClusterAgreement, Coherence, Distance, Estimate, Hubness, IntrinsicError, LabelAgreement, NeighborGraph,
    NormPopularity, Silhouette, SilhouetteParams, Spectrum, cluster_agreement, coherence, davies_bouldin,
    hubness, label_agreement, norm_popularity, silhouette, spectrum, uniformity,
};
use crate::Labels;

/// How [`inspect()`] works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InspectParams {
    /// How near two items are: under [`Metric::L2`] clusters are measured by Euclidean distance, else by cosine.
    pub metric: Metric,
    /// Neighbours of an item.
    pub k: usize,
    /// Items whose neighbours are looked for, and which get a silhouette; drawn where there are more.
    pub sample: usize,
    /// Pairs drawn for uniformity.
    pub pairs: usize,
}

impl Default for InspectParams {
    /// Cosine, 10 neighbours, 5000 items, 1,000,000 pairs.
    fn default() -> Self {
        Self { metric: Metric::Cosine, k: 10, sample: 5000, pairs: 1_000_000 }
    }
}

/// What vectors are like in themselves.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// Number of vectors.
    pub n_items: usize,
    /// How they use their dimensions.
    pub spectrum: Spectrum,
    /// How evenly they use the sphere.
    pub uniformity: Estimate,
    /// Whether some are neighbours of everything.
    pub hubness: Hubness,
    /// Whether their length follows popularity; needs counts.
    pub norm_popularity: Option<NormPopularity>,
    /// What has to do with labels; needs them.
    pub labels: Option<LabelInspection>,
}

/// How vectors and labels go together.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LabelInspection {
    /// Items with a label.
    pub n_labelled: usize,
    /// Different labels.
    pub n_labels: usize,
    /// Mean cosines within and between categories; none where no label has two items.
    pub coherence: Option<Coherence>,
    /// `E |x̂ − ŷ|²` over all pairs within categories, `2 − 2 · within`; none where no label has two items.
    pub alignment: Option<f64>,
    /// Whether neighbours share a label; none where no neighbour of a labelled item has one.
    pub agreement: Option<LabelAgreement>,
    /// None where items have several labels, or all the same.
    pub silhouette: Option<Silhouette>,
    /// None where items have several labels, or all the same.
    pub davies_bouldin: Option<f64>,
    /// None where items have several labels, or all the same.
    pub clusters: Option<ClusterAgreement>,
}

/// Everything of this module that can be said about vectors `[n_items, dim]`, of the interactions of each item
/// and their labels, where those are known.
///
/// # Errors
/// Those of the single measures for bad input. A measure that labels do not allow is none in the answer.
///
/// # Complexity
/// O(sample · n · dim) and what k-means takes over as many clusters as there are labels.
///
/// # Determinism
/// The same bits on any number of threads, by the seed of `run`.
pub fn inspect(
    vectors: ArrayView2<'_, f32>,
    counts: Option<&[u64]>,
    labels: Option<&Labels>,
    params: &InspectParams,
    run: &mut Run<'_>,
) -> Result<Inspection, IntrinsicError> {
    let graph = NeighborGraph::exact(vectors, params.metric, params.k, Some(params.sample), run)?;
    Ok(Inspection {
        n_items: vectors.nrows(),
        spectrum: spectrum(vectors, run)?,
        uniformity: uniformity(vectors, params.pairs, run)?,
        hubness: hubness(&graph),
        norm_popularity: counts.map(|counts| norm_popularity(vectors, counts)).transpose()?,
        labels: labels.map(|labels| by_labels(vectors, &graph, labels, params, run)).transpose()?,
    })
}

fn by_labels(
    vectors: ArrayView2<'_, f32>,
    graph: &NeighborGraph,
    labels: &Labels,
    params: &InspectParams,
    run: &mut Run<'_>,
) -> Result<LabelInspection, IntrinsicError> {
    let distance = if params.metric == Metric::L2 { Distance::Euclidean } else { Distance::Cosine };
    let of_items = SilhouetteParams { distance, sample: Some(params.sample) };
    let coherence = allowed(coherence(vectors, labels))?;
    Ok(LabelInspection {
        n_labelled: labels.n_labelled(),
        n_labels: labels.n_labels(),
        alignment: coherence.as_ref().map(|coherence| 2.0 - 2.0 * coherence.within),
        coherence,
        agreement: allowed(label_agreement(graph, labels))?,
        silhouette: allowed(silhouette(vectors, labels, &of_items, run))?,
        davies_bouldin: allowed(davies_bouldin(vectors, labels, run))?,
        clusters: allowed(cluster_agreement(vectors, labels, params.metric, run))?,
    })
}

fn allowed<T>(measured: Result<T, IntrinsicError>) -> Result<Option<T>, IntrinsicError> {
    match measured {
        Ok(value) => Ok(Some(value)),
        Err(
            IntrinsicError::SeveralLabels { .. }
            | IntrinsicError::TooFewLabels { .. }
            | IntrinsicError::NoPairs,
        ) => Ok(None),
        Err(error) => Err(error),
    }
}
