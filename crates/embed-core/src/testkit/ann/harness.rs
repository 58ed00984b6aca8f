//! One index over one set of vectors, and the checks that every answer must pass.

use ndarray::Array2;

use super::AnnSuite;
use crate::testkit::{demand_same_keys, exact, must, recall};
use crate::{AnnIndex, Filter, ItemId, KeyTable, Metric, Neighbor, RowMask, SearchRequest, Space, Stop};

pub(super) type Build<'b> = dyn Fn(&'static str, Array2<f32>) -> Case<'b> + 'b;

pub(super) struct Case<'s> {
    pub(super) suite: &'s AnnSuite,
    name: &'static str,
    pub(super) metric: Metric,
    pub(super) vectors: Array2<f32>,
    /// Rows of `vectors` that the index holds, under their numbers as ids.
    pub(super) rows: RowMask,
    pub(super) index: Box<dyn AnnIndex>,
    /// Space and keys as they were at first.
    space: Space,
    keys: Option<KeyTable>,
}

impl<'s> Case<'s> {
    /// An index over all rows.
    pub(super) fn new(
        suite: &'s AnnSuite,
        name: &'static str,
        metric: Metric,
        vectors: Array2<f32>,
        index: Box<dyn AnnIndex>,
    ) -> Self {
        let rows = RowMask::from_fn(vectors.nrows(), |_| true);
        Self::with_holes(suite, name, metric, vectors, rows, index)
    }

    /// An index over some of the rows.
    pub(super) fn with_holes(
        suite: &'s AnnSuite,
        name: &'static str,
        metric: Metric,
        vectors: Array2<f32>,
        rows: RowMask,
        index: Box<dyn AnnIndex>,
    ) -> Self {
        let what = format!("{} under {metric}, {name}, its keys", suite.name);
        let (space, keys) = (index.space(), must(index.keys(), what));
        let case = Self { suite, name, metric, vectors, rows, index, space, keys };
        case.demand_description();
        case
    }

    /// Demands that the index says what it is, and says it again.
    pub(super) fn demand_description(&self) {
        let (index, what, len) = (&self.index, self.what("its description"), self.rows.count());
        assert_eq!((index.len(), index.dim()), (len, self.vectors.ncols()), "{what}: (len, dim)");
        assert_eq!(index.is_empty(), len == 0, "{what}: is_empty");
        assert_eq!(index.metric(), self.metric, "{what}: metric");
        assert_eq!(index.space(), self.space, "{what}: space changed between calls");
        let least = self.rows.rows().last().map_or(0, |row| row + 1);
        let bound = index.id_bound();
        assert!(
            bound >= len && bound >= least,
            "{what}: id_bound is {bound}, of {len} rows with ids below {least}"
        );
        let keys = must(index.keys(), &what);
        demand_same_keys(keys.as_ref(), self.keys.as_ref(), &what);
        if let Some(keys) = keys {
            assert!(keys.len() >= bound, "{what}: {} keys, and ids up to {bound}", keys.len());
        }
    }

    pub(super) fn what(&self, doing: &str) -> String {
        format!("{} under {}, {}, {doing}", self.suite.name, self.metric, self.name)
    }

    pub(super) fn n(&self) -> usize {
        self.vectors.nrows()
    }

    /// Id of the row at a position among the rows of the index.
    pub(super) fn id(&self, position: usize) -> ItemId {
        let row = self.rows.rows().nth(position);
        #[expect(clippy::cast_possible_truncation, reason = "a test builds fewer than 2³² vectors")]
        row.map_or(ItemId::MAX, |row| row as ItemId)
    }

    pub(super) fn row(&self, row: usize) -> Vec<f32> {
        self.vectors.row(row).to_vec()
    }

    /// Searches into a buffer with old answers in it, and checks what holds of every answer.
    pub(super) fn search(&self, query: &[f32], request: &SearchRequest<'_>) -> Vec<Neighbor> {
        let what = self.what(&format!("{request:?}"));
        let mut out = vec![Neighbor { id: ItemId::MAX, score: f32::NAN }; 3];
        must(self.index.search_into(query, request, &mut out), &what);
        assert!(
            out.iter().all(|n| n.id != ItemId::MAX),
            "{what}: `out` must be cleared first, an old answer is left in it"
        );
        assert!(
            out.capacity() <= 64 * (self.n() + 64),
            "{what}: room for {} answers from {} vectors",
            out.capacity(),
            self.n()
        );
        self.check(query, request, &out, &what);
        out
    }

