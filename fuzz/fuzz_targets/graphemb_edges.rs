//! Any text as an edge list or adjacency lists, by white space or comma, plain or unpacked.
#![no_main]

use graphemb::{Columns, EdgeOptions, Graph, Layout};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [flags, text @ ..] = bytes else { return };
    let layout = match flags & 3 {
        0 => Layout::Adjacency,
        1 => Layout::Edges(Columns::TRIPLES),
        _ => Layout::Edges(Columns::WEIGHTED),
    };
    let mut options =
        EdgeOptions { layout, max_line_bytes: 1 << 12, header: flags & 4 > 0, ..EdgeOptions::weighted() };
    options.graph.directed = flags & 8 > 0;
    let name = match flags >> 4 & 3 {
        0 => "edges.csv",
        1 => "edges.gz",
        _ => "edges",
    };
    // What is read is a graph.
    if let Ok((graph, _)) = Graph::read_from(text, name, &options) {
        let file = graph.to_bytes().expect("keys in memory");
        Graph::from_bytes(&file).and_then(|graph| graph.verify()).expect("a built graph is a graph");
    }
});
