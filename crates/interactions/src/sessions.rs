use std::time::Duration;

use embed_core::{ItemId, Sequences};

use crate::error::LogError;
use crate::log::Log;

impl Log {
    /// Each user's history cut where more than `gap` lies between two interactions: users in id order, a
    /// user's sessions in time order, equal times in file order. No session is empty; repeats are kept.
    ///
    /// O(n log n) in the longest history, 8 bytes an interaction while it works.
    ///
    /// # Errors
    /// [`LogError::NoTime`] when the log has no times.
    pub fn sessions(&self, gap: Duration) -> Result<Sequences, LogError> {
        let times = self.times().ok_or(LogError::NoTime { wanted: "sessions" })?;
        let gap = gap.as_secs();
        let mut sequences = Sequences::new(self.n_items());
        let mut session = Vec::new();
        for rows in self.rows_by_user().iter() {
            for rows in rows.chunk_by(|&a, &b| times[a].abs_diff(times[b]) <= gap) {
                session.clear();
                session.extend(rows.iter().map(|&row| self.items()[row]));
                add(&mut sequences, &session);
            }
        }
        Ok(sequences)
    }

    /// Each user's whole history as one sequence: number `u` is that of user `u`, empty for a user without
    /// interactions. Order as in [`Log::histories`].
    #[must_use]
    pub fn sequences(&self) -> Sequences {
        let mut sequences = Sequences::new(self.n_items());
        for history in self.histories().rows() {
            add(&mut sequences, history);
        }
        sequences
    }
}

/// Adds items of a log to sequences over its catalogue.
#[expect(clippy::expect_used, reason = "a log's items are below its n_items")]
fn add(sequences: &mut Sequences, items: &[ItemId]) {
    sequences.push(items).expect("items below n_items");
}
