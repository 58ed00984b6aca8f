//! GraphSAGE: what it learns, what new nodes get, that threads change nothing, and that bad input is named.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use embed_core::testkit::{EmbedderSuite, embedder};
use embed_core::{EmbedError, Embedder, Flow, Parallelism, Progress, Run, SeededRng, Vocab, kernel};
use graphemb::{
    Aggregator, Graph, GraphOptions, GraphSage, NodeInput, SageError, SageLayer, SageParams, WalkError,
    WalkParams,
};
use ndarray::Array2;

const POOL: Aggregator = Aggregator::MaxPool { hidden: 24 };

/// Communities of `size` nodes: an edge within is drawn with one chance, between with another. The last node is alone.
fn planted(communities: u32, size: u32, within: f32, between: f32) -> Graph {
    let n = communities * size;
    let mut rng = SeededRng::new(11);
    let mut edges = Vec::new();
    for a in 0..n {
        for b in 0..a {
            if rng.unit_f32() < if a / size == b / size { within } else { between } {
                edges.push((a, b));
            }
        }
    }
    Graph::from_edges(n as usize + 1, edges, &GraphOptions::default()).unwrap()
}

/// Features that say nothing about a community.
fn noise(n: usize, width: usize) -> Array2<f32> {
    let mut rng = SeededRng::new(12);
    Array2::from_shape_simple_fn((n, width), || 2.0 * rng.unit_f32() - 1.0)
}

fn small(aggregator: Aggregator) -> SageParams {
    SageParams {
        aggregator,
        layers: vec![SageLayer { width: 16, sample: 5 }, SageLayer { width: 12, sample: 4 }],
        walks: WalkParams { walks: 4, length: 5, ..WalkParams::default() },
        epochs: 3,
        batch: 64,
        rate: 0.01,
        ..SageParams::items()
    }
}

/// Mean cosine within and between communities, of the vectors given.
fn separation(vectors: &[&[f32]], community: impl Fn(usize) -> usize) -> (f64, f64) {
    let (mut sums, mut counts) = ([0.0; 2], [0.0; 2]);
    for a in 0..vectors.len() {
        for b in 0..a {
            let same = usize::from(community(a) == community(b));
            sums[same] += f64::from(kernel::dot(vectors[a], vectors[b]));
            counts[same] += 1.0;
        }
    }
    (sums[1] / counts[1], sums[0] / counts[0])
}

/// Mean share of the ten nearest that are of the same community: 0.24 by chance where there are four of 30.
fn purity(vectors: &[&[f32]], community: impl Fn(usize) -> usize) -> f64 {
    let share = |a: usize| {
        let mut near: Vec<usize> = (0..vectors.len()).filter(|&b| b != a).collect();
        near.sort_by(|&b, &c| {
            kernel::dot(vectors[a], vectors[c]).total_cmp(&kernel::dot(vectors[a], vectors[b]))
        });
        near[..10].iter().filter(|&&b| community(a) == community(b)).count() as f64 / 10.0
    };
    (0..vectors.len()).map(share).sum::<f64>() / vectors.len() as f64
}

#[test]
fn planted_communities_separate_also_for_nodes_never_seen() {
    let (communities, size) = (4, 30);
    let n = communities * size;
    let graph = planted(communities, size, 0.3, 0.01);
    // From the graph alone, by what each node learns for itself; and where one node in three says where it belongs.
    let hints = Array2::from_shape_fn((n as usize + 1, 4), |(node, column)| {
        if node % 3 == 0 && node / size as usize == column { 1.0 } else { 0.0 }
    });
    for (aggregator, id_dim, features) in [
        (Aggregator::Mean, 16, noise(n as usize + 1, 4)),
        (Aggregator::Mean, 0, hints.clone()),
        (POOL, 0, hints),
    ] {
        let params = SageParams { epochs: 40, id_dim, ..small(aggregator) };
        let model = GraphSage::fit(&params, &graph, features.view(), &mut Run::seeded(3)).unwrap();
        let rows: Vec<&[f32]> = (0..n).map(|node| model.nodes().row(node).unwrap()).collect();
        let (within, between) = separation(&rows, |node| node / size as usize);
        assert!(within > between + 0.25, "{aggregator:?}: {within:.3} within, {between:.3} between");
        let pure = purity(&rows, |node| node / size as usize);
        assert!(pure > 0.6, "{aggregator:?}: {pure:.3} of the ten nearest are of the same community");
        let losses = &model.report().losses;
        assert!(losses[39] < 0.9 * losses[0], "{losses:?}");
        assert_eq!((model.report().nodes, model.report().isolated), (u64::from(n) + 1, 1));

        // A new node that knows five members of a community is nearest to that community.
        for community in 0..communities {
            let neighbors: Vec<u32> = (0..5).map(|i| community * size + 5 * i).collect();
            let new = model.embed(&NodeInput::New { features: &[0.0; 4], neighbors: &neighbors }).unwrap();
            let mean = |c: u32| {
                (0..size).map(|i| kernel::dot(&new, rows[(c * size + i) as usize])).sum::<f32>() / size as f32
            };
            let best = (0..communities).max_by(|&a, &b| mean(a).total_cmp(&mean(b))).unwrap();
            assert_eq!(best, community, "{aggregator:?}");
        }
    }
}

