//! On the MNIST images. Needs `NEARFIELD_DATA`; best with `--release`.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use ann::{Flat, Hnsw, HnswParams};
use embed_core::testkit::{real_data, recall};
use embed_core::{AnnIndex, Effort, Metric, Parallelism, Run, SearchRequest, formats};
use ndarray::s;

#[test]
fn hnsw_finds_the_neighbours_of_images() {
    let Some(folder) = real_data("mnist-784") else { return };
    let images = |name: &str| formats::idx::read_f32(folder.join(name)).unwrap();
    let base = images("train-images-idx3-ubyte.gz");
    let queries = images("t10k-images-idx3-ubyte.gz");
    let queries = queries.slice(s![..1000, ..]);
    let flat = Flat::build(&base, Metric::L2, &mut Run::default()).unwrap();
    let exact = flat.search_batch(queries, &[SearchRequest::k(10)], Parallelism::All).unwrap();
    let index = Hnsw::build(&base, Metric::L2, &HnswParams::with_m(16), &mut Run::seeded(1)).unwrap();
    println!("{:?}", index.report());
    for (ef, floor) in [(16, 0.95), (64, 0.99)] {
        let request = [SearchRequest::k(10).effort(Effort::Value(ef))];
        let got = index.search_batch(queries, &request, Parallelism::All).unwrap();
        let mean = exact.iter().zip(&got).map(|(exact, got)| recall(exact, got)).sum::<f64>() / 1000.0;
        println!("ef {ef}: recall@10 {mean:.4}");
        assert!(mean >= floor, "ef {ef}: recall@10 {mean}");
    }
}
