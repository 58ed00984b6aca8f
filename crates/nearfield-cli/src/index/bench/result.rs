//! What a bench found, for programs and for the terminal.

use serde::Serialize;

use crate::output::{self, grouped};

#[derive(Debug, Serialize)]
pub(super) struct Bench {
    pub(super) vectors: String,
    pub(super) n: usize,
    pub(super) dim: usize,
    pub(super) n_queries: usize,
    pub(super) metric: &'static str,
    pub(super) k: usize,
    /// Of batches; single queries take one.
    pub(super) threads: usize,
    pub(super) seed: u64,
    pub(super) results: Vec<Family>,
}

#[derive(Debug, Serialize)]
pub(super) struct Family {
    pub(super) spec: String,
    pub(super) build_seconds: f64,
    pub(super) bytes_per_vector: f64,
    /// By effort.
    pub(super) curve: Vec<Point>,
}

#[derive(Debug, Serialize)]
pub(super) struct Point {
    pub(super) effort: usize,
    pub(super) recall: f64,
    /// One query after the other on one thread.
    pub(super) qps_single: f64,
    pub(super) qps_batch: f64,
    /// Of single queries, in microseconds.
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
}

impl Bench {
    /// All points, a family's figures on its first line.
    pub(super) fn table(&self) -> String {
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
pub(super) fn whole(rate: f64) -> String {
    grouped(rate.round() as u64)
}
