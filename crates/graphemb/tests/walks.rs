//! Walks: how many, in which order, from which seed, to where.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test fails by a panic, and its numbers are small"
)]

use std::ops::ControlFlow;

use embed_core::{Flow, Parallelism, Progress, Run, SeededRng, SequenceSource};
use graphemb::{Graph, GraphOptions, WalkError, WalkParams, Walks};
use std::num::NonZeroUsize;

fn random(n: u32, edges: u32, directed: bool, weighted: bool) -> Graph {
    let mut rng = SeededRng::new(4);
    let edges: Vec<_> = (0..edges).map(|_| (rng.below(n), rng.below(n), 0.5 + rng.unit_f32())).collect();
    let options = GraphOptions { directed, weighted, ..GraphOptions::default() };
    Graph::from_weighted_edges(n as usize, edges, &options).unwrap()
}

#[test]
fn walks_are_the_same_on_any_number_of_threads() {
    for (p, q, weighted, extended) in [
        (1.0, 1.0, false, None),
        (1.0, 1.0, true, None),
        (0.25, 4.0, false, None),
        (4.0, 0.5, true, Some(0.0)),
    ] {
        let graph = random(900, 5000, false, weighted);
        let params = WalkParams { walks: 3, length: 20, p, q, weighted, extended };
        let taken = |threads| {
            let walks = Walks::new(&graph, &params, 9).unwrap();
            let threads = Parallelism::Threads(NonZeroUsize::new(threads).unwrap());
            threads.install(|| walks.iter().collect::<Vec<_>>()).unwrap()
        };
        let one = taken(1);
        assert_eq!(one.len(), 2700);
        assert!(one == taken(2) && one == taken(7), "p {p}, q {q}");
        assert_ne!(one, Walks::new(&graph, &params, 10).unwrap().iter().collect::<Vec<_>>());
        // As a source of sequences, read twice.
        let walks = Walks::new(&graph, &params, 9).unwrap();
        for _ in 0..2 {
            let mut read = Vec::new();
            walks
                .for_each_sequence(0, &mut |walk| {
                    read.push(walk.to_vec());
                    ControlFlow::Continue(())
                })
                .unwrap();
            assert_eq!(read, one);
        }
        // Each round starts once from each node, in an order of its own.
        let starts: Vec<u32> = one.iter().map(|walk| walk[0]).collect();
        for round in starts.chunks(900) {
            let mut sorted = round.to_vec();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..900));
        }
        assert_ne!(starts[..900], starts[900..1800]);
    }
}

#[test]
fn the_walks_of_a_seed_never_change() {
    let graph = random(50, 200, true, true);
    let first = |p, q| {
        let params = WalkParams { walks: 1, length: 6, p, q, ..WalkParams::default() };
        Walks::new(&graph, &params, 1).unwrap().iter().nth(3).unwrap()
    };
    assert_eq!([first(1.0, 1.0), first(0.25, 0.5)], GOLDEN);
}

const GOLDEN: [[u32; 6]; 2] = [[39, 13, 48, 3, 26, 32], [39, 1, 17, 18, 3, 26]];

#[test]
fn dead_ends_and_isolated_nodes_end_a_walk_and_stay() {
    let options = GraphOptions { directed: true, ..GraphOptions::default() };
    let graph = Graph::from_edges(5, [(0, 1), (1, 2), (3, 3)], &options).unwrap();
    for (p, q) in [(1.0, 1.0), (0.5, 2.0)] {
        let params = WalkParams { walks: 2, length: 4, p, q, ..WalkParams::default() };
        let mut walks: Vec<_> = Walks::new(&graph, &params, 2).unwrap().iter().collect();
        walks.sort();
        walks.dedup();
        assert_eq!(walks, [vec![0, 1, 2], vec![1, 2], vec![2], vec![3, 3, 3, 3], vec![4]]);
    }
    assert_eq!(graph.n_isolated(), 1);
    let one = WalkParams { length: 1, walks: 1, p: 0.5, ..WalkParams::default() };
    assert!(Walks::new(&graph, &one, 1).unwrap().iter().all(|walk| walk.len() == 1));
}

