//! Indexes over some of the rows: ids that have no row.

use ndarray::{Array2, ArrayView2};

use super::harness::Case;
use super::{AnnSuite, cases, filters, forwarding, hostile};
use crate::testkit::clustered;
use crate::{AnnIndex, Filter, Metric, RowMask, SearchError, SearchRequest};

/// Tests an index family that can leave out rows; `make` builds an index over the rows of `vectors` `[n, dim]` that the
/// mask holds, whose ids are their row numbers in `vectors`. The mask may hold no row.
///
/// As [`ann_index`](super::ann_index), on clustered vectors where the first row, the last one, a run and every fifth are
/// left out: none of them is an answer or has a vector, and `len` and `id_bound` say so.
///
/// # Panics
/// When the family breaks the contract; the message says how.
pub fn ann_index_with_holes(
    make: impl Fn(ArrayView2<'_, f32>, &RowMask, Metric) -> Box<dyn AnnIndex>,
    suite: &AnnSuite,
) {
    for &metric in suite.metrics {
        let build = |name: &'static str, vectors: Array2<f32>, rows: RowMask| {
            let index = make(vectors.view(), &rows, metric);
            Case::with_holes(suite, name, metric, vectors, rows, index)
        };
        let main = cases::main(suite, &|_, vectors: Array2<f32>| {
            let n = vectors.nrows();
            let hole = |row| row == 0 || row + 1 == n || row % 5 == 3 || (20..30).contains(&row);
            build("clustered vectors with holes", vectors, RowMask::from_fn(n, |row| !hole(row)))
        });
        filters::run(&main);
        hostile::run(&main.case);
        forwarding::run(&main);
        main.case.demand_description();

        let k = SearchRequest::k(4).effort(suite.effort);
        let one = build("one row of ten", clustered(10, 6, 2, 1), RowMask::from_fn(10, |row| row == 7));
        for row in [0, 7, 9] {
            assert_eq!(one.demand(&one.row(row), &k).len(), 1, "{}", one.what("k = 4"));
            assert_eq!(
                one.search(&one.row(row), &k.filter(Filter::Deny(&[7]))),
                [],
                "{}",
                one.what("it is banned")
            );
        }
        let none = build("no row of ten", clustered(10, 6, 2, 1), RowMask::from_fn(10, |_| false));
        assert_eq!(none.search(&none.row(3), &k), [], "{}", none.what("k = 4"));
        assert!(
            matches!(none.index.vector_into(3, &mut [0.0; 6]), Err(SearchError::UnknownId { .. })),
            "{}",
            none.what("vector_into(3) must be UnknownId")
        );
    }
}
