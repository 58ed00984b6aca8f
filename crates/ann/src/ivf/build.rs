//! Clusters, codes, lists.

use embed_core::kernel::{self, codes::BLOCK};
use embed_core::{Assigner, KMeans, KMeansError, KMeansParams, Metric, Progress, Run, SeededRng};
use ndarray::ArrayView2;
use rayon::prelude::*;

use super::coarse::{Coarse, longest};
use super::payload::{Layout, Payload, byte_at, half_at};
use super::{Exact, Ivf, IvfParams, NONE};
use crate::aligned::Aligned;
use crate::pq::Codebook;
use crate::rotation::Rotation;
use crate::scoring::{Scoring, square};
use crate::sq::Sq8;
use crate::{BuildError, Codes, Refine, Vectors};

/// Rows of a centroid that k-means looks at.
const SAMPLE: usize = 128;
/// Rows that are prepared at once.
const ROWS: usize = 4096;

/// The vectors as they are indexed: at length 1 under cosine, then rotated.
struct Source<'v> {
    vectors: Vectors<'v>,
    metric: Metric,
    dim: usize,
    rotation: Option<Rotation>,
    /// Squared length that one more component brings all vectors to, for inner products.
    augmented: Option<f64>,
}

impl Source<'_> {
    /// Some rows, at length 1 under cosine.
    fn plain(&self, rows: impl Iterator<Item = usize>) -> Vec<f32> {
        let mut out = Vec::with_capacity(rows.size_hint().0 * self.dim);
        for row in rows {
            let start = out.len();
            out.extend(self.vectors.rows.row(row));
            if self.metric == Metric::Cosine {
                kernel::normalize(&mut out[start..]);
            }
        }
        out
    }

    fn rows(&self, rows: impl Iterator<Item = usize>) -> Vec<f32> {
        let plain = self.plain(rows);
        self.rotation.as_ref().map_or_else(|| plain.clone(), |rotation| rotation.turn(&plain))
    }

    /// Rows as they are clustered, and how many components they have.
    fn clustered(&self, rows: &[f32]) -> (Vec<f32>, usize) {
        let Some(longest) = self.augmented else { return (rows.to_vec(), self.dim) };
        let mut out = Vec::with_capacity(rows.len() / self.dim * (self.dim + 1));
        for row in rows.chunks_exact(self.dim) {
            out.extend_from_slice(row);
            #[expect(clippy::cast_possible_truncation, reason = "kept in f32")]
            out.push(((longest - square(row)).max(0.0).sqrt() as f32).min(f32::MAX));
        }
        (out, self.dim + 1)
    }
}

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

fn view(rows: &[f32], dim: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((rows.len() / dim, dim), rows).unwrap_or_else(|_| ArrayView2::from(&[[]; 0]))
}

fn longest_row(vectors: &Vectors<'_>, metric: Metric) -> f32 {
    if metric == Metric::Cosine {
        return 1.000_001;
    }
    vectors.rows.rows().into_iter().fold(0.0, |most, row| match row.as_slice() {
        Some(row) => longest(row, row.len()).max(most),
        None => longest(&row.to_vec(), row.len()).max(most),
    })
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

fn subtract(row: &mut [f32], centroids: &[f32], list: u32) {
    let from = list as usize * row.len();
    // Differences of the largest numbers would overflow.
    row.iter_mut().zip(&centroids[from..]).for_each(|(x, c)| *x = (*x - c).clamp(f32::MIN, f32::MAX));
}

/// What a task of [`fill`] writes.
struct Part<'p> {
    slot: usize,
    ids: &'p [u32],
    bytes: &'p mut [u8],
    floats: &'p mut [f32],
    terms: &'p mut [f32],
    /// Distance of each row from its centroid.
    distances: &'p mut [f32],
}

