use embed_core::{ItemId, Vocab};

use crate::{GraphBuilder, GraphError};

/// Keys of a batch, about.
const KEYS: usize = 1024;

/// Edges whose ends have no numbers yet: these are given to many keys at a time, whose memory is then fetched together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    text: String,
    /// Where each key ends in `text`, and the line it is of.
    keys: Vec<(usize, u64)>,
    /// Places of both ends among `keys`, and the weight.
    edges: Vec<(usize, usize, f32)>,
    ids: Vec<ItemId>,
}

impl Batch {
    /// The place of a key of a line, for [`Batch::edge`].
    pub(super) fn key(&mut self, key: &str, line: u64) -> usize {
        self.text.push_str(key);
        self.keys.push((self.text.len(), line));
        self.keys.len() - 1
    }

    pub(super) fn edge(&mut self, source: usize, target: usize, weight: f32) {
        self.edges.push((source, target, weight));
    }

    pub(super) fn is_full(&self) -> bool {
        self.keys.len() >= KEYS
    }

    /// Gives the keys their numbers and the builder the edges; an error comes with its line.
    pub(super) fn hand_over(
        &mut self,
        vocab: &mut Vocab,
        builder: &mut GraphBuilder,
    ) -> Result<(), (u64, GraphError)> {
        let mut start = 0;
        let keys = self.keys.iter().map(|&(end, _)| &self.text[std::mem::replace(&mut start, end)..end]);
        self.ids.clear();
        if let Err(error) = vocab.intern_all(keys, &mut self.ids) {
            let line = self.keys.get(self.ids.len()).map_or(0, |key| key.1);
            return Err((line, error.into()));
        }
        builder.grow(vocab.len());
        for &(source, target, weight) in &self.edges {
            builder
                .push(self.ids[source], self.ids[target], weight)
                .map_err(|error| (self.keys[source].1, error))?;
        }
        self.text.clear();
        self.keys.clear();
        self.edges.clear();
        Ok(())
    }
}
