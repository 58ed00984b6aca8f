//! Recall of graphs for inner products, by what they are built over.
//!
//!     cargo run --release -p ann --example compare_product_graphs -- [BASE QUERIES]
//!
//! Any file of vectors that `embed_core::formats` reads. Without them, seeded clustered vectors.
#![allow(clippy::print_stdout, reason = "an example prints what it found")]

use ann::{Flat, Hnsw, HnswParams, ProductGraph};
use embed_core::testkit::{clustered, recall};
use embed_core::{AnnIndex, Effort, Metric, Parallelism, Run, SearchRequest, formats};
use ndarray::s;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let read = |path: &String| formats::read_vectors(path).map(|items| items.into_parts().1);
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (base, queries) = if let [base, queries] = &args[..] {
        (read(base)?, read(queries)?)
    } else {
        let all = clustered(11_000, 32, 100, 1);
        (all.slice(s![..10_000, ..]).to_owned(), all.slice(s![10_000.., ..]).to_owned())
    };
    let mut run = Run::seeded(1);
    let metric = Metric::InnerProduct;
    let flat = Flat::build(&base, metric, &mut run)?;
    let truth = flat.search_batch(queries.view(), &[SearchRequest::k(10)], Parallelism::All)?;
    for product_graph in [ProductGraph::Auto, ProductGraph::Augmented, ProductGraph::Raw] {
        let params = HnswParams { product_graph, ..HnswParams::with_m(16) };
        let start = std::time::Instant::now();
        let index = Hnsw::build(&base, metric, &params, &mut run)?;
        println!("{product_graph:?}: built in {:.2?}, {} links", start.elapsed(), index.report().links);
        for ef in [10, 20, 40, 80, 160] {
            let request = [SearchRequest::k(10).effort(Effort::Value(ef))];
            let start = std::time::Instant::now();
            let found = index.search_batch(queries.view(), &request, Parallelism::Sequential)?;
            let rate = queries.nrows() as f64 / start.elapsed().as_secs_f64();
            let mean = truth.iter().zip(&found).map(|(exact, got)| recall(exact, got)).sum::<f64>()
                / truth.len() as f64;
            println!("  ef {ef:4}  recall@10 {mean:.4}  {rate:8.0} queries/s");
        }
    }
    Ok(())
}
