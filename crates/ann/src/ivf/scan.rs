//! Looks at the slots of a list for some queries.

use embed_core::gemm;
use embed_core::kernel::{self, codes};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::Ivf;
use super::coarse::Probe;
use super::line::{Form, Line};
use super::payload::Payload;
use crate::scoring::Scoring;

/// Slots of a tile of codes.
const SLOTS: usize = 512;
/// Queries of a tile of codes.
const LINES: usize = 8;
/// Slots and queries of a tile of vectors: the products stay in the second-level cache.
const ROWS: usize = 256;
const QUERIES: usize = 128;
/// With fewer queries the row kernels are faster than a matrix product.
const FEWEST: usize = 4;

/// Vectors of the next list that are asked for.
const COMING: usize = 4;

/// Buffers of a thread.
pub(super) struct Scratch {
    queries: Vec<f32>,
    bytes: Vec<u8>,
    signed: Vec<i8>,
    products: Vec<f32>,
    sums: Vec<i32>,
    hits: Vec<u32>,
    scores: Vec<f32>,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self {
            queries: Vec::new(),
            bytes: Vec::new(),
            signed: Vec::new(),
            products: Vec::new(),
            sums: Vec::new(),
            hits: vec![0; SLOTS.max(ROWS)],
            scores: vec![0.0; SLOTS.max(ROWS)],
        }
    }
}

/// A query that wants a list, and where the list is among its probes.
pub(super) type Visit = (u32, u32);

