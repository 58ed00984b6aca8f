//! Rows of several indexes with the same centroids and codes in one index: codes are copied, not made anew.

use embed_core::kernel::codes::BLOCK;
use embed_core::{Assigner, Progress, Run};
use ndarray::ArrayView2;

use super::build::lists;
use super::fill::fill;
use super::payload::{Layout, Payload, byte_at, half_at};
use super::source::{Source, longest_row};
use super::{Exact, Ivf, NONE};
use crate::aligned::Aligned;
use crate::scoring::{Scoring, square};
use crate::{BuildError, Codes, Refine, Vectors};

/// New vectors may be so many times as far from their codes as any before.
const MISFIT: f32 = 1.5;

impl Ivf {
    /// Loss in coding: true where vectors cannot be had back as they were.
    pub(crate) fn keeps_codes_only(&self) -> bool {
        let coding = self.params.coding;
        coding.codes != Codes::Flat && coding.refine != Refine::Flat
    }

    /// The same rows in another order: row i is that which was row `order[i]`.
    pub(crate) fn in_order(&self, order: &[u32]) -> Self {
        let rows: Vec<(usize, u32)> = order.iter().map(|&row| (0, row)).collect();
        let index = assemble(&[self], &rows);
        Self { efforts: self.efforts.clone(), names: self.names.clone(), ..index }
    }

    /// Some of the rows, whose codes are kept, and new ones, which are put into the lists and codes that there are:
    /// `rows` tells in their order whether one is a new vector, and which. `None` where that would make a worse index
    /// than one that learns its lists and codes anew: for more new rows than old ones, for twice the lists, and for
    /// vectors that the codes do not fit.
    ///
    /// O(new · nlist · dim), and a copy of all codes.
    pub(crate) fn recoded(
        &self,
        rows: &[(bool, u32)],
        vectors: &Vectors<'_>,
        run: &mut Run<'_>,
    ) -> Result<Option<Self>, BuildError> {
        let kept = rows.len() - vectors.len();
        let outgrown = self.listed && self.params.lists(rows.len()) > 2 * self.coarse.len();
        if kept < vectors.len() || outgrown || !self.covers(vectors) {
            return Ok(None);
        }
        let total = rows.len();
        let report = |run: &mut Run<'_>, done: usize| {
            let flow = run.report(&Progress::new("index", done as u64, total as u64).unit("vectors"));
            if flow.goes_on() { Ok(()) } else { Err(BuildError::Cancelled { done, total }) }
        };
        report(run, 0)?;
        let fresh = self.encoded(vectors.clone(), run)?;
        // Product codes that were learned elsewhere.
        if fresh.error > MISFIT * self.error {
            return Ok(None);
        }
        report(run, total)?;
        let rows: Vec<(usize, u32)> = rows.iter().map(|&(new, row)| (usize::from(new), row)).collect();
        Ok(Some(assemble(&[self, &fresh], &rows)))
    }

    /// Reach of the scales of bytes: true where they cover all components of these vectors, but for a step.
    fn covers(&self, vectors: &Vectors<'_>) -> bool {
        let source = Source {
            vectors: vectors.clone(),
            metric: self.metric,
            dim: self.dim,
            rotation: None,
            augmented: None,
        };
        let codecs = [
            if let Payload::Sq8 { codec, .. } = &self.payload { Some(codec) } else { None },
            if let Exact::Sq8 { codec, .. } = &self.exact { Some(codec) } else { None },
        ];
        codecs.into_iter().flatten().all(|codec| {
            source.chunks(|rows| source.plain(rows)).all(|chunk| {
                chunk.chunks_exact(self.dim).all(|row| {
                    let scales = codec.mid.iter().zip(&codec.step);
                    row.iter().zip(scales).all(|(x, (mid, step))| (x - mid).abs() <= 129.0 * step)
                })
            })
        })
    }

    /// An index of other vectors with the centroids and codes of this one.
    fn encoded(&self, vectors: Vectors<'_>, run: &mut Run<'_>) -> Result<Self, BuildError> {
        vectors.check(self.metric, Self::MAX_ROWS)?;
        let (n, dim, scoring) = (vectors.len(), self.dim, Scoring::of(self.metric));
        let longest = longest_row(&vectors, self.metric).max(self.longest);
        let rotation = self.rotation.clone();
        let source = Source { vectors, metric: self.metric, dim, rotation, augmented: None };
        // Centroids of inner products were brought to the length of the longest vector by one more component.
        let augmented = self.listed && self.metric == embed_core::Metric::InnerProduct;
        let (width, reach) = (dim + usize::from(augmented), f64::from(self.longest).powi(2));
        #[expect(clippy::cast_possible_truncation, reason = "kept in f32")]
        let missing = |row: &[f32]| ((reach - square(row)).max(0.0).sqrt() as f32).min(f32::MAX);
        let mut centroids = Vec::with_capacity(self.coarse.len() * width);
        for centroid in self.coarse.centroids.chunks_exact(dim) {
            centroids.extend_from_slice(centroid);
            centroids.extend(augmented.then(|| missing(centroid)));
        }
        let shape = (self.coarse.len(), width);
        let centroids =
            ArrayView2::from_shape(shape, &centroids).unwrap_or_else(|_| ArrayView2::from(&[[]; 0]));
        let mut nearest = vec![0; n];
        if self.listed && n > 0 {
            let read = |row: usize, out: &mut [f32]| {
                let (plain, rest) = out.split_at_mut(dim);
                plain.copy_from_slice(&source.rows(std::iter::once(row)));
                rest.iter_mut().for_each(|last| *last = missing(plain));
            };
            nearest = Assigner::new(centroids).assign_read(0..n, &read, run.parallelism)?.0;
        }
        let (starts, ids) =
            lists(&nearest, self.coarse.len(), Layout::of(self.params.coding.codes, dim).block);
        let exact = match &self.exact {
            Exact::Sq8 { codec, .. } => {
                let mut codes = vec![0; n * dim];
                for (row, code) in codes.chunks_exact_mut(dim).enumerate() {
                    codec.encode(&source.plain(std::iter::once(row)), code);
                }
                let terms: Vec<f32> = codes.chunks_exact(dim).map(|code| codec.term(scoring, code)).collect();
                let terms = if scoring == Scoring::L2 { terms } else { Vec::new() };
                Exact::Sq8 {
                    codec: codec.clone(),
                    codes: Aligned::copy(&codes),
                    terms: Aligned::copy(&terms),
                }
            }
            Exact::Flat(_) => Exact::Flat(crate::flat::stored_rows(&source.vectors, self.metric, 0..n)),
            Exact::None => Exact::None,
        };
        let mut index = Self {
            n,
            longest,
            starts: Aligned::copy(&starts),
            positions: positions(&ids, n, &exact),
            payload: Slots::new(self, ids.len()).into_payload(self),
            ids: Aligned::copy(&ids),
            exact,
            radii: Aligned::copy(&[]),
            ..self.clone()
        };
        fill(&mut index, &source, &nearest, run)?;
        Ok(index)
    }
}

