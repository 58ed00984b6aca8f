//! Graphs of real data, when `NEARFIELD_DATA` names the folder that holds it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the test, and its figures are for the eye"
)]

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use embed_core::testkit::real_data;
use embed_core::{Csr, ItemId, Metric, Run};
use graphemb::{
    EdgeOptions, Graph, ItemGraphParams, Layout, Node2Vec, NodeParams, Similarity, UserItemGraph, item_graph,
};

/// Gowalla's training part, a user a row.
fn gowalla(folder: &Path) -> Csr {
    let mut text = String::new();
    let file = std::fs::File::open(folder.join("train.txt.gz")).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let items =
        |line: &str| line.split(' ').skip(1).map(|item| item.parse().unwrap()).collect::<Vec<ItemId>>();
    Csr::from_rows(text.lines().map(items))
}

/// The edge list names 9 and 33 twice, and lacks one of the 78 edges that the adjacency list has.
#[test]
fn the_karate_club_is_read_from_either_file() {
    let Some(folder) = real_data("karate") else { return };
    let adjacency = EdgeOptions { layout: Layout::Adjacency, ..EdgeOptions::default() };
    for (file, options, n_edges) in
        [("karate.edgelist", EdgeOptions::default(), 77), ("karate.adjlist", adjacency, 78)]
    {
        let (graph, _) = Graph::read(folder.join(file), &options).unwrap();
        assert_eq!((graph.n_nodes(), graph.n_edges(), graph.n_isolated()), (34, n_edges, 0), "{file}");
    }
}

/// A fortieth of the walks of the published figures; a node's nearest node shares one of its 1.4 labels (of 39).
#[test]
fn node2vec_on_blogcatalog_finds_nodes_of_like_labels() {
    let Some(folder) = real_data("blogcatalog") else { return };
    let (graph, report) = Graph::read(folder.join("edges.txt.gz"), &EdgeOptions::default()).unwrap();
    assert_eq!((graph.n_nodes(), graph.n_edges(), graph.n_isolated()), (10_312, 333_983, 0));
    assert_eq!((report.edges.parallel_merged, report.edges.self_loops_dropped), (0, 0));
    let mut params = NodeParams::node2vec(0.25, 0.25);
    (params.walks.walks, params.train.dim) = (4, 64);
    let nodes = Node2Vec::fit(&params, &graph, &mut Run::seeded(1)).unwrap();

    let keys = graph.keys().unwrap().unwrap();
    let mut labels = vec![BTreeSet::new(); graph.n_nodes()];
    for line in std::fs::read_to_string(folder.join("labels.txt")).unwrap().lines() {
        let mut words = line.split_whitespace();
        let node = keys.get(words.next().unwrap()).unwrap();
        labels[node as usize] = words.map(str::to_owned).collect();
    }
    let vector = |node| nodes.vectors.input.row(node).unwrap();
    let all: Vec<u32> = (0..).take(graph.n_nodes()).collect();
    let asked: Vec<u32> = all.iter().copied().step_by(10).collect();
    let share = |near: &dyn Fn(u32) -> u32| {
        let like = |node: &&u32| !labels[**node as usize].is_disjoint(&labels[near(**node) as usize]);
        asked.iter().filter(like).count() as f64 / asked.len() as f64
    };
    let nearest = |node| {
        let score = |other: &u32| Metric::Cosine.score(vector(node), vector(*other));
        let others = all.iter().copied().filter(|other| *other != node);
        others.max_by(|a, b| score(a).total_cmp(&score(b))).unwrap()
    };
    let (near, far) = (share(&nearest), share(&|node| (node + 5000) % 10_312));
    println!("share of nodes with a label of the nearest: {near:.3}, of another: {far:.3}");
    assert!(near > 1.6 * far, "{near} beside {far}");
}

/// Counts, and the nearest of some items against all pairs of theirs.
#[test]
fn the_jaccard_graph_of_gowalla_has_the_nearest() {
    let Some(folder) = real_data("gowalla") else { return };
    let (histories, n_items) = (gowalla(&folder), 40_981);
    let bipartite = UserItemGraph::build(&histories, n_items, false).unwrap().graph;
    assert_eq!((bipartite.n_nodes(), bipartite.n_edges()), (70_839, 810_128));

    let params = ItemGraphParams::default();
    let (graph, report) = item_graph(&histories, n_items, &params, &mut Run::seeded(1)).unwrap();
    assert_eq!((graph.n_nodes(), graph.n_edges()), (n_items, 1_409_389));
    assert_eq!(report.users, 29_858);
    let mut users = vec![BTreeSet::new(); n_items];
    for (user, row) in (0u32..).zip(histories.rows()) {
        for &item in row {
            users[item as usize].insert(user);
        }
    }
    for item in (0..40_981).step_by(1_500) {
        let of = |other: u32| {
            let (a, b) = (&users[item as usize], &users[other as usize]);
            let both = u32::try_from(a.intersection(b).count()).unwrap();
            let [a, b] = [a, b].map(|set| u32::try_from(set.len()).unwrap());
            Similarity::Jaccard.score(both, a, b, 29_858)
        };
        let mut all: Vec<f32> =
            (0..40_981).filter(|other| *other != item).map(of).filter(|s| *s > 0.0).collect();
        all.sort_by(|a, b| b.total_cmp(a));
        let mut found: Vec<f32> = graph.neighbors(item).iter().map(|&other| of(other)).collect();
        assert_eq!(found, graph.weights(item), "item {item}");
        found.sort_by(|a, b| b.total_cmp(a));
        let nearest = all.len().min(params.top_k);
        assert_eq!(found[..nearest], all[..nearest], "item {item}");
    }
}