impl Ivf {
    /// Looks at a list for the queries that want it.
    pub(super) fn scan(&self, list: u32, visits: &[Visit], lines: &mut [Line<'_>], scratch: &mut Scratch) {
        let slots = self.slots(list);
        if slots.is_empty() {
            return;
        }
        match &self.payload {
            Payload::Flat { table, terms } => {
                for visits in visits.chunks(QUERIES) {
                    if visits.len() < FEWEST {
                        visits.iter().for_each(|v| self.scan_rows(table, slots.clone(), *v, lines, scratch));
                    } else {
                        self.scan_products((table, terms), slots.clone(), visits, lines, scratch);
                    }
                }
            }
            Payload::Sq8 { codec, blocks, .. } => {
                let width = codec.dim().next_multiple_of(4);
                let fill = |lines: &[Line<'_>], visits: &[Visit], scratch: &mut Scratch| {
                    scratch.signed.clear();
                    for &(line, _) in visits {
                        if let Form::Sq8(query) = &lines[line as usize].form {
                            let end = scratch.signed.len() + width;
                            scratch.signed.extend_from_slice(&query.high);
                            scratch.signed.resize(end, 0);
                        }
                    }
                };
                let sums = |blocks: &[u8], scratch: &mut Scratch| {
                    codes::dot_blocks(&scratch.signed, width, blocks, &mut scratch.sums);
                };
                self.scan_blocks(blocks, width, slots, visits, lines, scratch, fill, sums);
            }
            Payload::Fast { book, blocks, .. } => {
                let parts = book.m().next_multiple_of(8);
                let fill = |lines: &[Line<'_>], visits: &[Visit], scratch: &mut Scratch| {
                    scratch.bytes.clear();
                    for &(line, _) in visits {
                        if let Form::Fast(table) = &lines[line as usize].form {
                            scratch.bytes.extend_from_slice(&table.values);
                        }
                    }
                };
                let sums = |blocks: &[u8], scratch: &mut Scratch| {
                    codes::lookup_blocks(&scratch.bytes, parts, blocks, &mut scratch.sums);
                };
                self.scan_blocks(blocks, parts / 2, slots, visits, lines, scratch, fill, sums);
            }
            Payload::Pq { book, codes, .. } => {
                visits
                    .iter()
                    .for_each(|v| self.scan_codes(codes, book.m(), slots.clone(), *v, lines, scratch));
            }
        }
    }

    /// Asks for the beginning of a list that is looked at soon.
    pub(super) fn expect(&self, list: u32) {
        let slots = self.slots(list);
        kernel::prefetch_element(&self.ids, slots.start);
        if let Payload::Flat { table, .. } = &self.payload {
            for slot in slots.take(COMING) {
                (0..self.dim).step_by(16).for_each(|x| kernel::prefetch_element(table, slot * self.dim + x));
            }
        }
    }

    /// What `scale · sum` becomes a score by, for a query in a list.
    fn offset(&self, line: &Line<'_>, probe: Probe) -> (f32, f32) {
        let (squared, product) = (Scoring::of(self.metric) == Scoring::L2, probe.product);
        let base = if squared { 2.0 * product - line.square } else { product };
        match &line.form {
            Form::Flat => (if squared { 2.0 } else { 1.0 }, if squared { -line.square } else { 0.0 }),
            Form::Sq8(query) => (query.scale, query.offset),
            Form::Pq(_) => (if squared { 2.0 } else { 1.0 }, base),
            Form::Fast(table) => (table.scale, table.offset + base),
        }
    }

    /// Offers what scored enough.
    fn offer_hits(&self, line: &mut Line<'_>, ids: &[u32], hits: &[u32], scores: &[f32]) {
        for (&hit, &score) in hits.iter().zip(scores) {
            if score >= line.best.threshold() {
                line.offer(ids[hit as usize], score, self.n);
            }
        }
    }

    /// Vectors, one query: the row kernels.
    fn scan_rows(
        &self,
        table: &[f32],
        slots: std::ops::Range<usize>,
        (line, _): Visit,
        lines: &mut [Line<'_>],
        scratch: &mut Scratch,
    ) {
        let (dim, line) = (self.dim, &mut lines[line as usize]);
        scratch.products.resize(ROWS.max(scratch.products.len()), 0.0);
        for from in slots.clone().step_by(ROWS) {
            let ids = &self.ids[from..(from + ROWS).min(slots.end)];
            let Some(rows) = table.get(from * dim..(from + ids.len()) * dim) else { return };
            let products = &mut scratch.products[..ids.len()];
            Scoring::of(self.metric).rows(line.rotated, rows, products);
            let least = line.best.threshold();
            let n = codes::select(products, (1.0, 0.0), &[], least, &mut scratch.hits, &mut scratch.scores);
            self.offer_hits(line, ids, &scratch.hits[..n], &scratch.scores[..n]);
        }
    }

    /// Vectors, many queries: a matrix product tells which rows the row kernels score.
    fn scan_products(
        &self,
        (table, terms): (&[f32], &[f32]),
        slots: std::ops::Range<usize>,
        visits: &[Visit],
        lines: &mut [Line<'_>],
        scratch: &mut Scratch,
    ) {
        let (dim, scoring) = (self.dim, Scoring::of(self.metric));
        scratch.queries.clear();
        for &(line, _) in visits {
            scratch.queries.extend_from_slice(lines[line as usize].rotated);
        }
        // Both ways of summing are within `dim · 2⁻²⁴ |x| |y|` of the true product; this is several times that.
        #[expect(clippy::cast_precision_loss, reason = "a bound with room to spare")]
        let relative = (dim + 16) as f32 * 8.0 * f32::EPSILON;
        for from in slots.clone().step_by(ROWS) {
            let ids = &self.ids[from..(from + ROWS).min(slots.end)];
            let width = ids.len();
            let Some(rows) = table.get(from * dim..(from + width) * dim) else { return };
            let terms =
                if terms.is_empty() { &[] } else { terms.get(from..from + width).unwrap_or_default() };
            scratch.products.resize((visits.len() * width).max(scratch.products.len()), 0.0);
            let shapes = (
                ArrayView2::from_shape((visits.len(), dim), &scratch.queries[..]),
                ArrayView2::from_shape((width, dim), rows),
                ArrayViewMut2::from_shape(
                    (visits.len(), width),
                    &mut scratch.products[..visits.len() * width],
                ),
            );
            if let (Ok(a), Ok(b), Ok(c)) = shapes {
                gemm::gemm(1.0, a, b.reversed_axes(), 0.0, c);
            }
            for (&(l, p), products) in visits.iter().zip(scratch.products.chunks_exact(width)) {
                let line = &mut lines[l as usize];
                let reach = line.length + self.longest;
                let margin = relative * reach * reach + f32::MIN_POSITIVE;
                let (scale, offset) = self.offset(line, line.probes[p as usize]);
                let least = line.best.threshold() - margin;
                // Where sums overflow, no bound holds: every row is scored.
                let least = if least.is_nan() || !margin.is_finite() { f32::NEG_INFINITY } else { least };
                let n = if margin.is_finite() {
                    codes::select(
                        products,
                        (scale, offset),
                        terms,
                        least,
                        &mut scratch.hits,
                        &mut scratch.scores,
                    )
                } else {
                    scratch.hits.iter_mut().zip(0..).take(width).for_each(|(hit, i)| *hit = i);
                    width
                };
                for (&hit, &score) in scratch.hits[..n].iter().zip(&scratch.scores) {
                    if score >= line.best.threshold() - margin || !margin.is_finite() {
                        let row = hit as usize * dim;
                        let exact = scoring.one(line.rotated, &rows[row..row + dim]);
                        line.offer(ids[hit as usize], exact, self.n);
                    }
                }
            }
        }
    }

    /// Codes in blocks of 16 slots: `sums` scores a tile of them.
    #[expect(clippy::too_many_arguments, reason = "a loop with two of its steps")]
    fn scan_blocks(
        &self,
        blocks: &[u8],
        width: usize,
        slots: std::ops::Range<usize>,
        visits: &[Visit],
        lines: &mut [Line<'_>],
        scratch: &mut Scratch,
        fill: impl Fn(&[Line<'_>], &[Visit], &mut Scratch),
        sums: impl Fn(&[u8], &mut Scratch),
    ) {
        for visits in visits.chunks(LINES) {
            fill(lines, visits, scratch);
            for from in slots.clone().step_by(SLOTS) {
                let ids = &self.ids[from..(from + SLOTS).min(slots.end)];
                let n_slots = ids.len();
                let Some(blocks) = blocks.get(from * width..(from + n_slots) * width) else { return };
                let terms = self.payload.terms();
                let terms =
                    if terms.is_empty() { &[] } else { terms.get(from..from + n_slots).unwrap_or_default() };
                scratch.sums.resize(visits.len() * n_slots, 0);
                sums(blocks, scratch);
                for (&(l, p), sums) in visits.iter().zip(scratch.sums.chunks_exact(n_slots)) {
                    let line = &mut lines[l as usize];
                    let score = self.offset(line, line.probes[p as usize]);
                    let least = line.best.threshold();
                    let n =
                        codes::select_sums(sums, score, terms, least, &mut scratch.hits, &mut scratch.scores);
                    self.offer_hits(line, ids, &scratch.hits[..n], &scratch.scores[..n]);
                }
            }
        }
    }

    /// Product codes of a byte: one look-up after the other.
    fn scan_codes(
        &self,
        table: &[u8],
        m: usize,
        slots: std::ops::Range<usize>,
        (line, probe): Visit,
        lines: &mut [Line<'_>],
        scratch: &mut Scratch,
    ) {
        let line = &mut lines[line as usize];
        let score = self.offset(line, line.probes[probe as usize]);
        scratch.products.resize(ROWS.max(scratch.products.len()), 0.0);
        for from in slots.clone().step_by(ROWS) {
            let ids = &self.ids[from..(from + ROWS).min(slots.end)];
            let Some(rows) = table.get(from * m..(from + ids.len()) * m) else { return };
            let terms = self.payload.terms();
            let terms =
                if terms.is_empty() { &[] } else { terms.get(from..from + ids.len()).unwrap_or_default() };
            let sums = &mut scratch.products[..ids.len()];
            if let Form::Pq(tables) = &line.form {
                sums.iter_mut().zip(rows.chunks_exact(m)).for_each(|(sum, code)| *sum = tables.sum(code));
            }
            let least = line.best.threshold();
            let n = codes::select(sums, score, terms, least, &mut scratch.hits, &mut scratch.scores);
            self.offer_hits(line, ids, &scratch.hits[..n], &scratch.scores[..n]);
        }
    }
}
