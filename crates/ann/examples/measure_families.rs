//! Recall and rate of index families over a sweep of efforts, one JSON line a family.
//!
//!     cargo run --release -p ann --example measure_families -- BASE QUERIES l2|ip|cosine SPEC [SPEC ...]
//!
//! `@4+8` in place of a SPEC sets the efforts of those that follow.
//! BASE and QUERIES are files of vectors that `embed_core::formats` reads; of queries, the first 1000 count. Rates
//! are medians of three: one query a call and one batch, both on one thread, and one batch on two threads. A batch
//! that takes less than a tenth of a second is ten times the queries.
#![allow(clippy::print_stdout, reason = "an example prints what it found")]

use std::num::NonZeroUsize;
use std::time::Instant;

use ann::{Flat, Index, IndexSpec};
use embed_core::testkit::recall;
use embed_core::{AnnIndex, Effort, Metric, Neighbor, Parallelism, Run, SearchRequest, formats};
use ndarray::{Array2, Axis, concatenate, s};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const EFFORTS: &[usize] = &[1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256];

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [base, queries, metric, specs @ ..] = &args[..] else {
        return Err("BASE QUERIES l2|ip|cosine SPEC [SPEC ...]".into());
    };
    let read = |path: &String| formats::read_vectors(path).map(|items| items.into_parts().1);
    let (base, queries) = (read(base)?, read(queries)?);
    let queries = queries.slice(s![..queries.nrows().min(1000), ..]).to_owned();
    let metric: Metric = metric.parse()?;
    let request = [SearchRequest::k(10)];
    let exact = Flat::build(&base, metric, &mut Run::default())?;
    let truth = exact.search_batch(queries.view(), &request, Parallelism::All)?;
    let mut efforts = EFFORTS.to_vec();
    for spec in specs {
        if let Some(list) = spec.strip_prefix('@') {
            efforts = list.split('+').map(str::parse).collect::<Result<_, _>>()?;
            continue;
        }
        let spec: IndexSpec = spec.parse()?;
        let start = Instant::now();
        let index = spec.build(&base, metric, &mut Run::seeded(1).threads(2))?;
        let built = start.elapsed().as_secs_f64();
        let bytes = index.to_bytes()?.len() as f64 / base.nrows() as f64;
        let mut points = Vec::new();
        for &effort in &efforts {
            let (found, line) = point(&index, &exact, &queries, &truth, effort)?;
            points.push(line);
            if found > 0.9985 || spec == IndexSpec::Flat {
                break;
            }
        }
        println!(
            r#"{{"spec":"{spec}","build_s":{built:.3},"bytes":{bytes:.1},"curve":[{}]}}"#,
            points.join(",")
        );
    }
    Ok(())
}

fn point(
    index: &Index,
    exact: &Flat,
    queries: &Array2<f32>,
    truth: &[Vec<Neighbor>],
    effort: usize,
) -> Outcome<(f64, String)> {
    let request = [SearchRequest::k(10).effort(Effort::Value(effort))];
    let start = Instant::now();
    let answers = index.search_batch(queries.view(), &request, Parallelism::Sequential)?;
    let short = start.elapsed().as_secs_f64() < 0.1;
    let mut row = vec![0.0; index.dim()];
    let mut sum = 0.0;
    for ((answer, truth), query) in answers.into_iter().zip(truth).zip(queries.rows()) {
        let mut scored = Vec::new();
        for n in answer {
            exact.vector_into(n.id, &mut row)?;
            let score = index.metric().score(query.as_slice().unwrap_or_default(), &row);
            scored.push(Neighbor::new(n.id, score + 1e-5 * score.abs().max(1.0)));
        }
        sum += recall(truth, &scored);
    }
    let found = sum / queries.nrows() as f64;
    let many = if short { concatenate(Axis(0), &[queries.view(); 10])? } else { queries.clone() };
    let two = Parallelism::Threads(NonZeroUsize::new(2).ok_or("two threads")?);
    let [batch, batch_2t] = [Parallelism::Sequential, two]
        .map(|parallelism| median(|| Ok(index.search_batch(many.view(), &request, parallelism)?.len())));
    let (batch, batch_2t) = (batch?, batch_2t?);
    let mut answer = Vec::new();
    let single = median(|| {
        for query in queries.rows() {
            index.search_into(query.as_slice().unwrap_or_default(), &request[0], &mut answer)?;
        }
        Ok(queries.nrows())
    })?;
    let line = format!(
        r#"{{"effort":{effort},"recall":{found:.4},"qps_batch":{batch:.0},"qps_batch_2t":{batch_2t:.0},"qps_single":{single:.0}}}"#
    );
    Ok((found, line))
}

/// Queries a second, the median of three.
fn median(mut work: impl FnMut() -> Outcome<usize>) -> Outcome<f64> {
    let mut rates = Vec::new();
    for _ in 0..3 {
        let start = Instant::now();
        let n = work()?;
        rates.push(n as f64 / start.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    Ok(rates[1])
}
