//! The sets of vectors: the main one, and the small ones that break indexes.

use ndarray::{Array2, s};

use super::AnnSuite;
use super::harness::{Build, Case};
use crate::testkit::{THREADS, clustered, must, threads};
use crate::{Effort, Filter, Metric, Neighbor, SearchError, SearchRequest};

/// The main case and queries from the same clusters.
pub(super) struct Main<'s> {
    pub(super) case: Case<'s>,
    pub(super) queries: Array2<f32>,
}

impl Main<'_> {
    pub(super) fn query(&self, row: usize) -> Vec<f32> {
        self.queries.row(row).to_vec()
    }

    /// Demands the promised recall as a mean over the queries, and every answer in full of exact families.
    pub(super) fn demand_mean(&self, request: &SearchRequest<'_>) {
        let (case, mut sum) = (&self.case, 0.0);
        for row in 0..self.queries.nrows() {
            let query = self.query(row);
            let got =
                if case.suite.exact { case.demand(&query, request) } else { case.search(&query, request) };
            sum += case.recall(&query, request, &got);
        }
        #[expect(clippy::cast_precision_loss, reason = "a few queries")]
        let mean = sum / self.queries.nrows() as f64;
        assert!(
            mean >= case.suite.recall - 1e-9,
            "{}: mean recall {mean:.3}, promised {}",
            case.what(&format!("{request:?}")),
            case.suite.recall
        );
    }
}

pub(super) fn main<'s>(suite: &'s AnnSuite, build: &Build<'s>) -> Main<'s> {
    let n = suite.n.max(100);
    let all = clustered(n + 30, suite.dim.max(1), 12, 5);
    let queries = all.slice(s![n.., ..]).to_owned();
    let main = Main { case: build("clustered vectors", all.slice(s![..n, ..]).to_owned()), queries };
    let k = |k| SearchRequest::k(k).effort(suite.effort);
    for request in [k(1), k(10), k(37)] {
        main.demand_mean(&request);
    }
    let case = &main.case;
    let query = main.query(0);
    assert_eq!(case.search(&query, &k(0)), [], "{}", case.what("k = 0"));
    for many in [n, n + 7, usize::MAX] {
        case.demand(&query, &k(many));
    }
    efforts(&main);
    radii(&main);
    by_id(case);
    batches(&main);
    main
}

fn efforts(main: &Main<'_>) {
    let case = &main.case;
    for value in [0, 1, 3, usize::MAX] {
        let request = SearchRequest::k(10).effort(Effort::Value(value));
        let got = case.search(&main.query(1), &request);
        if case.suite.exact || value == usize::MAX {
            case.demand(&main.query(1), &request);
        }
        assert!(value == 0 || !got.is_empty(), "{}: no answer", case.what(&format!("{request:?}")));
    }
    for recall in [0.5, 1.0, 0.0, -1.0, 2.0, f32::NAN] {
        let request = SearchRequest::k(10).effort(Effort::Recall(recall));
        let what = case.what(&format!("{request:?}"));
        match case.index.search(&main.query(1), &request) {
            Ok(got) => case.check(&main.query(1), &request, &got, &what),
            Err(
                SearchError::Untuned { .. }
                | SearchError::BeyondTuning { .. }
                | SearchError::Implementation { .. },
            ) => {}
            Err(error) => panic!("{what}: an answer, Untuned or BeyondTuning, got {error:?}"),
        }
    }
}

fn radii(main: &Main<'_>) {
    let case = &main.case;
    for rank in [0, 5, 60] {
        let query = main.query(2);
        let ranked = case.exact(&query, &SearchRequest::k(usize::MAX));
        let radius = match case.metric {
            Metric::L2 => (-ranked[rank].score).sqrt(),
            Metric::InnerProduct | Metric::Cosine => ranked[rank].score,
        };
        case.demand(&query, &SearchRequest::radius(radius).effort(case.suite.effort));
        let odd = |id| id % 2 == 1;
        let filter = Filter::Where(&odd);
        case.demand(&query, &SearchRequest::radius(radius).effort(case.suite.effort).filter(filter));
    }
    let nothing = match case.metric {
        Metric::L2 => -1.0,
        Metric::InnerProduct => 1e6,
        Metric::Cosine => 1.5,
    };
    let none = case.search(&main.query(2), &SearchRequest::radius(nothing));
    assert!(none.is_empty() || case.suite.lossy, "{}: {none:?}", case.what("a radius that holds nothing"));
}

fn by_id(case: &Case<'_>) {
    let request = SearchRequest::k(5).effort(case.suite.effort);
    for id in [0, 7, 60].map(|position| case.id(position)) {
        let what = case.what(&format!("search_by_id({id})"));
        let mut vector = vec![f32::NAN; case.vectors.ncols()];
        must(case.index.vector_into(id, &mut vector), &what);
        let got = must(case.index.search_by_id(id, &request), &what);
        assert_eq!(got, case.search(&vector, &request), "{what}: not the search for its vector");
        if !case.suite.lossy {
            let row = case.row(id as usize);
            let length = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt();
            let scale = if case.metric == Metric::Cosine { length(&row) / length(&vector) } else { 1.0 };
            for (got, expected) in vector.iter().zip(&row) {
                assert!((got * scale - expected).abs() < 1e-4, "{what}: vector {vector:?} for {row:?}");
            }
        }
        let banned = request.filter(Filter::Deny(std::slice::from_ref(&id)));
        let others = must(case.index.search_by_id(id, &banned), &what);
        assert!(others.iter().all(|n| n.id != id), "{what}: the row was banned");
    }
}