#[test]
fn a_function_learned_on_one_graph_serves_another() {
    let graph = planted(2, 40, 0.3, 0.02);
    // The feature is the community, seen in half of the nodes.
    let seen = |n: usize| {
        Array2::from_shape_fn((n, 2), |(node, column)| {
            if node % 2 == 0 && node < 80 && (node < 40) == (column == 0) { 1.0 } else { 0.0 }
        })
    };
    let params = SageParams { epochs: 10, ..small(Aggregator::Mean) };
    let model = GraphSage::fit(&params, &graph, seen(81).view(), &mut Run::seeded(5)).unwrap();
    // Another graph of the same kind, with other edges and 20 more nodes that nobody knows.
    let mut rng = SeededRng::new(77);
    let edges: Vec<_> =
        (0..800).map(|i| (40 * (i % 2) + rng.below(40), 40 * (i % 2) + rng.below(40))).collect();
    let other = Graph::from_edges(100, edges, &GraphOptions::default()).unwrap();
    let nodes = model.embed_graph(&other, seen(100).view(), Parallelism::All).unwrap();
    let rows: Vec<&[f32]> = (0..80).map(|node| nodes.row(node).unwrap()).collect();
    let (within, between) = separation(&rows, |node| node / 40);
    assert!(within > between + 0.5, "{within:.3} within, {between:.3} between");
    assert_eq!((nodes.len(), nodes.space()), (100, model.nodes().space()));
    let again = model.embed_graph(&graph, seen(81).view(), Parallelism::Sequential).unwrap();
    assert_eq!(
        again.vectors(),
        model.nodes().vectors(),
        "the graph it was trained on gives the same vectors"
    );
}

