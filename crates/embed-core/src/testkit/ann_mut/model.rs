//! A list of optional rows, which an index is to be like.

use ndarray::{Array2, ArrayView2};

use super::{AnnMutSuite, DIM};
use crate::testkit::{exact_top_k, must, threads};
use crate::{AnnIndex, AnnIndexMut, Filter, ItemId, Metric, Neighbor, SearchError, SearchRequest, Stop};

pub(super) struct Model<'s> {
    suite: &'s AnnMutSuite,
    metric: Metric,
    /// By id; `None` where there is no row any more.
    pub(super) rows: Vec<Option<Vec<f32>>>,
    /// The key of each id.
    pub(super) keys: Option<Vec<String>>,
}

impl<'s> Model<'s> {
    pub(super) fn new(suite: &'s AnnMutSuite, metric: Metric, vectors: &Array2<f32>, keyed: bool) -> Self {
        let rows: Vec<Option<Vec<f32>>> = vectors.rows().into_iter().map(|row| Some(row.to_vec())).collect();
        let keys = keyed.then(|| (0..rows.len()).map(|i| format!("key {i}")).collect());
        Self { suite, metric, rows, keys }
    }

    pub(super) fn what(&self, what: &str) -> String {
        let keyed = if self.keys.is_some() { "with keys" } else { "without keys" };
        format!("{} under {} {keyed}: {what}", self.suite.name, self.metric)
    }

