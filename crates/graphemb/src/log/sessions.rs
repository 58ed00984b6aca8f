use std::ops::ControlFlow;

use embed_core::{ItemId, Progress, Run, SequenceSource};
use rayon::prelude::*;

use super::report::SessionGraphReport;
use crate::{Graph, GraphBuilder, GraphOptions, LogGraphError, ParallelEdges, SelfLoops};

/// Pairs that are held before they are counted, at least.
const HELD: usize = 1 << 22;

/// The directed graph of what follows what: an edge from each item to those up to `window` places after it in a
/// sequence, weighted by how often that happens. Pairs of an item with itself are left out and counted.
///
/// ```
/// use embed_core::{Run, Sequences};
/// use graphemb::session_graph;
///
/// let sessions = Sequences::from_rows(3, [&[0, 1, 2][..], &[0, 1]])?;
/// let (graph, _) = session_graph(&sessions, 1, &mut Run::seeded(1))?;
/// assert_eq!((graph.weight(0, 1), graph.weight(1, 0), graph.weight(1, 2)), (Some(2.0), None, Some(1.0)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The observer sees `sessions`, in sequences.
///
/// # Errors
/// - [`LogGraphError::Count`] when the window is 0.
/// - [`LogGraphError::Source`] when the source cannot be read or has an item beyond its catalogue.
/// - [`LogGraphError::Stopped`] when the observer ends the run.
///
/// # Complexity
/// O(pairs · log(pairs)), in parallel; 16 bytes a distinct pair, and 8 for as many more.
pub fn session_graph(
    source: &dyn SequenceSource,
    window: usize,
    run: &mut Run<'_>,
) -> Result<(Graph, SessionGraphReport), LogGraphError> {
    if window == 0 {
        return Err(LogGraphError::Count { name: "window", got: 0, least: 1, most: u32::MAX.into() });
    }
    let parallelism = run.parallelism;
    parallelism.install(|| build(source, window, run))?
}

fn build(
    source: &dyn SequenceSource,
    window: usize,
    run: &mut Run<'_>,
) -> Result<(Graph, SessionGraphReport), LogGraphError> {
    let mut report = SessionGraphReport::default();
    let n_items = source.n_items();
    let total = source.size_hint().map_or(0, |(sequences, _)| sequences);
    let mut counts = Counts::default();
    let (mut unknown, mut stopped) = (None, false);
    source.for_each_sequence(0, &mut |sequence| {
        if let Some(&item) = sequence.iter().find(|&&item| item as usize >= n_items) {
            unknown = Some((report.sequences, item));
            return ControlFlow::Break(());
        }
        report.sequences += 1;
        report.items += sequence.len() as u64;
        for (at, &item) in sequence.iter().enumerate() {
            for &next in sequence[at + 1..].iter().take(window) {
                if item == next {
                    report.repeats += 1;
                } else {
                    report.pairs += 1;
                    counts.push(item, next);
                }
            }
        }
        if report.sequences % 65_536 == 0 {
            let progress = Progress::new("sessions", report.sequences, total).unit("sequences");
            stopped = !run.report(&progress).goes_on();
        }
        if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some((user, item)) = unknown {
        let user = usize::try_from(user).unwrap_or(usize::MAX);
        return Err(LogGraphError::UnknownItem { user, item, n_items });
    }
    if stopped {
        return Err(LogGraphError::Stopped);
    }
    let options = GraphOptions {
        directed: true,
        weighted: true,
        parallel: ParallelEdges::Sum,
        self_loops: SelfLoops::Keep,
    };
    let mut builder = GraphBuilder::new(n_items, &options)?;
    for (pair, count) in counts.finish() {
        let (item, next) = halves(pair);
        #[expect(clippy::cast_precision_loss, reason = "a weight in f32")]
        builder.push(item, next, count as f32)?;
    }
    let (graph, _) = builder.build()?;
    report.isolated = graph.n_isolated() as u64;
    Ok((graph, report))
}

/// Pairs and how often they came: a sorted list, and those that came since.
#[derive(Debug, Default)]
struct Counts {
    counted: Vec<(u64, u64)>,
    new: Vec<u64>,
}

impl Counts {
    fn push(&mut self, item: ItemId, next: ItemId) {
        self.new.push(u64::from(item) << 32 | u64::from(next));
        if self.new.len() >= HELD.max(self.counted.len()) {
            self.merge();
        }
    }

    /// Counts the new pairs into the list.
    fn merge(&mut self) {
        self.new.par_sort_unstable();
        let mut merged = Vec::with_capacity(self.counted.len() + self.new.len() / 2);
        let mut old = self.counted.iter().copied().peekable();
        for same in self.new.chunk_by(|a, b| a == b) {
            let pair = same[0];
            while let Some(before) = old.next_if(|&(other, _)| other < pair) {
                merged.push(before);
            }
            let count = old.next_if(|&(other, _)| other == pair).map_or(0, |(_, count)| count);
            merged.push((pair, count + same.len() as u64));
        }
        merged.extend(old);
        self.counted = merged;
        self.new.clear();
    }

    fn finish(mut self) -> Vec<(u64, u64)> {
        self.merge();
        self.counted
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
fn halves(pair: u64) -> (ItemId, ItemId) {
    ((pair >> 32) as ItemId, pair as ItemId)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use embed_core::SeededRng;

    use super::*;

    #[test]
    fn counts_are_those_of_a_map() {
        let mut rng = SeededRng::new(2);
        let (mut counts, mut map) = (Counts::default(), BTreeMap::new());
        for round in 0..5 {
            for _ in 0..3000 {
                let pair = (rng.below(40 + 10 * round), rng.below(60));
                counts.push(pair.0, pair.1);
                *map.entry(pair).or_insert(0u64) += 1;
            }
            counts.merge();
        }
        let got: Vec<_> = counts.finish().into_iter().map(|(pair, count)| (halves(pair), count)).collect();
        assert_eq!(got, map.into_iter().collect::<Vec<_>>());
    }
}
