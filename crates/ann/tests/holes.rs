//! Tables in which some rows were not trained: those rows are in no answer, and all others keep their ids and keys.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use ann::{Hnsw, HnswParams, Index, IndexSpec, Sample, Truth, TuneParams, Vectors};
use embed_core::testkit::{clustered, exact_top_k};
use embed_core::{
    AnnIndex, Bitmap, Effort, Embeddings, Filter, Metric, Neighbor, Parallelism, RowMask, Run, SearchError,
    SearchRequest, SeededRng, Vocab,
};
use ndarray::{Array2, Axis};

const SPECS: [&str; 10] = [
    "Flat",
    "HNSW8",
    "HNSW8,SQ8",
    "IVF9,Flat",
    "IVF9,SQ8",
    "IVF7,PQ3x4fs,Refine(Flat)",
    "OPQ3,IVF4,PQ3x8,Refine(SQ8)",
    "PQ3x8",
    "SQ8,Refine(Flat)",
    "RPForest6",
];
const DIM: usize = 6;
const N: usize = 420;

fn items() -> Embeddings {
    let mut rng = SeededRng::new(5);
    let mut vectors = clustered(N, DIM, 7, 3);
    // Copies, so that there are ties.
    for row in 300..320 {
        let copy = vectors.row(row - 290).to_owned();
        vectors.row_mut(row).assign(&copy);
    }
    let trained = RowMask::from_fn(N, |_| rng.below(10) >= 3);
    (0..N).filter(|&row| !trained.contains(row)).for_each(|row| vectors.row_mut(row).fill(0.0));
    let keys = Vocab::from_keys((0..N).map(|i| format!("sku-{i}"))).unwrap();
    Embeddings::new(keys, vectors).unwrap().with_trained(trained).unwrap()
}

fn build(spec: &str, items: &Embeddings, metric: Metric) -> Index {
    spec.parse::<IndexSpec>().unwrap().build(items, metric, &mut Run::seeded(2)).unwrap()
}

fn words(ids: &[u32]) -> Vec<u64> {
    let mut words = vec![0u64; 9];
    ids.iter().for_each(|&id| words[id as usize / 64] |= 1 << (id % 64));
    words
}

/// The same index over the trained rows alone answers the same, under other ids.
#[test]
fn answers_are_those_of_the_trained_rows_alone() {
    let items = items();
    let ids: Vec<u32> = (0..420).filter(|&id| items.is_trained(id)).collect();
    let alone = items.trained();
    let queries = clustered(23, DIM, 7, 4);
    let odd = |id: u32| id % 2 == 1;
    let odd_alone = |row: u32| odd(ids[row as usize]);
    let some: Vec<u32> = (0..500).step_by(3).collect();
    let some_alone: Vec<u32> = (0..).zip(&ids).filter(|(_, id)| **id % 3 == 0).map(|(row, _)| row).collect();
    for spec in SPECS {
        for metric in Metric::ALL {
            let bytes = build(spec, &items, metric).to_bytes().unwrap();
            let (index, dense) = (Index::from_bytes(&bytes).unwrap(), build(spec, &alone, metric));
            index.verify().unwrap();
            assert_eq!(index.to_bytes().unwrap(), bytes);
            assert_eq!((index.len(), index.id_bound(), index.space()), (ids.len(), N, items.space()));
            assert_eq!(index.keys().unwrap(), Some(items.vocab()), "the keys of all rows");
            for (filter, filter_alone) in [
                (Filter::All, Filter::All),
                (Filter::Deny(&some), Filter::Deny(&some_alone)),
                (Filter::Allow(&some), Filter::Allow(&some_alone)),
                (Filter::Where(&odd), Filter::Where(&odd_alone)),
            ] {
                for request in [SearchRequest::k(9), SearchRequest::radius(1.2), SearchRequest::k(1000)] {
                    for request in [request, request.effort(Effort::Value(12))] {
                        let asked = [request.filter(filter)];
                        let expected = dense.search_batch(
                            queries.view(),
                            &[request.filter(filter_alone)],
                            Parallelism::Sequential,
                        );
                        let mut expected: Vec<Vec<Neighbor>> = expected.unwrap();
                        expected.iter_mut().flatten().for_each(|n| n.id = ids[n.id as usize]);
                        for threads in [1, 2, 7] {
                            let threads = Parallelism::Threads(std::num::NonZeroUsize::new(threads).unwrap());
                            let batch = index.search_batch(queries.view(), &asked, threads).unwrap();
                            assert_eq!(batch, expected, "{spec} {metric} {asked:?}");
                        }
                        for (query, expected) in queries.rows().into_iter().zip(&expected) {
                            assert_eq!(
                                &index.search(&query.to_vec(), &asked[0]).unwrap(),
                                expected,
                                "{spec} {metric}"
                            );
                        }
                    }
                }
            }
        }
    }
}