#[test]
fn a_node_described_anew_gets_its_own_vector() {
    let graph = planted(2, 20, 0.3, 0.05);
    let features = noise(41, 3);
    for aggregator in [Aggregator::Mean, POOL] {
        let model = GraphSage::fit(&small(aggregator), &graph, features.view(), &mut Run::seeded(1)).unwrap();
        for node in [0, 17, 40] {
            let features = features.row(node as usize).to_vec();
            let input = NodeInput::New { features: &features, neighbors: graph.neighbors(node) };
            let (new, own) = (model.embed(&input).unwrap(), model.embed(&NodeInput::Node(node)).unwrap());
            assert!(new.iter().zip(&own).all(|(a, b)| (a - b).abs() < 1e-5), "{new:?} for {own:?}");
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let graph = planted(3, 150, 0.05, 0.01);
    let features = noise(451, 5);
    for aggregator in [Aggregator::Mean, POOL] {
        let params = SageParams { id_dim: 3, id_dropout: 0.2, epochs: 1, batch: 300, ..small(aggregator) };
        let fit = |threads, seed| {
            let mut run = Run::seeded(seed).threads(threads);
            GraphSage::fit(&params, &graph, features.view(), &mut run).unwrap().to_bytes().unwrap()
        };
        let one = fit(1, 4);
        assert!([2, 7].iter().all(|&threads| fit(threads, 4) == one));
        assert_ne!(fit(2, 5), one, "another seed");
    }
}

#[test]
fn it_is_an_embedder() {
    let graph = planted(2, 20, 0.3, 0.05);
    let features = noise(41, 3);
    let params = SageParams { id_dim: 2, ..small(POOL) };
    let model = GraphSage::fit(&params, &graph, features.view(), &mut Run::seeded(1)).unwrap();
    let new = |features, neighbors| NodeInput::New { features, neighbors };
    let inputs = [
        NodeInput::Node(0),
        NodeInput::Node(40),
        new(&[0.5, 1.0, -1.0], &[3, 4, 4]),
        new(&[0.0, 0.0, 0.0], &[]),
        new(&[9.0, 0.0, 0.0], &[40]),
    ];
    let refused = [
        NodeInput::Node(41),
        new(&[0.5, 1.0, -1.0], &[3, 41]),
        new(&[0.5, 1.0], &[3]),
        new(&[0.5, f32::NAN, 0.0], &[3]),
    ];
    let inputs: Vec<&NodeInput<'_>> = inputs.iter().collect();
    let refused: Vec<&NodeInput<'_>> = refused.iter().collect();
    embedder(&model, &EmbedderSuite::new("graphsage", &inputs, &refused));
    assert!(model.nodes().space().accepts(model.space()));

    let bare = SageParams { id_dim: 4, ..small(Aggregator::Mean) };
    let none = Array2::zeros((41, 0));
    let model = GraphSage::fit(&bare, &graph, none.view(), &mut Run::seeded(1)).unwrap();
    assert!(model.embed(&new(&[], &[1, 2])).is_ok(), "neighbours alone are enough");
    assert!(matches!(model.embed(&new(&[], &[])), Err(EmbedError::Empty { .. })));
}

#[test]
fn an_observer_sees_progress_and_can_stop() {
    let graph = planted(2, 60, 0.2, 0.02);
    let features = noise(121, 3);
    let mut params = small(Aggregator::Mean);
    let mut seen = Vec::new();
    let mut watch = |p: &Progress<'_>| {
        assert_eq!((p.stage, p.unit, p.total), ("train", "walks", 121 * 4 * 3));
        seen.push((p.done, p.loss));
        Flow::Continue
    };
    let whole =
        GraphSage::fit(&params, &graph, features.view(), &mut Run::seeded(1).observed(&mut watch)).unwrap();
    assert!(seen[0] == (0, None) && seen.last().unwrap().0 == 121 * 4 * 3, "{seen:?}");
    assert!(seen.last().unwrap().1.unwrap() > 0.0);
    assert!(!whole.report().stopped && whole.report().losses.len() == 3);

    let mut stop = |_: &Progress<'_>| Flow::Stop;
    let mut run = Run::seeded(1).observed(&mut stop);
    let error = GraphSage::fit(&params, &graph, features.view(), &mut run).unwrap_err();
    assert!(matches!(error, SageError::Stopped), "{error}");
    let stopped = GraphSage::fit_until_stopped(&params, &graph, features.view(), &mut run).unwrap();
    assert!(stopped.report().stopped && stopped.report().pairs < whole.report().pairs);
    assert_eq!(stopped.nodes().len(), 121, "what there is is kept");

    // A rate that no training survives.
    params.rate = 10.0;
    params.id_dim = 4;
    params.temperature = 1e-3;
    match GraphSage::fit(&params, &graph, (features * 1e37).view(), &mut Run::seeded(1)) {
        Err(SageError::Diverged { rate, .. }) => assert!((rate - 10.0).abs() < 1e-6),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bad_input_is_named() {
    let graph = Graph::from_edges(3, [(0, 1), (1, 2)], &GraphOptions::default()).unwrap();
    let features = noise(3, 2);
    let fit = |params: &SageParams, graph: &Graph, features: &Array2<f32>| {
        GraphSage::fit(params, graph, features.view(), &mut Run::seeded(1)).unwrap_err()
    };
    let params = small(Aggregator::Mean);
    let said = |params: SageParams| fit(&params, &graph, &features).to_string();
    assert_eq!(said(SageParams { batch: 0, ..params.clone() }), "batch is 0, must be in 1..=1048576");
    assert_eq!(
        said(SageParams { rate: f32::NAN, ..params.clone() }),
        "rate is NaN, must be in 0.000000001..=10"
    );
    assert_eq!(
        said(SageParams { layers: vec![], ..params.clone() }),
        "number of layers is 0, must be in 1..=8"
    );
    let walks = WalkParams { p: 0.0, ..params.walks };
    assert!(said(SageParams { walks, ..params.clone() }).starts_with("p is 0, must be in"));
    assert!(matches!(fit(&params, &graph, &noise(4, 2)), SageError::FeatureRows { expected: 3, got: 4 }));
    let mut bad = features.clone();
    bad[[2, 1]] = f32::INFINITY;
    assert_eq!(fit(&params, &graph, &bad).to_string(), "feature 1 of node 2 is inf, must be finite");
    assert!(matches!(fit(&params, &graph, &Array2::zeros((3, 0))), SageError::NoInput));
    let empty = Graph::from_edges(0, [], &GraphOptions::default()).unwrap();
    assert!(matches!(fit(&params, &empty, &Array2::zeros((0, 2))), SageError::Walk(WalkError::NoNodes)));
    let alone = Graph::from_edges(3, [], &GraphOptions::default()).unwrap();
    assert!(matches!(fit(&params, &alone, &features), SageError::Walk(WalkError::NoEdges { .. })));
    let loops = Graph::from_edges(3, [(1, 1)], &GraphOptions::default()).unwrap();
    assert!(matches!(fit(&params, &loops, &features), SageError::NoPairs { n_nodes: 3 }));
    let mut sampler = negsample::Uniform::new(4).unwrap();
    let other = GraphSage::fit_with(&params, &graph, features.view(), &mut sampler, &mut Run::seeded(1));
    assert!(matches!(other, Err(SageError::Catalogue { expected: 3, got: 4 })));
    let model = GraphSage::fit(&params, &graph, features.view(), &mut Run::seeded(1)).unwrap();
    let other = model.embed_graph(&graph, noise(3, 5).view(), Parallelism::All);
    assert!(matches!(other, Err(SageError::Features { expected: 2, got: 5 })));
}

fn models() -> impl Iterator<Item = GraphSage> {
    let keys = Vocab::from_keys((0..41).map(|node| format!("node {node}"))).unwrap();
    let graph = planted(2, 20, 0.3, 0.05).with_keys(keys).unwrap();
    [Aggregator::Mean, Aggregator::MaxPool { hidden: 4 }].into_iter().map(move |aggregator| {
        let layers = vec![SageLayer { width: 3, sample: 5 }, SageLayer { width: 2, sample: 4 }];
        let params = SageParams { epochs: 1, layers, id_dim: 1, ..small(aggregator) };
        GraphSage::fit(&params, &graph, noise(41, 2).view(), &mut Run::seeded(1)).unwrap()
    })
}

/// What a model says may be wrong, but it says something.
fn use_it(model: &GraphSage) {
    let mut features = vec![0.5; model.n_features()];
    for neighbors in [&[0, 40][..], &[], &[u32::MAX]] {
        let _ = model.embed(&NodeInput::New { features: &features, neighbors });
    }
    features.push(1.0);
    let _ = (
        model.embed(&NodeInput::Node(7)),
        model.embed(&NodeInput::New { features: &features, neighbors: &[] }),
    );
}

#[test]
fn what_was_saved_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.nf");
    for model in models() {
        model.save(&path).unwrap();
        let opened = GraphSage::open(&path).unwrap();
        assert_eq!(opened.nodes(), model.nodes());
        assert_eq!(opened.nodes().vocab().key(40), Some("node 40"));
        assert_eq!((opened.params(), opened.report()), (model.params(), model.report()));
        let input = NodeInput::New { features: &[0.3, -2.0], neighbors: &[3, 9] };
        assert_eq!(opened.embed(&input).unwrap(), model.embed(&input).unwrap());
        assert_eq!(opened.to_bytes().unwrap(), std::fs::read(&path).unwrap(), "saving again changes nothing");
    }
}

#[test]
fn every_truncation_and_every_flipped_byte_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.nf");
    for model in models() {
        let mut bytes = model.to_bytes().unwrap();
        for len in 0..bytes.len() {
            assert!(GraphSage::from_bytes(&bytes[..len]).is_err(), "{len} of {} bytes", bytes.len());
        }
        for at in (0..bytes.len()).step_by(7) {
            bytes[at] ^= 0x41;
            std::fs::write(&path, &bytes).unwrap();
            assert!(GraphSage::open(&path).is_err(), "byte {at}");
            bytes[at] ^= 0x41;
        }
    }
}

#[test]
fn a_damaged_model_that_is_not_verified_never_panics() {
    let mut rng = SeededRng::new(9);
    for model in models() {
        let clean = model.to_bytes().unwrap();
        let mut opened = 0;
        for _ in 0..300 {
            let mut bytes = clean.clone();
            let sections = 5 + 2 * 4 + 4;
            let (from, to) = (256, u32::try_from(bytes.len()).unwrap() - sections * 64);
            for _ in 0..1 << rng.below(6) {
                let at = (from + rng.below(to - from)) as usize;
                bytes[at] = [0, 0x3f, 0x40, 0x80, 3][rng.below(5) as usize];
            }
            if let Ok(model) = GraphSage::from_bytes(&bytes) {
                opened += 1;
                use_it(&model);
            }
        }
        assert!(opened > 50, "only {opened} could be tried");
    }
}
