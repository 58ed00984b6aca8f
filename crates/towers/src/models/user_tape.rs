use embed_core::ItemId;

use super::PoolingTape;
use crate::layers::{Bag, Distinct, MlpScratch, MlpTape};
use crate::matrix::Buffer;

/// What a pass over users keeps.
#[derive(Debug, Clone, Default)]
pub struct UserTape {
    /// Rows of the users, in the order of the batch.
    pub(super) users: Vec<u32>,
    /// Their histories.
    pub(super) bag: Bag,
    pub(super) history: Vec<ItemId>,
    /// How far their items are from the positive, where that is not counted from the end.
    pub(super) distances: Vec<u32>,
    /// Vectors of the ids.
    pub(super) ids: Buffer,
    pub(super) dids: Buffer,
    /// Their distinct items, where a layer pools them.
    pub(super) distinct: Distinct,
    /// Vectors of the distinct items.
    pub(super) items: Buffer,
    pub(super) ditems: Buffer,
    pub(super) pooled: Buffer,
    pub(super) dpooled: Buffer,
    /// `V · pooled` of a mix.
    pub(super) mapped: Buffer,
    /// What goes into the layers.
    pub(super) joined: Buffer,
    pub(super) djoined: Buffer,
    /// Seed and number that dropout drew by.
    pub(super) drop: (u64, u64),
    pub(super) pooling: PoolingTape,
    pub(super) layers: MlpTape,
    pub(super) scratch: MlpScratch,
}