#[test]
fn bad_settings_and_graphs_without_edges_are_named() {
    let graph = random(9, 20, false, false);
    let message = |params: WalkParams| Walks::new(&graph, &params, 0).unwrap_err().to_string();
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let params = WalkParams { p: bad, ..WalkParams::default() };
        assert_eq!(message(params), format!("p is {bad}, must be in 0.000001..=1000000"));
        let params = WalkParams { q: bad, ..WalkParams::default() };
        assert_eq!(message(params), format!("q is {bad}, must be in 0.000001..=1000000"));
    }
    assert_eq!(
        message(WalkParams { walks: 0, ..WalkParams::default() }),
        "walks is 0, must be in 1..=16777216"
    );
    assert_eq!(
        message(WalkParams { length: 0, ..WalkParams::default() }),
        "length is 0, must be in 1..=65536"
    );
    let of = |n| Graph::from_edges(n, [], &GraphOptions::default()).unwrap();
    let none = of(0);
    assert!(matches!(Walks::new(&none, &WalkParams::default(), 0), Err(WalkError::NoNodes)));
    let error = Walks::new(&of(1), &WalkParams::default(), 0).map(drop).unwrap_err();
    assert_eq!(error.to_string(), "the graph has 1 nodes and no edge to walk along");
    let own = Graph::from_edges(1, [(0, 0)], &GraphOptions::default()).unwrap();
    let walks = Walks::new(&own, &WalkParams { p: 4.0, ..WalkParams::default() }, 0).unwrap();
    assert!(walks.iter().all(|walk| walk == [0; 80]));
}

#[test]
fn a_damaged_graph_is_refused_or_walked_without_a_panic() {
    let graph = random(40, 120, false, true);
    let clean = graph.to_bytes().unwrap();
    let mut rng = SeededRng::new(3);
    let params = WalkParams { walks: 1, length: 8, p: 0.25, q: 4.0, ..WalkParams::default() };
    let mut refused = 0;
    for _ in 0..300 {
        let mut bytes = clean.clone();
        let at = 128 + rng.below(u32::try_from(clean.len()).unwrap() - 500) as usize;
        bytes[at] ^= 1 << rng.below(8);
        let Ok(graph) = Graph::from_bytes(&bytes) else { continue };
        match Walks::new(&graph, &params, 1) {
            Ok(walks) => assert!(walks.iter().count() == 40),
            Err(error) => {
                assert!(matches!(error, WalkError::Damaged { .. }));
                refused += 1;
            }
        }
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn walks_are_written_as_lines_of_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("walks.txt");
    let graph = random(30, 60, false, false);
    let keys = embed_core::Vocab::from_keys((0..30).map(|i| format!("n{i}"))).unwrap();
    let walks = Walks::new(&graph, &WalkParams { walks: 2, length: 7, ..WalkParams::default() }, 5).unwrap();
    assert_eq!(walks.save(&path, &keys, &mut Run::seeded(0).threads(2)).unwrap(), 60);
    let text = std::fs::read_to_string(&path).unwrap();
    let expected: Vec<String> = walks
        .iter()
        .map(|walk| walk.iter().map(|node| format!("n{node}")).collect::<Vec<_>>().join(" "))
        .collect();
    assert!(text.lines().eq(expected.iter().map(String::as_str)));
    // Stopped: the old file stays.
    let many =
        Walks::new(&graph, &WalkParams { walks: 9000, length: 2, ..WalkParams::default() }, 5).unwrap();
    let mut stop = |_: &Progress<'_>| Flow::Stop;
    assert_eq!(many.save(&path, &keys, &mut Run::seeded(0).observed(&mut stop)).unwrap(), 0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}
