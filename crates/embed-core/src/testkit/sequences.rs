//! The suite of [`SequenceSource`].

use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::{THREADS, must};
use crate::{ItemId, SequenceSource, Sequences};

/// Time that a reader waits for the others to begin. A source that lets in one reader at a time is slow, not wrong.
const PATIENCE: Duration = Duration::from_millis(500);

/// Promises of a source, as demanded by [`sequence_source`].
///
/// ```
/// use embed_core::testkit::{SequenceSuite, sequence_source};
/// use embed_core::{SequenceSource, Sequences};
///
/// let sequences = Sequences::from_rows(9, [&[1, 2][..], &[3]])?;
/// let make = || Box::new(sequences.clone()) as Box<dyn SequenceSource>;
/// sequence_source(make, &SequenceSuite::new("Sequences").holding(&sequences));
/// # Ok::<(), embed_core::SourceError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SequenceSuite<'a> {
    /// Name of the source in messages.
    pub name: &'a str,
    /// Number of epochs that are read, from 0 on; at least one.
    pub epochs: u32,
    /// Sameness of epochs: true where each has the same sequences in the same order.
    pub same_every_epoch: bool,
    /// Sequences of every epoch, where they are known.
    pub sequences: Option<&'a Sequences>,
}

impl<'a> SequenceSuite<'a> {
    /// A source that has the same sequences in every epoch; three are read.
    #[must_use]
    pub fn new(name: &'a str) -> Self {
        Self { name, epochs: 3, same_every_epoch: true, sequences: None }
    }

    /// A source that draws its sequences (walks): other ones in each epoch, and the same whenever an epoch is read.
    #[must_use]
    pub fn drawn(name: &'a str) -> Self {
        Self { same_every_epoch: false, ..Self::new(name) }
    }

    /// The same for a source that is known to hold these sequences in this order.
    #[must_use]
    pub fn holding(self, sequences: &'a Sequences) -> Self {
        Self { sequences: Some(sequences), ..self }
    }
}

/// Tests a source: ids below the number of items, the same sequences in the same order whenever an epoch is read and by a
/// source made the same way, a size that is what is read, a visit that breaks off at any point and is not called again,
/// 1, 2 and 7 threads that read at once, and the same sequences behind pointers. A source without sequences is tested
/// as well.
///
/// # Panics
/// When the source breaks the contract; the message says how.
pub fn sequence_source<'s>(make: impl Fn() -> Box<dyn SequenceSource + 's>, suite: &SequenceSuite<'_>) {
    let source = make();
    let (source, name, n_items, hint) = (&*source, suite.name, source.n_items(), source.size_hint());
    let n_epochs = suite.epochs.max(1);
    let first: Vec<Sequences> = (0..n_epochs).map(|epoch| read(source, epoch, name)).collect();
    let epochs = || (0..n_epochs).zip(&first);
    for (epoch, sequences) in epochs() {
        let what = format!("{name}, epoch {epoch}");
        if let Some(known) = suite.sequences {
            demand_same(sequences, known, &format!("{what}: not what the source holds"));
        }
        if suite.same_every_epoch {
            demand_same(sequences, &first[0], &format!("{what}: not the sequences of epoch 0"));
        }
        if let Some((n, tokens)) = hint {
            let found = (sequences.len() as u64, sequences.n_tokens() as u64);
            assert_eq!((n, tokens), found, "{what}: size_hint, and (sequences, items) read");
        }
    }
    for (epoch, sequences) in epochs().rev() {
        demand_same(&read(source, epoch, name), sequences, &format!("{name}, epoch {epoch}: read again"));
    }
    let again = make();
    for (epoch, sequences) in epochs().rev() {
        let what = format!("{name}, epoch {epoch}: read from a source made the same way");
        demand_same(&read(&*again, epoch, name), sequences, &what);
    }
    for (epoch, sequences) in epochs().take(2) {
        breaking_off(source, epoch, sequences, &format!("{name}, epoch {epoch}"));
    }
    at_once(source, &first, name);
    behind_pointers!(dyn SequenceSource + '_, source, |pointer: &dyn SequenceSource, kind: &str| {
        let what = format!("{name} behind {kind}");
        assert_eq!((pointer.n_items(), pointer.size_hint()), (n_items, hint), "{what}: (n_items, size_hint)");
        for (epoch, sequences) in epochs() {
            demand_same(&read(pointer, epoch, &what), sequences, &format!("{what}, epoch {epoch}"));
        }
        breaking_off(pointer, 0, &first[0], &what);
    });
    let now = (source.n_items(), source.size_hint());
    assert_eq!(now, (n_items, hint), "{name}: (n_items, size_hint) changed between calls");
}

