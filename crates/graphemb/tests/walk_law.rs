//! Walks follow the law of the paper exactly: each step is compared with the enumerated law of its context.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test fails by a panic, and its numbers are small"
)]

use std::collections::BTreeMap;

use embed_core::SeededRng;
use embed_core::testkit::{ChiSquare, chi_square};
use graphemb::{Graph, GraphOptions, NodeId, WalkParams, Walks};

/// A graph with a clique, a ring, chords, hubs and self-loops: every distance occurs.
fn graph(n: u32, directed: bool, weighted: bool, hub: bool) -> Graph {
    let mut rng = SeededRng::new(17);
    let mut edges: Vec<(u32, u32, f32)> = Vec::new();
    let mut push =
        |a, b, rng: &mut SeededRng| edges.push((a, b, 0.2 + 4.0 * rng.unit_f32() * rng.unit_f32()));
    for a in 0..n {
        push(a, (a + 1) % n, &mut rng);
        push(a, (a + 2) % n, &mut rng);
        push(a, rng.below(n), &mut rng);
        if hub && a % 2 == 0 {
            push(0, a, &mut rng);
        }
    }
    for a in 3..7 {
        for b in 3..=a {
            push(a, b, &mut rng);
        }
    }
    Graph::from_weighted_edges(
        n as usize,
        edges,
        &GraphOptions { directed, weighted, ..GraphOptions::default() },
    )
    .unwrap()
}

type Law<'a> = &'a dyn Fn(Option<NodeId>, NodeId, NodeId, f64) -> f64;

/// α of node2vec, read off the paper.
fn alpha(graph: &Graph, params: &WalkParams, last: Option<NodeId>, to: NodeId) -> f64 {
    match last {
        None => 1.0,
        Some(t) if t == to => 1.0 / params.p,
        Some(t) if graph.has_edge(t, to) => 1.0,
        Some(_) => 1.0 / params.q,
    }
}

/// Sums the statistics of all contexts (last node, node) that were met often enough.
fn compare(graph: &Graph, walks: &Walks<'_>, law: Law<'_>) -> ChiSquare {
    let mut seen: BTreeMap<(Option<NodeId>, NodeId), BTreeMap<NodeId, u64>> = BTreeMap::new();
    for walk in walks {
        for i in 1..walk.len() {
            let last = (i > 1).then(|| walk[i - 2]);
            *seen.entry((last, walk[i - 1])).or_default().entry(walk[i]).or_default() += 1;
        }
        let end = *walk.last().unwrap();
        assert!(
            walk.len() == walks.params().length as usize || graph.degree(end) == 0,
            "ends only at dead ends"
        );
    }
    let mut sum = ChiSquare { statistic: 0.0, degrees: 0 };
    for ((last, at), counts) in &seen {
        let n: u64 = counts.values().sum();
        let row = graph.neighbors(*at);
        let weight = |i: usize| f64::from(graph.weights(*at).get(i).copied().unwrap_or(1.0));
        let mass: Vec<f64> = (0..row.len()).map(|i| law(*last, *at, row[i], weight(i))).collect();
        let total: f64 = mass.iter().sum();
        let expected: Vec<f64> = mass.iter().map(|m| m / total * n as f64).collect();
        let observed: Vec<u64> = row.iter().map(|x| counts.get(x).copied().unwrap_or(0)).collect();
        assert_eq!(observed.iter().sum::<u64>(), n, "a step to no neighbour");
        if row.len() > 1 && n >= 50 {
            let test = chi_square(&observed, &expected);
            sum.statistic += test.statistic;
            sum.degrees += test.degrees;
        }
    }
    sum
}

fn check(name: &str, graph: &Graph, params: &WalkParams, law: Law<'_>) {
    let test = compare(graph, &Walks::new(graph, params, 3).unwrap(), law);
    assert!(test.degrees > 30 && !test.rejects(1e-5), "{name}, {params:?}: {test:?}");
}

