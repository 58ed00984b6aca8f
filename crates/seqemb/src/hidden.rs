use std::sync::RwLock;

use embed_core::kernel::lists::{Lists, add_lists, sum_lists};
use embed_core::kernel::logistic::Lane;

use crate::tables::{PART_BITS, PARTS, part, slot};
use crate::threads::read;

/// Rows that are weighted sums of rows of a table, and the way back: what they learn goes to what they are made of.
///
/// Rows of the table are taken up part after part, so that in the end each part gets its changes at once.
#[derive(Debug)]
pub(crate) struct Hidden {
    /// The sums, which training moves; `lanes` a row.
    pub(crate) rows: Vec<Lane>,
    /// The sums as they were; after [`Hidden::settle`], how far each went.
    pub(crate) change: Vec<Lane>,
    /// Slots of the table's rows in use, by part.
    slots: Vec<Vec<u32>>,
    /// Where each part begins in `vectors`, in rows.
    starts: [u32; PARTS + 1],
    /// Vectors of the rows in use; after [`Hidden::settle`], what each of them gets.
    pub(crate) vectors: Vec<Lane>,
    ends: Vec<u32>,
    /// What the sums are made of: first as [`Hidden::take`] numbers them, after [`Hidden::sum`] rows of `vectors`.
    pub(crate) picked: Vec<u32>,
    pub(crate) weights: Vec<f32>,
    /// 1, 2, 3 … and as many ones: lists of one row each.
    singles: (Vec<u32>, Vec<f32>),
}

/// A row of the table that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken(u32);

impl Hidden {
    pub(crate) fn new() -> Self {
        Self {
            rows: Vec::new(),
            change: Vec::new(),
            slots: vec![Vec::new(); PARTS],
            starts: [0; PARTS + 1],
            vectors: Vec::new(),
            ends: Vec::new(),
            picked: Vec::new(),
            weights: Vec::new(),
            singles: (Vec::new(), Vec::new()),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.slots.iter_mut().for_each(Vec::clear);
        self.ends.clear();
        self.picked.clear();
        self.weights.clear();
    }

    /// Takes up a row of the table. One that is taken up twice gets both changes.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "fewer rows than a corpus chunk has items")]
    pub(crate) fn take(&mut self, row: u32) -> Taken {
        let slots = &mut self.slots[part(row)];
        slots.push(slot(row));
        Taken((slots.len() as u32 - 1) << PART_BITS | part(row) as u32)
    }

    /// Adds a row to the sum under way.
    #[inline]
    pub(crate) fn push(&mut self, row: Taken, weight: f32) {
        self.picked.push(row.0);
        self.weights.push(weight);
    }

    /// Ends the sum under way, which all of its rows have the same share in; gives its number, or none if it is empty.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "a window is shorter than 2²⁴")]
    pub(crate) fn end_mean(&mut self) -> Option<u32> {
        let start = self.ends.last().map_or(0, |end| *end as usize);
        let share = 1.0 / (self.weights.len() - start).max(1) as f32;
        self.weights[start..].fill(share);
        self.end()
    }

    /// Ends the sum under way; gives its number, or none if it is empty.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "fewer entries than a corpus chunk has pairs")]
    pub(crate) fn end(&mut self) -> Option<u32> {
        let end = self.picked.len() as u32;
        if end == self.ends.last().copied().unwrap_or(0) {
            return None;
        }
        self.ends.push(end);
        Some(self.ends.len() as u32 - 1)
    }

    /// What sum `k` is made of: entries of `picked` and `weights`.
    pub(crate) fn entries(&self, k: usize) -> std::ops::Range<usize> {
        let start = if k == 0 { 0 } else { self.ends[k - 1] };
        start as usize..self.ends[k] as usize
    }

    /// Takes the sums over the vectors of the table, which these are the parts of.
    #[expect(clippy::cast_possible_truncation, reason = "fewer rows than a corpus chunk has items")]
    pub(crate) fn sum(&mut self, parts: &[RwLock<&mut Vec<Lane>>], lanes: usize) {
        for (at, slots) in self.slots.iter().enumerate() {
            self.starts[at + 1] = self.starts[at] + slots.len() as u32;
        }
        let n = self.starts[PARTS];
        for single in self.singles.0.len() as u32..n {
            self.singles.0.push(single + 1);
            self.singles.1.push(1.0);
        }
        self.vectors.resize(n as usize * lanes, Lane::default());
        for (at, slots) in self.slots.iter().enumerate() {
            let to = &mut self.vectors[self.starts[at] as usize * lanes..][..slots.len() * lanes];
            sum_lists(&read(&parts[at]), lanes, &singles(&self.singles, slots), to);
        }
        for row in &mut self.picked {
            *row = self.starts[*row as usize % PARTS] + (*row >> PART_BITS);
        }
        self.rows.resize(self.ends.len() * lanes, Lane::default());
        let lists = Lists { ends: &self.ends, rows: &self.picked, weights: &self.weights };
        sum_lists(&self.vectors, lanes, &lists, &mut self.rows);
        self.change.clone_from(&self.rows);
    }

    /// Turns the sums' way into what each row in use gets: the sum over all that it is part of, times its weights.
    pub(crate) fn settle(&mut self, lanes: usize) {
        for (change, now) in self.change.iter_mut().zip(&self.rows) {
            change.0.iter_mut().zip(now.0).for_each(|(before, now)| *before = now - *before);
        }
        self.vectors.fill(Lane::default());
        let lists = Lists { ends: &self.ends, rows: &self.picked, weights: &self.weights };
        add_lists(&mut self.vectors, lanes, &lists, &self.change);
    }

    /// Hands one part of the table what its rows get.
    pub(crate) fn hand_out(&self, part: usize, rows: &mut [Lane], lanes: usize) {
        let slots = &self.slots[part];
        let from = &self.vectors[self.starts[part] as usize * lanes..][..slots.len() * lanes];
        add_lists(rows, lanes, &singles(&self.singles, slots), from);
    }
}

fn singles<'a>((ends, ones): &'a (Vec<u32>, Vec<f32>), rows: &'a [u32]) -> Lists<'a> {
    Lists { ends: &ends[..rows.len()], rows, weights: &ones[..rows.len()] }
}
