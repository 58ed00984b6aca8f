//! The suite of [`Scorer`].

use std::ops::Range;

use rayon::prelude::*;

use super::{THREADS, demand_same_keys, must, refusal, threads};
use crate::{ScoreError, Scorer};

/// Most tiles of one width that are scored: with an odd step between them where there are more.
const TILES: usize = 40;

/// Input for the test of a scorer by [`scorer`].
#[derive(Debug, Clone, Copy)]
pub struct ScorerSuite<'a, In: ?Sized> {
    /// Name of the scorer in messages.
    pub name: &'a str,
    /// Inputs that have scores; at least one.
    pub inputs: &'a [&'a In],
    /// Inputs that have none: an empty history, an unknown item or user.
    pub refused: &'a [&'a In],
    /// Largest difference of an item's score in a tile from that in the whole row of its input alone, as a part of the
    /// score or of 1, whichever is larger; 0 demands the same bits.
    pub tolerance: f32,
}

impl<'a, In: ?Sized> ScorerSuite<'a, In> {
    /// A suite that demands the same bits of every tile.
    #[must_use]
    pub fn new(name: &'a str, inputs: &'a [&'a In], refused: &'a [&'a In]) -> Self {
        Self { name, inputs, refused, tolerance: 0.0 }
    }
}

/// Tests a scorer: no NaN and no `+inf`, the same score of an input and item in whatever tile, order and company they
/// come and whatever was in the buffer, also on 1, 2 and 7 threads and behind pointers; as many keys as items where it
/// has keys; an error for each refused input, for a buffer of the wrong length, and for a tile beyond the catalogue.
///
/// # Panics
/// When the scorer breaks the contract; the message says how.
pub fn scorer<In: ?Sized + Sync>(scorer: &dyn Scorer<In>, suite: &ScorerSuite<'_, In>) {
    let (name, n, keys) = (suite.name, scorer.n_items(), scorer.keys());
    assert!(n > 0, "{name}: n_items is 0");
    assert!(!suite.inputs.is_empty(), "{name}: the suite needs an input");
    assert!(scorer.items_at_once() > 0, "{name}: items_at_once is 0");
    if let Some(keys) = &keys {
        assert_eq!(keys.len(), n, "{name}: keys, for {n} items");
    }
    let case =
        Case { scorer, suite, rows: suite.inputs.iter().map(|input| row(scorer, input, name)).collect() };
    case.tilings();
    case.company();
    case.at_once();
    case.bad_tiles();
    case.refused();
    behind_pointers!(dyn Scorer<In> + '_, scorer, |pointer: &dyn Scorer<In>, kind: &str| {
        case.forwarded(pointer, &format!("{name} behind {kind}"));
    });
    assert_eq!(scorer.n_items(), n, "{name}: n_items changed between calls");
    demand_same_keys(scorer.keys().as_ref(), keys.as_ref(), format!("{name}, later"));
}

/// The scores of all items for one input: the same whatever was in the buffer.
fn row<In: ?Sized>(scorer: &dyn Scorer<In>, input: &In, name: &str) -> Vec<f32> {
    let n = scorer.n_items();
    let filled = |fill| {
        let mut out = vec![fill; n];
        must(scorer.scores_into(&[input], 0..n, &mut out), format!("{name}: all items"));
        out
    };
    let row = filled(0.0);
    for fill in [f32::NAN, 7.0, f32::NEG_INFINITY] {
        for (item, (got, score)) in filled(fill).iter().zip(&row).enumerate() {
            let same = got.to_bits() == score.to_bits();
            assert!(same, "{name}: item {item} scores {score}, in a buffer of {fill} {got}");
        }
    }
    if let Some(item) = row.iter().position(|score| score.is_nan() || *score == f32::INFINITY) {
        panic!("{name}: item {item} scores {}: a finite score or -inf is expected", row[item]);
    }
    row
}

struct Case<'s, In: ?Sized> {
    scorer: &'s dyn Scorer<In>,
    suite: &'s ScorerSuite<'s, In>,
    /// The scores of all items for each input of the suite.
    rows: Vec<Vec<f32>>,
}

