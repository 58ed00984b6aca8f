use embed_core::{ItemId, SequenceSource};
use serde::{Deserialize, Serialize};

use crate::FitError;
use crate::source::read;

/// What happens to sequences before training, in this order: rare items out, consecutive repeats into one,
/// long sequences cut, sequences of one item out. [`PreparationReport`] counts what each step dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preparation {
    /// Items that occur less often in all are left out of the sequences; 0 and 1 keep all. 1.
    pub min_count: u64,
    /// Consecutive repeats of an item become one, else the model learns that the item is like itself. True.
    pub collapse_repeats: bool,
    /// What happens to long sequences. The most recent 100 items are kept.
    pub long: LongSessions,
}

/// What happens to long sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LongSessions {
    /// They are trained as they are.
    Keep,
    /// Only the last so many items are.
    KeepRecent(usize),
    /// They are cut into sequences of so many items; the last one may be shorter.
    Segment(usize),
}

impl Default for Preparation {
    fn default() -> Self {
        Self { min_count: 1, collapse_repeats: true, long: LongSessions::KeepRecent(100) }
    }
}

impl Preparation {
    /// Nothing is changed, but for sequences of one item, which have no pair.
    pub const NONE: Self = Self { min_count: 1, collapse_repeats: false, long: LongSessions::Keep };
}

/// What preparation read, dropped and kept in one pass. `items` counts repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PreparationReport {
    /// Sequences read.
    pub sequences_read: u64,
    /// Items read.
    pub items_read: u64,
    /// Distinct items below the minimum count.
    pub rare_keys: u64,
    /// Their occurrences, left out.
    pub rare_dropped: u64,
    /// Consecutive repeats left out.
    pub repeats_dropped: u64,
    /// Sequences that were longer than the limit, cut off or cut up.
    pub long_sequences: u64,
    /// Older items of sequences that were cut off.
    pub old_dropped: u64,
    /// Sequences (or segments) of a single item, which have no pair.
    pub single_dropped: u64,
    /// Sequences (or segments) trained on.
    pub sequences_kept: u64,
    /// Items trained on.
    pub items_kept: u64,
    /// Distinct items trained on; every other item keeps its untrained vector.
    pub keys_kept: u64,
}

/// What a first reading says about a source.
pub(crate) struct Prepared {
    /// Items to leave out, by id; empty when there are none.
    pub(crate) rare: Vec<bool>,
    /// How often each item occurs after preparation.
    pub(crate) counts: Vec<u64>,
    pub(crate) report: PreparationReport,
}

impl Preparation {
    /// How often each item occurs in what training would get, and what preparation drops. An item that occurs
    /// in no sequence beside another counts 0: nothing can be learned about it. Reads the source once, or twice
    /// with a minimum count. O(items read), 8 bytes an item of the catalogue.
    ///
    /// # Errors
    /// [`FitError::Source`] when the source cannot be read.
    pub fn counts(&self, source: &dyn SequenceSource) -> Result<(Vec<u64>, PreparationReport), FitError> {
        let prepared = self.survey(source)?;
        Ok((prepared.counts, prepared.report))
    }

    pub(crate) fn survey(&self, source: &dyn SequenceSource) -> Result<Prepared, FitError> {
        let n_items = source.n_items();
        let mut report = PreparationReport::default();
        let mut rare = Vec::new();
        if self.min_count > 1 {
            let mut raw = vec![0u64; n_items];
            read(source, 0, n_items, |sequence| {
                sequence.iter().for_each(|&item| raw[item as usize] += 1);
                Ok(())
            })?;
            rare = raw.iter().map(|&n| n < self.min_count).collect();
            report.rare_keys = raw.iter().filter(|&&n| n > 0 && n < self.min_count).count() as u64;
        }
        let mut counts = vec![0u64; n_items];
        let mut scratch = Vec::new();
        read(source, 0, n_items, |sequence| {
            self.apply(sequence, &rare, &mut scratch, &mut report, |kept| {
                kept.iter().for_each(|&item| counts[item as usize] += 1);
            });
            Ok(())
        })?;
        report.keys_kept = counts.iter().filter(|&&n| n > 0).count() as u64;
        Ok(Prepared { rare, counts, report })
    }

    /// Prepares one sequence and shows what comes of it, in order. `rare` marks items to leave out, by id;
    /// it is empty when there are none.
    pub(crate) fn apply(
        &self,
        sequence: &[ItemId],
        rare: &[bool],
        scratch: &mut Vec<ItemId>,
        report: &mut PreparationReport,
        mut show: impl FnMut(&[ItemId]),
    ) {
        report.sequences_read += 1;
        report.items_read += sequence.len() as u64;
        scratch.clear();
        for &item in sequence {
            if rare.get(item as usize).copied().unwrap_or(false) {
                report.rare_dropped += 1;
            } else if self.collapse_repeats && scratch.last() == Some(&item) {
                report.repeats_dropped += 1;
            } else {
                scratch.push(item);
            }
        }
        let (limit, kept) = match self.long {
            LongSessions::Keep => (usize::MAX, &scratch[..]),
            LongSessions::KeepRecent(n) => (n, &scratch[scratch.len().saturating_sub(n)..]),
            LongSessions::Segment(n) => (n, &scratch[..]),
        };
        report.long_sequences += u64::from(scratch.len() > limit);
        report.old_dropped += (scratch.len() - kept.len()) as u64;
        for segment in kept.chunks(limit.max(1)) {
            if segment.len() < 2 {
                report.single_dropped += 1;
            } else {
                report.sequences_kept += 1;
                report.items_kept += segment.len() as u64;
                show(segment);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(
        preparation: Preparation,
        rare: &[bool],
        sequence: &[ItemId],
    ) -> (Vec<Vec<ItemId>>, PreparationReport) {
        let (mut shown, mut report) = (Vec::new(), PreparationReport::default());
        preparation.apply(sequence, rare, &mut Vec::new(), &mut report, |s| shown.push(s.to_vec()));
        (shown, report)
    }

    #[test]
    fn every_step_counts_what_it_drops() {
        let rare = [false, true, false, false];
        let all = Preparation { min_count: 2, collapse_repeats: true, long: LongSessions::KeepRecent(3) };
        // 2 1 2 becomes 2 2 when the rare 1 is out, and then one 2.
        let (shown, report) = prepared(all, &rare, &[0, 2, 1, 2, 3, 0, 3, 3]);
        assert_eq!(shown, [[3, 0, 3]]);
        assert_eq!(
            report,
            PreparationReport {
                sequences_read: 1,
                items_read: 8,
                rare_dropped: 1,
                repeats_dropped: 2,
                long_sequences: 1,
                old_dropped: 2,
                sequences_kept: 1,
                items_kept: 3,
                ..Default::default()
            }
        );
    }

    #[test]
    fn long_sequences_are_cut_as_asked() {
        let cut = |long| prepared(Preparation { long, ..Preparation::NONE }, &[], &[1, 2, 3, 4, 5]);
        let (shown, report) = cut(LongSessions::Segment(2));
        assert_eq!(shown, [[1, 2], [3, 4]]);
        assert_eq!((report.long_sequences, report.single_dropped, report.items_kept), (1, 1, 4));
        assert_eq!(cut(LongSessions::KeepRecent(2)).0, [[4, 5]]);
        assert_eq!(cut(LongSessions::Keep).0, [[1, 2, 3, 4, 5]]);
        assert_eq!(prepared(Preparation::NONE, &[], &[]).1.single_dropped, 0);
    }
}