    /// What holds of every answer, exact or not.
    pub(super) fn check(&self, query: &[f32], request: &SearchRequest<'_>, got: &[Neighbor], what: &str) {
        for pair in got.windows(2) {
            assert!(
                pair[0].nearest_first(&pair[1]).is_lt(),
                "{what}: answers must be nearest first, ties by ascending id, each once, got {pair:?}"
            );
        }
        let mut ids: Vec<ItemId> = got.iter().map(|n| n.id).collect();
        ids.sort_unstable();
        for pair in ids.windows(2) {
            assert_ne!(pair[0], pair[1], "{what}: row {} comes twice", pair[0]);
        }
        for n in got {
            let bound = self.index.id_bound();
            assert!((n.id as usize) < bound, "{what}: the answer has the id {}, id_bound is {bound}", n.id);
            assert!(self.rows.contains(n.id as usize), "{what}: row {} is not in the index", n.id);
            assert!(request.filter.allows(n.id), "{what}: row {} is banned by the filter", n.id);
            let expected = self.exact_score(query, n.id);
            assert!(
                !n.score.is_nan() && (n.score - expected).abs() <= self.slack(query, n.id),
                "{what}: row {} scores {}, by definition {expected}",
                n.id,
                n.score
            );
        }
        if let Stop::K(k) = request.stop {
            assert!(got.len() <= k, "{what}: {} answers", got.len());
        }
    }

    pub(super) fn exact_score(&self, query: &[f32], id: ItemId) -> f32 {
        exact::score(self.metric, query, self.vectors.row(id as usize).iter().copied())
    }

    /// How far the score of a row may be from its definition.
    pub(super) fn slack(&self, query: &[f32], id: ItemId) -> f32 {
        let (x, y) = (length(query.iter()), length(self.vectors.row(id as usize).iter()));
        let scale = match self.metric {
            Metric::Cosine => 1.0,
            Metric::InnerProduct => x * y,
            Metric::L2 => (x + y) * (x + y),
        };
        // Infinite times a scale of zero would be NaN.
        if self.suite.tolerance.is_finite() { self.suite.tolerance * scale + 1e-30 } else { f32::INFINITY }
    }

    /// The exact answer of a request, and the recall of the given one, near-ties counted as ties.
    pub(super) fn recall(&self, query: &[f32], request: &SearchRequest<'_>, got: &[Neighbor]) -> f64 {
        let exact = self.exact(query, request);
        if self.suite.lossy && matches!(request.stop, Stop::Radius(_)) {
            // Codes may let in rows from beyond the radius, and rank them before those within.
            let found = exact.iter().filter(|e| got.iter().any(|n| n.id == e.id)).count();
            #[expect(clippy::cast_precision_loss, reason = "a test's few answers")]
            return if exact.is_empty() { 1.0 } else { found as f64 / exact.len() as f64 };
        }
        let rescored: Vec<Neighbor> = got
            .iter()
            .map(|n| {
                let slack = self.slack(query, n.id);
                let slack = if slack.is_finite() { 2.0 * slack } else { 0.0 };
                Neighbor { id: n.id, score: self.exact_score(query, n.id) + slack }
            })
            .collect();
        recall(&exact, &rescored)
    }

    /// The exact answer. Of a radius search, the rows that are inside beyond rounding.
    pub(super) fn exact(&self, query: &[f32], request: &SearchRequest<'_>) -> Vec<Neighbor> {
        let k = if let Stop::K(k) = request.stop { k } else { usize::MAX };
        let allowed = |id: ItemId| self.rows.contains(id as usize) && request.filter.allows(id);
        let mut exact =
            exact::exact_top_k(self.vectors.view(), self.metric, query, k, Filter::Where(&allowed));
        if let Stop::Radius(radius) = request.stop {
            let least = self.metric.radius_score(radius);
            exact.retain(|n| {
                let slack = self.slack(query, n.id);
                n.score >= least + if slack.is_finite() { slack } else { 0.0 }
            });
        }
        exact
    }

    /// Searches and demands the promised recall of one request: all of it where the family is exact.
    pub(super) fn demand(&self, query: &[f32], request: &SearchRequest<'_>) -> Vec<Neighbor> {
        let got = self.search(query, request);
        let what = self.what(&format!("{request:?}"));
        let recall = self.recall(query, request, &got);
        assert!(
            recall >= self.suite.recall - 1e-9,
            "{what}: recall {recall:.3}, promised {}; got {got:?}",
            self.suite.recall
        );
        if let Stop::Radius(radius) = request.stop {
            let least = self.metric.radius_score(radius);
            for n in got.iter().filter(|_| !self.suite.lossy) {
                let beyond = self.exact_score(query, n.id) < least - self.slack(query, n.id);
                assert!(!beyond, "{what}: row {} scores {}, the radius ends at {least}", n.id, n.score);
            }
        } else if self.suite.exact {
            let expected = self.exact(query, request).len();
            assert_eq!(got.len(), expected, "{what}: number of answers");
        }
        got
    }
}

fn length<'x>(x: impl Iterator<Item = &'x f32>) -> f32 {
    x.map(|x| x * x).sum::<f32>().sqrt()
}
