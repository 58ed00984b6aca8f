use ndarray::{Array2, ArrayView2};

use super::{AnnSuite, ann_index};
use crate::testkit::panics;
use crate::{AnnIndex, ItemId, Metric, Neighbor, SearchError, SearchRequest, Space, Stop, TopK};

/// What a toy does wrong.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    TiesByDescendingId,
    IgnoresFilter,
    KeepsOldAnswers,
    MissesTheFirstRow,
    ReservesK,
    TakesNan,
    ScoresUnsigned,
    IgnoresRadius,
}

struct Scan(Array2<f32>, Metric, Fault);

impl AnnIndex for Scan {
    fn dim(&self) -> usize {
        self.0.ncols()
    }

    fn len(&self) -> usize {
        self.0.nrows()
    }

    fn metric(&self) -> Metric {
        self.1
    }

    fn space(&self) -> Space {
        Space::ANY
    }

    fn vector_into(&self, id: ItemId, out: &mut [f32]) -> Result<(), SearchError> {
        if out.len() != self.dim() {
            return Err(SearchError::Dimension { expected: self.dim(), got: out.len() });
        }
        if id as usize >= self.len() {
            return Err(SearchError::UnknownId { id, len: self.len() });
        }
        out.iter_mut().zip(self.0.row(id as usize)).for_each(|(o, x)| *o = *x);
        Ok(())
    }

    fn search_into(
        &self,
        query: &[f32],
        request: &SearchRequest<'_>,
        out: &mut Vec<Neighbor>,
    ) -> Result<(), SearchError> {
        let fault = self.2;
        match request.check(query, self.dim()) {
            Err(SearchError::NotFinite { .. }) if fault == Fault::TakesNan => {}
            other => other?,
        }
        if fault != Fault::KeepsOldAnswers {
            out.clear();
        }
        let (k, least) = match request.stop {
            Stop::K(k) => (k, f32::NEG_INFINITY),
            Stop::Radius(r) => (usize::MAX, self.1.radius_score(r)),
        };
        if fault == Fault::ReservesK {
            out.reserve(k.min(1 << 20));
        }
        let mut top = TopK::new(k);
        for (row, id) in self.0.rows().into_iter().zip(0..) {
            let score = self.1.score(query, &row.to_vec());
            let score = if fault == Fault::ScoresUnsigned { score.abs() } else { score };
            let inside = score >= least || fault == Fault::IgnoresRadius;
            let allowed = request.filter.allows(id) || fault == Fault::IgnoresFilter;
            if inside && allowed && (fault != Fault::MissesTheFirstRow || id > 0) {
                top.push(id, score);
            }
        }
        top.drain_into(out);
        if fault == Fault::TiesByDescendingId {
            out.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.id.cmp(&a.id)));
        }
        Ok(())
    }
}

fn toy(fault: Fault) -> impl Fn(ArrayView2<'_, f32>, Metric) -> Box<dyn AnnIndex> {
    move |vectors, metric| Box::new(Scan(vectors.to_owned(), metric, fault))
}

#[test]
fn a_correct_scan_passes_as_exact_and_as_approximate() {
    ann_index(toy(Fault::None), &AnnSuite::exact("scan"));
    ann_index(toy(Fault::None), &AnnSuite { n: 150, dim: 3, ..AnnSuite::approximate("scan", 0.9) });
}

#[test]
fn every_fault_is_found_and_named() {
    for (fault, message) in [
        (Fault::TiesByDescendingId, "ties by ascending id"),
        (Fault::IgnoresFilter, "banned"),
        (Fault::KeepsOldAnswers, "cleared first"),
        (Fault::MissesTheFirstRow, "recall"),
        (Fault::ReservesK, "room for"),
        (Fault::TakesNan, "NotFinite"),
        (Fault::ScoresUnsigned, "by definition"),
        (Fault::IgnoresRadius, "radius"),
    ] {
        let said = panics(|| ann_index(toy(fault), &AnnSuite::exact("scan")));
        assert!(said.contains(message) && said.contains("scan under"), "{message}: {said}");
    }
}

#[test]
fn an_approximate_family_is_held_to_its_recall() {
    let suite = AnnSuite::approximate("scan", 0.99);
    let said = panics(|| ann_index(toy(Fault::MissesTheFirstRow), &suite));
    assert!(said.contains("recall"), "{said}");
}
