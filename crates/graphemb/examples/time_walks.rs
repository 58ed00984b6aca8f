//! Steps per second of walks: `time_walks GRAPH P Q WALKS LENGTH [THREADS] [REPEATS]`, where GRAPH is an edge list or a
//! graph file of ours. Prints one JSON line.
#![allow(clippy::print_stdout, reason = "an example speaks")]

use std::error::Error;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Instant;

use embed_core::Parallelism;
use graphemb::{EdgeOptions, Graph, WalkParams, Walks};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [file, p, q, count, length, rest @ ..] = &args[..] else {
        return Err("GRAPH P Q WALKS LENGTH [THREADS] [REPEATS]".into());
    };
    let number = |at: usize, default: usize| rest.get(at).map_or(Ok(default), |text| text.parse());
    let (threads, repeats) = (number(0, 2)?, number(1, 3)?);
    let started = Instant::now();
    let graph = match Graph::open(file) {
        Ok(graph) => graph,
        Err(_) => Graph::read(file, &EdgeOptions::default())?.0,
    };
    let read_seconds = started.elapsed().as_secs_f64();
    let params = WalkParams {
        p: p.parse()?,
        q: q.parse()?,
        walks: count.parse()?,
        length: length.parse()?,
        ..WalkParams::default()
    };
    let started = Instant::now();
    let walks = Walks::new(&graph, &params, 1)?;
    let prepare_seconds = started.elapsed().as_secs_f64();
    let mut rates = Vec::new();
    let mut steps = 0;
    for _ in 0..repeats {
        steps = 0;
        let started = Instant::now();
        Parallelism::Threads(NonZeroUsize::new(threads).ok_or("no threads")?).install(|| {
            walks.for_each(|walk| {
                steps += walk.len() as u64 - 1;
                ControlFlow::Continue(())
            })
        })?;
        rates.push(steps as f64 / started.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    let rate = rates[rates.len() / 2];
    let memory = walks.memory();
    println!(
        "{{\"nodes\": {}, \"edges\": {}, \"p\": {p}, \"q\": {q}, \"threads\": {threads}, \"steps\": {steps}, \"steps_per_second\": {rate:.0}, \
         \"least\": {:.0}, \"most\": {:.0}, \"read_s\": {read_seconds:.2}, \"prepare_s\": {prepare_seconds:.3}, \"extra_bytes\": {}}}",
        graph.n_nodes(),
        graph.n_edges(),
        rates[0],
        rates[rates.len() - 1],
        memory.nodes + memory.edges + memory.weights,
    );
    if let Some(path) = std::env::args().nth(8) {
        graph.save(path)?;
    }
    Ok(())
}