/// Writes every slot, in parallel.
fn fill(index: &mut Ivf, source: &Source<'_>, nearest: &[u32], run: &Run<'_>) -> Result<(), BuildError> {
    const SLOTS: usize = 64 * BLOCK;
    let (dim, slots) = (index.dim, index.ids.len());
    let scoring = Scoring::of(index.metric);
    let layout = Layout::of(index.params.coding.codes, dim);
    let coarse = index.coarse.clone();
    let centroids = &coarse.centroids;
    let ids = index.ids.clone();
    let (mut distances, mut empty_bytes, mut empty_floats) = (vec![0.0; slots], Vec::new(), Vec::new());
    let (mut bytes, mut floats, mut terms);
    let encoder: Encoder;
    match &mut index.payload {
        Payload::Flat { table, terms: t } => {
            encoder = Encoder::Flat;
            (bytes, floats, terms) = (&mut empty_bytes[..], table.make_mut(), t.make_mut());
        }
        Payload::Sq8 { codec, blocks, terms: t } => {
            encoder = Encoder::Sq8(codec.clone());
            (bytes, floats, terms) = (blocks.make_mut(), &mut empty_floats[..], t.make_mut());
        }
        Payload::Pq { book, codes, terms: t } => {
            encoder = Encoder::Pq(book.clone());
            (bytes, floats, terms) = (codes.make_mut(), &mut empty_floats[..], t.make_mut());
        }
        Payload::Fast { book, blocks, terms: t } => {
            encoder = Encoder::Fast(book.clone());
            (bytes, floats, terms) = (blocks.make_mut(), &mut empty_floats[..], t.make_mut());
        }
    }
    let mut parts = Vec::with_capacity(slots.div_ceil(SLOTS));
    let mut left = &mut distances[..];
    for (slot, ids) in (0..).step_by(SLOTS).zip(ids.chunks(SLOTS)) {
        let n = ids.len();
        let n_bytes = if bytes.is_empty() { 0 } else { n / layout.block * layout.bytes };
        let (b, f, t, d);
        (b, bytes) = bytes.split_at_mut(n_bytes);
        (f, floats) = floats.split_at_mut(if floats.is_empty() { 0 } else { n * dim });
        (t, terms) = terms.split_at_mut(if terms.is_empty() { 0 } else { n });
        (d, left) = left.split_at_mut(n);
        parts.push(Part { slot, ids, bytes: b, floats: f, terms: t, distances: d });
    }
    let errors: Vec<f32> = run.parallelism.install(|| {
        parts.into_par_iter().map(|part| write(part, source, nearest, centroids, &encoder, scoring)).collect()
    })?;
    index.error = errors.into_iter().fold(0.0, f32::max);
    let starts = index.starts.clone();
    index.radii = Aligned::new(index.coarse.len(), |radii| {
        for (radius, border) in radii.iter_mut().zip(starts.windows(2)) {
            let of_list = &distances[border[0] as usize..border[1] as usize];
            *radius = of_list.iter().copied().fold(0.0, f32::max);
        }
    });
    Ok(())
}

/// How rows become codes.
enum Encoder {
    Flat,
    Sq8(Sq8),
    Pq(Codebook),
    Fast(Codebook),
}

/// Writes some slots; the largest distance of a row from its code.
fn write(
    part: Part<'_>,
    source: &Source<'_>,
    nearest: &[u32],
    centroids: &[f32],
    encoder: &Encoder,
    scoring: Scoring,
) -> f32 {
    debug_assert!(part.slot.is_multiple_of(BLOCK));
    let dim = source.dim;
    let mut places = Vec::with_capacity(part.ids.len());
    let mut rows_of = Vec::with_capacity(part.ids.len());
    for (place, &id) in part.ids.iter().enumerate().filter(|(_, id)| **id != NONE) {
        places.push(place);
        rows_of.push(id as usize);
    }
    let rows = source.rows(rows_of.iter().copied());
    let (mut error, mut back) = (0.0f32, vec![0.0; dim]);
    let mut differences = rows.clone();
    for ((row, difference), (&place, &id)) in
        rows.chunks_exact(dim).zip(differences.chunks_exact_mut(dim)).zip(places.iter().zip(&rows_of))
    {
        subtract(difference, centroids, nearest[id]);
        part.distances[place] = kernel::dot(difference, difference).sqrt();
        if let Encoder::Flat = encoder {
            part.floats[place * dim..(place + 1) * dim].copy_from_slice(row);
            if scoring == Scoring::L2 {
                part.terms[place] = square_term(row);
            }
        }
    }
    match encoder {
        Encoder::Flat => {}
        Encoder::Sq8(codec) => {
            let (mut code, bytes) = (vec![0; dim], embed_core::kernel::codes::block_bytes(dim));
            for (row, &place) in rows.chunks_exact(dim).zip(&places) {
                codec.encode(row, &mut code);
                let block = &mut part.bytes[place / BLOCK * bytes..][..bytes];
                code.iter().enumerate().for_each(|(i, &byte)| block[byte_at(place % BLOCK, i)] = byte);
                codec.decode(&code, &mut back);
                error = error.max(kernel::squared_l2(row, &back).sqrt());
                if scoring == Scoring::L2 {
                    part.terms[place] = codec.term(scoring, &code);
                }
            }
        }
        Encoder::Pq(book) | Encoder::Fast(book) => {
            let (m, bytes) = (book.m(), embed_core::kernel::codes::half_block_bytes(book.m()));
            let codes = book.encode(view(&differences, dim));
            for (i, (row, &place)) in rows.chunks_exact(dim).zip(&places).enumerate() {
                let code = &codes[i * m..(i + 1) * m];
                if let Encoder::Pq(_) = encoder {
                    part.bytes[place * m..(place + 1) * m].copy_from_slice(code);
                } else {
                    let block = &mut part.bytes[place / BLOCK * bytes..][..bytes];
                    for (p, &c) in code.iter().enumerate() {
                        let (byte, up) = half_at(place % BLOCK, p);
                        block[byte] |= c << up;
                    }
                }
                book.decode(code.iter().copied(), &mut back);
                let list = nearest[rows_of[i]] as usize;
                back.iter_mut().zip(&centroids[list * dim..]).for_each(|(x, c)| *x += c);
                error = error.max(kernel::squared_l2(row, &back).sqrt());
                if scoring == Scoring::L2 {
                    part.terms[place] = square_term(&back);
                }
            }
        }
    }
    error
}

/// `−|x|²`
#[expect(clippy::cast_possible_truncation, reason = "summed in f64, kept in f32")]
fn square_term(row: &[f32]) -> f32 {
    -square(row) as f32
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
