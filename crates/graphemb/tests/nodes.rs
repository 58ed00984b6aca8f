//! DeepWalk and node2vec from end to end: what is learned, from which seed, and taken up again.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test fails by a panic, and its numbers are small"
)]

use embed_core::{Flow, Metric, Progress, Run, SeededRng};
use graphemb::{DeepWalk, Graph, GraphOptions, Node2Vec, NodeError, NodeParams, NodeVectors};
use seqemb::Objective;

/// Zachary's karate club (Zachary 1977), and the side that each member took when it broke apart.
const KARATE: [(u32, u32); 78] = [
    (1, 0),
    (2, 0),
    (2, 1),
    (3, 0),
    (3, 1),
    (3, 2),
    (4, 0),
    (5, 0),
    (6, 0),
    (6, 4),
    (6, 5),
    (7, 0),
    (7, 1),
    (7, 2),
    (7, 3),
    (8, 0),
    (8, 2),
    (9, 2),
    (10, 0),
    (10, 4),
    (10, 5),
    (11, 0),
    (12, 0),
    (12, 3),
    (13, 0),
    (13, 1),
    (13, 2),
    (13, 3),
    (16, 5),
    (16, 6),
    (17, 0),
    (17, 1),
    (19, 0),
    (19, 1),
    (21, 0),
    (21, 1),
    (25, 23),
    (25, 24),
    (27, 2),
    (27, 23),
    (27, 24),
    (28, 2),
    (29, 23),
    (29, 26),
    (30, 1),
    (30, 8),
    (31, 0),
    (31, 24),
    (31, 25),
    (31, 28),
    (32, 2),
    (32, 8),
    (32, 14),
    (32, 15),
    (32, 18),
    (32, 20),
    (32, 22),
    (32, 23),
    (32, 29),
    (32, 30),
    (32, 31),
    (33, 8),
    (33, 9),
    (33, 13),
    (33, 14),
    (33, 15),
    (33, 18),
    (33, 19),
    (33, 20),
    (33, 22),
    (33, 23),
    (33, 26),
    (33, 27),
    (33, 28),
    (33, 29),
    (33, 30),
    (33, 31),
    (33, 32),
];
const OFFICERS: [u32; 17] = [9, 14, 15, 18, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33];

fn karate() -> Graph {
    Graph::from_edges(34, KARATE, &GraphOptions::default()).unwrap()
}

/// Members on the wrong side when each goes to the nearer mean of the two leaders' sides, by k-means from the leaders.
fn misplaced(nodes: &NodeVectors) -> usize {
    let vectors = nodes.vectors.input.normalized();
    let row = |v: u32| vectors.row(v).unwrap();
    let mut sides: Vec<bool> = (0..34)
        .map(|v| Metric::Cosine.score(row(v), row(33)) > Metric::Cosine.score(row(v), row(0)))
        .collect();
    for _ in 0..20 {
        let mean = |side: bool| {
            let mut sum = vec![0.0; vectors.dim()];
            for v in (0..34).filter(|&v| sides[v as usize] == side) {
                sum.iter_mut().zip(row(v)).for_each(|(s, x)| *s += x);
            }
            sum
        };
        let (hi, officer) = (mean(false), mean(true));
        sides = (0..34)
            .map(|v| Metric::Cosine.score(row(v), &officer) > Metric::Cosine.score(row(v), &hi))
            .collect();
    }
    (0..34).filter(|&v| sides[v as usize] != OFFICERS.contains(&v)).count()
}

#[test]
fn the_two_sides_of_the_karate_club_part() {
    let graph = karate();
    assert_eq!((graph.n_edges(), graph.degree(33), graph.degree(0)), (78, 17, 16));
    for (name, mut params) in [
        ("deepwalk", NodeParams::deepwalk()),
        ("node2vec", NodeParams::node2vec(1.0, 0.5)),
        ("node2vec, near", NodeParams::node2vec(0.25, 4.0)),
    ] {
        params.train.dim = 16;
        params.train.window = seqemb::Window::Sliding { size: 4, dynamic: true };
        params.walks.walks = 10;
        params.train.epochs = 8;
        for seed in 1..3 {
            let wrong = misplaced(&Node2Vec::fit(&params, &graph, &mut Run::seeded(seed)).unwrap());
            assert!(wrong <= 3, "{name}, seed {seed}: {wrong} of 34 on the wrong side");
        }
    }
}

fn small() -> (Graph, NodeParams) {
    let mut rng = SeededRng::new(6);
    let edges: Vec<_> = (0..900).map(|_| (rng.below(300), rng.below(300), 0.5 + rng.unit_f32())).collect();
    let options = GraphOptions { weighted: true, ..GraphOptions::default() };
    let mut params = NodeParams::node2vec(0.5, 2.0);
    params.train.dim = 8;
    params.train.epochs = 3;
    params.walks.walks = 2;
    params.walks.length = 20;
    (Graph::from_weighted_edges(301, edges, &options).unwrap(), params)
}

