//! Clusters, codes, lists.

use std::ops::Range;

use embed_core::{Assigner, KMeans, KMeansError, KMeansParams, Metric, Progress, Run, SeededRng, kernel};
use ndarray::Array2;
use rayon::prelude::*;

use super::coarse::Coarse;
use super::fill::fill;
use super::payload::{Layout, Payload};
use super::source::{Source, longest_row, subtract};
use super::{Exact, Ivf, IvfParams, NONE};
use crate::aligned::Aligned;
use crate::pq::{Codebook, Training};
use crate::scoring::Scoring;
use crate::sq::Sq8;
use crate::{BuildError, Codes, Refine, Vectors};

/// Rows of a centroid that k-means looks at.
const SAMPLE: usize = 128;
/// Rows between two reports.
const STEP: usize = 1 << 14;

/// A failure of k-means on rows that have been checked.
fn failed(error: KMeansError, n: usize) -> BuildError {
    match error {
        KMeansError::Parallelism(error) => BuildError::Parallelism(error),
        KMeansError::NotFinite { row, column, value } => BuildError::NotFinite { row, column, value },
        _ => BuildError::Cancelled { done: 0, total: n },
    }
}

pub(super) fn build(
    vectors: Vectors<'_>,
    metric: Metric,
    params: &IvfParams,
    listed: bool,
    run: &mut Run<'_>,
) -> Result<Ivf, BuildError> {
    params.validate()?;
    vectors.check(metric, Ivf::MAX_ROWS)?;
    let (n, dim) = (vectors.len(), vectors.dim());
    let (coding, scoring) = (params.coding, Scoring::of(metric));
    if dim > Sq8::MAX_DIM && (coding.codes != Codes::Flat || coding.refine == Refine::Sq8) {
        return Err(BuildError::TooManyColumns { limit: Sq8::MAX_DIM, got: dim });
    }
    let (parallelism, seed) = (run.parallelism, run.seed);
    let report = |run: &mut Run<'_>, done: usize| {
        let flow = run.report(&Progress::new("index", done as u64, n as u64).unit("vectors"));
        if flow.goes_on() { Ok(()) } else { Err(BuildError::Cancelled { done, total: n }) }
    };
    report(run, 0)?;
    let longest = longest_row(&vectors, metric);
    let augmented = (listed && metric == Metric::InnerProduct).then(|| f64::from(longest).powi(2));
    let mut source = Source { vectors, metric, dim, rotation: None, augmented };

    let nlist = if listed { params.lists(n) } else { 1 };
    let book_sample = match coding.codes {
        Codes::Flat | Codes::Sq8 => 0,
        Codes::Pq { .. } => Codebook::sample(256),
        Codes::PqFast { .. } => Codebook::sample(16),
    };
    let sample = draw(n, book_sample, run.seed);
    if coding.opq && coding.codes.m().is_some() {
        let read = |place: usize, out: &mut [f32]| source.read(sample[place] as usize, out);
        let tick = |round: usize| report(run, round.min(n));
        let rotation = crate::opq::train(sample.len(), dim, &read, coding.codes, seed, parallelism, tick)?;
        source.rotation = Some(rotation);
    }
    let (clustered, width) = (|row: usize, out: &mut [f32]| source.clustered(row, out), source.width());
    let centroids = if listed && n > 0 {
        let kmeans = KMeansParams { k: nlist, iterations: params.iterations, sample: SAMPLE };
        let means = KMeans::fit_read(n, width, &clustered, &kmeans, run).map_err(|e| failed(e, n))?;
        let mut centroids = means.centroids;
        if scoring == Scoring::Dot {
            to_sphere(&mut centroids, if metric == Metric::Cosine { 1.0 } else { longest });
        }
        centroids
    } else {
        Array2::zeros((1, width))
    };
    let assigner = Assigner::new(centroids.view());
    let mut nearest = vec![0u32; n];
    for (from, nearest) in (0..).step_by(STEP).zip(nearest.chunks_mut(STEP)) {
        if listed {
            let rows = from..from + nearest.len();
            nearest.copy_from_slice(&assigner.assign_read(rows, &clustered, parallelism)?.0);
            report(run, from / 2)?;
        }
    }
    // What augments the vectors is no part of the search.
    let nlist = centroids.nrows();
    let mut table: Vec<f32> = Vec::with_capacity(nlist * dim);
    centroids.rows().into_iter().for_each(|centroid| table.extend(centroid.iter().take(dim)));
    if let Some(rotation) = &source.rotation {
        table = rotation.turn(&table);
    }
    let table = Aligned::copy(&table);
    let coarse = Coarse::new(scoring, table, dim);

    let layout = Layout::of(coding.codes, dim);
    let (starts, ids) = lists(&nearest, nlist, layout.block);
    let payload =
        train(&source, &coarse, coding.codes, &sample, &nearest, ids.len(), run).map_err(|e| failed(e, n))?;
    let mut index = Ivf {
        metric,
        dim,
        n,
        params: *params,
        listed,
        rotation: None,
        coarse,
        radii: Aligned::copy(&[]),
        starts: Aligned::copy(&starts),
        ids: Aligned::copy(&ids),
        positions: Aligned::copy(&[]),
        payload,
        exact: Exact::None,
        longest,
        error: 0.0,
        efforts: crate::tune::Efforts::default(),
        space: source.vectors.space,
        names: source.vectors.names(),
    };
    report(run, n / 2)?;
    fill(&mut index, &source, &nearest, run)?;
    index.exact = exact(&source, coding.refine, n);
    if coding.refine == Refine::None {
        index.positions = Aligned::new(n, |positions| {
            for (slot, &id) in (0..).zip(ids.iter()) {
                if id != NONE {
                    positions[id as usize] = slot;
                }
            }
        });
    }
    index.rotation = source.rotation;
    report(run, n)?;
    Ok(index)
}

