//! Writes what the lists hold.

use embed_core::kernel::{self, codes::BLOCK};
use embed_core::{Metric, Run};
use rayon::prelude::*;

use super::payload::{Layout, Payload, byte_at, half_at};
use super::source::{Source, subtract, view};
use super::{Ivf, NONE};
use crate::BuildError;
use crate::aligned::Aligned;
use crate::pq::{Codebook, weight};
use crate::scoring::{Scoring, square};
use crate::sq::Sq8;

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
pub(super) fn fill(
    index: &mut Ivf,
    source: &Source<'_>,
    nearest: &[u32],
    run: &Run<'_>,
) -> Result<(), BuildError> {
    let (dim, slots) = (index.dim, index.ids.len());
    let step = (source.together() / 2).next_multiple_of(BLOCK);
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
    let mut parts = Vec::with_capacity(slots.div_ceil(step));
    let mut left = &mut distances[..];
    for (slot, ids) in (0..).step_by(step).zip(ids.chunks(step)) {
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
        let list = nearest[id] as usize;
        subtract(difference, &centroids[list * dim..(list + 1) * dim]);
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
            // The queries of inner products may lie anywhere: users that point away from items gain nothing.
            let codes = if source.metric == Metric::Cosine {
                book.encode_toward(view(&differences, dim), view(&rows, dim), weight(dim))
            } else {
                book.encode(view(&differences, dim))
            };
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
