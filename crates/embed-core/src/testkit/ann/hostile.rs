//! Bad input: each has its error, and no panic.

use ndarray::Array2;

use super::harness::Case;
use crate::testkit::threads;
use crate::{Filter, SearchError, SearchRequest};

pub(super) fn run(case: &Case<'_>) {
    let (n, dim) = case.vectors.dim();
    let (good, first) = (vec![0.5; dim], case.id(0));
    let k = SearchRequest::k(3);
    macro_rules! refuses {
        ($result:expr, $pattern:pat $(if $guard:expr)?, $doing:expr) => {
            let result = $result;
            assert!(
                matches!(&result, Err($pattern) $(if $guard)?),
                "{}: expected {}, got {result:?}",
                case.what($doing),
                stringify!($pattern)
            );
        };
    }

    for got in [0, dim - 1, dim + 1, 2 * dim] {
        let query = vec![0.5; got];
        refuses!(
            case.index.search(&query, &k),
            SearchError::Dimension { expected, got: g } if *expected == dim && *g == got,
            "a query of the wrong dimension"
        );
        let mut out = vec![0.0; got];
        refuses!(
            case.index.vector_into(first, &mut out),
            SearchError::Dimension { expected, got: g } if *expected == dim && *g == got,
            "vector_into of the wrong dimension"
        );
        refuses!(
            case.index.search_batch(Array2::zeros((2, got)).view(), &[k], threads(2)),
            SearchError::Dimension { .. },
            "a batch of the wrong dimension"
        );
    }
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for column in [0, dim - 1] {
            let mut query = good.clone();
            query[column] = value;
            refuses!(
                case.index.search(&query, &k),
                SearchError::NotFinite { column: c, .. } if *c == column,
                "a query that is not finite"
            );
            let mut batch = Array2::from_elem((5, dim), 0.5);
            batch[[3, column]] = value;
            refuses!(
                case.index.search_batch(batch.view(), &[k], threads(2)),
                SearchError::NotFinite { .. },
                "a batch with a query that is not finite"
            );
        }
        refuses!(
            case.index.search(&good, &SearchRequest::radius(value)),
            SearchError::BadRadius { .. },
            "a radius that is not finite"
        );
    }
    for ids in [&[2, 1][..], &[4, 4], &[0, 1, 2, 9, 8]] {
        for filter in [Filter::Deny(ids), Filter::Allow(ids)] {
            refuses!(
                case.index.search(&good, &k.filter(filter)),
                SearchError::UnsortedFilter { position, .. } if *position == ids.len() - 1,
                "a filter out of order"
            );
        }
    }
    let holes = (0..n).filter(|&row| !case.rows.contains(row));
    for id in holes.chain([n, n + 1, u32::MAX as usize]) {
        #[expect(clippy::cast_possible_truncation, reason = "a test builds fewer than 2³² vectors")]
        let id = id as u32;
        let mut out = good.clone();
        refuses!(
            case.index.vector_into(id, &mut out),
            SearchError::UnknownId { .. },
            "vector_into of no row"
        );
        refuses!(case.index.search_by_id(id, &k), SearchError::UnknownId { .. }, "search_by_id of no row");
    }
    let queries = Array2::from_elem((3, dim), 0.5);
    for requests in [&[][..], &[k; 2], &[k; 4]] {
        refuses!(
            case.index.search_batch(queries.view(), requests, threads(1)),
            SearchError::Requests { queries: 3, .. },
            "neither one request nor one for each query"
        );
    }
}
