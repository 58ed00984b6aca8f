use std::error::Error;
use std::ops::ControlFlow;

use crate::ItemId;

/// Sequences of items (sessions, baskets, walks), in memory or streamed: what trainers learn from.
///
/// The sequences of an epoch are the same, in the same order, whenever they are read. A source of what is drawn (walks)
/// may give other ones for another epoch. `embed_core::testkit` holds the conformance suite.
pub trait SequenceSource: Send + Sync {
    /// Number of items: every id is below it.
    fn n_items(&self) -> usize;

    /// Number of sequences and of items in them all, where known without reading.
    fn size_hint(&self) -> Option<(u64, u64)> {
        None
    }

    /// Shows every sequence of `epoch` (from 0) in order, until `visit` breaks.
    ///
    /// # Errors
    /// [`SourceError`] when the source cannot be read.
    fn for_each_sequence(
        &self,
        epoch: u32,
        visit: &mut dyn FnMut(&[ItemId]) -> ControlFlow<()>,
    ) -> Result<(), SourceError>;
}

/// Why a source could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// An id beyond the number of items.
    #[error("item {item} in sequence {sequence}: the source has {n_items} items")]
    UnknownItem {
        /// The item.
        item: ItemId,
        /// The sequence.
        sequence: usize,
        /// Number of items.
        n_items: usize,
    },
    /// A source of another crate failed.
    #[error("the source failed")]
    Implementation {
        /// Its error.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Sequences in memory: 4 bytes an item and 8 bytes a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequences {
    n_items: usize,
    /// Invariant: starts at 0, non-decreasing, ends at `items.len()`.
    offsets: Vec<usize>,
    /// Invariant: every id is below `n_items`.
    items: Vec<ItemId>,
}

impl Sequences {
    /// No sequences over a catalogue of `n_items`.
    #[must_use]
    pub fn new(n_items: usize) -> Self {
        Self { n_items, offsets: vec![0], items: Vec::new() }
    }

    /// Sequences over a catalogue of `n_items`.
    ///
    /// # Errors
    /// [`SourceError::UnknownItem`] names the first id that is not below `n_items`.
    pub fn from_rows<R: AsRef<[ItemId]>>(
        n_items: usize,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Self, SourceError> {
        let mut sequences = Self::new(n_items);
        for row in rows {
            sequences.push(row.as_ref())?;
        }
        Ok(sequences)
    }

    /// Adds a sequence.
    ///
    /// # Errors
    /// [`SourceError::UnknownItem`] names the first id that is not below `n_items`; nothing is added.
    pub fn push(&mut self, sequence: &[ItemId]) -> Result<(), SourceError> {
        if let Some(&item) = sequence.iter().find(|&&item| item as usize >= self.n_items) {
            return Err(SourceError::UnknownItem { item, sequence: self.len(), n_items: self.n_items });
        }
        self.items.extend_from_slice(sequence);
        self.offsets.push(self.items.len());
        Ok(())
    }

    /// Number of sequences.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no sequence.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of items in all sequences, repeats counted.
    #[must_use]
    pub fn n_tokens(&self) -> usize {
        self.items.len()
    }

    /// A sequence; empty when there is none of this number.
    #[must_use]
    pub fn get(&self, sequence: usize) -> &[ItemId] {
        match (self.offsets.get(sequence), self.offsets.get(sequence + 1)) {
            (Some(&start), Some(&end)) => &self.items[start..end],
            _ => &[],
        }
    }

    /// All sequences in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[ItemId]> {
        self.offsets.windows(2).map(|pair| &self.items[pair[0]..pair[1]])
    }

    /// How often each item occurs, `[n_items]`.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.n_items];
        for &item in &self.items {
            counts[item as usize] += 1;
        }
        counts
    }
}

impl SequenceSource for Sequences {
    fn n_items(&self) -> usize {
        self.n_items
    }

    fn size_hint(&self) -> Option<(u64, u64)> {
        Some((self.len() as u64, self.items.len() as u64))
    }

    fn for_each_sequence(
        &self,
        _epoch: u32,
        visit: &mut dyn FnMut(&[ItemId]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let _ = self.iter().try_for_each(visit);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_item_is_named_and_nothing_is_added() {
        let mut sequences = Sequences::from_rows(3, [&[0, 1][..], &[2]]).unwrap();
        let error = sequences.push(&[1, 3]).unwrap_err();
        assert_eq!(error.to_string(), "item 3 in sequence 2: the source has 3 items");
        assert_eq!((sequences.len(), sequences.n_tokens(), sequences.counts()), (2, 3, vec![1, 1, 1]));
    }

    #[test]
    fn a_visit_can_break_off() {
        let sequences = Sequences::from_rows(9, [&[1][..], &[2], &[3]]).unwrap();
        let mut seen = Vec::new();
        sequences
            .for_each_sequence(0, &mut |s| {
                seen.extend_from_slice(s);
                if s == [2] { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        assert_eq!(seen, [1, 2]);
    }
}