fn batches(main: &Main<'_>) {
    let case = &main.case;
    let n = main.queries.nrows();
    let banned: Vec<Vec<u32>> =
        (0..9).cycle().take(n).map(|q| (0..50).map(|i| i * 9 + q).collect()).collect();
    let each: Vec<SearchRequest<'_>> = (0..n)
        .map(|q| SearchRequest::k(q % 12).effort(case.suite.effort).filter(Filter::Deny(&banned[q])))
        .collect();
    let one = [SearchRequest::k(10).effort(case.suite.effort)];
    let columns = main.queries.t().as_standard_layout().into_owned().reversed_axes();
    for requests in [&one[..], &each] {
        let request = |q: usize| &requests[q.min(requests.len() - 1)];
        let single: Vec<Vec<Neighbor>> = (0..n).map(|q| case.search(&main.query(q), request(q))).collect();
        let mut first = None;
        for t in THREADS {
            for (queries, layout) in [(&main.queries, "row-major"), (&columns, "column-major")] {
                let what = case.what(&format!("{layout} batch on {t} threads"));
                let batch = must(case.index.search_batch(queries.view(), requests, threads(t)), &what);
                assert_eq!(batch.len(), n, "{what}: number of answers");
                for (q, got) in batch.iter().enumerate() {
                    if case.suite.batch_bits {
                        assert_eq!(got, &single[q], "{what}: query {q} differs from its own search");
                    }
                    case.check(&main.query(q), request(q), got, &what);
                    let (batched, alone) = (
                        case.recall(&main.query(q), request(q), got),
                        case.recall(&main.query(q), request(q), &single[q]),
                    );
                    assert!(batched >= alone, "{what}: query {q} has recall {batched}, alone {alone}");
                }
                let first = first.get_or_insert_with(|| batch.clone());
                assert_eq!(&batch, first, "{what}: differs from the batch on 1 thread");
            }
        }
    }
    let none = case.index.search_batch(main.queries.slice(s![..0, ..]), &one, threads(2));
    assert!(must(none, case.what("a batch of no queries")).is_empty());
}

/// The small sets.
pub(super) fn run<'s>(suite: &'s AnnSuite, build: &Build<'s>) {
    let k = |k| SearchRequest::k(k).effort(suite.effort);
    let empty = build("no vectors", Array2::zeros((0, 5)));
    for request in [k(0), k(3), k(usize::MAX), SearchRequest::radius(1.0), k(3).filter(Filter::Allow(&[0]))] {
        assert_eq!(empty.search(&[1.0; 5], &request), [], "{}", empty.what("any search"));
    }
    assert!(
        matches!(empty.index.vector_into(0, &mut [0.0; 5]), Err(SearchError::UnknownId { .. })),
        "{}",
        empty.what("vector_into(0) must be UnknownId")
    );

    let one = build("one vector", ndarray::array![[0.5, -1.0, 2.0]]);
    for query in [[0.5, -1.0, 2.0], [-0.5, 1.0, -2.0], [0.0; 3]] {
        assert_eq!(one.demand(&query, &k(4)).len(), 1, "{}", one.what("k = 4"));
        assert_eq!(one.search(&query, &k(4).filter(Filter::Deny(&[0]))), [], "{}", one.what("it is banned"));
    }

    let constant = build("equal vectors", Array2::from_elem((70, 6), 0.25));
    let zero = build("zero vectors", Array2::zeros((40, 9)));
    for case in [&constant, &zero] {
        for query in [vec![1.0; case.vectors.ncols()], vec![0.0; case.vectors.ncols()]] {
            let got = case.demand(&query, &k(8));
            if suite.exact {
                let ids: Vec<u32> = got.iter().map(|n| n.id).collect();
                assert_eq!(ids, (0..8).collect::<Vec<_>>(), "{}: ties go by id", case.what("k = 8"));
            }
        }
    }

    // Many copies of a few vectors must not cut off the rest of the set.
    let mut copies = clustered(200, 10, 4, 2);
    for row in 20..170 {
        let (original, copy) = (copies.row(row % 3).to_owned(), row);
        copies.row_mut(copy).assign(&original);
    }
    let copies = build("copies of vectors", copies);
    for row in [0, 1, 10, 19, 170, 199] {
        copies.demand(&copies.row(row), &k(12));
    }

    let mut some_zero = clustered(90, 7, 3, 3);
    (0..90).step_by(4).for_each(|row| some_zero.row_mut(row).fill(0.0));
    let some_zero = build("some zero vectors", some_zero);
    for row in [0, 1, 2, 88, 89] {
        some_zero.demand(&some_zero.row(row), &k(9));
        some_zero.demand(&some_zero.row(row), &k(90));
    }

    for (name, n, dim) in
        [("one dimension", 50, 1), ("dim 17", 60, 17), ("dim 64", 60, 64), ("dim 130", 60, 130)]
    {
        let case = build(name, clustered(n, dim, 3, 4));
        for row in [0, n - 1] {
            case.demand(&case.row(row), &k(10));
        }
    }
    integers(suite, build);
}

/// Small integers are exact in any order of summation: ties and all, the answer is one and no other.
fn integers<'s>(suite: &'s AnnSuite, build: &Build<'s>) {
    let mut rng = crate::SeededRng::stream(6, "testkit integers", 0);
    #[expect(clippy::cast_precision_loss, reason = "0, 1, 2, 3 or 4")]
    let vectors = Array2::from_shape_simple_fn((120, 5), || rng.below(5) as f32 - 2.0);
    let case = build("vectors of small integers", vectors);
    for row in 0..10 {
        let (query, request) = (case.row(row), SearchRequest::k(15).effort(suite.effort));
        let got = case.demand(&query, &request);
        if suite.exact && case.metric != Metric::Cosine {
            assert_eq!(got, case.exact(&query, &request), "{}", case.what("the answer, ties by id"));
        }
    }
}
