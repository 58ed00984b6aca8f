//! Exact search against the definition, on any input: single queries, batches, every filter, radii.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use ann::Flat;
use embed_core::testkit::exact_top_k;
use embed_core::{AnnIndex, Bitmap, Filter, Metric, Neighbor, Parallelism, Run, SearchRequest};
use ndarray::Array2;
use proptest::prelude::*;

/// Vectors whose products and distances are exact in any order of summation, with many ties.
fn integers(
    rows: impl Into<proptest::collection::SizeRange>,
    dim: usize,
) -> impl Strategy<Value = Array2<f32>> {
    let row = proptest::collection::vec(-2i8..3, dim);
    proptest::collection::vec(row, rows).prop_map(move |rows| {
        let values = rows.iter().flatten().map(|&x| f32::from(x)).collect();
        Array2::from_shape_vec((rows.len(), dim), values).unwrap()
    })
}

fn pairs(neighbors: &[Neighbor]) -> Vec<(u32, f32)> {
    neighbors.iter().map(|n| (n.id, n.score)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn the_answer_is_the_one_by_definition(
        vectors in integers(0..90, 5),
        queries in integers(1..9, 5),
        k in 0usize..25,
        ids in proptest::collection::btree_set(0u32..100, 0..60),
        words in any::<[u64; 2]>(),
    ) {
        let ids: Vec<u32> = ids.into_iter().collect();
        let third = |id: u32| id % 3 == 1;
        for metric in [Metric::InnerProduct, Metric::L2] {
            let flat = Flat::build(&vectors, metric, &mut Run::default()).unwrap();
            for filter in [
                Filter::All,
                Filter::Deny(&ids),
                Filter::Allow(&ids),
                Filter::Bitmap(Bitmap(&words)),
                Filter::Where(&third),
            ] {
                let request = SearchRequest::k(k).filter(filter);
                let batch = flat.search_batch(queries.view(), &[request], Parallelism::Sequential).unwrap();
                for (query, batched) in queries.rows().into_iter().zip(&batch) {
                    let query = query.as_slice().unwrap();
                    let exact = exact_top_k(vectors.view(), metric, query, k, filter);
                    let got = flat.search(query, &request).unwrap();
                    prop_assert_eq!(pairs(&got), pairs(&exact));
                    prop_assert_eq!(batched, &got);
                }
            }
        }
    }

    /// The matrix product rounds otherwise than the row kernels, and may not let a row slip through.
    #[test]
    fn a_batch_is_one_search_after_the_other_whatever_the_magnitudes(
        seed in any::<u64>(),
        dim in 1usize..70,
        exponents in proptest::collection::vec(-24i32..20, 1..5),
    ) {
        let mut vectors = embed_core::testkit::clustered(300, dim, 4, seed);
        for (row, mut vector) in vectors.rows_mut().into_iter().enumerate() {
            let scale = 10f32.powi(exponents[row % exponents.len()]);
            vector.iter_mut().for_each(|x| *x *= scale);
        }
        let mut queries = vectors.slice(ndarray::s![..20, ..]).to_owned();
        queries.row_mut(3).fill(0.0);
        for metric in Metric::ALL {
            let flat = Flat::build(&vectors, metric, &mut Run::default()).unwrap();
            for request in [SearchRequest::k(7), SearchRequest::radius(0.4)] {
                let batch = flat.search_batch(queries.view(), &[request], Parallelism::Sequential).unwrap();
                for (query, batched) in queries.rows().into_iter().zip(&batch) {
                    let one = flat.search(query.as_slice().unwrap(), &request).unwrap();
                    prop_assert_eq!(batched, &one, "{}", metric);
                }
            }
        }
    }
}

#[test]
fn more_rows_than_one_task_and_more_queries_than_one_tile() {
    let vectors = embed_core::testkit::clustered(70_000, 4, 30, 8);
    let queries = embed_core::testkit::clustered(600, 4, 30, 9);
    let flat = Flat::build(&vectors, Metric::L2, &mut Run::default()).unwrap();
    let request = [SearchRequest::k(20)];
    let batch = flat.search_batch(queries.view(), &request, Parallelism::All).unwrap();
    for (query, batched) in queries.rows().into_iter().zip(&batch) {
        assert_eq!(batched, &flat.search(query.as_slice().unwrap(), &request[0]).unwrap());
    }
}

#[test]
fn a_negative_radius_holds_nothing_under_l2() {
    let flat = Flat::build(&ndarray::array![[0.0, 1.0]], Metric::L2, &mut Run::default()).unwrap();
    assert_eq!(flat.search(&[0.0, 1.0], &SearchRequest::radius(-1.0)).unwrap(), []);
    assert_eq!(flat.search(&[0.0, 1.0], &SearchRequest::radius(0.0)).unwrap().len(), 1);
}
