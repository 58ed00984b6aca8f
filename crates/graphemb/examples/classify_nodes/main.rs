//! Multi-label classification of nodes by their vectors, as the papers of DeepWalk and node2vec measure it: one-vs-rest
//! logistic regression on a share of the nodes, as many labels predicted for each other node as it has.
//!
//! `cargo run --release -p graphemb --example classify_nodes -- [EDGES LABELS] [NAME=VALUE]…`
//!
//! LABELS holds lines `node label label …`. Settings: method (deepwalk, node2vec), p, q, loss (ns, hs), walks, length,
//! window, passes, dim, rate, negatives, exponent, seed, threads; share (`50` or `10,50,90` percent labelled), shuffles,
//! out (a file for the vectors). Without files it classifies a planted graph.

#![allow(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an example shows what it does, with small numbers"
)]

mod labels;
mod regression;
mod settings;

use std::error::Error;
use std::time::Instant;

use embed_core::Run;
use embed_core::formats::write_vectors;
use graphemb::{EdgeOptions, Graph, Node2Vec};

use labels::Labels;
use settings::Settings;

fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::parse(std::env::args().skip(1))?;
    let (graph, labels) = match &settings.files {
        Some((edges, labels)) => {
            let graph = Graph::read(edges, &EdgeOptions::default())?.0;
            let labels = Labels::read(labels, &*graph.keys_or_numbers()?)?;
            (graph, labels)
        }
        None => labels::planted()?,
    };
    let start = Instant::now();
    let mut run = Run::seeded(settings.seed).threads(settings.threads);
    let nodes = Node2Vec::fit(&settings.params, &graph, &mut run)?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} nodes, {} edges, {} walks, {:.1} M steps/s, {seconds:.1} s in all, loss {:.3}",
        graph.n_nodes(),
        graph.n_edges(),
        nodes.walks.walks,
        nodes.walks.steps_per_second() / 1e6,
        nodes.vectors.report.final_loss()
    );
    if let Some(path) = &settings.out {
        write_vectors(path, &nodes.vectors.input)?;
    }
    println!("labelled  micro-F1  macro-F1  (mean of {} shuffles)", settings.shuffles);
    for share in &settings.shares {
        let (micro, macro_) = labels.score(nodes.vectors.input.vectors(), *share, settings.shuffles);
        println!("{:7.0}%  {:8.2}  {:8.2}", 100.0 * share, 100.0 * micro, 100.0 * macro_);
    }
    Ok(())
}