    fn next(&self) -> ItemId {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn add(&mut self, index: &mut impl AnnIndexMut, vector: &[f32]) {
        let id = must(index.add(vector), self.what("add"));
        assert_eq!(id, self.next(), "{}", self.what("add must give the next id"));
        self.rows.push(Some(vector.to_vec()));
    }

    pub(super) fn add_batch(&mut self, index: &mut impl AnnIndexMut, vectors: ArrayView2<'_, f32>) {
        if self.keys.is_some() {
            return;
        }
        let what = self.what("add_batch must give the next ids");
        let ids = must(index.add_batch(vectors), &what);
        self.rows.extend(vectors.rows().into_iter().map(|row| Some(row.to_vec())));
        assert_eq!(ids, self.next() - u32::try_from(vectors.nrows()).unwrap_or(0)..self.next(), "{what}");
    }

    pub(super) fn upsert(&mut self, index: &mut impl AnnIndexMut, key: &str, vector: &[f32]) {
        let what = self.what("upsert must give a known key its id, and a new one the next");
        let id = must(index.upsert(key, vector), &what);
        let next = self.next();
        let Some(keys) = &mut self.keys else { return };
        let known = (0..).zip(&*keys).find(|(_, other)| *other == key).map(|(id, _)| id);
        assert_eq!(id, known.unwrap_or(next), "{what}");
        if known.is_none() {
            keys.push(key.to_owned());
            self.rows.push(None);
        }
        self.rows[id as usize] = Some(vector.to_vec());
    }

    pub(super) fn update(&mut self, index: &mut impl AnnIndexMut, id: ItemId, vector: &[f32]) {
        must(index.update(id, vector), self.what("update"));
        self.rows[id as usize] = Some(vector.to_vec());
    }

    pub(super) fn remove(&mut self, index: &mut impl AnnIndexMut, id: ItemId) {
        let removed = must(index.remove(id), self.what("remove"));
        let there = self.rows[id as usize].take().is_some();
        assert_eq!(removed, there, "{}", self.what("remove must say whether the row was there"));
    }

    pub(super) fn remove_key(&mut self, index: &mut impl AnnIndexMut, key: &str) {
        let removed = must(index.remove_key(key), self.what("remove_key"));
        let id = self.keys.iter().flatten().position(|other| other == key);
        let there = id.is_some_and(|id| self.rows[id].take().is_some());
        assert_eq!(removed, there, "{}", self.what("remove_key must say whether the row was there"));
    }

    fn has(&self, id: ItemId) -> bool {
        self.rows.get(id as usize).is_some_and(Option::is_some)
    }

    /// Compares all that an index says with the list.
    pub(super) fn check(&self, index: &(impl AnnIndex + ?Sized), when: &str) {
        let what = |what: &str| self.what(&format!("{when}: {what}"));
        let (there, bound) = (self.rows.iter().flatten().count(), self.rows.len());
        assert_eq!((index.len(), index.is_empty()), (there, there == 0), "{}", what("number of rows"));
        assert_eq!(
            (index.id_bound(), index.dim()),
            (bound, DIM),
            "{}",
            what("bound of the ids and dimension")
        );
        assert_eq!(index.metric(), self.metric, "{}", what("metric"));
        let keys = must(index.keys(), what("keys"));
        match (&keys, &self.keys) {
            (None, None) => {}
            (Some(table), Some(keys)) => {
                assert!(table.keys().eq(keys.iter()), "{}: {table:?} for {keys:?}", what("keys by id"));
                let found = (0..).zip(keys).all(|(id, key)| table.get(key) == Some(id));
                assert!(found, "{}", what("ids by key"));
            }
            _ => panic!("{}: {keys:?}", what("keys there or not")),
        }
        self.vectors(index, &what);
        for query in [[0.3, -0.7, 0.9, 0.1, -0.2], [-1.0, 0.5, 0.0, 2.0, 1.0]] {
            self.searches(index, &query, &what);
        }
    }

    fn vectors(&self, index: &(impl AnnIndex + ?Sized), what: &impl Fn(&str) -> String) {
        let mut out = [f32::NAN; DIM];
        for id in (0..self.next()).chain([self.next(), ItemId::MAX]) {
            let got = index.vector_into(id, &mut out);
            let Some(row) = self.rows.get(id as usize).and_then(Option::as_ref) else {
                let named = matches!(got, Err(SearchError::UnknownId { .. }));
                assert!(
                    named,
                    "{}: {got:?}",
                    what(&format!("the vector of row {id}, which is not there, must be UnknownId"))
                );
                continue;
            };
            must(got, what("the vector of a row"));
            if !self.suite.lossy {
                let length = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt();
                let scale = if self.metric == Metric::Cosine { length(row) / length(&out) } else { 1.0 };
                let near = out.iter().zip(row).all(|(x, y)| (x * scale - y).abs() < 1e-4);
                assert!(near, "{}: {out:?} for {row:?}", what(&format!("the vector of row {id}")));
            }
        }
    }

    fn searches(&self, index: &(impl AnnIndex + ?Sized), query: &[f32], what: &impl Fn(&str) -> String) {
        let odd = |id: ItemId| id % 2 == 1;
        let listed: Vec<ItemId> = (0..self.next() + 40).filter(|id| id % 3 > 0).collect();
        let words = vec![0x6666_6666_6666_6666u64; self.rows.len().div_ceil(64)];
        for filter in [
            Filter::All,
            Filter::Where(&odd),
            Filter::Allow(&listed),
            Filter::Deny(&listed),
            Filter::Bitmap(crate::Bitmap(&words)),
        ] {
            for request in [
                SearchRequest::k(6),
                SearchRequest::k(usize::MAX),
                SearchRequest::k(0),
                SearchRequest::radius(1.3),
            ] {
                let request = request.effort(self.suite.effort).filter(filter);
                let what = what(&format!("{request:?}"));
                let found = must(index.search(query, &request), &what);
                self.check_answer(query, &request, &found, &what);
                let queries = Array2::from_shape_fn((3, DIM), |(_, column)| query[column]);
                let batch = must(index.search_batch(queries.view(), &[request], threads(2)), &what);
                assert!(batch.iter().all(|answer| *answer == found), "{what}: the answers of a batch differ");
            }
        }
    }

    fn check_answer(&self, query: &[f32], request: &SearchRequest<'_>, found: &[Neighbor], what: &str) {
        let allowed = |id: ItemId| self.has(id) && request.filter.allows(id);
        let bad = found.iter().find(|n| !allowed(n.id));
        assert!(bad.is_none(), "{what}: row {bad:?} is not there, or banned");
        assert!(
            found.is_sorted_by(|a, b| a.nearest_first(b).is_lt()),
            "{what}: not nearest first: {found:?}"
        );
        let n = (0..self.next()).filter(|&id| allowed(id)).count();
        if let Stop::K(k) = request.stop {
            assert_eq!(found.len(), k.min(n), "{what}: number of answers");
        }
        if self.suite.lossy {
            return;
        }
        let zero = vec![0.0; DIM];
        let flat: Vec<f32> =
            self.rows.iter().flat_map(|row| row.as_ref().unwrap_or(&zero)).copied().collect();
        let table = ArrayView2::from_shape((self.rows.len(), DIM), &flat);
        let mut expected = table.map_or_else(
            |_| Vec::new(),
            |table| exact_top_k(table, self.metric, query, usize::MAX, Filter::Where(&allowed)),
        );
        match request.stop {
            Stop::K(k) => expected.truncate(k),
            Stop::Radius(radius) => expected.retain(|n| n.score >= self.metric.radius_score(radius)),
        }
        assert_eq!(found.len(), expected.len(), "{what}: number of answers: {found:?} for {expected:?}");
        for (found, expected) in found.iter().zip(&expected) {
            let near = (found.score - expected.score).abs() <= 1e-4 * expected.score.abs().max(1.0);
            assert!(near, "{what}: {found:?} stands where {expected:?} should");
        }
    }
}
