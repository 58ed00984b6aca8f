//! Three graphs that are no logs, from text to neighbours: who follows whom, what is known, what items are like.
//!
//! `cargo run --release -p graphemb --example embed_graphs`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use embed_core::{Metric, Run};
use graphemb::{
    Columns, DeepWalk, EdgeOptions, Graph, GraphOptions, Layout, Node2Vec, NodeParams, NodeVectors,
};

fn main() -> Result<(), Box<dyn Error>> {
    // Social: directed edges; q below 1 explores.
    let follows = "ann bob\nbob ann\nann cy\ncy bob\nbob cy\nxi yo\nyo zed\nzed xi\nxi zed\ncy xi\n";
    let directed = EdgeOptions {
        graph: GraphOptions { directed: true, ..GraphOptions::default() },
        ..EdgeOptions::default()
    };
    let (graph, _) = Graph::read_from(follows.as_bytes(), "follows.txt", &directed)?;
    show(
        "social",
        &Node2Vec::fit(&small(NodeParams::node2vec(1.0, 0.5)), &graph, &mut Run::seeded(1))?,
        "ann",
    );

    // Knowledge: head, relation, tail; what is needed counts twice, who sells it not at all.
    let facts = "tent\tneeds\tpegs\ntent\tneeds\trope\nhut\tneeds\tnails\nhut\tneeds\tplanks\ntent\tis\tshelter\n\
                 hut\tis\tshelter\npegs\tsold by\tshop\nnails\tsold by\tshop\nroof\tneeds\tnails\nroof\tneeds\tplanks\n";
    let triples = EdgeOptions {
        graph: GraphOptions { weighted: true, ..GraphOptions::default() },
        layout: Layout::Edges(Columns::TRIPLES),
        kinds: vec![("needs".to_owned(), 2.0), ("is".to_owned(), 1.0)],
        ..EdgeOptions::default()
    };
    let (graph, report) = Graph::read_from(facts.as_bytes(), "facts.tsv", &triples)?;
    println!("knowledge: {} facts of other relations left out", report.other_kinds);
    show(
        "knowledge",
        &Node2Vec::fit(&small(NodeParams::node2vec(1.0, 1.0)), &graph, &mut Run::seeded(1))?,
        "hut",
    );

    // Items and attributes: a bipartite graph in a plain edge list.
    let attributes = "apple,red\ncherry,red\ncherry,small\napple,fruit\ncherry,fruit\ncar,red\ncar,fast\nbike,fast\n\
                      bike,wheels\ncar,wheels\ntrain,wheels\ntrain,fast\npear,fruit\npear,green\n";
    let (graph, _) = Graph::read_from(attributes.as_bytes(), "attributes.csv", &EdgeOptions::default())?;
    show(
        "items and attributes",
        &DeepWalk::fit(&small(NodeParams::deepwalk()), &graph, &mut Run::seeded(1))?,
        "car",
    );
    Ok(())
}

/// Settings for a handful of nodes.
fn small(mut params: NodeParams) -> NodeParams {
    params.train.dim = 8;
    params.train.window = seqemb::Window::Sliding { size: 3, dynamic: true };
    params.train.epochs = 20;
    params.walks.length = 20;
    params
}

fn show(what: &str, nodes: &NodeVectors, key: &str) {
    let (keys, vectors) = (nodes.vectors.input.vocab(), &nodes.vectors.input);
    let Some(centre) = vectors.get(key) else { return };
    let mut near: Vec<(f32, &str)> = keys
        .keys()
        .filter(|other| *other != key)
        .filter_map(|other| Some((Metric::Cosine.score(centre, vectors.get(other)?), other)))
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let words: Vec<String> =
        near.iter().take(3).map(|(score, other)| format!("{other} {score:.2}")).collect();
    println!("{what}: nearest to {key}: {}", words.join(", "));
}
