//! Clusters, codes, lists.

use embed_core::{Assigner, KMeans, KMeansError, KMeansParams, Metric, Progress, Run, SeededRng, kernel};
use rayon::prelude::*;

use super::coarse::Coarse;
use super::fill::fill;
use super::payload::{Layout, Payload};
use super::source::{ROWS, Source, longest_row, subtract, view};
use super::{Exact, Ivf, IvfParams, NONE};
use crate::aligned::Aligned;
use crate::pq::Codebook;
use crate::scoring::Scoring;
use crate::sq::Sq8;
use crate::{BuildError, Codes, Refine, Vectors};

/// Rows of a centroid that k-means looks at.
const SAMPLE: usize = 128;

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
    vectors.check(Ivf::MAX_ROWS)?;
    let (n, dim) = vectors.rows.dim();
    let (coding, scoring) = (params.coding, Scoring::of(metric));
    if dim > Sq8::MAX_DIM && (coding.codes != Codes::Flat || coding.refine == Refine::Sq8) {
        return Err(BuildError::TooManyColumns { limit: Sq8::MAX_DIM, got: dim });
    }
    let parallelism = run.parallelism;
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
    let mut sample = draw(n, (nlist * SAMPLE).max(book_sample), run.seed);
    if coding.opq && coding.codes.m().is_some() {
        let rows = source.rows(sample.iter().copied().take(book_sample));
        source.rotation =
            Some(crate::opq::train(&rows, dim, coding.codes, run.seed, parallelism, |round| {
                report(run, round.min(n))
            })?);
    }
    let centroids = if listed && n > 0 {
        let (rows, width) = source.clustered(&source.rows(sample.iter().copied().take(nlist * SAMPLE)));
        let kmeans = KMeansParams { k: nlist, iterations: params.iterations, sample: SAMPLE };
        let view = view(&rows, width);
        let mut means = KMeans::fit(view, &kmeans, run).map_err(|e| failed(e, n))?.centroids;
        if scoring == Scoring::Dot {
            to_sphere(&mut means, if metric == Metric::Cosine { 1.0 } else { longest });
        }
        means
    } else {
        ndarray::Array2::zeros((1, dim))
    };
    let assigner = Assigner::new(centroids.view());
    let mut nearest = vec![0u32; n];
    for (chunk, nearest) in nearest.chunks_mut(ROWS).enumerate() {
        if listed {
            let from = chunk * ROWS;
            let (rows, width) = source.clustered(&source.rows(from..from + nearest.len()));
            nearest.copy_from_slice(&assigner.assign(view(&rows, width), parallelism)?.0);
            report(run, from / 2)?;
        }
    }
    // What augments the vectors is no part of the search.
    let nlist = centroids.nrows();
    let table = Aligned::new(nlist * dim, |out| {
        for (out, centroid) in out.chunks_exact_mut(dim).zip(centroids.rows()) {
            out.iter_mut().zip(centroid).for_each(|(out, &x)| *out = x);
        }
    });
    let coarse = Coarse::new(scoring, table, dim);

    let layout = Layout::of(coding.codes, dim);
    let (starts, ids) = lists(&nearest, nlist, layout.block);
    sample.truncate(book_sample);
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
        keys: source.vectors.keys.clone().into(),
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
fn to_sphere(centroids: &mut ndarray::Array2<f32>, radius: f32) {
    for mut centroid in centroids.rows_mut() {
        if let Some(centroid) = centroid.as_slice_mut() {
            kernel::normalize(centroid);
            centroid.iter_mut().for_each(|x| *x *= radius);
        }
    }
}

/// At most `most` different rows in a random order.
fn draw(n: usize, most: usize, seed: u64) -> Vec<usize> {
    let mut rng = SeededRng::stream(seed, "ivf sample", 0);
    let mut rows: Vec<usize> = (0..n).collect();
    for front in 0..most.min(n) {
        let left = u32::try_from(n - front).unwrap_or(u32::MAX);
        rows.swap(front, front + rng.below(left) as usize);
    }
    rows.truncate(most);
    rows
}

/// Where each list starts, and the row in each slot: ascending in a list, which is filled up to whole blocks.
fn lists(nearest: &[u32], nlist: usize, block: usize) -> (Vec<u32>, Vec<u32>) {
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
    sample: &[usize],
    nearest: &[u32],
    slots: usize,
    run: &Run<'_>,
) -> Result<Payload, KMeansError> {
    let dim = source.dim;
    let terms = || {
        let squared = Scoring::of(source.metric) == Scoring::L2;
        Aligned::new(if squared { slots } else { 0 }, |out| out.fill(f32::NEG_INFINITY))
    };
    let book = |m: usize, k: usize| {
        let mut rows = source.rows(sample.iter().copied());
        for (row, &id) in rows.chunks_exact_mut(dim).zip(sample) {
            subtract(row, &coarse.centroids, nearest[id]);
        }
        Codebook::train(view(&rows, dim), m, k, run.seed, run.parallelism)
    };
    let bytes = |layout: Layout| Aligned::new(slots / layout.block * layout.bytes, |_| {});
    Ok(match codes {
        Codes::Flat => Payload::Flat { table: Aligned::new(slots * dim, |_| {}), terms: terms() },
        Codes::Sq8 => {
            // Every row counts: what lies beyond the scale would be moved.
            let n = source.vectors.len();
            let chunks = (0..n).step_by(ROWS).map(|from| source.rows(from..(from + ROWS).min(n)));
            let codec = Sq8::train_chunks(chunks, dim);
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
            let chunks = || (0..n).step_by(ROWS).map(|from| source.plain(from..(from + ROWS).min(n)));
            let codec = Sq8::train_chunks(chunks(), dim);
            let scoring = Scoring::of(source.metric);
            let codes = Aligned::new(n * dim, |out| {
                for (rows, out) in chunks().zip(out.chunks_mut(ROWS * dim)) {
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
