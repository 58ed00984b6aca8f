//! What an HNSW graph promises: recall, reachability, the same bytes on any number of threads.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use ann::{BuildError, Flat, ForestParams, Hnsw, HnswParams, Index, ProductGraph, RpForest};
use embed_core::testkit::{clustered, recall};
use embed_core::{AnnIndex, Effort, Filter, Flow, Metric, Progress, Run, SearchRequest, SeededRng};
use ndarray::{Array2, s};

fn build(vectors: &Array2<f32>, metric: Metric, m: usize) -> Hnsw {
    Hnsw::build(vectors, metric, &HnswParams::with_m(m), &mut Run::seeded(11)).unwrap()
}

/// Mean recall@10 against exact search.
fn mean_recall(
    vectors: &Array2<f32>,
    queries: &Array2<f32>,
    metric: Metric,
    index: &Hnsw,
    request: &SearchRequest<'_>,
) -> f64 {
    let flat = Flat::build(vectors, metric, &mut Run::default()).unwrap();
    let sum: f64 = queries
        .rows()
        .into_iter()
        .map(|query| {
            let query = query.as_slice().unwrap();
            recall(&flat.search(query, request).unwrap(), &index.search(query, request).unwrap())
        })
        .sum();
    sum / f64::from(u32::try_from(queries.nrows()).unwrap())
}

fn split(n: usize, dim: usize, clusters: usize) -> (Array2<f32>, Array2<f32>) {
    let all = clustered(n + 100, dim, clusters, 21);
    (all.slice(s![..n, ..]).to_owned(), all.slice(s![n.., ..]).to_owned())
}

#[test]
fn recall_rises_with_effort_to_its_floor() {
    let (vectors, queries) = split(8000, 24, 50);
    for metric in Metric::ALL {
        let index = build(&vectors, metric, 16);
        let at = |ef| {
            let request = SearchRequest::k(10).effort(Effort::Value(ef));
            mean_recall(&vectors, &queries, metric, &index, &request)
        };
        let curve = [at(10), at(30), at(100), at(400)];
        assert!(curve.is_sorted(), "{metric}: {curve:?}");
        assert!(curve[1] > 0.8 && curve[2] > 0.96 && curve[3] > 0.99, "{metric}: {curve:?}");
    }
}

/// Recall@10 at ef 64 under inner product.
fn product_recall(vectors: &Array2<f32>, queries: &Array2<f32>, graph: ProductGraph) -> f64 {
    let params = HnswParams { product_graph: graph, ..HnswParams::with_m(16) };
    let index = Hnsw::build(vectors, Metric::InnerProduct, &params, &mut Run::seeded(11)).unwrap();
    let request = SearchRequest::k(10).effort(Effort::Value(64));
    mean_recall(vectors, queries, Metric::InnerProduct, &index, &request)
}

#[test]
fn spread_norms_under_inner_product_lose_no_recall() {
    let (mut vectors, queries) = split(5000, 16, 20);
    let mut rng = SeededRng::new(3);
    for mut row in vectors.rows_mut() {
        let scale = (4.0 * (rng.unit_f32() - 0.5)).exp();
        row.iter_mut().for_each(|x| *x *= scale);
    }
    for graph in [ProductGraph::Auto, ProductGraph::Raw] {
        let recall = product_recall(&vectors, &queries, graph);
        assert!(recall > 0.97, "{graph:?}: {recall}");
    }
}

/// Rows that share a long direction, against which most queries point: the products of rows among each other
/// say little about those with a query.
#[test]
fn a_shared_direction_under_inner_product_loses_no_recall() {
    let (mut vectors, mut queries) = split(5000, 16, 20);
    let mut rng = SeededRng::new(3);
    for mut row in vectors.rows_mut() {
        row[0] += 8.0 * (0.5 + rng.unit_f32());
    }
    for mut query in queries.rows_mut() {
        query[0] -= 3.0;
    }
    let recall = |graph| product_recall(&vectors, &queries, graph);
    let (auto, augmented, raw) =
        (recall(ProductGraph::Auto), recall(ProductGraph::Augmented), recall(ProductGraph::Raw));
    assert!(auto == augmented && auto > 0.97 && raw < 0.8, "auto {auto}, augmented {augmented}, raw {raw}");
}

