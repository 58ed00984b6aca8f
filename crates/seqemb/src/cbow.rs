use embed_core::SeededRng;

use crate::batch::Group;
use crate::corpus::Corpus;
use crate::hidden::Taken;
use crate::places::places;
use crate::{Params, Window};

impl Group {
    /// CBOW: for each centre a hidden row, the mean of its contexts, which predicts it.
    ///
    /// İrsoy, Benton & Stratos 2021, "Corrected CBOW performs as well as skip-gram" (the gradient of the mean).
    pub(crate) fn contexts_predict_centres(&mut self, params: &Params, corpus: &Corpus, rng: &mut SeededRng) {
        let range = self.range.clone();
        if range.is_empty() {
            return;
        }
        // All that lies in reach of the range is taken up once; only baskets reach further, round to their start.
        let reach = match params.window {
            Window::Sliding { size, .. } => size,
            Window::Basket { samples } => samples,
        };
        let mut sequence = corpus.sequence_at(range.start);
        let low = corpus.advance(&mut sequence, range.start).max(range.start.saturating_sub(reach));
        let last = corpus.ends[corpus.sequence_at(range.end - 1)];
        let near = low..last.min(range.end.saturating_add(reach));
        let taken: Vec<Taken> =
            corpus.items[near.clone()].iter().map(|&item| self.hidden.take(item)).collect();
        for at in range {
            let start = corpus.advance(&mut sequence, at);
            let centre = corpus.items[at];
            for range in places(params.window, corpus.ends[sequence] - start, at - start, rng) {
                for place in range.start + start..range.end + start {
                    if corpus.items[place] == centre {
                        continue;
                    }
                    let row = if near.contains(&place) {
                        taken[place - near.start]
                    } else {
                        self.hidden.take(corpus.items[place])
                    };
                    self.hidden.push(row, 1.0);
                }
            }
            if self.hidden.end_mean().is_some() {
                self.predicted.push(centre);
                self.close(at);
            }
        }
    }
}