/// The slot of each row, where nothing refines.
fn positions(ids: &[u32], n: usize, exact: &Exact) -> Aligned<u32> {
    match exact {
        Exact::None => Aligned::copy(&slots(ids, n)),
        Exact::Flat(_) | Exact::Sq8 { .. } => Aligned::copy(&[]),
    }
}

/// The slot of each row.
fn slots(ids: &[u32], n: usize) -> Vec<u32> {
    let mut slots = vec![0; n];
    for (slot, &id) in (0..).zip(ids) {
        if let Some(place) = slots.get_mut(id as usize) {
            *place = slot;
        }
    }
    slots
}

/// Rows of indexes that have the centroids and codes of the first, each named by index and number.
fn assemble(parts: &[&Ivf], rows: &[(usize, u32)]) -> Ivf {
    let (first, n) = (parts[0], rows.len());
    let (dim, nlist) = (first.dim, first.coarse.len());
    let places: Vec<Vec<u32>> = parts.iter().map(|part| slots(&part.ids, part.n)).collect();
    let slot_of = |(part, row): (usize, u32)| places[part].get(row as usize).map_or(0, |&slot| slot as usize);
    let list = |&(part, row): &(usize, u32)| {
        let list = parts[part].list_of(slot_of((part, row))).min(nlist.saturating_sub(1));
        u32::try_from(list).unwrap_or(u32::MAX)
    };
    let nearest: Vec<u32> = rows.iter().map(list).collect();
    let (starts, ids) = lists(&nearest, nlist, Layout::of(first.params.coding.codes, dim).block);
    let mut out = Slots::new(first, ids.len());
    for (slot, &id) in ids.iter().enumerate().filter(|(_, id)| **id != NONE) {
        let row = rows[id as usize];
        out.copy(slot, &parts[row.0].payload, slot_of(row));
    }
    let exact = exact_of(parts, rows);
    let radius =
        |list: usize| parts.iter().filter_map(|part| part.radii.get(list)).copied().fold(0.0, f32::max);
    let most = |of: fn(&Ivf) -> f32| parts.iter().map(|part| of(part)).fold(0.0, f32::max);
    Ivf {
        n,
        radii: Aligned::collect(nlist, (0..nlist).map(radius)),
        starts: Aligned::copy(&starts),
        positions: positions(&ids, n, &exact),
        payload: out.into_payload(first),
        ids: Aligned::copy(&ids),
        exact,
        longest: most(|part| part.longest),
        error: most(|part| part.error),
        ..first.clone()
    }
}