/// Lengths spread by a direction that queries turn away from: the longest rows are the neighbours of every row by their
/// products, and no query's answers.
#[test]
fn where_spread_lengths_mislead_the_raw_graph_the_default_finds_the_answers() {
    let (mut vectors, mut queries) = split(5000, 16, 20);
    let mut rng = SeededRng::new(3);
    for mut row in vectors.rows_mut() {
        row[0] += 80.0 * rng.unit_f32();
    }
    for mut query in queries.rows_mut() {
        query[0] = -1.0;
    }
    let lengths: Vec<f32> = vectors.rows().into_iter().map(|row| row.dot(&row).sqrt()).collect();
    let (least, most) = lengths.iter().fold((f32::MAX, 0.0f32), |(a, b), &x| (a.min(x), b.max(x)));
    assert!(most > 20.0 * least, "{least} to {most}");
    let recall = |graph| product_recall(&vectors, &queries, graph);
    let (auto, raw) = (recall(ProductGraph::Auto), recall(ProductGraph::Raw));
    assert!(auto > 0.96 && raw < 0.75, "auto {auto}, raw {raw}");
}

#[test]
fn rows_given_in_the_order_of_their_clusters_are_found_as_well() {
    let (mut vectors, queries) = split(6000, 16, 30);
    let mut rows: Vec<Vec<f32>> = vectors.rows().into_iter().map(|row| row.to_vec()).collect();
    rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
    for (row, mut slot) in rows.iter().zip(vectors.rows_mut()) {
        slot.assign(&ndarray::aview1(row));
    }
    let index = build(&vectors, Metric::L2, 16);
    let request = SearchRequest::k(10).effort(Effort::Value(64));
    assert!(mean_recall(&vectors, &queries, Metric::L2, &index, &request) > 0.96);
}

#[test]
fn filters_of_every_share_keep_the_recall() {
    let (vectors, queries) = split(6000, 16, 30);
    let index = build(&vectors, Metric::L2, 16);
    for step in [2, 5, 20, 100, 3000] {
        let predicate = |id: u32| id % step == 1;
        let listed: Vec<u32> = (0..6000).filter(|&id| predicate(id)).collect();
        let banned: Vec<u32> = (0..6000).filter(|&id| !predicate(id)).collect();
        for filter in [Filter::Where(&predicate), Filter::Allow(&listed), Filter::Deny(&banned)] {
            let request = SearchRequest::k(10).effort(Effort::Value(64)).filter(filter);
            let recall = mean_recall(&vectors, &queries, Metric::L2, &index, &request);
            assert!(recall > 0.95, "one in {step}, {filter:?}: {recall}");
        }
    }
}

#[test]
fn the_file_is_the_same_on_any_number_of_threads() {
    let (vectors, _) = split(1500, 12, 9);
    for metric in Metric::ALL {
        let bytes = |threads, seed| {
            let mut run = Run::seeded(seed).threads(threads);
            let index = Hnsw::build(&vectors, metric, &HnswParams::with_m(8), &mut run).unwrap();
            Index::from(index).to_bytes().unwrap()
        };
        let one = bytes(1, 5);
        assert!(one == bytes(2, 5) && one == bytes(7, 5), "{metric}");
        assert!(one != bytes(1, 6), "{metric}: the seed decides levels and order");
    }
}

#[test]
fn forests_are_the_same_on_any_number_of_threads() {
    let (vectors, _) = split(1500, 12, 9);
    let params = ForestParams { leaf: 20, ..ForestParams::with_trees(11) };
    for metric in Metric::ALL {
        let bytes = |threads, seed| {
            let index = RpForest::build(&vectors, metric, &params, &mut Run::seeded(seed).threads(threads));
            Index::from(index.unwrap()).to_bytes().unwrap()
        };
        let one = bytes(1, 5);
        assert!(one == bytes(2, 5) && one == bytes(7, 5) && one != bytes(1, 6), "{metric}");
    }
}

