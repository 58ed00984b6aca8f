use std::io::{Seek, Write};

use embed_core::store::{Fault, Reader, StoreError, Writer};
use embed_core::{Effort, SearchError, SearchRequest, Stop};

/// One line of an index's effort table: what a search for `k` answers finds at an effort.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffortPoint {
    /// Answers a query.
    pub k: u32,
    /// Mean share of the true nearest that were found, 0 to 1.
    pub recall: f32,
    /// [`Effort::Value`] of the family.
    pub effort: u64,
}

/// The points of an index, by k, those of a k by recall; effort rises with recall.
#[derive(Debug, Clone, Default)]
pub(crate) struct Efforts(Vec<EffortPoint>);

/// Sections of a file, of one length; absent where an index is not tuned.
const SECTIONS: [&str; 3] = ["tuned.k", "tuned.recall", "tuned.effort"];

impl Efforts {
    pub(crate) fn points(&self) -> &[EffortPoint] {
        &self.0
    }

    /// Puts the points of one k in place of those there are; `curve` by effort. What costs more than another
    /// point and finds no more is left out.
    pub(super) fn replace(&mut self, k: u32, curve: &[EffortPoint]) {
        self.0.retain(|point| point.k != k);
        let mut best = f32::NEG_INFINITY;
        for point in curve {
            if point.recall > best {
                best = point.recall;
                self.0.push(*point);
            }
        }
        self.0.sort_by_key(|point| (point.k, point.effort));
    }

    /// The effort that a request asks for; none where it leaves that to the index.
    pub(crate) fn resolve(&self, request: &SearchRequest<'_>) -> Result<Option<usize>, SearchError> {
        let recall = match request.effort {
            Effort::Default => return Ok(None),
            Effort::Value(value) => return Ok(Some(value)),
            Effort::Recall(recall) => recall,
            _ => return Err(SearchError::Unsupported { what: "effort" }),
        };
        let Some(last) = self.0.last() else { return Err(SearchError::Untuned { recall }) };
        // What is found of many answers is found of fewer, so the next larger k will do. A radius has no k.
        let k = match request.stop {
            Stop::K(k) => u32::try_from(k).unwrap_or(u32::MAX),
            Stop::Radius(_) => last.k,
            _ => return Err(SearchError::Unsupported { what: "stop rule" }),
        };
        let curve = &self.0[self.0.partition_point(|point| point.k < k)..];
        let tuned_k = curve.first().map_or(last.k, |point| point.k);
        let curve = curve.split(|point| point.k != tuned_k).next().unwrap_or_default();
        match curve.iter().find(|point| point.recall >= recall) {
            Some(point) => Ok(Some(usize::try_from(point.effort).unwrap_or(usize::MAX))),
            None => Err(SearchError::BeyondTuning {
                recall,
                k: k as usize,
                tuned_recall: curve.last().unwrap_or(last).recall,
                tuned_k: tuned_k as usize,
            }),
        }
    }

    pub(crate) fn write<W: Write + Seek>(&self, writer: &mut Writer<W>) -> Result<(), StoreError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let [k, recall, effort] = SECTIONS;
        writer
            .section(k, &self.0.iter().map(|point| point.k).collect::<Vec<_>>())?
            .section(recall, &self.0.iter().map(|point| point.recall).collect::<Vec<_>>())?
            .section(effort, &self.0.iter().map(|point| point.effort).collect::<Vec<_>>())?;
        Ok(())
    }

    /// The points of a file. They are checked here, for they are few and decide how long a search takes.
    pub(crate) fn read(reader: &Reader) -> Result<Self, StoreError> {
        if !reader.sections().any(|(name, _, _)| SECTIONS.contains(&name)) {
            return Ok(Self::default());
        }
        let field =
            |field: String, expected: u64, got: u64| reader.malformed(Fault::Field { field, expected, got });
        let [k, recall, effort] = SECTIONS;
        let k = reader.section::<u32>(k)?;
        let recall = reader.section_of_len::<f32>(recall, k.len())?;
        let effort = reader.section_of_len::<u64>(effort, k.len())?;
        let points: Vec<EffortPoint> = k
            .iter()
            .zip(recall.iter())
            .zip(effort.iter())
            .map(|((&k, &recall), &effort)| EffortPoint { k, recall, effort })
            .collect();
        for (at, point) in points.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| points[before]);
            let rises = before.is_none_or(|before| {
                before.k < point.k
                    || before.k == point.k && before.recall < point.recall && before.effort < point.effort
            });
            if !rises || !(0.0..=1.0).contains(&point.recall) || point.effort == 0 || point.k == 0 {
                return Err(field(format!("effort {at}"), 1, point.effort));
            }
        }
        Ok(Self(points))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(k: u32, recall: f32, effort: u64) -> EffortPoint {
        EffortPoint { k, recall, effort }
    }

    #[test]
    fn the_least_effort_for_the_recall_of_the_next_larger_k() {
        let mut efforts = Efforts::default();
        let asked = |efforts: &Efforts, k, recall| {
            efforts.resolve(&SearchRequest::k(k).effort(Effort::Recall(recall)))
        };
        assert!(matches!(asked(&efforts, 10, 0.5), Err(SearchError::Untuned { .. })));
        efforts.replace(10, &[point(10, 0.5, 2), point(10, 0.9, 4), point(10, 0.85, 5), point(10, 0.97, 9)]);
        efforts.replace(50, &[point(50, 0.6, 20), point(50, 0.8, 40)]);
        let ok = |k, recall| asked(&efforts, k, recall).unwrap().unwrap();
        assert_eq!((ok(10, 0.9), ok(10, 0.91), ok(10, 0.97), ok(1, 0.7)), (4, 9, 9, 4));
        assert_eq!((ok(11, 0.7), ok(0, -1.0), ok(50, 0.8)), (40, 2, 40));
        assert_eq!(efforts.points().len(), 5, "an effort that finds less than a smaller one is left out");
        let radius = SearchRequest::radius(1.0).effort(Effort::Recall(0.7));
        assert_eq!(efforts.resolve(&radius).unwrap(), Some(40));
        for (k, recall, tuned) in
            [(10, 0.98, (0.97, 10)), (20, 0.9, (0.8, 50)), (51, 0.1, (0.8, 50)), (10, f32::NAN, (0.97, 10))]
        {
            let Err(SearchError::BeyondTuning { tuned_recall, tuned_k, .. }) = asked(&efforts, k, recall)
            else {
                panic!("recall {recall} of {k} is beyond what was tuned")
            };
            assert_eq!((tuned_recall, tuned_k), tuned);
        }
        efforts.replace(50, &[]);
        assert_eq!(efforts.points().len(), 3);
        assert_eq!(efforts.resolve(&SearchRequest::k(99).effort(Effort::Value(7))).unwrap(), Some(7));
        assert_eq!(efforts.resolve(&SearchRequest::k(99)).unwrap(), None);
    }
}
