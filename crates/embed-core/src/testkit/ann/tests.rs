use ndarray::{Array2, ArrayView2};

use super::{AnnSuite, ann_index, ann_index_with_holes};
use crate::testkit::panics;
use crate::{
    AnnIndex, ItemId, KeyTable, Metric, Neighbor, RowMask, SearchError, SearchRequest, Space, Stop, TopK,
    Vocab,
};

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
    BoundIsTheLength,
    FewKeys,
    CountsHoles,
    AnswersHoles,
    HasVectorsOfHoles,
}

/// Vectors, and which of them are in the index.
struct Scan(Array2<f32>, Metric, Fault, RowMask);

impl AnnIndex for Scan {
    fn dim(&self) -> usize {
        self.0.ncols()
    }

    fn len(&self) -> usize {
        if self.2 == Fault::CountsHoles { self.0.nrows() } else { self.3.count() }
    }

    fn id_bound(&self) -> usize {
        if self.2 == Fault::BoundIsTheLength { self.len() } else { self.0.nrows() }
    }

    fn keys(&self) -> Result<Option<KeyTable>, SearchError> {
        let n = if self.2 == Fault::FewKeys { self.len().saturating_sub(1) } else { self.0.nrows() };
        Ok(Some(Vocab::from_keys((0..n).map(|key| key.to_string())).unwrap().into()))
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
        let here = self.3.contains(id as usize) || self.2 == Fault::HasVectorsOfHoles;
        if id as usize >= self.0.nrows() || !here {
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
            let here = self.3.contains(id as usize) || fault == Fault::AnswersHoles;
            let inside = here && (score >= least || fault == Fault::IgnoresRadius);
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
    move |vectors, metric| {
        let all = RowMask::from_fn(vectors.nrows(), |_| true);
        Box::new(Scan(vectors.to_owned(), metric, fault, all))
    }
}

fn toy_with_holes(fault: Fault) -> impl Fn(ArrayView2<'_, f32>, &RowMask, Metric) -> Box<dyn AnnIndex> {
    move |vectors, rows, metric| Box::new(Scan(vectors.to_owned(), metric, fault, rows.clone()))
}

#[test]
fn a_correct_scan_passes_as_exact_and_as_approximate() {
    ann_index(toy(Fault::None), &AnnSuite::exact("scan"));
    ann_index(toy(Fault::None), &AnnSuite { n: 150, dim: 3, ..AnnSuite::approximate("scan", 0.9) });
}

#[test]
fn a_correct_scan_with_holes_passes() {
    ann_index_with_holes(toy_with_holes(Fault::None), &AnnSuite::exact("scan"));
    let few = AnnSuite { n: 100, dim: 3, ..AnnSuite::approximate("scan", 0.9) };
    ann_index_with_holes(toy_with_holes(Fault::None), &few);
}

#[test]
fn faults_about_holes_are_found() {
    for (fault, message) in [
        (Fault::BoundIsTheLength, "id_bound is"),
        (Fault::CountsHoles, "(len, dim)"),
        (Fault::AnswersHoles, "is not in the index"),
        (Fault::HasVectorsOfHoles, "UnknownId"),
        (Fault::IgnoresFilter, "banned"),
    ] {
        let said = panics(|| ann_index_with_holes(toy_with_holes(fault), &AnnSuite::exact("scan")));
        assert!(said.contains(message) && said.contains("with holes"), "{message}: {said}");
    }
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
        (Fault::FewKeys, "keys, and ids up to"),
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