/// Every row is found by a search for itself, also where most rows are copies of a few.
#[test]
fn copies_cut_nobody_off() {
    let (mut vectors, _) = split(3000, 8, 9);
    for row in 0..2000 {
        let copy = vectors.row(2000 + row % 7).to_owned();
        vectors.row_mut(row).assign(&copy);
    }
    let constant = Array2::from_elem((3000, 8), 0.5);
    for (vectors, metric) in [(&vectors, Metric::L2), (&vectors, Metric::Cosine), (&constant, Metric::L2)] {
        let index = build(vectors, metric, 8);
        assert_eq!(index.report().repaired, index.report().unreachable_before);
        for id in (0..3000).step_by(37) {
            let found = index.search_by_id(id, &SearchRequest::k(1).effort(Effort::Value(50))).unwrap();
            let itself = metric.score(
                vectors.row(id as usize).as_slice().unwrap(),
                vectors.row(found[0].id as usize).as_slice().unwrap(),
            );
            let best = if metric == Metric::L2 { 0.0 } else { 1.0 };
            assert!((itself - best).abs() < 1e-5, "{metric}: row {id} found {found:?}");
        }
        // All are reachable, so a search wide enough for all that does not scan gets all.
        let everywhere = |_: u32| true;
        let request = SearchRequest::radius(if metric == Metric::L2 { 1e9 } else { -2.0 })
            .filter(Filter::Where(&everywhere));
        assert_eq!(index.search_by_id(0, &request).unwrap().len(), 3000);
    }
    assert_eq!(build(&constant, Metric::L2, 8).report().nodes, 1);
}

#[test]
fn an_observer_sees_progress_and_can_cancel() {
    let (vectors, _) = split(3000, 6, 5);
    let mut seen = Vec::new();
    let mut watch = |p: &Progress<'_>| {
        seen.push((p.done, p.total));
        if p.done >= 1000 { Flow::Stop } else { Flow::Continue }
    };
    let mut run = Run::seeded(1).observed(&mut watch);
    let error = Hnsw::build(&vectors, Metric::L2, &HnswParams::with_m(8), &mut run).unwrap_err();
    assert!(matches!(error, BuildError::Cancelled { done: 1000..1100, total: 3000 }), "{error:?}");
    assert!(seen.is_sorted() && seen.len() > 10 && seen.iter().all(|&(_, total)| total == 3000));
    let mut stop = |_: &Progress<'_>| Flow::Stop;
    let error = Flat::build(&vectors, Metric::L2, &mut Run::default().observed(&mut stop)).unwrap_err();
    assert!(matches!(error, BuildError::Cancelled { done: 0, total: 3000 }));
}

#[test]
fn what_cannot_be_indexed_is_named() {
    let mut run = Run::default();
    let mut flat = |v: Array2<f32>| Flat::build(&v, Metric::L2, &mut run).unwrap_err().to_string();
    assert_eq!(flat(Array2::zeros((3, 0))), "vectors must have at least one component");
    let mut bad = Array2::zeros((4, 3));
    bad[[2, 1]] = f32::NAN;
    assert_eq!(flat(bad.clone()), "vector 2 has NaN in column 1");
    let mut run = Run::default();
    let mut hnsw = |m, ef_construction, v: &Array2<f32>| {
        let params = HnswParams { m, ef_construction, ..HnswParams::default() };
        Hnsw::build(v, Metric::Cosine, &params, &mut run).unwrap_err().to_string()
    };
    assert_eq!(hnsw(16, 100, &bad), "vector 2 has NaN in column 1");
    bad[[2, 1]] = f32::NEG_INFINITY;
    assert_eq!(hnsw(16, 100, &bad), "vector 2 has -inf in column 1");
    assert_eq!(hnsw(1, 100, &bad), "m is 1, expected 2 to 256");
    assert_eq!(hnsw(8, 0, &bad), "ef_construction is 0, expected 1 to 65536");
    let keys = embed_core::Vocab::from_keys(["a"]).unwrap();
    let vectors = Array2::zeros((2, 2));
    let keyed = ann::Vectors::from(&vectors).keyed(keys);
    assert_eq!(
        Flat::build(keyed, Metric::L2, &mut Run::default()).unwrap_err().to_string(),
        "1 keys for 2 vectors"
    );
}