/// All sequences of an epoch, their ids checked.
fn read(source: &dyn SequenceSource, epoch: u32, name: &str) -> Sequences {
    read_from(source, epoch, name, &mut || ())
}

/// As [`read`]; `begun` is called at the first sequence.
fn read_from(source: &dyn SequenceSource, epoch: u32, name: &str, begun: &mut dyn FnMut()) -> Sequences {
    let (what, n_items) = (format!("{name}, epoch {epoch}"), source.n_items());
    let mut found = Sequences::new(n_items);
    let result = source.for_each_sequence(epoch, &mut |sequence| {
        if found.is_empty() {
            begun();
        }
        if let Some(item) = sequence.iter().find(|&&item| item as usize >= n_items) {
            panic!("{what}: item {item} in sequence {}, the source has {n_items} items", found.len());
        }
        must(found.push(sequence), &what);
        ControlFlow::Continue(())
    });
    must(result, &what);
    found
}

fn demand_same(got: &Sequences, expected: &Sequences, what: &str) {
    if let Some(at) = (0..got.len().min(expected.len())).find(|&at| got.get(at) != expected.get(at)) {
        panic!("{what}: sequence {at} is {:?}, expected {:?}", got.get(at), expected.get(at));
    }
    assert_eq!(got.len(), expected.len(), "{what}: number of sequences");
}