/// Exact answers, by every kind of filter, as a list of optional rows gives them.
#[test]
fn answers_are_exact_where_all_is_looked_at() {
    let items = items();
    let rare: Vec<u32> = vec![4, 11, 12, 300, 419];
    let many: Vec<u32> = (0..420).filter(|id| id % 5 > 0).collect();
    let third = |id: u32| id.is_multiple_of(3);
    let (few_words, many_words) = (words(&rare), words(&many));
    for spec in ["Flat", "HNSW8", "HNSW8,SQ8", "IVF9,Flat", "IVF7,PQ3x4fs,Refine(Flat)", "RPForest6"] {
        for metric in Metric::ALL {
            let index = build(spec, &items, metric);
            for filter in [
                Filter::All,
                Filter::Deny(&many),
                Filter::Allow(&rare),
                Filter::Allow(&many),
                Filter::Bitmap(Bitmap(&few_words)),
                Filter::Bitmap(Bitmap(&many_words)),
                Filter::Where(&third),
            ] {
                for query in clustered(5, DIM, 7, 9).rows() {
                    let query = query.to_vec();
                    let request = SearchRequest::k(15).effort(Effort::Value(usize::MAX)).filter(filter);
                    let allowed = |id| items.is_trained(id) && filter.allows(id);
                    let expected = exact_top_k(items.vectors(), metric, &query, 15, Filter::Where(&allowed));
                    let found = index.search(&query, &request).unwrap();
                    assert_eq!(found.len(), expected.len(), "{spec} {metric} {filter:?}");
                    assert!(found.iter().all(|n| allowed(n.id)), "{spec} {metric} {filter:?}: {found:?}");
                    for (found, expected) in found.iter().zip(&expected) {
                        let slack = 1e-4 * expected.score.abs().max(1.0);
                        assert!((found.score - expected.score).abs() < slack, "{spec} {metric} {filter:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn what_has_no_row_is_named() {
    let items = items();
    let hole = (0..420).find(|&id| !items.is_trained(id)).unwrap();
    for spec in SPECS {
        let index = build(spec, &items, Metric::Cosine);
        let mut out = [0.0; DIM];
        for id in [hole, 420, u32::MAX] {
            assert!(matches!(index.vector_into(id, &mut out), Err(SearchError::UnknownId { .. })), "{spec}");
            assert!(index.search_by_id(id, &SearchRequest::k(3)).is_err(), "{spec}");
        }
        assert!(matches!(index.vector_into(hole, &mut out[..2]), Err(SearchError::Dimension { .. })));
        let unsorted = SearchRequest::k(3).filter(Filter::Allow(&[9, 4]));
        let error = index.search(&out, &unsorted).unwrap_err();
        assert!(matches!(error, SearchError::UnsortedFilter { position: 1, before: 9, id: 4 }), "{spec}");
        let batch = Array2::zeros((2, DIM));
        let requests = [SearchRequest::k(1), unsorted];
        let error = index.search_batch(batch.view(), &requests, Parallelism::Sequential).unwrap_err();
        assert!(matches!(error, SearchError::UnsortedFilter { .. }), "{spec}");
    }
}

/// A table without a trained row is no error: the index has no row, all ids and all keys.
#[test]
fn none_trained() {
    let nothing = items().with_trained(RowMask::from_fn(N, |_| false)).unwrap();
    for spec in SPECS {
        let bytes = build(spec, &nothing, Metric::InnerProduct).to_bytes().unwrap();
        let index = Index::from_bytes(&bytes).unwrap();
        index.verify().unwrap();
        assert_eq!((index.len(), index.is_empty(), index.id_bound()), (0, true, N), "{spec}");
        assert_eq!(index.search(&[1.0; DIM], &SearchRequest::k(5)).unwrap(), [], "{spec}");
        assert_eq!(AnnIndex::keys(&index).unwrap().unwrap().len(), N);
    }
    let bad = Vectors::from(nothing.vectors()).with_trained(&RowMask::from_fn(3, |_| false));
    assert_eq!(bad.unwrap_err().to_string(), "trained rows of a table of 3, but there are 420 vectors");
    // Where all rows are trained, the file is the one that it always was.
    let all = Embeddings::clone(&nothing).with_trained(RowMask::from_fn(N, |_| true)).unwrap();
    let bare = Vectors::from(all.vectors()).keyed(all.vocab().clone()).in_space(all.space());
    let (one, two) = (
        build("HNSW8", &all, Metric::L2),
        IndexSpec::Hnsw { m: 8 }.build(bare, Metric::L2, &mut Run::seeded(2)),
    );
    assert_eq!(one.to_bytes().unwrap(), two.unwrap().to_bytes().unwrap());
}

/// Recall is that of the rows there are, whoever brings the vectors.
#[test]
fn tuning_counts_the_trained_rows() {
    let items = items();
    let queries = clustered(60, DIM, 7, 8);
    let params = TuneParams { recall: 0.9, k: 5 };
    for spec in ["IVF9,Flat", "HNSW8", "RPForest6", "PQ3x8,Refine(Flat)"] {
        let (mut own, mut given) =
            (build(spec, &items, Metric::InnerProduct), build(spec, &items, Metric::InnerProduct));
        let sample = Sample::new(queries.view());
        let point = own.tune(sample, &params, &mut Run::default()).unwrap();
        let other = given.tune(sample.against(items.vectors()), &params, &mut Run::default()).unwrap();
        assert_eq!((point, own.efforts()), (other, given.efforts()), "{spec}");
        let mut dense = build(spec, &items.trained(), Metric::InnerProduct);
        assert_eq!(dense.tune(sample, &params, &mut Run::default()).unwrap(), point, "{spec}");
        let request = SearchRequest::k(5).effort(Effort::Recall(0.9));
        assert!(own.search(&[0.3; DIM], &request).unwrap().iter().all(|n| items.is_trained(n.id)));
        let short = items.vectors();
        let short = short.select(Axis(0), &[0, 1, 2]);
        assert!(own.tune(sample.against(short.view()), &params, &mut Run::default()).is_err());
    }
    let mut run = Run::default();
    let truth = Truth::exact(&items, queries.view(), Metric::InnerProduct, 5, &mut run).unwrap();
    let found = build("Flat", &items, Metric::InnerProduct)
        .search_batch(queries.view(), &[SearchRequest::k(5)], Parallelism::Sequential)
        .unwrap();
    assert_eq!(truth.recall(&found), 1.0);
    let hole = (0..420).find(|&id| !items.is_trained(id)).unwrap();
    assert_eq!(
        truth.recall(&vec![vec![Neighbor::new(hole, 9.0); 5]; 60]),
        0.0,
        "an untrained row is no neighbour"
    );
}

#[test]
fn a_graph_with_holes_takes_in_more() {
    let items = items();
    let (first, rest) = (items.vectors(), clustered(50, DIM, 7, 77));
    let trained = items.trained_rows().unwrap();
    let vectors = || Vectors::from(first).with_trained(trained).unwrap();
    let mut graph = Hnsw::build(vectors(), Metric::L2, &HnswParams::with_m(8), &mut Run::seeded(1)).unwrap();
    let some = RowMask::from_fn(50, |row| row % 4 > 0);
    let more = Vectors::from(&rest).with_trained(&some).unwrap();
    assert_eq!(graph.extend(more, &mut Run::seeded(1)).unwrap(), 420..470);
    assert_eq!((graph.len(), graph.id_bound()), (items.n_trained() + 37, 470));
    for row in 0..50u32 {
        let found = graph.search_by_id(420 + row, &SearchRequest::k(1));
        match row % 4 {
            0 => assert!(found.is_err()),
            _ => assert_eq!(found.unwrap()[0].id, 420 + row),
        }
    }
    let mut dense = Hnsw::build(&rest, Metric::L2, &HnswParams::with_m(8), &mut Run::seeded(1)).unwrap();
    assert_eq!(dense.extend(vectors(), &mut Run::seeded(1)).unwrap(), 50..470);
    assert_eq!((dense.len(), dense.id_bound()), (items.n_trained() + 50, 470));
}
