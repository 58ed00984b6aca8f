//! What a bench found, for programs and for the terminal.

use serde::{Deserialize, Serialize};

use crate::output::{self, grouped};

/// Indexes that were measured over the same vectors and queries.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Bench {
    pub(crate) vectors: String,
    pub(crate) n: usize,
    pub(crate) dim: usize,
    pub(crate) n_queries: usize,
    pub(crate) metric: String,
    pub(crate) k: usize,
    /// Of batches; single queries take one.
    pub(crate) threads: usize,
    pub(crate) seed: u64,
    pub(crate) results: Vec<Family>,
}

/// One index.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Family {
    pub(crate) spec: String,
    pub(crate) build_seconds: f64,
    pub(crate) bytes_per_vector: f64,
    /// By effort.
    pub(crate) curve: Vec<Point>,
}

/// How an index does at one effort.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) effort: usize,
    pub(crate) recall: f64,
    /// One query after the other on one thread.
    pub(crate) qps_single: f64,
    pub(crate) qps_batch: f64,
    /// Of single queries, in microseconds.
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

impl Bench {
    /// All points, a family's figures on its first line.
    pub(crate) fn table(&self) -> String {
        let recall = format!("recall@{}", self.k);
        let threads =
            if self.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", self.threads) };
        let batch = format!("batch/s, {threads}");
        let heading =
            ["index", "build s", "bytes each", "effort", &recall, "single/s", &batch, "p50 µs", "p99 µs"];
        let rows = self.results.iter().flat_map(|family| {
            family.curve.iter().enumerate().map(|(at, point)| {
                let mut row = if at == 0 {
                    vec![
                        family.spec.clone(),
                        format!("{:.2}", family.build_seconds),
                        format!("{:.0}", family.bytes_per_vector),
                    ]
                } else {
                    vec![String::new(); 3]
                };
                row.extend([
                    grouped(point.effort as u64),
                    format!("{:.4}", point.recall),
                    whole(point.qps_single),
                    whole(point.qps_batch),
                    format!("{:.0}", point.p50_us),
                    format!("{:.0}", point.p99_us),
                ]);
                row
            })
        });
        output::table(&heading, 1, rows)
    }
}

/// A rate as a whole number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast stops at the borders")]
pub(crate) fn whole(rate: f64) -> String {
    grouped(rate.round() as u64)
}
