//! A planted log: users of three groups, items of three groups.

use std::sync::Arc;

use embed_core::{ItemId, Run, SeededRng, Sequences, Vocab};
use towers::models::{Histories, MatrixFactorization, Pooling, TowersParams, YouTubeDnn};
use towers::train::{FitParams, NegativeCounts, NegativeSampling};
use towers::{FitError, IdTowers, TwoTowerData};

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

/// So many drawn for a batch, with log Q.
pub fn shared(n: usize) -> NegativeCounts {
    NegativeCounts { in_batch: false, per_batch: n, ..NegativeCounts::default() }
}

/// Those of the batch, and so many drawn for it.
pub fn mixed(n: usize) -> NegativeCounts {
    NegativeCounts { in_batch: true, ..shared(n) }
}

/// So many drawn for each positive.
pub fn own(n: usize) -> NegativeCounts {
    NegativeCounts { per_example: n, ..shared(0) }
}

pub fn in_batch() -> NegativeCounts {
    NegativeCounts::default()
}

pub fn fit<'s>(
    towers: &TowersParams,
    fit: &FitParams,
    negatives: impl Into<NegativeSampling<'s>>,
    run: &mut Run<'_>,
) -> Result<IdTowers, FitError> {
    let (histories, users, items) = (Histories::new(log()), keys(USERS), keys(ITEMS));
    let negatives = negatives.into();
    let data = TwoTowerData::new(&histories, &users, &items);
    IdTowers::fit(towers, fit, data, negatives, run)
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
