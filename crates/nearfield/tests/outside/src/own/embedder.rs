use std::error::Error;

use embed_core::testkit::{EmbedderSuite, clustered, embedder};
use embed_core::{EmbedError, Embedder, Embeddings, ItemId, KeyTable, Metric, Space, Vocab};

/// A user is the last item of the history.
struct Last(Embeddings);

impl Embedder<[ItemId]> for Last {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn space(&self) -> Space {
        self.0.space()
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Cosine)
    }

    fn keys(&self) -> Option<KeyTable> {
        Some(self.0.vocab().clone().into())
    }

    fn embed_into(&self, history: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
        if out.len() != self.dim() {
            return Err(EmbedError::Dimension { expected: self.dim(), got: out.len() });
        }
        let item = *history.last().ok_or(EmbedError::Empty { what: "history" })?;
        out.copy_from_slice(self.0.row(item).ok_or(EmbedError::UnknownItem { item, n_items: self.0.len() })?);
        Ok(())
    }
}

pub fn keeps_the_contract() -> Result<(), Box<dyn Error>> {
    let keys = Vocab::from_keys((0..9).map(|i| i.to_string()))?;
    let last = Last(Embeddings::new(keys, clustered(9, 5, 2, 1))?);
    let histories: [&[ItemId]; 3] = [&[1], &[3, 1, 2], &[8, 8]];
    embedder(&last, &EmbedderSuite::new("last", &histories, &[&[], &[1, 9]]));
    Ok(())
}
