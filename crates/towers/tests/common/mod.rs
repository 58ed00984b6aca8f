//! A planted log: users of three groups, items of three groups.

use std::sync::Arc;

use embed_core::{ItemId, Run, SeededRng, Sequences, Vocab};
use negsample::{Frequency, InBatch, RefreshableSampler, Uniform};
use towers::models::{Histories, MatrixFactorization, Pooling, TowersParams, YouTubeDnn};
use towers::train::{FitParams, Negatives};
use towers::{FitError, IdTowers};

pub const ITEMS: usize = 60;
pub const USERS: usize = 150;
pub const GROUPS: u32 = 3;

/// Users take items of one group (`item % GROUPS`), and one in ten of another.
pub fn log() -> Sequences {
    let mut rng = SeededRng::new(3);
    let per_group = u32::try_from(ITEMS).unwrap() / GROUPS;
    let rows = (0..u32::try_from(USERS).unwrap()).map(|user| {
        let mut items: Vec<ItemId> = (0..14)
            .map(|_| {
                let group = if rng.below(10) == 0 { rng.below(GROUPS) } else { user % GROUPS };
                rng.below(per_group) * GROUPS + group
            })
            .collect();
        items.sort_unstable();
        items.dedup();
        rng.shuffle(&mut items);
        items
    });
    Sequences::from_rows(ITEMS, rows).unwrap()
}

pub fn keys(n: usize) -> Arc<Vocab> {
    Arc::new(Vocab::from_keys((0..n).map(|i| i.to_string())).unwrap())
}

pub fn params() -> FitParams {
    FitParams { epochs: 6, batch: 64, table_rate: 0.1, temperature: 0.2, ..FitParams::default() }
}

pub fn shared(n: usize) -> Negatives {
    Negatives { in_batch: false, shared: n, own: 0 }
}

pub fn uniform() -> Box<dyn RefreshableSampler> {
    Box::new(Uniform::new(ITEMS).unwrap())
}

pub fn in_batch() -> Box<dyn RefreshableSampler> {
    Box::new(InBatch::new(ITEMS, Frequency::from_counts(&log().counts()).unwrap()).unwrap())
}

pub fn fit(
    towers: &TowersParams,
    fit: &FitParams,
    sampler: &mut dyn RefreshableSampler,
    run: &mut Run<'_>,
) -> Result<IdTowers, FitError> {
    let histories = Histories::new(log());
    IdTowers::fit((towers, fit), (&histories, None), (keys(USERS), keys(ITEMS)), sampler, run)
}

pub fn models() -> Vec<(&'static str, TowersParams)> {
    let attention = Some(Pooling::SelfAttention { heads: 2 });
    vec![
        ("mf", MatrixFactorization::params(16)),
        ("mean", YouTubeDnn::mean(16)),
        ("self-attention", TowersParams { pooling: attention, ..YouTubeDnn::mean(16) }),
        ("near", TowersParams { pooling: Some(Pooling::Near { power: 0.5 }), ..YouTubeDnn::mean(16) }),
        ("query", TowersParams { pooling: Some(Pooling::Query), ..YouTubeDnn::mean(16) }),
        ("attentive", YouTubeDnn::attentive(16, 0.5)),
        ("deep", YouTubeDnn::deep(16, Pooling::Mean)),
        ("deep attention", YouTubeDnn::deep(16, Pooling::SelfAttention { heads: 1 })),
    ]
}

/// The bits of every array of a model.
pub fn bits(model: &IdTowers) -> Vec<(String, Vec<u32>)> {
    let tensors = model.tensors().into_iter();
    tensors.map(|t| (t.name, t.values.iter().map(|x| x.to_bits()).collect())).collect()
}
