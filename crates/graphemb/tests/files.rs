//! Graph files: what was saved is opened, and damage is an error or a harmless wrong answer.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test fails by a panic, and its numbers are small"
)]

use embed_core::{SeededRng, Vocab};
use graphemb::{Graph, GraphOptions};

fn sample(n: u32, directed: bool, weighted: bool) -> Graph {
    let mut rng = SeededRng::new(5);
    let edges: Vec<_> = (0..4 * n).map(|_| (rng.below(n), rng.below(n), 0.25 + rng.unit_f32())).collect();
    let options = GraphOptions { directed, weighted, ..GraphOptions::default() };
    let keys = Vocab::from_keys((0..=n).map(|node| format!("node {node}"))).unwrap();
    Graph::from_weighted_edges(n as usize + 1, edges, &options).unwrap().with_keys(keys).unwrap()
}

fn all() -> impl Iterator<Item = Graph> {
    [(false, false), (true, false), (false, true), (true, true)].into_iter().map(|(d, w)| sample(20, d, w))
}

#[test]
fn what_was_saved_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.nf");
    for graph in all() {
        graph.save(&path).unwrap();
        let opened = Graph::open_verified(&path).unwrap();
        assert_eq!(opened, graph);
        assert_eq!(opened.keys().unwrap(), graph.keys().unwrap());
        assert_eq!(opened.n_isolated(), graph.n_isolated());
        assert_eq!(opened.to_bytes().unwrap(), std::fs::read(&path).unwrap(), "saving again changes nothing");
    }
    let bare = Graph::from_edges(0, [], &GraphOptions::default()).unwrap();
    let opened = Graph::from_bytes(&bare.to_bytes().unwrap()).unwrap();
    opened.verify().unwrap();
    assert_eq!((opened.n_nodes(), opened.keys().unwrap()), (0, None));
    assert_eq!(sample(3, false, false).keys_or_numbers().unwrap().key(1), Some("node 1"));
    let numbered = Graph::from_edges(3, [(0, 1)], &GraphOptions::default()).unwrap();
    assert_eq!(numbered.keys_or_numbers().unwrap().key(2), Some("2"));
}

#[test]
fn every_truncation_and_every_flipped_byte_is_found() {
    for graph in all() {
        let mut bytes = graph.to_bytes().unwrap();
        for len in 0..bytes.len() {
            assert!(Graph::from_bytes(&bytes[..len]).is_err(), "{len} of {} bytes", bytes.len());
        }
        for at in 0..bytes.len() {
            bytes[at] ^= 0x41;
            assert!(Graph::from_bytes(&bytes).and_then(|graph| graph.verify()).is_err(), "byte {at}");
            bytes[at] ^= 0x41;
        }
    }
}

/// What an unverified graph says may be wrong, but it says something.
fn use_it(graph: &Graph) {
    let _ = (graph.verify(), graph.keys(), graph.n_isolated(), graph.n_edges());
    for node in [0, 3, 20, 21, u32::MAX] {
        for &neighbor in graph.neighbors(node) {
            let _ = (graph.weight(node, neighbor), graph.degree(neighbor), graph.has_edge(neighbor, node));
        }
    }
    assert!(graph.edges().count() <= graph.n_entries().saturating_mul(graph.n_nodes() + 1));
    let _ = graph.to_petgraph::<petgraph::Directed>();
}

#[test]
fn a_damaged_graph_that_is_not_verified_never_panics() {
    let mut rng = SeededRng::new(9);
    for graph in all() {
        let clean = graph.to_bytes().unwrap();
        let mut opened = 0;
        for _ in 0..300 {
            let mut bytes = clean.clone();
            // The arrays lie between the header and the section table.
            let (from, to) = (128, u32::try_from(bytes.len()).unwrap() - 5 * 64);
            for _ in 0..1 << rng.below(8) {
                let at = (from + rng.below(to - from)) as usize;
                bytes[at] = [0, 0xff, 0x7f, 0x80, 3][rng.below(5) as usize];
            }
            if let Ok(graph) = Graph::from_bytes(&bytes) {
                opened += 1;
                use_it(&graph);
            }
        }
        assert!(opened > 200, "only {opened} could be tried");
    }
}

#[test]
fn arrays_that_are_no_graph_are_named() {
    use embed_core::store::Writer;
    let check = |offsets: &[u64], neighbors: &[u32], directed: bool| {
        let header = (offsets.len() as u64 - 1, neighbors.len() as u64, 0u64, directed, false, false);
        let mut writer = Writer::in_memory(Graph::KIND, &header).unwrap();
        writer.section("offsets", offsets).unwrap().section("neighbors", neighbors).unwrap();
        let graph = Graph::from_bytes(&writer.into_bytes().unwrap()).unwrap();
        use_it(&graph);
        graph.verify().unwrap_err().to_string()
    };
    assert_eq!(check(&[0, 1, 1], &[2], true), "<memory>: neighbour 0 of node 0 is 2, expected 2");
    assert_eq!(check(&[0, 2, 2], &[1, 1], true), "<memory>: neighbour 1 of node 0 is 1, expected 2");
    assert_eq!(check(&[0, 9, 1], &[1], true), "<memory>: offset of row 1 is 9, expected 0");
    assert_eq!(check(&[0, 1, 0], &[1], true), "<memory>: offset of row 2 is 0, expected 1");
    assert_eq!(check(&[0, 0, 0], &[1], true), "<memory>: end of the last row is 0, expected 1");
    assert_eq!(check(&[0, 1, 1], &[0], true), "<memory>: number of self-loops is 0, expected 1");
    assert_eq!(
        check(&[0, 1, 1], &[1], false),
        "<memory>: mirror image of neighbour 0 of node 0 is 0, expected 1"
    );
}
