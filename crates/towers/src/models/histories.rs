use embed_core::{Csr, ItemId, Sequences};
use serde::{Deserialize, Serialize};

/// What each user did, in order, and as a set. 8 bytes an interaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Histories {
    sequences: Sequences,
    sets: Csr,
    /// The user of the first sequence; 0 but in requests of one user.
    first: u32,
}

/// A positive: the item at a place of a user's sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Example {
    /// The user's row.
    pub user: u32,
    /// The place, from 0; one beyond the sequence is the next thing the user does, and its history is all of it.
    pub at: u32,
}

/// Which part of a user's sequence is the history of a positive. The positive's item is never in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HistoryView {
    /// All but the positive: where the order says nothing.
    #[default]
    Others,
    /// What came before it.
    Before,
}

impl Histories {
    /// One sequence a user.
    #[must_use]
    pub fn new(sequences: Sequences) -> Self {
        let sets = Csr::from_rows(sequences.iter()).to_sorted_sets();
        Self { sequences, sets, first: 0 }
    }

    /// History of the one user of a request.
    pub(crate) fn of_user(user: u32, sequences: Sequences) -> Self {
        Self { first: user, ..Self::new(sequences) }
    }

    fn row(&self, user: u32) -> usize {
        // A user before the first has no row.
        user.checked_sub(self.first).map_or(usize::MAX, |row| row as usize)
    }

    /// Number of users.
    #[must_use]
    pub fn n_users(&self) -> usize {
        self.sequences.len()
    }

    /// Items of the catalogue.
    #[must_use]
    pub fn n_items(&self) -> usize {
        embed_core::SequenceSource::n_items(&self.sequences)
    }

    /// A user's items in order; none of a user beyond the last.
    #[must_use]
    pub fn sequence(&self, user: u32) -> &[ItemId] {
        self.sequences.get(self.row(user))
    }

    /// A user's items, ascending, each once.
    #[must_use]
    pub fn set(&self, user: u32) -> &[ItemId] {
        self.sets.row(self.row(user))
    }

    /// All sequences.
    #[must_use]
    pub fn sequences(&self) -> &Sequences {
        &self.sequences
    }

    /// The item of an example, if its place is within the sequence.
    #[must_use]
    pub fn target(&self, example: Example) -> Option<ItemId> {
        self.sequence(example.user).get(example.at as usize).copied()
    }

    /// The history of an example without its item, at most the last `most` of it, appended to `out`.
    pub fn history_into(&self, example: Example, view: HistoryView, most: usize, out: &mut Vec<ItemId>) {
        let sequence = self.sequence(example.user);
        let target = self.target(example);
        let seen = match view {
            HistoryView::Others => sequence,
            HistoryView::Before => &sequence[..sequence.len().min(example.at as usize)],
        };
        let start = out.len();
        out.extend(seen.iter().rev().filter(|item| Some(**item) != target).take(most));
        out[start..].reverse();
    }

    /// How many places lie between an example and each item of [`Histories::history_into`], on either side of it and from 1, appended to `out`.
    pub fn distances_into(&self, example: Example, view: HistoryView, most: usize, out: &mut Vec<u32>) {
        let (sequence, target) = (self.sequence(example.user), self.target(example));
        let at = sequence.len().min(example.at as usize);
        let end = match view {
            HistoryView::Others => sequence.len(),
            HistoryView::Before => at,
        };
        let start = out.len();
        let seen = (0..end).rev().filter(|&place| Some(sequence[place]) != target).take(most);
        out.extend(seen.map(|place| u32::try_from(place.abs_diff(at)).unwrap_or(u32::MAX)));
        out[start..].reverse();
    }

    /// Every positive whose history has at least `least` items.
    #[must_use]
    pub fn examples(&self, view: HistoryView, least: usize) -> Vec<Example> {
        let mut examples = Vec::new();
        let mut history = Vec::new();
        for user in 0..u32::try_from(self.n_users()).unwrap_or(u32::MAX) {
            for at in 0..u32::try_from(self.sequence(user).len()).unwrap_or(u32::MAX) {
                let example = Example { user, at };
                history.clear();
                self.history_into(example, view, least, &mut history);
                if history.len() >= least {
                    examples.push(example);
                }
            }
        }
        examples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counted_on_both_sides() {
        let histories = Histories::new(Sequences::from_rows(9, [&[3, 1, 3, 2, 5][..], &[7]]).unwrap());
        let of = |at, view, most| {
            let mut out = vec![8];
            histories.distances_into(Example { user: 0, at }, view, most, &mut out);
            out.split_off(1)
        };
        assert_eq!(of(3, HistoryView::Others, 9), [3, 2, 1, 1]);
        assert_eq!(of(0, HistoryView::Others, 9), [1, 3, 4], "without the target's other place");
        assert_eq!(of(3, HistoryView::Others, 2), [1, 1], "the last of them");
        assert_eq!(of(3, HistoryView::Before, 9), [3, 2, 1]);
        assert_eq!(of(u32::MAX, HistoryView::Others, 3), [3, 2, 1], "from the end, for serving");
    }

    #[test]
    fn the_target_is_never_in_its_own_history() {
        let histories = Histories::new(Sequences::from_rows(9, [&[3, 1, 3, 2, 5][..], &[7]]).unwrap());
        let of = |user, at, view, most| {
            let mut out = vec![8];
            histories.history_into(Example { user, at }, view, most, &mut out);
            out.split_off(1)
        };
        assert_eq!(of(0, 0, HistoryView::Others, 9), [1, 2, 5], "nor its other occurrences");
        assert_eq!(of(0, 3, HistoryView::Others, 2), [3, 5]);
        assert_eq!(of(0, 3, HistoryView::Before, 9), [3, 1, 3]);
        assert_eq!(of(0, 2, HistoryView::Before, 9), [1]);
        assert_eq!(of(0, u32::MAX, HistoryView::Before, 3), [3, 2, 5], "all of it, for serving");
        assert!(of(1, 0, HistoryView::Others, 9).is_empty());
        assert_eq!(histories.examples(HistoryView::Before, 1).len(), 4);
        assert_eq!(histories.examples(HistoryView::Others, 1).len(), 5);
        assert_eq!(histories.examples(HistoryView::Others, 0).len(), 6);
        assert_eq!(histories.set(0), [1, 2, 3, 5]);
    }
}