impl<In: ?Sized + Sync> Case<'_, In> {
    fn n(&self) -> usize {
        self.scorer.n_items()
    }

    /// Scores a tile of these inputs of the suite, and demands the scores of their rows.
    fn tile(&self, scorer: &dyn Scorer<In>, picks: &[usize], items: Range<usize>, what: &str) {
        let what = format!("{what}, {} inputs by items {items:?}", picks.len());
        let inputs: Vec<&In> = picks.iter().map(|&i| self.suite.inputs[i]).collect();
        let mut out = vec![f32::NAN; inputs.len() * items.len()];
        must(scorer.scores_into(&inputs, items.clone(), &mut out), &what);
        let mut scores = out.iter();
        for (at, &i) in picks.iter().enumerate() {
            for (item, (expected, got)) in
                items.clone().zip(self.rows[i][items.clone()].iter().zip(&mut scores))
            {
                let slack = self.suite.tolerance * expected.abs().max(1.0);
                let near = got.to_bits() == expected.to_bits() || (got - expected).abs() <= slack;
                assert!(near, "{what}: input {at} scores item {item} {got}, in a whole row {expected}");
            }
        }
    }

    fn all(&self) -> Vec<usize> {
        (0..self.rows.len()).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths =
            vec![1, 2, 3, 7, 64, self.scorer.items_at_once().min(self.n()), self.n().div_ceil(2), self.n()];
        widths.retain(|&width| width <= self.n());
        widths.sort_unstable();
        widths.dedup();
        widths
    }

    /// Tiles of one width: all of them, or [`TILES`] with the last.
    fn tiles(&self, width: usize) -> Vec<Range<usize>> {
        let n = self.n();
        let count = n.div_ceil(width);
        let step = count.div_ceil(TILES) | 1;
        (0..count)
            .step_by(step)
            .chain([count - 1])
            .map(|tile| tile * width..n.min((tile + 1) * width))
            .collect()
    }

    fn tilings(&self) {
        let (name, n) = (self.suite.name, self.n());
        for width in self.widths() {
            for items in self.tiles(width) {
                self.tile(self.scorer, &self.all(), items, name);
            }
        }
        // From the middle, and nothing.
        for items in [n / 3..n - n / 4, n / 2..n, 0..0, n / 2..n / 2, n..n] {
            self.tile(self.scorer, &self.all(), items.clone(), name);
            self.tile(self.scorer, &[], items, name);
        }
    }

    /// Inputs alone, in another order, and more than once in a tile.
    fn company(&self) {
        let (n, count) = (self.n(), self.rows.len());
        let backwards: Vec<usize> = (0..count).rev().collect();
        let mixed: Vec<usize> = (0..50).map(|i| (i * i + 3 * i) % count).collect();
        for picks in [&backwards, &mixed, &vec![0; 3], &vec![count - 1]] {
            for items in [0..n, n / 2..n, n / 3..n / 3 + 1] {
                self.tile(self.scorer, picks, items, &format!("{}: inputs {picks:?}", self.suite.name));
            }
        }
    }

    fn at_once(&self) {
        let tiles: Vec<Range<usize>> =
            [7, 64].into_iter().flat_map(|width| self.tiles(width.min(self.n()))).collect();
        for t in THREADS {
            let what = format!("{} on {t} threads", self.suite.name);
            let tile = |items: &Range<usize>| self.tile(self.scorer, &self.all(), items.clone(), &what);
            let work = || tiles.par_iter().for_each(tile);
            must(threads(t).install(work), &what);
        }
    }

    fn bad_tiles(&self) {
        let (name, n, inputs) = (self.suite.name, self.n(), self.suite.inputs);
        for items in [0..n, n / 2..n, 0..0] {
            let right = inputs.len() * items.len();
            for length in
                [0, right.saturating_sub(1), right + 1, 2 * right].into_iter().filter(|&l| l != right)
            {
                let result = self.scorer.scores_into(inputs, items.clone(), &mut vec![0.0; length]);
                assert!(
                    matches!(result, Err(ScoreError::Buffer { expected, got }) if expected == right && got == length),
                    "{name}: a buffer of {length} for {right} scores must be ScoreError::Buffer, got {result:?}"
                );
            }
        }
        for (first, last) in [(0, n + 1), (n, n + 1), (n + 1, n + 1), (n + 1, n + 3), (1, 0), (n, usize::MAX)]
        {
            let items = first..last;
            let length = if items.len() > n + 1 { 0 } else { inputs.len() * items.len() };
            let result = self.scorer.scores_into(inputs, items.clone(), &mut vec![0.0; length]);
            assert!(
                matches!(result, Err(ScoreError::Items { start, end, n_items }) if (start, end, n_items) == (first, last, n)),
                "{name}: items {items:?} of {n} must be ScoreError::Items, got {result:?}"
            );
        }
    }

    /// Alone and among others, in the whole catalogue and in a tile.
    fn refused(&self) {
        let (name, n) = (self.suite.name, self.n());
        for (i, &refused) in self.suite.refused.iter().enumerate() {
            let good = self.suite.inputs[0];
            for inputs in [&[refused][..], &[good, refused], &[refused, good]] {
                for items in [0..n, n - 1..n] {
                    let mut out = vec![0.0; inputs.len() * items.len()];
                    let result = self.scorer.scores_into(inputs, items.clone(), &mut out);
                    assert!(
                        result.is_err(),
                        "{name}: refused input {i}, one of {}, has the scores {out:?} of items {items:?}",
                        inputs.len()
                    );
                }
            }
            self.tile(self.scorer, &self.all(), 0..n, &format!("{name}: after refused input {i}"));
        }
    }

    /// Everything that the scorer says, said by a pointer to it.
    fn forwarded(&self, pointer: &dyn Scorer<In>, what: &str) {
        let (scorer, n, inputs) = (self.scorer, self.n(), self.suite.inputs);
        let described = |s: &dyn Scorer<In>| (s.n_items(), s.items_at_once());
        assert_eq!(described(pointer), described(scorer), "{what}: (n_items, items_at_once)");
        demand_same_keys(pointer.keys().as_ref(), scorer.keys().as_ref(), what);
        for items in [0..n, n / 2..n] {
            self.tile(pointer, &self.all(), items, what);
        }
        let scores = |s: &dyn Scorer<In>, inputs: &[&In], items: Range<usize>, length: usize| {
            refusal(s.scores_into(inputs, items, &mut vec![0.0; length]))
        };
        for refused in self.suite.refused {
            let (got, expected) = (scores(pointer, &[refused], 0..n, n), scores(scorer, &[refused], 0..n, n));
            assert_eq!(got, expected, "{what}: a refused input");
        }
        for (items, length) in [(0..n, 0), (0..n + 1, inputs.len() * (n + 1))] {
            let (got, expected) = (
                scores(pointer, inputs, items.clone(), length),
                scores(scorer, inputs, items.clone(), length),
            );
            assert_eq!(got, expected, "{what}: items {items:?} into a buffer of {length}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::testkit::panics;
    use crate::{ItemId, KeyTable, Vocab};

    const N: usize = 150;

    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Fault {
        None,
        Adds,
        LeavesTheSeen,
        ScoresNan,
        TileFromZero,
        RanksWithinTheTile,
        SecondInputFirst,
        TakesEmpty,
        TakesEmptyAmongOthers,
        TakesUnknown,
        TakesShort,
        TakesLong,
        TakesBeyond,
        TakesBackwards,
        NothingAtOnce,
        FewKeys,
        OneBuffer,
        Counts,
    }

    /// The remainder of a product of the item and the sum of a history; -inf for what is in the history.
    struct Toy(Fault, AtomicUsize);

    impl Toy {
        fn score(&self, history: &[ItemId], item: usize) -> f32 {
            let sum: usize = history.iter().map(|&item| item as usize).sum();
            let seen = history.iter().any(|&seen| seen as usize == item);
            if seen { f32::NEG_INFINITY } else { ((sum + 3) * (item + 5) % 97) as f32 / 7.0 }
        }

        fn check(&self, inputs: usize, items: &Range<usize>, out: usize) -> Result<(), ScoreError> {
            match ScoreError::check(inputs, items, N, out) {
                Err(ScoreError::Buffer { expected, got })
                    if (self.0 == Fault::TakesShort && got < expected)
                        || (self.0 == Fault::TakesLong && got > expected) =>
                {
                    Ok(())
                }
                Err(ScoreError::Items { start, end, .. })
                    if (self.0 == Fault::TakesBeyond && start <= end && end < 2 * N)
                        || (self.0 == Fault::TakesBackwards && start > end) =>
                {
                    Ok(())
                }
                result => result,
            }
        }
    }

    impl Scorer<[ItemId]> for Toy {
        fn n_items(&self) -> usize {
            N
        }

        fn items_at_once(&self) -> usize {
            if self.0 == Fault::NothingAtOnce { 0 } else { 32 }
        }

        fn keys(&self) -> Option<KeyTable> {
            let n = if self.0 == Fault::FewKeys { N - 1 } else { N };
            Some(Vocab::from_keys((0..n).map(|key| key.to_string())).unwrap().into())
        }

        fn scores_into(
            &self,
            histories: &[&[ItemId]],
            items: Range<usize>,
            out: &mut [f32],
        ) -> Result<(), ScoreError> {
            self.check(histories.len(), &items, out.len())?;
            let fault = self.0;
            let calls = self.1.fetch_add(1, Ordering::Relaxed);
            let count = histories.len();
            for (i, row) in out.chunks_mut(items.len().max(1)).enumerate().take(count) {
                let history = histories[if fault == Fault::SecondInputFirst { (i + 1) % count } else { i }];
                let takes = fault == Fault::TakesEmpty || fault == Fault::TakesEmptyAmongOthers && count > 1;
                if history.is_empty() && !takes {
                    return Err(ScoreError::Empty { what: "history" });
                }
                if let Some(&item) = history.iter().find(|&&item| item as usize >= N)
                    && fault != Fault::TakesUnknown
                {
                    return Err(ScoreError::UnknownItem { item, n_items: N });
                }
                for (at, slot) in row.iter_mut().enumerate() {
                    let item = if fault == Fault::TileFromZero { at } else { items.start + at };
                    let score = self.score(history, item);
                    match fault {
                        Fault::Adds => *slot += score,
                        Fault::LeavesTheSeen if score == f32::NEG_INFINITY => {}
                        Fault::ScoresNan if item == 9 => *slot = f32::NAN,
                        Fault::RanksWithinTheTile => *slot = score / items.len() as f32,
                        Fault::Counts => *slot = score + calls as f32,
                        Fault::OneBuffer => {
                            self.1.store(item, Ordering::Relaxed);
                            std::thread::yield_now();
                            *slot = self.score(history, self.1.load(Ordering::Relaxed));
                        }
                        _ => *slot = score,
                    }
                }
            }
            Ok(())
        }
    }

    const INPUTS: [&[ItemId]; 4] = [&[3], &[0, 149], &[77, 5, 5], &[12, 90, 1]];

    fn test(fault: Fault) {
        let suite = ScorerSuite::new("toy", &INPUTS, &[&[], &[2, 150]]);
        scorer(&Toy(fault, AtomicUsize::new(0)), &suite);
    }

    #[test]
    fn a_correct_scorer_passes() {
        test(Fault::None);
    }

    #[test]
    fn every_fault_is_found() {
        for (fault, message) in [
            (Fault::Adds, "in a buffer of"),
            (Fault::LeavesTheSeen, "in a buffer of"),
            (Fault::ScoresNan, "item 9 scores NaN"),
            (Fault::TileFromZero, "in a whole row"),
            (Fault::RanksWithinTheTile, "in a whole row"),
            (Fault::SecondInputFirst, "in a whole row"),
            (Fault::TakesEmpty, "refused input 0, one of 1"),
            (Fault::TakesEmptyAmongOthers, "refused input 0, one of 2"),
            (Fault::TakesUnknown, "refused input 1"),
            (Fault::TakesShort, "must be ScoreError::Buffer"),
            (Fault::TakesLong, "must be ScoreError::Buffer"),
            (Fault::TakesBeyond, "must be ScoreError::Items"),
            (Fault::TakesBackwards, "must be ScoreError::Items"),
            (Fault::NothingAtOnce, "items_at_once is 0"),
            (Fault::FewKeys, "keys, for 150 items"),
            (Fault::OneBuffer, " threads, "),
            (Fault::Counts, "in a buffer of"),
        ] {
            let said = panics(|| test(fault));
            assert!(said.contains(message) && said.contains("toy"), "{message}: {said}");
        }
    }

    /// The same sum in another order for another tile: other bits, and within a tolerance.
    struct Rounded;

    impl Scorer<u32> for Rounded {
        fn n_items(&self) -> usize {
            20
        }

        fn scores_into(
            &self,
            users: &[&u32],
            items: Range<usize>,
            out: &mut [f32],
        ) -> Result<(), ScoreError> {
            ScoreError::check(users.len(), &items, 20, out.len())?;
            for (user, row) in users.iter().zip(out.chunks_mut(items.len().max(1))) {
                let (user, width) = (**user as f32, row.len() as f32);
                row.iter_mut().zip(items.clone()).for_each(|(slot, item)| {
                    *slot = 1000.0 * user + item as f32 + 1e-3 * width;
                });
            }
            Ok(())
        }
    }

    #[test]
    fn a_tolerance_is_relative_to_the_score() {
        let suite = ScorerSuite::new("rounded", &[&1, &2], &[]);
        let said = panics(|| scorer(&Rounded, &suite));
        assert!(said.contains("in a whole row"), "{said}");
        scorer(&Rounded, &ScorerSuite { tolerance: 1e-4, ..suite });
        let said = panics(|| scorer(&Rounded, &ScorerSuite { tolerance: 1e-6, ..suite }));
        assert!(said.contains("in a whole row"), "{said}");
    }
}