#[test]
fn vectors_are_the_same_bits_on_any_number_of_threads() {
    let (graph, mut params) = small();
    for objective in [Objective::NegativeSampling, Objective::HierarchicalSoftmax] {
        params.train.objective = objective;
        let fit = |seed, threads| {
            Node2Vec::fit(&params, &graph, &mut Run::seeded(seed).threads(threads)).unwrap().vectors
        };
        let one = fit(3, 1);
        assert!(fit(3, 2) == one && fit(3, 7) == one);
        assert_ne!(fit(4, 2).input, one.input);
    }
}

#[test]
fn a_training_that_was_stopped_is_taken_up_to_the_same_bits() {
    let (graph, mut params) = small();
    params.train.window = seqemb::Window::Sliding { size: 5, dynamic: true };
    params.walks.walks = 80;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.nf");
    let mut reports = 0;
    let mut stop_late = |_: &Progress<'_>| {
        reports += 1;
        if reports == 3 { Flow::Stop } else { Flow::Continue }
    };
    // Stopped within the second pass or the third: the checkpoint is of the one before.
    let mut run = Run::seeded(3).observed(&mut stop_late);
    let stopped = Node2Vec::fit_checkpointed(&params, &graph, &path, &mut run).unwrap_err();
    assert!(
        stopped.to_string().contains("stopped after 1 of 3") || stopped.to_string().contains("2 of 3"),
        "{stopped}"
    );
    let resumed = Node2Vec::fit_checkpointed(&params, &graph, &path, &mut Run::seeded(3).threads(2)).unwrap();
    assert_eq!(resumed.vectors, Node2Vec::fit(&params, &graph, &mut Run::seeded(3)).unwrap().vectors);
    let other = Node2Vec::fit_checkpointed(&params, &graph, &path, &mut Run::seeded(5)).unwrap_err();
    assert!(matches!(other, NodeError::Checkpoint(_)), "{other}");
}

#[test]
fn a_report_says_what_was_walked_and_isolated_nodes_stay() {
    let (graph, params) = small();
    let nodes = Node2Vec::fit(&params, &graph, &mut Run::seeded(3)).unwrap();
    assert_eq!((nodes.walks.nodes, nodes.walks.edges), (301, graph.n_edges()));
    assert!(nodes.walks.isolated >= 1 && nodes.vectors.input.len() == 301);
    assert_eq!(nodes.walks.walks, 301 * 2 * 3);
    // Once to count, three times to train; isolated nodes have no step.
    assert_eq!(nodes.walks.steps, (301 - nodes.walks.isolated) * 2 * 19 * 4);
    assert!(nodes.walks.steps_per_second() > 0.0);
    assert_eq!(nodes.vectors.output.row(300), Some(&[0.0; 8][..]), "untrained");
    assert_eq!(nodes.untrained().count() as u64, nodes.walks.isolated);
    assert!(nodes.untrained().any(|key| key == "300"));
    let mut plain = params.clone();
    (plain.walks.p, plain.walks.q) = (1.0, 1.0);
    let first = Node2Vec::fit(&plain, &graph, &mut Run::seeded(3)).unwrap();
    assert_eq!(DeepWalk::fit(&params, &graph, &mut Run::seeded(3)).unwrap().vectors, first.vectors);
}

#[test]
fn the_observer_sees_the_end_and_can_stop() {
    let (graph, params) = small();
    let mut last = (0, 1);
    let mut watch = |p: &Progress<'_>| {
        last = (p.done, p.total);
        Flow::Continue
    };
    let mut run = Run::seeded(1).observed(&mut watch);
    Node2Vec::fit(&params, &graph, &mut run).unwrap();
    assert_eq!(last.0, last.1);
    let mut many = params.clone();
    many.train.epochs = 200;
    many.walks.walks = 10;
    let mut stop = |_: &Progress<'_>| Flow::Stop;
    let stopped =
        Node2Vec::fit_until_stopped(&many, &graph, None, &mut Run::seeded(1).observed(&mut stop)).unwrap();
    assert!(stopped.vectors.report.stopped && stopped.vectors.report.epochs_done < 200);
    let error = Node2Vec::fit(&many, &graph, &mut Run::seeded(1).observed(&mut stop)).unwrap_err();
    assert!(matches!(error, NodeError::Fit(seqemb::FitError::Stopped { epochs: 200, .. })), "{error}");
}

#[test]
fn bad_settings_are_named() {
    let (graph, mut params) = small();
    params.train.dim = 0;
    let error = Node2Vec::fit(&params, &graph, &mut Run::seeded(1)).unwrap_err().to_string();
    assert_eq!(error, "dim is 0, must be in 1..=65536");
    params.walks.p = 0.0;
    let error = Node2Vec::fit(&params, &graph, &mut Run::seeded(1)).unwrap_err().to_string();
    assert!(error.starts_with("p is 0"), "{error}");
}
