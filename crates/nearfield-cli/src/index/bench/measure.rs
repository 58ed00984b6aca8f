//! A sweep of effort over one index.

use std::time::{Duration, Instant};

use embed_core::{AnnIndex, Effort, Parallelism, SearchRequest};
use ndarray::{ArrayView2, Axis, concatenate};
use nearfield::ann::{Index, Truth, TuneError};

use super::result::Point;
use crate::cancel::Cancel;

/// Recall from which on more effort is of no interest.
const ENOUGH: f64 = 0.9985;
/// Recall rises no more when so much more effort gave no more than that.
const STALLED: (usize, f64) = (4, 5e-4);
/// Each effort is so many times the one before, at least: three steps of the ladder in two.
const STEP: (usize, usize) = (4, 3);
/// A batch is repeated until one pass takes so long, and measured so many times.
const LEAST: Duration = Duration::from_millis(100);
const REPEATS: usize = 3;
/// A pass of single queries takes so long at most, but some are timed in any case. Short passes are repeated.
const MOST: Duration = Duration::from_secs(2);
const SOME: usize = 50;

pub(super) struct Sweep<'a, 't> {
    pub(super) index: &'a Index,
    pub(super) queries: ArrayView2<'a, f32>,
    pub(super) truth: &'a Truth<'t>,
    pub(super) k: usize,
    pub(super) parallelism: Parallelism,
}

impl Sweep<'_, '_> {
    /// Points by effort, until recall is enough or rises no more.
    pub(super) fn measure(&self, cancel: &Cancel) -> Result<Vec<Point>, TuneError> {
        let mut curve: Vec<Point> = Vec::new();
        for effort in self.efforts() {
            if cancel.is_asked() {
                return Err(TuneError::Cancelled { measured: curve.len() });
            }
            let point = self.point(effort)?;
            let earlier = curve.iter().rev().find(|before| before.effort <= effort / STALLED.0);
            let stalled = earlier.is_some_and(|before| point.recall < before.recall + STALLED.1);
            let recall = point.recall;
            curve.push(point);
            if recall >= ENOUGH || stalled {
                break;
            }
        }
        Ok(curve)
    }

    /// A thinner ladder: a picture needs no more points.
    fn efforts(&self) -> Vec<usize> {
        let mut efforts: Vec<usize> = Vec::new();
        for effort in self.index.effort_ladder(self.k) {
            if efforts.last().is_none_or(|last| effort * STEP.1 >= last * STEP.0) {
                efforts.push(effort);
            }
        }
        efforts
    }

    fn point(&self, effort: usize) -> Result<Point, TuneError> {
        let request = [SearchRequest::k(self.k).effort(Effort::Value(effort))];
        let start = Instant::now();
        let answers = self.index.search_batch(self.queries, &request, self.parallelism)?;
        let first = start.elapsed();
        let recall = self.truth.recall(&answers);
        drop(answers);
        let qps_batch = self.batch(&request, first)?;
        let (mut latencies, mut rates) = (Vec::new(), Vec::new());
        for _ in 0..REPEATS {
            let pass = self.latencies(&request[0])?;
            let took: Duration = pass.iter().sum();
            rates.push(rate(pass.len(), took));
            latencies.extend(pass);
            if took > MOST / 4 {
                break;
            }
        }
        rates.sort_by(f64::total_cmp);
        latencies.sort_unstable();
        let percentile = |share: usize| micros(latencies[(latencies.len() - 1) * share / 100]);
        Ok(Point {
            effort,
            recall,
            qps_single: rates[rates.len() / 2],
            qps_batch,
            p50_us: percentile(50),
            p99_us: percentile(99),
        })
    }

    /// Queries a second of batches: the median.
    fn batch(&self, request: &[SearchRequest<'_>], first: Duration) -> Result<f64, TuneError> {
        let copies = if first < LEAST {
            let times = LEAST.as_nanos() / first.as_nanos().max(1);
            usize::try_from(times).unwrap_or(usize::MAX).clamp(1, 20) + 1
        } else {
            1
        };
        let many;
        let queries = if copies > 1 {
            let views = vec![self.queries; copies];
            // Of one shape, so they fit.
            many = concatenate(Axis(0), &views).unwrap_or_else(|_| self.queries.to_owned());
            many.view()
        } else {
            self.queries
        };
        let mut rates = Vec::with_capacity(REPEATS);
        for _ in 0..REPEATS {
            let start = Instant::now();
            let answers = self.index.search_batch(queries, request, self.parallelism)?;
            rates.push(rate(answers.len(), start.elapsed()));
        }
        rates.sort_by(f64::total_cmp);
        Ok(rates[REPEATS / 2])
    }

    /// How long single queries take, one after the other on this thread.
    fn latencies(&self, request: &SearchRequest<'_>) -> Result<Vec<Duration>, TuneError> {
        let (mut out, mut latencies, mut total) = (Vec::new(), Vec::new(), Duration::ZERO);
        for query in self.queries.rows() {
            let query = query.as_standard_layout();
            let start = Instant::now();
            self.index.search_into(query.as_slice().unwrap_or_default(), request, &mut out)?;
            let took = start.elapsed();
            latencies.push(took);
            total += took;
            if total > MOST && latencies.len() >= SOME {
                break;
            }
        }
        Ok(latencies)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more digits")]
fn rate(n: usize, took: Duration) -> f64 {
    n as f64 / took.as_secs_f64().max(1e-9)
}

fn micros(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e7).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::testkit::clustered;
    use embed_core::{Metric, Run};

    #[test]
    fn a_sweep_rises_to_all_and_a_family_without_a_knob_has_one_point() {
        let (vectors, queries) = (clustered(2000, 8, 9, 1), clustered(40, 8, 9, 2));
        let truth =
            Truth::exact(vectors.view(), queries.view(), Metric::L2, 10, &mut Run::default()).unwrap();
        for (spec, points) in [("Flat", 1..=1), ("SQ8", 1..=1), ("HNSW4", 3..=20), ("IVF40,Flat", 3..=12)] {
            let family: nearfield::ann::IndexSpec = spec.parse().unwrap();
            let index = family.build(&vectors, Metric::L2, &mut Run::seeded(1)).unwrap();
            let (queries, k) = (queries.view(), 10);
            let sweep =
                Sweep { index: &index, queries, truth: &truth, k, parallelism: Parallelism::Sequential };
            let curve = sweep.measure(&Cancel::default()).unwrap();
            assert!(points.contains(&curve.len()), "{spec}: {curve:?}");
            assert!(curve.iter().all(|p| p.qps_batch > 0.0 && p.qps_single > 0.0 && p.p50_us <= p.p99_us));
            assert!(curve.last().unwrap().recall > 0.95, "{spec}: {curve:?}");
        }
    }
}