#[test]
fn second_order_steps_follow_the_enumerated_law() {
    // With 16 nodes every node is a hub with a bitmap; with 200 most are not.
    for (directed, weighted, hub, n) in [
        (false, false, true, 16),
        (false, true, true, 16),
        (true, false, true, 16),
        (true, true, true, 16),
        (false, false, true, 200),
        (false, true, false, 200),
        (true, true, true, 200),
    ] {
        let graph = graph(n, directed, weighted, hub);
        assert!(graph.n_self_loops() > 0);
        for p in [0.25, 1.0, 4.0] {
            for q in [0.25, 1.0, 4.0] {
                let walks = if n == 16 { 120 } else { 60 };
                let params = WalkParams { walks, length: 40, p, q, ..WalkParams::default() };
                let law = |last, _, to, weight| weight * alpha(&graph, &params, last, to);
                check(&format!("directed {directed}, weighted {weighted}, {n} nodes"), &graph, &params, &law);
            }
        }
    }
}

#[test]
fn the_test_itself_tells_wrong_laws() {
    let graph = graph(16, true, true, true);
    let params = WalkParams { walks: 120, length: 40, p: 0.25, q: 4.0, ..WalkParams::default() };
    let walks = Walks::new(&graph, &params, 3).unwrap();
    // The edge the wrong way round, and α without the weight.
    let backwards = |last: Option<NodeId>, _, to, weight: f64| match last {
        Some(t) if t != to => weight * if graph.has_edge(to, t) { 1.0 } else { 0.25 },
        last => weight * alpha(&graph, &params, last, to),
    };
    assert!(compare(&graph, &walks, &backwards).rejects(1e-9));
    let unweighted = |last, _, to, _| alpha(&graph, &params, last, to);
    assert!(compare(&graph, &walks, &unweighted).rejects(1e-9));
}

#[test]
fn weights_can_be_left_out() {
    let graph = graph(16, false, true, true);
    for (p, q) in [(1.0, 1.0), (0.25, 4.0)] {
        let params = WalkParams { walks: 120, length: 40, p, q, weighted: false, extended: None };
        check("without weights", &graph, &params, &|last, _, to, _| alpha(&graph, &params, last, to));
    }
}

#[test]
fn extended_steps_follow_the_law_of_node2vec_plus() {
    for directed in [false, true] {
        let graph = graph(16, directed, true, true);
        for gamma in [0.0, 0.5] {
            let threshold = |node: NodeId| {
                let weights: Vec<f64> = graph.weights(node).iter().map(|&w| f64::from(w)).collect();
                let mean = weights.iter().sum::<f64>() / weights.len() as f64;
                let variance = weights.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / weights.len() as f64;
                f64::from((mean + gamma * variance.sqrt()) as f32)
            };
            for (p, q) in [(0.25, 0.25), (4.0, 4.0), (1.0, 0.25), (0.25, 4.0)] {
                let params = WalkParams {
                    walks: 150,
                    length: 40,
                    p,
                    q,
                    extended: Some(gamma),
                    ..WalkParams::default()
                };
                // Liu, Hirn & Krishnan 2023, equation 4: d̃ is the threshold.
                let law = |last: Option<NodeId>, at, to: NodeId, weight: f64| {
                    let Some(t) = last else { return weight };
                    let from_last = graph.weight(t, to).map_or(0.0, f64::from);
                    let alpha = if t == to {
                        1.0 / p
                    } else if from_last > 0.0 && from_last >= threshold(to) {
                        1.0
                    } else if weight < threshold(at) {
                        (1.0f64).min(1.0 / q)
                    } else {
                        1.0 / q + (1.0 - 1.0 / q) * from_last / threshold(to)
                    };
                    weight * alpha
                };
                check("node2vec+", &graph, &params, &law);
            }
        }
    }
}

#[test]
fn the_way_back_is_rarer_with_a_larger_p() {
    let graph = graph(60, false, true, true);
    let share = |p| {
        let params = WalkParams { walks: 40, length: 40, p, ..WalkParams::default() };
        let (mut back, mut steps) = (0.0, 0.0);
        for walk in &Walks::new(&graph, &params, 1).unwrap() {
            back += walk.windows(3).filter(|w| w[0] == w[2]).count() as f64;
            steps += (walk.len() - 2) as f64;
        }
        back / steps
    };
    let shares = [share(0.25), share(1.0), share(4.0)];
    assert!(shares[0] > 1.5 * shares[1] && shares[1] > 2.0 * shares[2], "{shares:?}");
}
