use embed_core::ItemId;
use serde::{Deserialize, Serialize};

/// Ragged lists of ids: the histories, or the values of a multi-valued feature, of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bag {
    ids: Vec<ItemId>,
    offsets: Vec<usize>,
}

/// How the rows of a bag become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BagPool {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// Their sum divided by the root of their number.
    RootMean,
}

impl BagPool {
    /// The weight of each row of a bag.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    pub fn weight(self, n: usize) -> f32 {
        match self {
            Self::Mean => 1.0 / n.max(1) as f32,
            Self::Sum => 1.0,
            Self::RootMean => 1.0 / (n.max(1) as f32).sqrt(),
        }
    }
}

impl Default for Bag {
    fn default() -> Self {
        Self::new()
    }
}

impl Bag {
    /// Of no lists.
    #[must_use]
    pub fn new() -> Self {
        Self { ids: Vec::new(), offsets: vec![0] }
    }

    /// Forgets all lists and keeps the memory.
    pub fn clear(&mut self) {
        self.ids.clear();
        self.offsets.truncate(1);
    }

    /// Appends a list.
    pub fn push(&mut self, ids: &[ItemId]) {
        self.push_iter(ids.iter().copied());
    }

    /// Appends a list.
    pub fn push_iter(&mut self, ids: impl IntoIterator<Item = ItemId>) {
        self.ids.extend(ids);
        self.offsets.push(self.ids.len());
    }

    /// Number of lists.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A list; empty when there is none of that number.
    #[must_use]
    pub fn get(&self, list: usize) -> &[ItemId] {
        match (self.offsets.get(list), self.offsets.get(list + 1)) {
            (Some(&start), Some(&end)) => &self.ids[start..end],
            _ => &[],
        }
    }

    /// All ids, list after list.
    #[must_use]
    pub fn ids(&self) -> &[ItemId] {
        &self.ids
    }

    /// Where lists begin and end in [`Bag::ids`]: one more than there are lists, for [`super::Segments`].
    #[must_use]
    pub fn offsets(&self) -> &[usize] {
        &self.offsets
    }
}
