use embed_core::{Batch, ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};
use ndarray::ArrayView2;

use crate::{RefreshableSampler, split};

/// When hard negatives come in, and how many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// What the two durations count.
    pub unit: Unit,
    /// Units with easy negatives alone. 2.
    pub warm_up: u64,
    /// Units over which the share of hard ones rises linearly after that. 0: at once.
    pub ramp: u64,
    /// Share of hard negatives from then on, 0 to 1. 0.2.
    pub share: f64,
}

/// What a [`Schedule`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Passes over the data.
    Epochs,
    /// Training steps.
    Steps,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { unit: Unit::Epochs, warm_up: 2, ramp: 0, share: 0.2 }
    }
}

impl Schedule {
    /// Share of hard negatives in this context.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub fn share_at(&self, cx: &NegativeContext<'_>) -> f64 {
        let now = match self.unit {
            Unit::Epochs => u64::from(cx.epoch),
            Unit::Steps => cx.step,
        };
        match now.checked_sub(self.warm_up) {
            None => 0.0,
            Some(past) if past < self.ramp => self.share * (past as f64 + 1.0) / (self.ramp as f64 + 1.0),
            Some(_) => self.share,
        }
    }
}

/// Easy negatives first, hard ones mixed in after a warm-up: what is hard says something only once the vectors are
/// coarsely right.
///
/// Draws are divided as by [`Mixture`](crate::Mixture), with the share of the moment, and the expected count is
/// over both sources. A batch goes to both; the hard source gets vectors only when the warm-up is over.
#[derive(Debug, Clone)]
pub struct Curriculum<E, H> {
    easy: E,
    hard: H,
    schedule: Schedule,
}

impl<E: NegativeSampler, H: NegativeSampler> Curriculum<E, H> {
    /// `easy` negatives, and `hard` ones by the schedule.
    ///
    /// # Errors
    /// - [`SampleError::Setting`] when the share is not in 0..=1.
    /// - [`SampleError::Catalogue`] when the two differ in their number of items.
    pub fn new(easy: E, hard: H, schedule: Schedule) -> Result<Self, SampleError> {
        if !(0.0..=1.0).contains(&schedule.share) {
            let (got, least, most) = (schedule.share, 0.0, 1.0);
            return Err(SampleError::Setting { name: "share of hard negatives", got, least, most });
        }
        if easy.n_items() != hard.n_items() {
            return Err(SampleError::Catalogue { expected: easy.n_items(), got: hard.n_items() });
        }
        Ok(Self { easy, hard, schedule })
    }
}

impl<E, H: RefreshableSampler> Curriculum<E, H> {
    /// An index is not built for a warm-up that does not ask it.
    fn hard_is_stale(&self, cx: &NegativeContext<'_>) -> bool {
        self.schedule.share_at(cx) > 0.0 && self.hard.is_stale(cx)
    }
}

impl<E: NegativeSampler, H: NegativeSampler> NegativeSampler for Curriculum<E, H> {
    fn sample_into(
        &self,
        cx: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        let easy = 1.0 - self.schedule.share_at(cx);
        split::draw([(&self.easy as &dyn NegativeSampler, easy), (&self.hard, 1.0)].into_iter(), cx, rng, out)
    }

    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
        let mut log = [0.0];
        match self.log_expected_counts_into(cx, &[item], &mut log) {
            Ok(()) => log[0],
            Err(_) => f32::NEG_INFINITY,
        }
    }

    fn log_expected_counts_into(
        &self,
        cx: &NegativeContext<'_>,
        items: &[ItemId],
        out: &mut [f32],
    ) -> Result<(), SampleError> {
        SampleError::check_counts(items.len(), out.len())?;
        let (easy, mut sums) = (1.0 - self.schedule.share_at(cx), vec![0.0; items.len()]);
        split::add_expected_counts(&self.easy, cx, items, (0.0, easy), &mut sums)?;
        if easy < 1.0 {
            split::add_expected_counts(&self.hard, cx, items, (easy, 1.0), &mut sums)?;
        }
        split::logarithms(&sums, out);
        Ok(())
    }

    fn n_items(&self) -> usize {
        self.easy.n_items()
    }
}

impl<E: RefreshableSampler, H: RefreshableSampler> RefreshableSampler for Curriculum<E, H> {
    fn observe(&mut self, batch: &Batch<'_>) {
        self.easy.observe(batch);
        self.hard.observe(batch);
    }

    fn is_stale(&self, cx: &NegativeContext<'_>) -> bool {
        self.easy.is_stale(cx) || self.hard_is_stale(cx)
    }

    fn refresh(&mut self, cx: &NegativeContext<'_>, items: ArrayView2<'_, f32>) -> Result<(), SampleError> {
        if self.easy.is_stale(cx) {
            self.easy.refresh(cx, items)?;
        }
        if self.hard_is_stale(cx) { self.hard.refresh(cx, items) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::check_law;
    use crate::{Popularity, Uniform};

    #[test]
    fn the_share_follows_the_schedule() {
        let schedule = Schedule { unit: Unit::Steps, warm_up: 10, ramp: 4, share: 0.5 };
        let at = |step| schedule.share_at(&NegativeContext::default().at(step, 99));
        assert_eq!([at(0), at(9), at(10), at(13), at(14), at(1000)], [0.0, 0.0, 0.1, 0.4, 0.5, 0.5]);
        let epochs = Schedule::default();
        let at = |epoch| epochs.share_at(&NegativeContext::default().at(99, epoch));
        assert_eq!([at(0), at(1), at(2), at(9)], [0.0, 0.0, 0.2, 0.2]);
    }

    #[test]
    fn the_law_changes_with_the_epoch() {
        let hard = Popularity::new(&[0, 0, 0, 5, 1], 1.0).unwrap();
        let curriculum = Curriculum::new(Uniform::new(5).unwrap(), hard, Schedule::default()).unwrap();
        check_law(&curriculum, &NegativeContext::default(), &[1.0; 5]);
        let later = NegativeContext::default().at(0, 2);
        let weights = [0.0, 0.0, 0.0, 5.0 / 6.0, 1.0 / 6.0].map(|hard| 0.2 * hard + 0.8 / 5.0);
        check_law(&curriculum, &later, &weights);
    }

    #[test]
    fn bad_schedules_are_refused() {
        let uniform = |n| Uniform::new(n).unwrap();
        for share in [-0.1, 1.1, f64::NAN] {
            let schedule = Schedule { share, ..Schedule::default() };
            assert!(matches!(
                Curriculum::new(uniform(3), uniform(3), schedule),
                Err(SampleError::Setting { .. })
            ));
        }
        assert!(matches!(
            Curriculum::new(uniform(3), uniform(2), Schedule::default()),
            Err(SampleError::Catalogue { .. })
        ));
    }
}
