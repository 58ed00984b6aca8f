//! Items that no session holds are retrieved beside warm ones.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use embed_core::{Csr, Embedder, Run, SeededRng, Sequences, Vocab, kernel};
use ndarray::Array2;
use seqemb::cold::{CategoryMeans, Ridge, RidgeParams, calibrate_norms, random_like};
use seqemb::{ItemVectors, Params, Pooling, Scoring, SkipGram, Window};

const GROUPS: u32 = 8;
const WARM: u32 = 12;

fn trained() -> ItemVectors {
    let mut rng = SeededRng::new(3);
    let rows: Vec<Vec<u32>> = (0..2000)
        .map(|_| {
            let group = rng.below(GROUPS);
            (0..8).map(|_| group * WARM + rng.below(WARM)).collect()
        })
        .collect();
    let n = GROUPS * WARM;
    let sessions = Sequences::from_rows(n as usize, rows).unwrap();
    let keys = Vocab::from_keys((0..n).map(|i| format!("warm {i}"))).unwrap();
    let window = Window::Basket { samples: 4 };
    let params = Params { dim: 16, window, epochs: 10, rate: 0.05, ..Params::default() };
    SkipGram::fit(&params, &sessions, keys, &mut Run::seeded(1)).unwrap()
}

/// The places of one cold item a group among all items, for a user of that group, from 0.
fn places(items: &ItemVectors) -> Vec<usize> {
    let user = items.pooled(Pooling::default(), Scoring::InOut);
    let targets = items.targets(Scoring::InOut);
    (0..GROUPS)
        .map(|group| {
            let history: Vec<u32> = (0..4).map(|i| group * WARM + i).collect();
            let vector = user.embed(&history[..]).unwrap();
            let score = |item: u32| kernel::dot(&vector, targets.row(item).unwrap());
            let cold = GROUPS * WARM + group;
            (0..GROUPS * (WARM + 1)).filter(|&other| score(other) > score(cold)).count()
        })
        .collect()
}

fn with(items: &ItemVectors, input: &Array2<f32>, output: &Array2<f32>) -> ItemVectors {
    let keys = (0..GROUPS).map(|group| format!("cold {group}"));
    items.with_cold_items(keys, input.view(), output.view()).unwrap()
}

#[test]
fn by_category() {
    let items = trained();
    let categories = Csr::from_rows((0..GROUPS * WARM).map(|item| [item / WARM]));
    let cold = Csr::from_rows((0..GROUPS).map(|group| [group]));
    let [input, output] = [&items.input, &items.output].map(|table| {
        let mut rows = CategoryMeans::fit(&categories, table.vectors(), 1.0).unwrap().predict(&cold);
        calibrate_norms(&mut rows, table.vectors(), 0.5).unwrap();
        rows
    });
    let places = places(&with(&items, &input, &output));
    assert!(places.iter().all(|&place| place <= WARM as usize), "{places:?}");
}

#[test]
fn by_features() {
    let items = trained();
    let mut rng = SeededRng::new(5);
    let mut features = |group: u32| -> Vec<f32> {
        (0..GROUPS).map(|g| f32::from(u8::from(g == group)) + 0.3 * (rng.unit_f32() - 0.5)).collect()
    };
    let warm: Vec<f32> = (0..GROUPS * WARM).flat_map(|item| features(item / WARM)).collect();
    let warm = Array2::from_shape_vec(((GROUPS * WARM) as usize, GROUPS as usize), warm).unwrap();
    let cold: Vec<f32> = (0..GROUPS).flat_map(&mut features).collect();
    let cold = Array2::from_shape_vec((GROUPS as usize, GROUPS as usize), cold).unwrap();
    let [input, output] = [&items.input, &items.output].map(|table| {
        let ridge = Ridge::fit(warm.view(), table.vectors(), &RidgeParams::default(), 1).unwrap();
        let held = ridge.held_out();
        assert!(held.items == 10 && held.cosine > held.cosine_of_mean + 0.2, "{held:?}");
        ridge.predict(cold.view()).unwrap()
    });
    let places = places(&with(&items, &input, &output));
    assert!(places.iter().all(|&place| place <= WARM as usize), "{places:?}");
}

#[test]
fn cold_items_come_after_the_warm_ones() {
    let items = trained();
    let [input, output] = [&items.input, &items.output]
        .map(|table| random_like(GROUPS as usize, table.vectors(), 0.1, 1).unwrap());
    let all = with(&items, &input, &output);
    assert_eq!(all.input.len(), (GROUPS * (WARM + 1)) as usize);
    assert_eq!(all.input.row(5), items.input.row(5));
    assert_eq!(all.input.get("cold 3"), all.input.row(GROUPS * WARM + 3));
    // A key that is there already, or tables that do not fit, are refused.
    let view = input.view();
    assert!(items.with_cold_items(["warm 3"], view, view).is_err());
    assert!(items.with_cold_items(["one"], view, view).is_err());
}
