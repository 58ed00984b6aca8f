use embed_core::{AnnIndex, Effort, Embeddings, Metric, Run, Vocab};
use ndarray::ArrayView2;
use nearfield::ann::IndexSpec;
use nearfield::negsample::{
    Curriculum, ExcludePositives, HardNegatives, HardParams, Mixture, Popularity, RefreshableSampler,
    Schedule,
};
use nearfield::seqemb::{Exclude, FitError, Params};

use crate::args::Sampler;

/// The sampler asked for, over items that come so often.
pub(super) fn sampler(
    kind: Sampler,
    counts: &[u64],
    params: &Params,
) -> Result<Box<dyn RefreshableSampler>, FitError> {
    let by_count = || Popularity::new(counts, params.exponent);
    let alike = || Popularity::new(counts, 0.0);
    Ok(match kind {
        Sampler::Popularity if params.exclude == Exclude::Sequence => {
            Box::new(ExcludePositives::new(by_count()?))
        }
        Sampler::Popularity => Box::new(by_count()?),
        Sampler::Uniform => Box::new(alike()?),
        Sampler::Mixed => Box::new(Mixture::new(alike()?, 0.5)?.with(by_count()?, 0.5)?),
        Sampler::Hard => {
            let schedule = Schedule { warm_up: u64::from(params.epochs).div_ceil(2), ..Schedule::default() };
            let easy = ExcludePositives::new(by_count()?);
            Box::new(Curriculum::new(easy, hard(counts.len())?, schedule)?)
        }
    })
}

/// What scores just below the best for an item's vector, in an index that is built anew some times a pass.
fn hard(n_items: usize) -> Result<HardNegatives, FitError> {
    let build =
        |rows: ArrayView2<'_, f32>| -> Result<Box<dyn AnnIndex>, Box<dyn std::error::Error + Send + Sync>> {
            let keys = Vocab::from_keys((0..rows.nrows()).map(|row| row.to_string()))?;
            let items = Embeddings::new(keys, rows.to_owned())?;
            let spec: IndexSpec = "HNSW16".parse()?;
            Ok(Box::new(spec.build(&items, Metric::InnerProduct, &mut Run::seeded(1))?))
        };
    let effort = Effort::Value(64);
    let params = HardParams { skip: 10, band: 50, effort, refresh_every: 5, ..HardParams::default() };
    Ok(HardNegatives::rebuilt(n_items, params, build)?)
}
