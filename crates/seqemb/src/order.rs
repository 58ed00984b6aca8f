use std::ops::Range;

use crate::corpus::Corpus;

/// A place of the corpus whose item is a centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Centre {
    pub(crate) at: usize,
    /// The sequence that it is of.
    pub(crate) sequence: usize,
}

/// The places `range` of the corpus with sequences in step: the first place of each, then the second of each, and so on. What a
/// sequence teaches at one place is then known at the next, and pairs that follow each other are of different sequences. O(places).
pub(crate) fn in_step(corpus: &Corpus, range: Range<usize>, order: &mut Vec<Centre>) {
    let spans = || spans(corpus, range.clone());
    // How many sequences have a k-th place, then where these begin in the order.
    let longest = spans().map(|(_, span)| span.len()).max().unwrap_or(0);
    let mut starts = vec![0; longest + 1];
    spans().for_each(|(_, span)| starts[span.len()] += 1);
    for k in (0..longest).rev() {
        starts[k] += starts[k + 1];
    }
    let mut before = 0;
    for k in 0..longest {
        starts[k] = before;
        before += starts[k + 1];
    }
    order.clear();
    order.resize(range.len(), Centre { at: 0, sequence: 0 });
    for (sequence, span) in spans() {
        for (start, at) in starts.iter_mut().zip(span) {
            order[*start] = Centre { at, sequence };
            *start += 1;
        }
    }
}

/// The sequences that have places in `range`, and which.
fn spans(corpus: &Corpus, range: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut start = range.start;
    (corpus.sequence_at(start)..corpus.ends.len()).map_while(move |sequence| {
        let end = corpus.ends[sequence].min(range.end);
        let span = std::mem::replace(&mut start, end)..end;
        (!span.is_empty()).then_some((sequence, span))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_places_are_there_in_step(
            lengths in prop::collection::vec(2..30usize, 1..20),
            cuts in (0..=1000usize, 0..=1000usize),
        ) {
            let mut corpus = Corpus::default();
            lengths.iter().for_each(|&length| corpus.push(&vec![0; length]));
            let cut = |share: usize| corpus.items.len() * share / 1000;
            let range = cut(cuts.0.min(cuts.1))..cut(cuts.0.max(cuts.1));
            let mut expected: Vec<_> = range
                .clone()
                .map(|at| {
                    let sequence = corpus.sequence_at(at);
                    let start = if sequence == 0 { 0 } else { corpus.ends[sequence - 1] };
                    (at - start.max(range.start), sequence, at)
                })
                .collect();
            expected.sort_unstable();
            let mut order = vec![Centre { at: 9, sequence: 9 }];
            in_step(&corpus, range, &mut order);
            let got: Vec<_> = order.iter().map(|centre| (centre.sequence, centre.at)).collect();
            prop_assert_eq!(got, expected.iter().map(|&(_, sequence, at)| (sequence, at)).collect::<Vec<_>>());
        }
    }
}