/// Components so large that distances overflow make bad neighbours, but no panic and no endless search.
#[test]
fn overflowing_vectors_are_survived() {
    let mut vectors = clustered(700, 4, 3, 1);
    vectors.rows_mut().into_iter().step_by(3).for_each(|mut row| row.fill(3e38));
    vectors.rows_mut().into_iter().step_by(7).for_each(|mut row| row.fill(-3e38));
    for metric in Metric::ALL {
        let index = build(&vectors, metric, 4);
        for query in [[0.0; 4], [3e38; 4], [-3e38, 3e38, 1.0, 0.0]] {
            let found = index.search(&query, &SearchRequest::k(5).effort(Effort::Value(20))).unwrap();
            assert!(found.len() <= 5, "{metric}");
        }
    }
}

/// A graph over some rows into which the others were inserted, in as many pieces.
fn grown(vectors: &Array2<f32>, metric: Metric, params: &HnswParams, ends: &[usize], threads: usize) -> Hnsw {
    let mut run = Run::seeded(11).threads(threads);
    let mut index = Hnsw::build(vectors.slice(s![..ends[0], ..]), metric, params, &mut run).unwrap();
    for pair in ends.windows(2) {
        let ids = index.extend(vectors.slice(s![pair[0]..pair[1], ..]), &mut run).unwrap();
        assert_eq!(ids, u32::try_from(pair[0]).unwrap()..u32::try_from(pair[1]).unwrap());
    }
    index
}

#[test]
fn inserted_vectors_are_found_as_well_as_built_ones() {
    let (mut vectors, queries) = split(6000, 24, 50);
    // Copies of old rows and of each other.
    for (from, to) in [(3, 5000), (3, 5001), (5002, 5003)] {
        let row = vectors.row(from).to_owned();
        vectors.row_mut(to).assign(&row);
    }
    for metric in Metric::ALL {
        for params in [HnswParams::with_m(16), HnswParams { sq8: true, ..HnswParams::with_m(16) }] {
            let request = SearchRequest::k(10).effort(Effort::Value(100));
            let recall = |index: &Hnsw| mean_recall(&vectors, &queries, metric, index, &request);
            let built = Hnsw::build(&vectors, metric, &params, &mut Run::seeded(11)).unwrap();
            let index = grown(&vectors, metric, &params, &[3000, 4500, 4501, 6000], 2);
            assert_eq!((index.len(), index.report().nodes), (6000, built.report().nodes));
            let (inserted, built) = (recall(&index), recall(&built));
            assert!(
                inserted > 0.96 && inserted > built - 0.01,
                "{metric} {params:?}: {inserted}, built {built}"
            );
            let mut stored = vec![0.0; 24];
            index.vector_into(5003, &mut stored).unwrap();
            let twin = index.search_by_id(5003, &SearchRequest::k(1)).unwrap();
            if metric != Metric::InnerProduct {
                assert_eq!(twin[0].id, 5002, "{metric}");
            }
        }
    }
}

#[test]
fn insertion_gives_the_same_bytes_on_any_number_of_threads() {
    let (vectors, _) = split(2500, 20, 20);
    let params = HnswParams { sq8: true, ..HnswParams::with_m(8) };
    for metric in [Metric::L2, Metric::InnerProduct] {
        let bytes = |threads| {
            let index = grown(&vectors, metric, &params, &[700, 1500, 2500], threads);
            Index::from(index).to_bytes().unwrap()
        };
        let one = bytes(1);
        assert!(one == bytes(2) && one == bytes(7), "{metric}");
    }
}

