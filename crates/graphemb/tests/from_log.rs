//! Graphs from logs against their definitions over all pairs.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test fails by a panic, and its numbers are small"
)]

use std::collections::{BTreeMap, BTreeSet};

use embed_core::{Csr, Flow, Progress, Run, SeededRng, Sequences, Vocab};
use graphemb::{
    DeepWalk, Graph, ItemGraphParams, Keep, LogGraphError, NodeParams, Similarity, UserItemGraph, item_graph,
    session_graph,
};
use proptest::prelude::*;

/// Each item's nearest by definition, over all pairs of items.
fn naive(histories: &Csr, n_items: usize, params: &ItemGraphParams) -> BTreeMap<u32, Vec<(f32, u32)>> {
    let sets: Vec<BTreeSet<u32>> = histories.rows().map(|row| row.iter().copied().collect()).collect();
    let users = sets.iter().filter(|set| !set.is_empty()).count() as u32;
    let having =
        |a: u32, b: u32| sets.iter().filter(|set| set.contains(&a) && set.contains(&b)).count() as u32;
    let mut nearest = BTreeMap::new();
    for a in 0..n_items as u32 {
        let mut scored: Vec<(f32, u32)> = Vec::new();
        for b in (0..n_items as u32).filter(|&b| b != a) {
            let (c, na, nb) = (f64::from(having(a, b)), f64::from(having(a, a)), f64::from(having(b, b)));
            if c < f64::from(params.min_support) {
                continue;
            }
            let lift = c * f64::from(users) / (na * nb);
            let score = match params.similarity {
                Similarity::Jaccard => c / (na + nb - c),
                Similarity::Cosine => c / (na * nb).sqrt(),
                Similarity::CoCount => c,
                Similarity::Lift => lift,
                Similarity::Pmi => lift.ln(),
            } as f32;
            if score > 0.0 {
                scored.push((score, b));
            }
        }
        scored.sort_by(|x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
        scored.truncate(params.top_k);
        nearest.insert(a, scored);
    }
    nearest
}

fn naive_edges(nearest: &BTreeMap<u32, Vec<(f32, u32)>>, keep: Keep) -> BTreeMap<(u32, u32), f32> {
    let has = |a: u32, b: u32| nearest[&a].iter().any(|&(_, x)| x == b);
    let mut edges = BTreeMap::new();
    for (&a, list) in nearest {
        for &(score, b) in list {
            match keep {
                Keep::Own => _ = edges.insert((a, b), score),
                Keep::Both if !has(b, a) => {}
                _ => _ = edges.insert((a.min(b), a.max(b)), score),
            }
        }
    }
    edges
}

fn edges(graph: &Graph) -> BTreeMap<(u32, u32), f32> {
    graph.edges().map(|(a, b, w)| ((a, b), w)).collect()
}

proptest! {
    #[test]
    fn the_graph_is_that_of_all_pairs(
        rows in proptest::collection::vec(proptest::collection::vec(0u32..14, 0..9), 0..25),
        kind in 0usize..5, keep in 0usize..3, top_k in 1usize..6, min_support in 1u32..4,
    ) {
        let similarity = [Similarity::Jaccard, Similarity::Cosine, Similarity::CoCount, Similarity::Lift, Similarity::Pmi][kind];
        let keep = [Keep::Either, Keep::Both, Keep::Own][keep];
        let params = ItemGraphParams { similarity, keep, top_k, min_support, ..ItemGraphParams::default() };
        let histories = Csr::from_rows(&rows);
        let (graph, report) = item_graph(&histories, 15, &params, &mut Run::seeded(1)).unwrap();
        prop_assert_eq!(edges(&graph), naive_edges(&naive(&histories, 15, &params), keep));
        prop_assert_eq!((graph.n_nodes(), graph.is_directed()), (15, keep == Keep::Own));
        prop_assert!(report.isolated >= 1, "item 14 is nobody's");
        if keep != Keep::Own {
            for (a, b, w) in graph.edges() {
                prop_assert_eq!(graph.weight(b, a), Some(w));
            }
        }
    }

    #[test]
    fn sessions_are_counted_by_direction(
        rows in proptest::collection::vec(proptest::collection::vec(0u32..8, 0..12), 0..20), window in 1usize..4
    ) {
        let (graph, report) =
            session_graph(&Sequences::from_rows(8, &rows).unwrap(), window, &mut Run::seeded(1)).unwrap();
        let mut expected: BTreeMap<(u32, u32), f32> = BTreeMap::new();
        let mut repeats = 0;
        for row in &rows {
            for i in 0..row.len() {
                for j in i + 1..row.len().min(i + 1 + window) {
                    if row[i] == row[j] {
                        repeats += 1;
                    } else {
                        *expected.entry((row[i], row[j])).or_default() += 1.0;
                    }
                }
            }
        }
        prop_assert_eq!(report.pairs as f32, expected.values().sum::<f32>());
        prop_assert_eq!((edges(&graph), report.repeats), (expected, repeats));
    }
}

fn random_log(users: u32, items: u32, most: u32) -> Csr {
    let mut rng = SeededRng::new(11);
    Csr::from_rows((0..users).map(|_| {
        let n = 1 + rng.below(most);
        (0..n).map(|_| rng.below(items).min(rng.below(items))).collect::<Vec<_>>()
    }))
}

#[test]
fn the_graph_does_not_depend_on_threads_and_the_cap_bounds_the_cost() {
    let log = random_log(400, 9000, 200);
    let capped = ItemGraphParams { max_user_items: 40, top_k: 7, ..ItemGraphParams::default() };
    let build = |params: &ItemGraphParams, seed, threads| {
        item_graph(&log, 9000, params, &mut Run::seeded(seed).threads(threads)).unwrap()
    };
    let (one, report) = build(&capped, 5, 1);
    for threads in [2, 7] {
        assert_eq!(build(&capped, 5, threads), (one.clone(), report));
    }
    assert_ne!(build(&capped, 6, 2).0, one, "another sample");
    let all = ItemGraphParams { max_user_items: 1000, ..capped };
    let (full, full_report) = build(&all, 5, 2);
    assert_eq!(build(&all, 6, 2).0, full, "without a sample the seed does not matter");
    assert!(report.users_sampled > 200 && full_report.users_sampled == 0);
    assert!(report.pairs_counted <= 400 * 40 * 39 && full_report.pairs_counted > 3 * report.pairs_counted);
    let sets = |log: &Csr| {
        log.rows().map(|row| row.iter().collect::<BTreeSet<_>>().len() as u64).collect::<Vec<_>>()
    };
    let left_out: u64 = sets(&log).iter().map(|n| n.saturating_sub(40)).sum();
    assert_eq!(report.items_left_out, left_out);
}

#[test]
fn a_sample_of_a_user_is_uniform() {
    // One user has 12 items and counts by 4 of them: each pair with probability 4·3 / 12·11.
    let log = Csr::from_rows([(0..12).collect::<Vec<u32>>()]);
    let params =
        ItemGraphParams { max_user_items: 4, similarity: Similarity::CoCount, ..ItemGraphParams::default() };
    let mut counts = [0u64; 66];
    for seed in 0..6000 {
        let (graph, _) = item_graph(&log, 12, &params, &mut Run::seeded(seed)).unwrap();
        assert_eq!(graph.n_edges(), 6);
        for (a, b, _) in graph.edges() {
            counts[(b * (b - 1) / 2 + a) as usize] += 1;
        }
    }
    let test = embed_core::testkit::chi_square(&counts, &[6000.0 * 6.0 / 66.0; 66]);
    assert!(!test.rejects(1e-5), "{test:?}");
}

#[test]
fn bad_settings_unknown_items_and_a_stop_are_errors() {
    let log = Csr::from_rows([&[0, 3][..], &[1]]);
    let message = |params: ItemGraphParams, n| {
        item_graph(&log, n, &params, &mut Run::seeded(1)).unwrap_err().to_string()
    };
    let good = ItemGraphParams::default();
    assert_eq!(message(good, 3), "user 0 has item 3: the catalogue has 3 items");
    assert_eq!(message(ItemGraphParams { top_k: 0, ..good }, 4), "top_k is 0, must be in 1..=4294967295");
    assert_eq!(
        message(ItemGraphParams { min_support: 0, ..good }, 4),
        "min_support is 0, must be in 1..=4294967295"
    );
    assert_eq!(
        message(ItemGraphParams { max_user_items: 1, ..good }, 4),
        "max_user_items is 1, must be in 2..=4294967295"
    );
    let mut stop = |_: &Progress<'_>| Flow::Stop;
    let stopped = item_graph(&random_log(20, 9000, 9), 9000, &good, &mut Run::seeded(1).observed(&mut stop));
    assert!(matches!(stopped, Err(LogGraphError::Stopped)));
    let sessions = Sequences::from_rows(2, [[0, 1]]).unwrap();
    assert!(matches!(session_graph(&sessions, 0, &mut Run::default()), Err(LogGraphError::Count { .. })));
    assert!(matches!(
        UserItemGraph::build(&log, 3, false),
        Err(LogGraphError::UnknownItem { user: 0, item: 3, .. })
    ));
    let (empty, _) = item_graph(&Csr::from_rows::<&[u32]>([]), 0, &good, &mut Run::default()).unwrap();
    assert_eq!(empty.n_nodes(), 0);
}

#[test]
fn users_and_items_share_a_graph_and_are_taken_apart() {
    let log = Csr::new(vec![0, 3, 4, 4], vec![1, 0, 1, 2], vec![1.0, 2.0, 0.5, 4.0]).unwrap();
    let plain = UserItemGraph::build(&log, 4, false).unwrap();
    let (n, e) = (plain.graph.n_nodes(), plain.graph.n_edges());
    assert_eq!(
        (n, e, plain.graph.n_isolated(), plain.item_node(2), plain.item_node(4)),
        (7, 3, 2, Some(5), None)
    );
    let weighted = UserItemGraph::build(&log, 4, true).unwrap();
    assert_eq!((weighted.graph.weight(0, 4), weighted.graph.weight(5, 1)), (Some(1.5), Some(4.0)));
    let mut params = NodeParams::default();
    params.train.dim = 4;
    let nodes = DeepWalk::fit(&params, &plain.graph, &mut Run::seeded(1)).unwrap();
    let keys = |prefix: &str, n: usize| Vocab::from_keys((0..n).map(|i| format!("{prefix}{i}"))).unwrap();
    let parts = plain.split(&nodes.vectors, keys("u", 3), keys("i", 4)).unwrap();
    let items = &parts.items;
    assert_eq!((parts.users.len(), items.input.len(), items.output.len()), (3, 4, 4));
    assert_eq!(parts.users.space(), items.output.space());
    assert_eq!(parts.users.row(1), nodes.vectors.input.row(1));
    assert_eq!(items.output.get("i3"), nodes.vectors.output.row(6));
    assert_eq!(items.input.row(0), nodes.vectors.input.row(3));
    assert!(plain.split(&nodes.vectors, keys("u", 2), keys("i", 4)).is_err());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.nf");
    parts.save(&path).unwrap();
    assert_eq!(graphemb::UserItemVectors::open(&path).unwrap(), parts);
    let bytes = std::fs::read(&path).unwrap();
    for at in (0..bytes.len()).step_by(11) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x41;
        std::fs::write(&path, &damaged).unwrap();
        assert!(graphemb::UserItemVectors::open(&path).is_err(), "byte {at}");
        std::fs::write(&path, &bytes[..at]).unwrap();
        assert!(graphemb::UserItemVectors::open(&path).is_err(), "{at} bytes");
    }
}
