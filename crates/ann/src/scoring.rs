use std::borrow::Cow;

use embed_core::{Effort, Metric, SearchError, SearchRequest, Stop, kernel};

/// How stored rows are scored against a prepared query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scoring {
    Dot,
    L2,
}

impl Scoring {
    pub(crate) fn of(metric: Metric) -> Self {
        match metric {
            Metric::L2 => Self::L2,
            // No index is built or opened with a metric that is not known.
            _ => Self::Dot,
        }
    }

    /// Check that rows can be scored by the metric.
    pub(crate) fn knows(metric: Metric) -> bool {
        matches!(metric, Metric::L2 | Metric::InnerProduct | Metric::Cosine)
    }

    /// The score of one row. The other two give the same bits.
    #[inline]
    pub(crate) fn one(self, query: &[f32], row: &[f32]) -> f32 {
        match self {
            Self::Dot => kernel::dot(query, row),
            Self::L2 => -kernel::squared_l2(query, row),
        }
    }

    /// The scores of rows that lie back to back.
    pub(crate) fn rows(self, query: &[f32], rows: &[f32], scores: &mut [f32]) {
        match self {
            Self::Dot => kernel::dot_rows(query, rows, scores),
            Self::L2 => {
                kernel::squared_l2_rows(query, rows, scores);
                scores.iter_mut().for_each(|s| *s = -*s);
            }
        }
    }

    /// The scores of the rows `ids` of a table, each of which is in it.
    pub(crate) fn gather(self, query: &[f32], table: &[f32], ids: &[u32], scores: &mut [f32]) {
        match self {
            Self::Dot => kernel::dot_gather(query, table, ids, scores),
            Self::L2 => {
                kernel::squared_l2_gather(query, table, ids, scores);
                scores.iter_mut().for_each(|s| *s = -*s);
            }
        }
    }
}

/// The query as it is scored: of length 1 under cosine.
pub(crate) fn prepare(metric: Metric, query: &[f32]) -> Cow<'_, [f32]> {
    if metric == Metric::Cosine {
        let mut unit = query.to_vec();
        kernel::normalize(&mut unit);
        Cow::Owned(unit)
    } else {
        Cow::Borrowed(query)
    }
}

/// The length of a vector, in f64.
pub(crate) fn norm(x: &[f32]) -> f64 {
    x.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt()
}

/// `Σ xᵢ · yᵢ` in f64, by eight sums that lie beside each other.
pub(crate) fn product(x: &[f32], y: &[f32]) -> f64 {
    let mut sums = [0.0f64; 8];
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<8>(), y.as_chunks::<8>());
    for (x, y) in x.iter().zip(y) {
        sums.iter_mut().zip(x.iter().zip(y)).for_each(|(sum, (&x, &y))| *sum += f64::from(x) * f64::from(y));
    }
    let rest: f64 = x_rest.iter().zip(y_rest).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
    sums.iter().sum::<f64>() + rest
}

/// The squared length of a vector, in f64.
pub(crate) fn square(x: &[f32]) -> f64 {
    product(x, x)
}

/// How many answers are wanted at most, and from which score on.
pub(crate) fn bounds(metric: Metric, request: &SearchRequest<'_>) -> (usize, f32) {
    match request.stop {
        Stop::K(k) => (k, f32::NEG_INFINITY),
        Stop::Radius(radius) if metric == Metric::L2 && radius < 0.0 => (0, f32::INFINITY),
        Stop::Radius(radius) => (usize::MAX, metric.radius_score(radius)),
        // `check` refuses others.
        _ => (0, f32::INFINITY),
    }
}

/// Checks a query and a request: the first thing that every search does. What came into requests after this crate is
/// refused, but for filters: any filter tells of a row whether it allows it.
pub(crate) fn check(request: &SearchRequest<'_>, query: &[f32], dim: usize) -> Result<(), SearchError> {
    request.check(query, dim)?;
    if !matches!(request.stop, Stop::K(_) | Stop::Radius(_)) {
        return Err(SearchError::Unsupported { what: "stop rule" });
    }
    if !matches!(request.effort, Effort::Default | Effort::Value(_) | Effort::Recall(_)) {
        return Err(SearchError::Unsupported { what: "effort" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_and_many_have_the_same_score() {
        use embed_core::testkit::clustered;
        for dim in [1, 7, 16, 33, 100, 784] {
            let vectors = clustered(11, dim, 3, 1);
            let table = vectors.as_slice().unwrap();
            let query = clustered(1, dim, 0, 2).into_raw_vec_and_offset().0;
            for scoring in [Scoring::Dot, Scoring::L2] {
                let one: Vec<f32> = table.chunks(dim).map(|row| scoring.one(&query, row)).collect();
                let (mut rows, mut gather) = (vec![0.0; 11], vec![0.0; 11]);
                scoring.rows(&query, table, &mut rows);
                scoring.gather(&query, table, &(0..11).collect::<Vec<_>>(), &mut gather);
                assert_eq!((&one, &one), (&rows, &gather), "{scoring:?}, dim {dim}");
            }
        }
    }
}
