use embed_core::{ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};

use crate::buckets::CentrePairs;
use crate::huffman::Huffman;
use crate::{Params, Tables};

/// A sampler drew an item that the catalogue does not have.
#[derive(Debug, thiserror::Error)]
#[error("it drew item {item} of a catalogue of {n_items} items")]
struct ForeignItem {
    item: ItemId,
    n_items: usize,
}

/// What a block gave.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) positives: u64,
    pub(crate) negatives: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, part: Self) {
        self.positives += part.positives;
        self.negatives += part.negatives;
    }
}

/// Says what an item is contrasted with where it is predicted: negatives by the sampler, or the nodes on its path.
pub(crate) struct PairSource<'a> {
    pub(crate) params: &'a Params,
    /// None under hierarchical softmax.
    pub(crate) sampler: Option<&'a dyn NegativeSampler>,
    /// The tree of hierarchical softmax.
    pub(crate) tree: Option<&'a Huffman>,
    pub(crate) n_items: usize,
    pub(crate) seed: u64,
    pub(crate) epoch: u32,
    pub(crate) step: u64,
}

/// What the negatives of some predictions depend on.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    /// The vector of the row that predicts.
    pub(crate) query: &'a [f32],
    /// Items that the sampler leaves out, ascending.
    pub(crate) positives: &'a [ItemId],
    /// The items of the block.
    pub(crate) batch: &'a [ItemId],
}

#[cfg(test)]
impl<'a> PairSource<'a> {
    /// The first step of a training with negative sampling.
    pub(crate) fn first(params: &'a Params, sampler: &'a dyn NegativeSampler, seed: u64) -> Self {
        let n_items = sampler.n_items();
        Self { params, sampler: Some(sampler), tree: None, n_items, seed, epoch: 0, step: 0 }
    }
}

impl PairSource<'_> {
    /// The pairs of predictions that share a row: each of `contexts` against its negatives, which are drawn into
    /// `buffer`. `own` is the item of that row, if it is one.
    pub(crate) fn pairs_of(
        &self,
        mut pairs: CentrePairs<'_>,
        buffer: &mut Vec<ItemId>,
        contexts: &[ItemId],
        own: Option<ItemId>,
        setting: Setting<'_>,
        rng: &mut SeededRng,
    ) -> Result<Counts, SampleError> {
        let mut counts = Counts { positives: contexts.len() as u64, negatives: 0 };
        // An item and itself are no pair of one table.
        let own = own.filter(|_| self.params.tables == Tables::Shared);
        match self.negatives(buffer, contexts.len(), None, setting, rng) {
            Ok(mut drawn) => {
                for &context in contexts {
                    let (these, rest) = drawn.split_at(self.params.negatives.min(drawn.len()));
                    drawn = rest;
                    counts.negatives += self.predict(&mut pairs, context, these, own);
                }
            }
            // The law depends on the positive: each has negatives of its own.
            Err(SampleError::MissingTarget) => {
                for &context in contexts {
                    let drawn = self.negatives(buffer, 1, Some(context), setting, rng)?;
                    counts.negatives += self.predict(&mut pairs, context, drawn, own);
                }
            }
            Err(error) => return Err(error),
        }
        pairs.finish();
        Ok(counts)
    }

    /// Negatives for so many predictions of one query.
    fn negatives<'s>(
        &self,
        buffer: &'s mut Vec<ItemId>,
        predictions: usize,
        target: Option<ItemId>,
        setting: Setting<'_>,
        rng: &mut SeededRng,
    ) -> Result<&'s [ItemId], SampleError> {
        let wanted = predictions * self.params.negatives;
        let Some(sampler) = self.sampler.filter(|_| wanted > 0) else { return Ok(&[]) };
        buffer.resize(wanted.max(buffer.len()), 0);
        let Setting { query, positives, batch } = setting;
        let cx = NegativeContext::draws(wanted)
            .at(self.step, self.epoch)
            .query(query)
            .positives(positives)
            .batch(batch);
        let cx = target.map_or(cx, |target| cx.target(target));
        let n = sampler.sample_into(&cx, rng, &mut buffer[..wanted])?;
        let drawn = &buffer[..n.min(wanted)];
        self.check(drawn)?;
        Ok(drawn)
    }

    /// The pairs of one prediction: the item and its negatives, or the nodes on its path. Gives how many there are beside
    /// the first.
    #[inline]
    fn predict(
        &self,
        pairs: &mut CentrePairs<'_>,
        item: ItemId,
        negatives: &[ItemId],
        own: Option<ItemId>,
    ) -> u64 {
        let mut others = 0;
        if let Some(tree) = self.tree {
            for (node, branch) in tree.path(item) {
                pairs.push(node, branch);
                others += 1;
            }
            return others.max(1) - 1;
        }
        pairs.push(item, true);
        for &negative in negatives {
            if negative != item && Some(negative) != own {
                pairs.push(negative, false);
                others += 1;
            }
        }
        others
    }

    /// A sampler of another crate may break its promise.
    fn check(&self, drawn: &[ItemId]) -> Result<(), SampleError> {
        match drawn.iter().max() {
            Some(&item) if item as usize >= self.n_items => {
                let source = Box::new(ForeignItem { item, n_items: self.n_items });
                Err(SampleError::Implementation { source })
            }
            _ => Ok(()),
        }
    }
}
