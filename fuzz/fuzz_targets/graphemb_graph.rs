//! Any bytes as a graph file, and a good one with its arrays overwritten, opened and used unverified.
#![no_main]

use std::sync::LazyLock;

use embed_core::Vocab;
use graphemb::{Graph, GraphOptions};
use libfuzzer_sys::fuzz_target;

static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let edges = (0..90u32).map(|i| (i * 7 % 31, i * i % 31, 1.0 + i as f32));
    let graph = |directed, weighted| {
        let options = GraphOptions { directed, weighted, ..GraphOptions::default() };
        let graph = Graph::from_weighted_edges(31, edges.clone(), &options).expect("good edges");
        let keys = Vocab::from_keys((0..31).map(|i| i.to_string())).expect("distinct");
        graph.with_keys(keys).expect("a key a node").to_bytes().expect("good keys")
    };
    vec![graph(false, false), graph(true, true)]
});

fn walk(graph: &Graph) {
    let _ = (graph.verify(), graph.keys().is_ok(), graph.n_isolated(), graph.n_edges());
    for node in [0, 7, 30, u32::MAX] {
        for &neighbor in graph.neighbors(node) {
            let _ = (graph.weight(node, neighbor), graph.has_edge(neighbor, node));
        }
    }
    let _ = graph.edges().count();
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(graph) = Graph::from_bytes(bytes) {
        walk(&graph);
    }
    let [which, edits @ ..] = bytes else { return };
    let mut file = GOOD[usize::from(*which) % GOOD.len()].clone();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % file.len();
        file[at] = edit[2];
    }
    if let Ok(graph) = Graph::from_bytes(&file) {
        walk(&graph);
    }
});