/// Breaks off at the first and last sequences and some between, and reads on afterwards.
fn breaking_off(source: &dyn SequenceSource, epoch: u32, sequences: &Sequences, what: &str) {
    let n = sequences.len();
    let mut stops: Vec<usize> =
        (0..n).step_by(n.div_ceil(20).max(1)).chain([1, n.saturating_sub(1)]).collect();
    stops.retain(|&stop| stop < n);
    for stop in stops {
        let what = format!("{what}: visit broke off at sequence {stop} of {n}");
        let mut shown: Vec<Vec<ItemId>> = Vec::new();
        let result = source.for_each_sequence(epoch, &mut |sequence| {
            assert!(shown.len() <= stop, "{what}, and was called again with {sequence:?}");
            shown.push(sequence.to_vec());
            if shown.len() > stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        must(result, &what);
        assert!(sequences.iter().take(stop + 1).eq(&shown), "{what}: the sequences before differ");
    }
    demand_same(&read(source, epoch, what), sequences, &format!("{what}: read after visits that broke off"));
}

/// Reads on several threads, which all are at their first sequence before any goes on.
fn at_once(source: &dyn SequenceSource, first: &[Sequences], name: &str) {
    for n in THREADS {
        let (begun, all) = (Mutex::new(0), Condvar::new());
        let wait = || {
            let mut readers = begun.lock().unwrap_or_else(PoisonError::into_inner);
            *readers += 1;
            all.notify_all();
            drop(all.wait_timeout_while(readers, PATIENCE, |readers| *readers < n));
        };
        // Readers of the same epoch, and of others.
        let epochs = (0..).zip(first).cycle().flat_map(|one| [one; 3]).take(n);
        let failures = thread::scope(|scope| {
            let readers: Vec<_> = epochs
                .map(|(epoch, sequences)| {
                    let wait = &wait;
                    scope.spawn(move || {
                        let what = format!("{name}, epoch {epoch}: read on {n} threads at once");
                        demand_same(&read_from(source, epoch, name, &mut || wait()), sequences, &what);
                    })
                })
                .collect();
            readers.into_iter().filter_map(|reader| reader.join().err()).collect::<Vec<_>>()
        });
        if let Some(failure) = failures.into_iter().next() {
            std::panic::resume_unwind(failure);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::SourceError;
    use crate::testkit::panics;

    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        None,
        ItemBeyond,
        OrderOfTheHour,
        OtherEveryTimeItIsMade,
        IgnoresBreak,
        LosesThePlace,
        OneCursorForAll,
        CountsWrong,
        HintGrows,
        SkipsTheLast,
        FailsAfterBreak,
    }

    /// Forty sequences of one to three items; drawn ones shift by the epoch.
    struct Toy {
        fault: Fault,
        drawn: bool,
        made: u32,
        reads: AtomicU32,
        cursor: AtomicU32,
    }

    impl SequenceSource for Toy {
        fn n_items(&self) -> usize {
            50
        }

        fn size_hint(&self) -> Option<(u64, u64)> {
            match self.fault {
                Fault::CountsWrong => Some((40, 78)),
                Fault::HintGrows => {
                    let read = self.reads.load(Ordering::Relaxed);
                    (read > 0).then_some((40, 79))
                }
                Fault::SkipsTheLast => None,
                _ => Some((40, 79)),
            }
        }

        fn for_each_sequence(
            &self,
            epoch: u32,
            visit: &mut dyn FnMut(&[ItemId]) -> ControlFlow<()>,
        ) -> Result<(), SourceError> {
            let read = self.reads.fetch_add(1, Ordering::Relaxed);
            let shift = if self.drawn { epoch } else { 0 };
            let shift = shift
                + match self.fault {
                    Fault::OrderOfTheHour => read / 3,
                    Fault::OtherEveryTimeItIsMade => self.made,
                    _ => 0,
                };
            let mut at =
                if self.fault == Fault::LosesThePlace { self.cursor.load(Ordering::Relaxed) } else { 0 };
            if self.fault == Fault::OneCursorForAll {
                self.cursor.store(0, Ordering::Relaxed);
            }
            let end = if self.fault == Fault::SkipsTheLast { 39 } else { 40 };
            while at < end {
                let item = (at + shift) % 40;
                let beyond = self.fault == Fault::ItemBeyond && at == 17;
                let sequence = [if beyond { 50 } else { item }, item + 1, 0];
                let flow = visit(&sequence[..1 + at as usize % 3]);
                if self.fault == Fault::OneCursorForAll {
                    at = self.cursor.fetch_add(1, Ordering::Relaxed) + 1;
                } else {
                    at += 1;
                }
                if flow.is_break() && self.fault != Fault::IgnoresBreak {
                    self.cursor.store(at % 40, Ordering::Relaxed);
                    return match self.fault {
                        Fault::FailsAfterBreak => {
                            Err(SourceError::UnknownItem { item, sequence: 0, n_items: 50 })
                        }
                        _ => Ok(()),
                    };
                }
            }
            Ok(())
        }
    }

    fn test(fault: Fault, drawn: bool, suite: &SequenceSuite<'_>) {
        let made = AtomicU32::new(0);
        let make = || -> Box<dyn SequenceSource> {
            let made = made.fetch_add(1, Ordering::Relaxed);
            Box::new(Toy { fault, drawn, made, reads: AtomicU32::new(0), cursor: AtomicU32::new(0) })
        };
        sequence_source(make, suite);
    }

    #[test]
    fn correct_sources_pass() {
        test(Fault::None, false, &SequenceSuite::new("toy"));
        test(Fault::None, true, &SequenceSuite::drawn("toy"));
        test(Fault::None, false, &SequenceSuite::drawn("toy"));
        for sequences in [
            Sequences::new(0),
            Sequences::new(3),
            Sequences::from_rows(3, [&[][..], &[]]).unwrap(),
            Sequences::from_rows(3, [[2]]).unwrap(),
            Sequences::from_rows(70, (0..70).map(|item| [item, 0])).unwrap(),
        ] {
            let suite = SequenceSuite::new("Sequences").holding(&sequences);
            sequence_source(|| Box::new(&sequences), &suite);
        }
    }

    #[test]
    fn every_fault_is_found() {
        for (fault, message) in [
            (Fault::ItemBeyond, "item 50 in sequence 17, the source has 50 items"),
            (Fault::OrderOfTheHour, "read again: sequence 0"),
            (Fault::OtherEveryTimeItIsMade, "made the same way: sequence 0"),
            (Fault::IgnoresBreak, "was called again"),
            (Fault::LosesThePlace, "the sequences before differ"),
            (Fault::OneCursorForAll, "threads at once"),
            (Fault::CountsWrong, "size_hint"),
            (Fault::HintGrows, "size_hint"),
            (Fault::FailsAfterBreak, "unexpected error"),
        ] {
            let said = panics(|| test(fault, false, &SequenceSuite::new("toy")));
            assert!(said.contains(message) && said.contains("toy"), "{message}: {said}");
        }
        let said = panics(|| test(Fault::None, true, &SequenceSuite::new("toy")));
        assert!(said.contains("epoch 1: not the sequences of epoch 0"), "{said}");
        let mut whole = Sequences::new(50);
        for at in 0..40 {
            whole.push(&[at, at + 1, 0][..1 + at as usize % 3]).unwrap();
        }
        test(Fault::None, false, &SequenceSuite::new("toy").holding(&whole));
        let said = panics(|| test(Fault::SkipsTheLast, false, &SequenceSuite::new("toy").holding(&whole)));
        assert!(said.contains("not what the source holds: number of sequences"), "{said}");
    }
}
