use std::error::Error;
use std::ops::Range;

use embed_core::testkit::{ScorerSuite, scorer};
use embed_core::{Csr, ItemId, KeyTable, Run, ScoreError, Scorer, Vocab};
use evalmetrics::{ColdUsers, FullRanking, HistoryScorer};
use nearfield::Recommender;

/// How often an item came right after the last one of a history.
struct Next {
    counts: Vec<f32>,
    keys: KeyTable,
}

impl Next {
    fn count(log: &[Vec<ItemId>], keys: Vocab) -> Self {
        let n = keys.len();
        let mut counts = vec![0.0; n * n];
        for pair in log.iter().flat_map(|history| history.windows(2)) {
            counts[pair[0] as usize * n + pair[1] as usize] += 1.0;
        }
        Self { counts, keys: keys.into() }
    }
}

impl Scorer<[ItemId]> for Next {
    fn n_items(&self) -> usize {
        self.keys.len()
    }

    fn keys(&self) -> Option<KeyTable> {
        Some(self.keys.clone())
    }

    fn scores_into(
        &self,
        histories: &[&[ItemId]],
        items: Range<usize>,
        out: &mut [f32],
    ) -> Result<(), ScoreError> {
        let n_items = self.n_items();
        ScoreError::check(histories.len(), &items, n_items, out.len())?;
        for (at, history) in histories.iter().enumerate() {
            let item = *history.last().ok_or(ScoreError::Empty { what: "history" })?;
            if item as usize >= n_items {
                return Err(ScoreError::UnknownItem { item, n_items });
            }
            let row = &self.counts[item as usize * n_items..][..n_items];
            out[at * items.len()..(at + 1) * items.len()].copy_from_slice(&row[items.clone()]);
        }
        Ok(())
    }
}

pub fn keeps_the_contract_and_serves() -> Result<(), Box<dyn Error>> {
    let log: Vec<Vec<ItemId>> = (0..60).map(|user| (0..4).map(|i| (user + i) % 12).collect()).collect();
    let next = Next::count(&log, Vocab::from_keys((0..12).map(|i| format!("item-{i}")))?);
    let inputs: [&[ItemId]; 3] = [&[1], &[4, 7], &[11]];
    scorer(&next, &ScorerSuite::new("next", &inputs, &[&[], &[99]]));

    let truth = Csr::from_rows(log.iter().map(|history| [(history[3] + 1) % 12]));
    let seen = Csr::from_rows(&log);
    let users = HistoryScorer::new(&next, &seen, ColdUsers::Refuse);
    let report = FullRanking::at([1]).evaluate(&users, &seen, &truth, &mut Run::default())?;
    assert_eq!(report.get("hr", 1), Some(1.0));

    let recommender = Recommender::scoring(next)?;
    assert_eq!(recommender.recommend_keys(&["item-3", "item-5"], 1)?[0].key, "item-6");
    Ok(())
}
