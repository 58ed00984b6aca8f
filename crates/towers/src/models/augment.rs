use embed_core::{ItemId, SeededRng};
use serde::{Deserialize, Serialize};

use crate::LayerError;

/// How a history is changed into another view of the same user: one of the three, drawn for each view.
///
/// Xie et al. 2022, "Contrastive learning for sequential recommendation" (CL4SRec), section 3.2.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Augment {
    /// η: the share of a run of neighbours that is kept.
    pub crop: f32,
    /// γ: the share of items that is left out. (The paper puts a token there; pooling without one is the same but for the length.)
    pub mask: f32,
    /// β: the share of a run of neighbours that is shuffled.
    pub reorder: f32,
}

impl Default for Augment {
    /// η = 0.6, γ = 0.3, β = 0.6.
    fn default() -> Self {
        Self { crop: 0.6, mask: 0.3, reorder: 0.6 }
    }
}

impl Augment {
    /// Checks the shares.
    ///
    /// # Errors
    /// [`LayerError::Setting`] names the first that is not in 0..=1.
    pub fn validate(self) -> Result<(), LayerError> {
        for (name, got) in [("crop", self.crop), ("mask", self.mask), ("reorder", self.reorder)] {
            if !(0.0..=1.0).contains(&got) {
                return Err(LayerError::Setting { name, got: got.into(), expected: "in 0..=1" });
            }
        }
        Ok(())
    }

    /// Changes a history in place; at least one item of it stays.
    pub fn apply(self, history: &mut Vec<ItemId>, rng: &mut SeededRng) {
        if history.len() < 2 {
            return;
        }
        match rng.below(3) {
            0 => {
                let run = run(history.len(), self.crop, rng);
                history.truncate(run.end);
                history.drain(..run.start);
            }
            1 => {
                let stays = rng.below(u32::try_from(history.len()).unwrap_or(u32::MAX)) as usize;
                let mut at = 0;
                history.retain(|_| {
                    at += 1;
                    rng.unit_f32() >= self.mask || at == stays + 1
                });
            }
            _ => {
                let run = run(history.len(), self.reorder, rng);
                rng.shuffle(&mut history[run]);
            }
        }
    }
}

/// A run of neighbours of this share, at a random place.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "at most n"
)]
fn run(n: usize, share: f32, rng: &mut SeededRng) -> std::ops::Range<usize> {
    let len = ((n as f32 * share) as usize).clamp(1, n);
    let start = rng.below(u32::try_from(n - len + 1).unwrap_or(u32::MAX)) as usize;
    start..start + len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_parts_or_orders_of_the_history() {
        let history: Vec<ItemId> = (0..20).collect();
        let (mut lengths, mut reordered) = (std::collections::BTreeSet::new(), 0);
        for seed in 0..300 {
            let mut view = history.clone();
            Augment::default().apply(&mut view, &mut SeededRng::new(seed));
            lengths.insert(view.len());
            reordered += usize::from(!view.is_sorted());
            let mut sorted = view.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert!(sorted.len() == view.len() && !view.is_empty() && view.iter().all(|i| *i < 20));
        }
        assert!(
            lengths.contains(&12) && lengths.contains(&20) && (60..140).contains(&reordered),
            "{lengths:?} {reordered}"
        );
        for short in [vec![], vec![4]] {
            let mut view = short.clone();
            Augment { crop: 0.0, mask: 1.0, reorder: 0.0 }.apply(&mut view, &mut SeededRng::new(1));
            assert_eq!(view, short);
        }
        assert!(Augment { mask: 1.5, ..Augment::default() }.validate().is_err());
    }
}
