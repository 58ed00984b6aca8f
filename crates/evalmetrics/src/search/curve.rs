use std::time::{Duration, Instant};

use embed_core::{AnnIndex, Effort, Progress, Run, SearchRequest};
use serde::Serialize;

use super::{GroundTruth, SearchEvalError};
use crate::number::{float, mean};

/// One effort of an index: what it finds, and how long it takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CurvePoint {
    /// The effort; none for the index's own.
    pub effort: Option<f64>,
    /// Mean recall@k, ties counted ([`GroundTruth::recall`]).
    pub recall: f64,
    /// The lowest recall of a query.
    pub worst_recall: f64,
    /// Queries a second, one after the other on one thread: of the fastest repeat.
    pub qps: f64,
    /// Queries a second in a batch, on the threads of the run: of the fastest repeat.
    pub batch_qps: f64,
    /// Latency of a query that half of them keep, in microseconds, over all repeats.
    pub p50_us: f64,
    /// Latency that 95 % keep, in microseconds.
    pub p95_us: f64,
    /// Latency that 99 % keep, in microseconds.
    pub p99_us: f64,
}

/// Measures recall and latency of an index at each of `efforts`, `repeats` times over all queries of the truth. The rows of
/// the index must be those of the truth, in their order.
///
/// Times are those of this machine at this moment; recall is exact.
///
/// # Errors
/// [`SearchEvalError::Zero`] for no repeats, [`SearchEvalError::OtherRows`], [`SearchEvalError::Dimension`],
/// [`SearchEvalError::Search`] with the first query that fails, [`SearchEvalError::Stopped`].
pub fn recall_latency<I: AnnIndex + ?Sized>(
    index: &I,
    truth: &GroundTruth<'_>,
    efforts: &[Effort],
    repeats: usize,
    run: &mut Run<'_>,
) -> Result<Vec<CurvePoint>, SearchEvalError> {
    if repeats == 0 {
        return Err(SearchEvalError::Zero { name: "repeats" });
    }
    let (expected, got) = (truth.n_rows(), index.id_bound());
    if expected != got {
        return Err(SearchEvalError::OtherRows { expected, got });
    }
    let (expected, got) = (index.dim(), truth.queries().ncols());
    if expected != got {
        return Err(SearchEvalError::Dimension { expected, got });
    }
    let mut points = Vec::with_capacity(efforts.len());
    for (done, &effort) in efforts.iter().enumerate() {
        let total = efforts.len();
        if !run.report(&Progress::new("curve", done as u64, total as u64).unit("efforts")).goes_on() {
            return Err(SearchEvalError::Stopped { done, total, unit: "efforts" });
        }
        points.push(point(index, truth, effort, repeats, run)?);
    }
    Ok(points)
}

fn point<I: AnnIndex + ?Sized>(
    index: &I,
    truth: &GroundTruth<'_>,
    effort: Effort,
    repeats: usize,
    run: &Run<'_>,
) -> Result<CurvePoint, SearchEvalError> {
    let request = SearchRequest::k(truth.k()).effort(effort);
    let queries = truth.queries();
    let (n, dim) = queries.dim();
    let rows = queries.as_slice().unwrap_or_default();
    let mut answers = vec![Vec::new(); n];
    let mut latencies = Vec::with_capacity(n * repeats);
    let (mut alone, mut batch) = (Duration::MAX, Duration::MAX);
    let mut found = Vec::new();
    for _ in 0..repeats {
        let mut sum = Duration::ZERO;
        for (query, (vector, answer)) in rows.chunks_exact(dim).zip(&mut answers).enumerate() {
            let start = Instant::now();
            let searched = index.search_into(vector, &request, &mut found);
            let took = start.elapsed();
            searched.map_err(|source| SearchEvalError::Search { query, source })?;
            sum += took;
            latencies.push(took);
            answer.clear();
            answer.extend(found.iter().map(|neighbor| neighbor.id));
        }
        alone = alone.min(sum);
        let start = Instant::now();
        let searched = index.search_batch(queries, &[request], run.parallelism);
        batch = batch.min(start.elapsed());
        searched.map_err(|source| SearchEvalError::Search { query: 0, source })?;
    }
    let recalls = truth.recall(&answers)?;
    latencies.sort_unstable();
    let at = |share: usize| 1e6 * latencies[(latencies.len() - 1) * share / 100].as_secs_f64();
    let per_second = |time: Duration| float(n) / time.as_secs_f64().max(1e-9);
    Ok(CurvePoint {
        effort: match effort {
            Effort::Value(value) => Some(float(value)),
            Effort::Recall(recall) => Some(f64::from(recall)),
            // The index's own; one of another kind has no number.
            _ => None,
        },
        recall: mean(&recalls),
        worst_recall: recalls.iter().copied().fold(1.0, f64::min),
        qps: per_second(alone),
        batch_qps: per_second(batch),
        p50_us: at(50),
        p95_us: at(95),
        p99_us: at(99),
    })
}
