use embed_core::{Csr, ItemId, TopK};
use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::matrix::{Buffer, product};
use crate::models::{Context, Encoder, Example, TwoTower, Work};

/// How held-out items stand in a ranking of the whole catalogue, as means over users.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ranked {
    /// Ranks that count.
    pub k: usize,
    /// Users.
    pub users: usize,
    /// Recall@k
    pub recall: f64,
    /// NDCG@k
    pub ndcg: f64,
}

/// Ranks all items for each of `users` but those it has, and says where its items of `truth` stand; users without any are left
/// out. Ties go to the smaller id. Runs on rayon's current pool.
///
/// # Panics
/// When a user is not in the histories.
#[expect(clippy::cast_precision_loss, reason = "means")]
#[must_use]
pub fn rank<U: Encoder<Example>, I: Encoder<ItemId>>(
    model: &TwoTower<U, I>,
    cx: Context<'_>,
    truth: &Csr,
    users: &[u32],
    k: usize,
    work: &mut Work<U::Tape, I::Tape>,
) -> Ranked {
    const USERS: usize = 256;
    const ITEMS: usize = 4096;
    let (n_items, dim) = (cx.histories.n_items(), model.item.dim());
    let mut items = Array2::zeros((n_items, dim));
    let ids: Vec<ItemId> = (0..u32::try_from(n_items).unwrap_or(u32::MAX)).collect();
    for (ids, out) in ids.chunks(ITEMS).zip(items.axis_chunks_iter_mut(Axis(0), ITEMS)) {
        model.items(cx, ids, out, work);
    }
    let users: Vec<u32> =
        users.iter().copied().filter(|&user| !truth.row(user as usize).is_empty()).collect();
    let mut sums = (0.0f64, 0.0f64);
    let mut scores = Buffer::new();
    for block in users.chunks(USERS) {
        let examples: Vec<Example> = block.iter().map(|&user| Example { user, at: u32::MAX }).collect();
        let mut rows = Array2::zeros((block.len(), dim));
        model.users(cx, &examples, rows.view_mut(), work);
        let mut tops = vec![TopK::new(k); block.len()];
        for (tile, ids) in ids.chunks(ITEMS).enumerate() {
            let first = tile * ITEMS;
            scores.resize(block.len(), ids.len());
            let part = items.slice_axis(Axis(0), (first..first + ids.len()).into());
            product(1.0, rows.view(), part.t(), 0.0, scores.view_mut());
            let per_user = scores.as_slice_mut().par_chunks_mut(ids.len());
            per_user.zip(&mut tops).zip(block).for_each(|((scores, top), &user)| {
                let seen = cx.histories.set(user);
                let begin = seen.partition_point(|&item| (item as usize) < first);
                for item in seen[begin..].iter().take_while(|&&item| (item as usize) < first + ids.len()) {
                    scores[*item as usize - first] = f32::NEG_INFINITY;
                }
                for (&id, &score) in ids.iter().zip(&*scores) {
                    if score > f32::NEG_INFINITY {
                        top.push(id, score);
                    }
                }
            });
        }
        for (top, &user) in tops.iter_mut().zip(block) {
            let mut found = Vec::with_capacity(k);
            top.drain_into(&mut found);
            let truth = truth.row(user as usize);
            let discount = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
            let hits = found.iter().enumerate().filter(|(_, hit)| truth.contains(&hit.id));
            let (count, gain) = hits.fold((0usize, 0.0), |(n, g), (rank, _)| (n + 1, g + discount(rank)));
            let best: f64 = (0..truth.len().min(k)).map(discount).sum();
            sums.0 += count as f64 / truth.len() as f64;
            sums.1 += gain / best;
        }
    }
    let n = users.len().max(1) as f64;
    Ranked { k, users: users.len(), recall: sums.0 / n, ndcg: sums.1 / n }
}