#[test]
fn a_graph_grows_from_nothing_and_past_its_top_layer() {
    let (vectors, _) = split(3000, 8, 10);
    let params = HnswParams::with_m(4);
    for ends in [&[0, 3000][..], &[1, 2, 3000], &[2, 40, 400, 3000]] {
        let index = grown(&vectors, Metric::L2, &params, ends, 2);
        let report = index.report();
        assert!(report.layers >= 4, "{ends:?}: {report:?}");
        assert_eq!(report.self_sampled, 1000);
        assert!(report.self_matched >= 990, "{ends:?}: {report:?}");
        let index = Index::from_bytes(&Index::from(index).to_bytes().unwrap()).unwrap();
        index.verify().unwrap();
        for id in [0, 1, 39, 399, 2999] {
            assert_eq!(index.search_by_id(id, &SearchRequest::k(1)).unwrap()[0].id, id);
        }
    }
}

#[test]
fn what_cannot_be_inserted_leaves_the_graph_as_it_was() {
    let (vectors, _) = split(300, 8, 10);
    let keyed = |range: std::ops::Range<usize>| {
        let names = range.clone().map(|row| format!("k{row}"));
        let keys = embed_core::Vocab::from_keys(names).unwrap();
        embed_core::Embeddings::new(keys, vectors.slice(s![range, ..]).to_owned()).unwrap()
    };
    let first = keyed(0..200);
    let mut index = Hnsw::build(&first, Metric::L2, &HnswParams::with_m(8), &mut Run::seeded(1)).unwrap();
    let before = Index::from(index.clone()).to_bytes().unwrap();
    let run = &mut Run::seeded(1);
    let narrow = Array2::<f32>::zeros((2, 7));
    assert!(matches!(index.extend(&narrow, run), Err(BuildError::Dimension { expected: 8, got: 7 })));
    let space = first.space();
    let more = keyed(200..300);
    assert!(space == more.space() || matches!(index.extend(&more, run), Err(BuildError::Space { .. })));
    let unkeyed = vectors.slice(s![200.., ..]);
    assert!(matches!(index.extend(unkeyed, run), Err(BuildError::Keys { keys: 200, vectors: 300 })));
    let twice = ann::Vectors::from(&first).in_space(space);
    assert!(matches!(index.extend(twice, run), Err(BuildError::Vocab(_))));
    let mut broken = vectors.slice(s![200.., ..]).to_owned();
    broken[[7, 3]] = f32::NAN;
    assert!(matches!(
        index.extend(&broken, run),
        Err(BuildError::Keys { .. } | BuildError::NotFinite { .. })
    ));
    assert_eq!(Index::from(index.clone()).to_bytes().unwrap(), before);
    index.extend(ann::Vectors::from(&more).in_space(space), run).unwrap();
    let keys = Index::from(index.clone()).keys().unwrap().cloned().unwrap();
    assert_eq!((index.len(), keys.key(299), keys.get("k0")), (300, Some("k299"), Some(0)));
}

#[test]
fn a_report_tells_of_spread_lengths_and_of_searches_for_oneself() {
    let (mut vectors, _) = split(2000, 12, 10);
    for mut row in vectors.rows_mut() {
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.iter_mut().for_each(|x| *x /= length);
    }
    let report = build(&vectors, Metric::InnerProduct, 16).report();
    assert!((report.norm_spread - 1.0).abs() < 1e-3, "{report:?}");
    assert!(report.self_sampled == 1000 && report.self_matched >= 995, "{report:?}");
    vectors.row_mut(7).iter_mut().for_each(|x| *x *= 50.0);
    let report = build(&vectors, Metric::InnerProduct, 16).report();
    assert!((report.norm_spread - 50.0).abs() < 0.1, "{report:?}");
}
