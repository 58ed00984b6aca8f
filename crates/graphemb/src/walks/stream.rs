use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use embed_core::store::AtomicFile;
use embed_core::{Flow, ItemId, Progress, Run, SequenceSource, SourceError, Vocab};
use rayon::prelude::*;

use super::block::{BLOCK, Block};
use crate::{NodeId, WalkError, Walks};

/// Nodes of walks that are held at a time, about: 16 MB.
const HELD: usize = 1 << 22;

/// Takes the walks of several blocks at a time.
struct Batches<'w, 'g> {
    walks: &'w Walks<'g>,
    /// Rounds begun, over all passes, and where they end.
    round: u64,
    end: u64,
    /// The starts of this round, and how many are done.
    order: Vec<NodeId>,
    done: usize,
    blocks: Vec<Block>,
}

impl<'w, 'g> Batches<'w, 'g> {
    /// The walks of a pass.
    fn new(walks: &'w Walks<'g>, pass: u32) -> Self {
        let rounds = u64::from(walks.params.walks);
        let round = u64::from(pass) * rounds;
        Self { walks, round, end: round + rounds, order: Vec::new(), done: 0, blocks: Vec::new() }
    }

    /// Takes the next walks; none at the end. Batches do not depend on the threads.
    fn advance(&mut self) -> Option<&[Block]> {
        if self.done == self.order.len() {
            if self.round == self.end {
                return None;
            }
            self.order = self.walks.order(self.round);
            self.round += 1;
            self.done = 0;
        }
        let per_block = BLOCK * self.walks.plan.length;
        let starts = &self.order[self.done..];
        let starts = &starts[..starts.len().min((HELD / per_block).max(1) * BLOCK)];
        let started = Instant::now();
        let first = self.round << 32 | (self.done / BLOCK) as u64;
        self.done += starts.len();
        self.blocks.resize_with(starts.len().div_ceil(BLOCK), Block::default);
        let (plan, seed) = (&self.walks.plan, self.walks.seed);
        self.blocks
            .par_iter_mut()
            .zip(starts.par_chunks(BLOCK))
            .enumerate()
            .for_each(|(number, (block, starts))| block.fill(plan, seed, first + number as u64, starts));
        self.walks.count(self.blocks.iter().map(Block::steps).sum(), started.elapsed());
        Some(&self.blocks)
    }
}

impl Walks<'_> {
    /// Shows every walk, until `visit` breaks. Whether it did not.
    pub fn for_each(&self, visit: impl FnMut(&[NodeId]) -> ControlFlow<()>) -> bool {
        self.for_each_of_pass(0, visit)
    }

    /// Like [`Walks::for_each`], with other walks for each pass.
    pub(crate) fn for_each_of_pass(
        &self,
        pass: u32,
        mut visit: impl FnMut(&[NodeId]) -> ControlFlow<()>,
    ) -> bool {
        let mut batches = Batches::new(self, pass);
        while let Some(blocks) = batches.advance() {
            if blocks.iter().flat_map(Block::walks).try_for_each(&mut visit).is_break() {
                return false;
            }
        }
        true
    }

    /// The walks one by one, in the order of [`Walks::for_each`].
    #[must_use]
    pub fn iter(&self) -> WalkIter<'_> {
        WalkIter { batches: Batches::new(self, 0), block: 0, walk: 0 }
    }

    /// Writes each walk as a line of keys with a space between, in one step, for trainers elsewhere. The observer sees
    /// `walk`, in walks; when it says stop, nothing is written. Gives the number of walks written.
    ///
    /// # Errors
    /// - [`WalkError::Store`] when the file cannot be written.
    /// - [`WalkError::Parallelism`] when the threads cannot be started.
    pub fn save(&self, path: impl AsRef<Path>, keys: &Vocab, run: &mut Run<'_>) -> Result<u64, WalkError> {
        let path = path.as_ref();
        let mut file = AtomicFile::create(path)?;
        let parallelism = run.parallelism;
        let written = parallelism.install(|| self.write(&mut file, keys, run))?;
        let io =
            |source| embed_core::store::StoreError::Io { path: path.to_owned(), action: "write", source };
        match written.map_err(io)? {
            Some(n) => {
                file.commit()?;
                Ok(n)
            }
            None => Ok(0),
        }
    }

    /// The number of walks written; none when stopped.
    fn write(
        &self,
        out: &mut (impl Write + Send),
        keys: &Vocab,
        run: &mut Run<'_>,
    ) -> std::io::Result<Option<u64>> {
        let (mut n, mut failed, mut line) = (0, Ok(()), String::new());
        let complete = self.for_each(|walk| {
            line.clear();
            for (i, &node) in walk.iter().enumerate() {
                if i > 0 {
                    line.push(' ');
                }
                match keys.key(node) {
                    Some(key) => line.push_str(key),
                    None => line.push_str(&node.to_string()),
                }
            }
            line.push('\n');
            n += 1;
            failed = out.write_all(line.as_bytes());
            let report = |n| Progress::new("walk", n, self.n_walks()).unit("walks");
            if failed.is_err() || n % 65_536 == 0 && run.report(&report(n)) == Flow::Stop {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        failed?;
        Ok(complete.then_some(n))
    }
}

impl SequenceSource for Walks<'_> {
    fn n_items(&self) -> usize {
        self.plan.nodes.len()
    }

    /// Each epoch has walks of its own, which depend on its number and the seed alone.
    fn for_each_sequence(
        &self,
        epoch: u32,
        visit: &mut dyn FnMut(&[ItemId]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        self.for_each_of_pass(epoch, visit);
        Ok(())
    }
}

/// The walks one by one.
pub struct WalkIter<'w> {
    batches: Batches<'w, 'w>,
    block: usize,
    walk: usize,
}

impl Iterator for WalkIter<'_> {
    type Item = Vec<NodeId>;

    fn next(&mut self) -> Option<Vec<NodeId>> {
        loop {
            if let Some(block) = self.batches.blocks.get(self.block) {
                if let Some(walk) = block.get(self.walk) {
                    self.walk += 1;
                    return Some(walk.to_vec());
                }
                self.block += 1;
            } else {
                self.batches.advance()?;
                self.block = 0;
            }
            self.walk = 0;
        }
    }
}

impl std::fmt::Debug for WalkIter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WalkIter").field("round", &self.batches.round).finish_non_exhaustive()
    }
}

impl<'w> IntoIterator for &'w Walks<'_> {
    type Item = Vec<NodeId>;
    type IntoIter = WalkIter<'w>;

    fn into_iter(self) -> WalkIter<'w> {
        self.iter()
    }
}
