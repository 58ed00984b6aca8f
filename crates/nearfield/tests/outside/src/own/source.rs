use std::error::Error;
use std::ops::ControlFlow;

use embed_core::testkit::{SequenceSuite, sequence_source};
use embed_core::{ItemId, Run, SeededRng, SequenceSource, SourceError, Vocab};
use seqemb::{Params, SkipGram};

/// Steps on a ring, drawn anew in each epoch.
struct Ring(u32);

impl SequenceSource for Ring {
    fn n_items(&self) -> usize {
        self.0 as usize
    }

    fn for_each_sequence(
        &self,
        epoch: u32,
        visit: &mut dyn FnMut(&[ItemId]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        for start in 0..self.0 {
            let mut rng = SeededRng::stream(u64::from(epoch), "ring", start.into());
            let mut at = start;
            let walk: Vec<ItemId> = (0..10)
                .map(|_| {
                    at = (at + 1 + (self.0 - 2) * rng.below(2)) % self.0;
                    at
                })
                .collect();
            if visit(&walk).is_break() {
                break;
            }
        }
        Ok(())
    }
}

pub fn keeps_the_contract() -> Result<(), Box<dyn Error>> {
    sequence_source(|| Box::new(Ring(12)), &SequenceSuite::drawn("ring"));
    let keys = Vocab::from_keys((0..40).map(|i| i.to_string()))?;
    let params = Params { dim: 8, epochs: 30, ..Params::default() };
    let nodes = SkipGram::fit(&params, &Ring(40), keys, &mut Run::seeded(1))?;
    let like = |a, b| {
        let row = |id| nodes.input.row(id).unwrap_or_default();
        embed_core::Metric::Cosine.score(row(a), row(b))
    };
    assert!(like(3, 4) > like(3, 23), "neighbours on the ring are near");
    Ok(())
}
