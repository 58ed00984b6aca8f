//! Peak memory while an index is built, and how long it takes to open it: one JSON line. Linux.
//!
//!     cargo run --release -p ann --example build_memory -- VECTORS l2|ip|cosine SPEC [ROWS]
//!
//! VECTORS is a file that `embed_core::formats` reads; ROWS takes only the first. One family a process: the peak is the
//! process's, counted from when the vectors are in memory. `ratio` is what the build needs beside the vectors, in
//! sizes of the finished index. Opening maps the file, which the cache of the system holds: the median of nine.
#![allow(clippy::print_stdout, reason = "an example prints what it found")]

use std::time::Instant;

use ann::{Index, IndexSpec};
use embed_core::{Metric, Run, formats};
use ndarray::s;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, metric, spec, rows @ ..] = &args[..] else {
        return Err("VECTORS l2|ip|cosine SPEC [ROWS]".into());
    };
    let (metric, spec): (Metric, IndexSpec) = (metric.parse()?, spec.parse()?);
    let mut vectors = formats::read_vectors(path)?.into_parts().1;
    if let [rows] = rows {
        vectors = vectors.slice(s![..rows.parse::<usize>()?, ..]).to_owned();
    }
    // Forgets the peak so far.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let before = status("VmRSS")?;
    let start = Instant::now();
    let index = spec.build(&vectors, metric, &mut Run::seeded(1).threads(2))?;
    let seconds = start.elapsed().as_secs_f64();
    let peak = status("VmHWM")?;
    let folder = std::env::temp_dir().join(format!("build_memory.{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("index.nf");
    index.save(&file)?;
    let size = std::fs::metadata(&file)?.len();
    let mut times = Vec::new();
    for _ in 0..9 {
        let start = Instant::now();
        let opened = Index::open(&file)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        drop(opened);
    }
    times.sort_by(f64::total_cmp);
    std::fs::remove_dir_all(&folder)?;
    let (n, dim) = vectors.dim();
    let grown = peak.saturating_sub(before);
    println!(
        r#"{{"spec":"{spec}","metric":"{metric}","n":{n},"dim":{dim},"vector_bytes":{},"index_bytes":{size},"peak_bytes":{peak},"grown_bytes":{grown},"ratio":{:.2},"build_seconds":{seconds:.2},"open_ms":{:.3}}}"#,
        n * dim * 4,
        grown as f64 / size as f64,
        times[times.len() / 2],
    );
    Ok(())
}

/// A line of `/proc/self/status`, in bytes.
fn status(name: &str) -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(name)).ok_or("no such line")?;
    Ok(line.split_whitespace().nth(1).ok_or("no value")?.parse::<u64>()? * 1024)
}
