//! On the MNIST images. Needs `NEARFIELD_DATA`; best with `--release`.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use ann::{Flat, Hnsw, HnswParams, IndexSpec};
use embed_core::testkit::{real_data, recall};
use embed_core::{AnnIndex, Effort, Metric, Neighbor, Parallelism, Run, SearchRequest, formats};
use ndarray::{Array2, s};

/// The images, and the first 1,000 of those to be searched for.
fn images() -> Option<(Array2<f32>, Array2<f32>)> {
    let folder = real_data("mnist-784")?;
    let read = |name: &str| formats::idx::read_f32(folder.join(name)).unwrap();
    let queries = read("t10k-images-idx3-ubyte.gz").slice(s![..1000, ..]).to_owned();
    Some((read("train-images-idx3-ubyte.gz"), queries))
}

fn exact(base: &Array2<f32>, queries: &Array2<f32>) -> Vec<Vec<Neighbor>> {
    let flat = Flat::build(base, Metric::L2, &mut Run::default()).unwrap();
    flat.search_batch(queries.view(), &[SearchRequest::k(10)], Parallelism::All).unwrap()
}

fn mean_recall(exact: &[Vec<Neighbor>], got: &[Vec<Neighbor>]) -> f64 {
    exact.iter().zip(got).map(|(exact, got)| recall(exact, got)).sum::<f64>() / exact.len() as f64
}

#[test]
fn hnsw_finds_the_neighbours_of_images() {
    let Some((base, queries)) = images() else { return };
    let exact = exact(&base, &queries);
    let index = Hnsw::build(&base, Metric::L2, &HnswParams::with_m(16), &mut Run::seeded(1)).unwrap();
    println!("{:?}", index.report());
    for (ef, floor) in [(16, 0.95), (64, 0.99)] {
        let request = [SearchRequest::k(10).effort(Effort::Value(ef))];
        let got = index.search_batch(queries.view(), &request, Parallelism::All).unwrap();
        let mean = mean_recall(&exact, &got);
        println!("ef {ef}: recall@10 {mean:.4}");
        assert!(mean >= floor, "ef {ef}: recall@10 {mean}");
    }
}

/// Even parts would find 0.816: a third of an image's components are nearly constant.
#[test]
fn parts_of_product_codes_go_where_images_differ() {
    let Some((base, queries)) = images() else { return };
    let exact = exact(&base, &queries);
    let spec: IndexSpec = "PQ196x4fs".parse().unwrap();
    let index = spec.build(&base, Metric::L2, &mut Run::seeded(1)).unwrap();
    let got = index.search_batch(queries.view(), &[SearchRequest::k(10)], Parallelism::All).unwrap();
    // By ids: what codes say of distances is not what they are.
    let found = |(exact, got): (&Vec<Neighbor>, &Vec<Neighbor>)| {
        got.iter().filter(|got| exact.iter().any(|exact| exact.id == got.id)).count()
    };
    let mean = exact.iter().zip(&got).map(found).sum::<usize>() as f64 / 10_000.0;
    println!("{spec}: recall@10 {mean:.4}");
    assert!(mean >= 0.88, "recall@10 {mean}");
}