fn exact_of(parts: &[&Ivf], rows: &[(usize, u32)]) -> Exact {
    let dim = parts[0].dim;
    match &parts[0].exact {
        Exact::None => Exact::None,
        Exact::Flat(_) => Exact::Flat(Aligned::new(rows.len() * dim, |out| {
            for (out, &(part, row)) in out.chunks_exact_mut(dim).zip(rows) {
                if let Exact::Flat(table) = &parts[part].exact {
                    out.copy_from_slice(&table[row as usize * dim..(row as usize + 1) * dim]);
                }
            }
        })),
        Exact::Sq8 { codec, terms, .. } => {
            let bytes = Aligned::new(rows.len() * dim, |out| {
                for (out, &(part, row)) in out.chunks_exact_mut(dim).zip(rows) {
                    if let Exact::Sq8 { codes, .. } = &parts[part].exact {
                        out.copy_from_slice(&codes[row as usize * dim..(row as usize + 1) * dim]);
                    }
                }
            });
            let term = |&(part, row): &(usize, u32)| match &parts[part].exact {
                Exact::Sq8 { terms, .. } => terms.get(row as usize).copied().unwrap_or(0.0),
                Exact::None | Exact::Flat(_) => 0.0,
            };
            let with_terms =
                if terms.is_empty() && !parts.iter().any(|part| has_terms(part)) { 0 } else { rows.len() };
            let terms = Aligned::collect(with_terms, rows.iter().map(term));
            Exact::Sq8 { codec: codec.clone(), codes: bytes, terms }
        }
    }
}

fn has_terms(index: &Ivf) -> bool {
    Scoring::of(index.metric) == Scoring::L2
}

/// Content of slots, while they are written.
struct Slots {
    bytes: Vec<u8>,
    floats: Vec<f32>,
    terms: Vec<f32>,
    dim: usize,
}

impl Slots {
    /// Room for so many slots of the kind that an index has.
    fn new(like: &Ivf, slots: usize) -> Self {
        let (dim, layout) = (like.dim, Layout::of(like.params.coding.codes, like.dim));
        let (mut bytes, mut floats) = (Vec::new(), Vec::new());
        match &like.payload {
            Payload::Flat { .. } => floats = vec![0.0; slots * dim],
            Payload::Sq8 { .. } | Payload::Pq { .. } | Payload::Fast { .. } => {
                bytes = vec![0; slots / layout.block * layout.bytes];
            }
        }
        let terms = vec![f32::NEG_INFINITY; if has_terms(like) { slots } else { 0 }];
        Self { bytes, floats, terms, dim }
    }

    fn copy(&mut self, slot: usize, from: &Payload, old: usize) {
        let code = from.code(old);
        let (block, row) = (slot / BLOCK, slot % BLOCK);
        match from {
            Payload::Flat { table, .. } => {
                let dim = self.dim;
                if let Some(vector) = table.get(old * dim..(old + 1) * dim) {
                    self.floats[slot * dim..(slot + 1) * dim].copy_from_slice(vector);
                }
            }
            Payload::Sq8 { codec, .. } => {
                let width = embed_core::kernel::codes::block_bytes(codec.dim());
                let block = &mut self.bytes[block * width..][..width];
                code.iter().enumerate().for_each(|(i, &byte)| block[byte_at(row, i)] = byte);
            }
            Payload::Pq { book, .. } => {
                let slots = self.bytes[slot * book.m()..].iter_mut();
                slots.zip(&code).for_each(|(slot, &byte)| *slot = byte);
            }
            Payload::Fast { book, .. } => {
                let width = embed_core::kernel::codes::half_block_bytes(book.m());
                let block = &mut self.bytes[block * width..][..width];
                for (part, &half) in code.iter().enumerate() {
                    let (byte, up) = half_at(row, part);
                    block[byte] |= half << up;
                }
            }
        }
        if let (Some(term), Some(&old)) = (self.terms.get_mut(slot), from.terms().get(old)) {
            *term = old;
        }
    }

    fn into_payload(self, like: &Ivf) -> Payload {
        let (bytes, terms) = (Aligned::copy(&self.bytes), Aligned::copy(&self.terms));
        match &like.payload {
            Payload::Flat { .. } => Payload::Flat { table: Aligned::copy(&self.floats), terms },
            Payload::Sq8 { codec, .. } => Payload::Sq8 { codec: codec.clone(), blocks: bytes, terms },
            Payload::Pq { book, .. } => Payload::Pq { book: book.clone(), codes: bytes, terms },
            Payload::Fast { book, .. } => Payload::Fast { book: book.clone(), blocks: bytes, terms },
        }
    }
}