/// Centroids of vectors of one length get that length too: what is nearest is then what has the largest product,
/// for rows that are assigned as for queries that look for them.
fn to_sphere(centroids: &mut Array2<f32>, radius: f32) {
    for mut centroid in centroids.rows_mut() {
        if let Some(centroid) = centroid.as_slice_mut() {
            kernel::normalize(centroid);
            centroid.iter_mut().for_each(|x| *x *= radius);
        }
    }
}

/// At most `most` different rows in a random order.
fn draw(n: usize, most: usize, seed: u64) -> Vec<u32> {
    let mut rng = SeededRng::stream(seed, "ivf sample", 0);
    let mut rows: Vec<u32> = (0..=u32::MAX).take(if most == 0 { 0 } else { n }).collect();
    for front in 0..most.min(rows.len()) {
        let left = u32::try_from(n - front).unwrap_or(u32::MAX);
        rows.swap(front, front + rng.below(left) as usize);
    }
    rows.truncate(most);
    rows
}

/// Where each list starts, and the row in each slot: ascending in a list, which is filled up to whole blocks.
pub(super) fn lists(nearest: &[u32], nlist: usize, block: usize) -> (Vec<u32>, Vec<u32>) {
    let mut sizes = vec![0usize; nlist];
    nearest.iter().for_each(|&list| sizes[list as usize] += 1);
    let mut starts = Vec::with_capacity(nlist + 1);
    let mut next = 0usize;
    for size in &sizes {
        starts.push(next);
        next += size.next_multiple_of(block);
    }
    starts.push(next);
    let mut ids = vec![NONE; next];
    let mut at = starts.clone();
    for (row, &list) in (0..).zip(nearest) {
        ids[at[list as usize]] = row;
        at[list as usize] += 1;
    }
    #[expect(clippy::cast_possible_truncation, reason = "2³¹ rows and 2²⁴ lists make fewer than 2³² slots")]
    let starts = starts.into_iter().map(|start| start as u32).collect();
    (starts, ids)
}

/// The payload with room for all slots, its codes trained on the sample.
fn train(
    source: &Source<'_>,
    coarse: &Coarse,
    codes: Codes,
    sample: &[u32],
    nearest: &[u32],
    slots: usize,
    run: &Run<'_>,
) -> Result<Payload, KMeansError> {
    let dim = source.dim;
    let terms = || {
        let squared = Scoring::of(source.metric) == Scoring::L2;
        Aligned::new(if squared { slots } else { 0 }, |out| out.fill(f32::NEG_INFINITY))
    };
    let read = |place: usize, out: &mut [f32]| source.read(sample[place] as usize, out);
    let minus = |place: usize, columns: Range<usize>, out: &mut [f32]| {
        let from = nearest[sample[place] as usize] as usize * dim;
        subtract(out, &coarse.centroids[from..from + dim][columns]);
    };
    let matrix = source.rotation.as_ref().and_then(|rotation| rotation.view());
    let rows = Training { n: sample.len(), dim, read: &read, rotation: matrix, subtract: &minus };
    let book = |m: usize, k: usize| Codebook::train(&rows, m, k, run.seed, run.parallelism);
    let bytes = |layout: Layout| Aligned::new(slots / layout.block * layout.bytes, |_| {});
    Ok(match codes {
        Codes::Flat => Payload::Flat { table: Aligned::new(slots * dim, |_| {}), terms: terms() },
        Codes::Sq8 => {
            // Every row counts: what lies beyond the scale would be moved.
            let codec = Sq8::train_chunks(source.chunks(|rows| source.rows(rows)), dim);
            Payload::Sq8 { codec, blocks: bytes(Layout::of(codes, dim)), terms: terms() }
        }
        Codes::Pq { m } => {
            Payload::Pq { book: book(m, 256)?, codes: bytes(Layout::of(codes, dim)), terms: terms() }
        }
        Codes::PqFast { m } => {
            Payload::Fast { book: book(m, 16)?, blocks: bytes(Layout::of(codes, dim)), terms: terms() }
        }
    })
}

/// What refines the answers, in the order of rows.
fn exact(source: &Source<'_>, refine: Refine, n: usize) -> Exact {
    let dim = source.dim;
    match refine {
        Refine::None => Exact::None,
        Refine::Flat => Exact::Flat(crate::flat::stored_rows(&source.vectors, source.metric, 0..n)),
        Refine::Sq8 => {
            let chunks = || source.chunks(|rows| source.plain(rows));
            let codec = Sq8::train_chunks(chunks(), dim);
            let scoring = Scoring::of(source.metric);
            let codes = Aligned::new(n * dim, |out| {
                for (rows, out) in chunks().zip(out.chunks_mut(source.together() * dim)) {
                    let pairs = rows.par_chunks_exact(dim).zip(out.par_chunks_exact_mut(dim));
                    pairs.for_each(|(row, code)| codec.encode(row, code));
                }
            });
            let terms = Aligned::new(if scoring == Scoring::L2 { n } else { 0 }, |out| {
                out.iter_mut()
                    .zip(codes.chunks_exact(dim))
                    .for_each(|(term, code)| *term = codec.term(scoring, code));
            });
            Exact::Sq8 { codec, codes, terms }
        }
    }
}
