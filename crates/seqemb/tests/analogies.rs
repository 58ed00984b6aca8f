//! Structure that was planted and must come back: analogies.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use embed_core::{Embeddings, Run, SeededRng, Sequences, Vocab, kernel};
use seqemb::{Architecture, Params, SkipGram, Window};

/// Items of a grid, each beside what marks its row and what marks its column: `item(i, j)` is `i · SIDE + j`.
const SIDE: u32 = 6;

fn corpus() -> Sequences {
    let (mut rng, marks) = (SeededRng::new(3), 3);
    let n = SIDE * SIDE;
    let rows = (0..12_000).map(|_| {
        let (i, j) = (rng.below(SIDE), rng.below(SIDE));
        let mut row = vec![i * SIDE + j];
        row.extend((0..2).map(|_| n + i * marks + rng.below(marks)));
        row.extend((0..2).map(|_| n + (SIDE + j) * marks + rng.below(marks)));
        rng.shuffle(&mut row);
        row
    });
    Sequences::from_rows((n + 2 * SIDE * marks) as usize, rows.collect::<Vec<_>>()).unwrap()
}

/// Share of all "(i, j) is to (i, l) as (k, j) is to ?" answered with (k, l), among the other items of the grid.
fn answered(items: &Embeddings) -> f64 {
    let unit = items.normalized();
    let row = |i: u32, j: u32| unit.row(i * SIDE + j).unwrap();
    let (mut right, mut all) = (0u32, 0u32);
    for (i, j, k, l) in (0..SIDE.pow(4)).map(|n| (n % 6, n / 6 % 6, n / 36 % 6, n / 216)) {
        if i == k || j == l {
            continue;
        }
        let want: Vec<f32> =
            row(i, l).iter().zip(row(i, j)).zip(row(k, j)).map(|((a, b), c)| a - b + c).collect();
        let given = [(i, j), (i, l), (k, j)];
        let best = (0..SIDE * SIDE)
            .map(|n| (n / SIDE, n % SIDE))
            .filter(|cell| !given.contains(cell))
            .max_by(|a, b| kernel::dot(&want, row(a.0, a.1)).total_cmp(&kernel::dot(&want, row(b.0, b.1))))
            .unwrap();
        right += u32::from(best == (k, l));
        all += 1;
    }
    f64::from(right) / f64::from(all)
}

#[test]
fn planted_analogies_are_answered() {
    let window = Window::Sliding { size: 4, dynamic: false };
    let keys = || Vocab::from_keys((0..72).map(|i| format!("item {i}"))).unwrap();
    let sessions = corpus();
    for (architecture, rate) in [(Architecture::SkipGram, 0.05), (Architecture::Cbow, 0.2)] {
        let params = Params { architecture, rate, window, dim: 24, epochs: 10, ..Params::default() };
        let items = SkipGram::fit(&params, &sessions, keys(), &mut Run::seeded(1)).unwrap();
        let share = answered(&items.input);
        // By chance one in 33.
        assert!(share > 0.95, "{architecture:?}: {share}");
    }
}
