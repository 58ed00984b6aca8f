use serde::{Deserialize, Serialize};

/// The rate after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Decay {
    /// It stays.
    #[default]
    Constant,
    /// It falls in a line to 0 at the last step.
    Linear,
    /// It falls along half a cosine to 0 at the last step (Loshchilov & Hutter 2017).
    Cosine,
}

/// How the learning rate goes with the steps: a linear warm-up, then a decay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Schedule {
    /// Steps until the full rate; 0 begins with it.
    pub warm_up: u64,
    /// What comes then.
    pub decay: Decay,
}

impl Schedule {
    /// The factor of the rate at a step, from 0, of so many in all.
    #[must_use]
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a factor")]
    pub fn factor(self, step: u64, total: u64) -> f32 {
        if step < self.warm_up {
            return ((step + 1) as f64 / self.warm_up as f64) as f32;
        }
        let span = total.saturating_sub(self.warm_up).max(1) as f64;
        let done = ((step - self.warm_up) as f64 / span).min(1.0);
        let left = match self.decay {
            Decay::Constant => 1.0,
            Decay::Linear => 1.0 - done,
            Decay::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
        };
        left as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls() {
        let at = |decay, step| Schedule { warm_up: 4, decay }.factor(step, 12);
        assert_eq!(
            [at(Decay::Constant, 0), at(Decay::Constant, 3), at(Decay::Constant, 11)],
            [0.25, 1.0, 1.0]
        );
        assert_eq!([at(Decay::Linear, 4), at(Decay::Linear, 8), at(Decay::Linear, 12)], [1.0, 0.5, 0.0]);
        assert!((at(Decay::Cosine, 8) - 0.5).abs() < 1e-6 && at(Decay::Cosine, 99) == 0.0);
        assert_eq!(Schedule::default().factor(0, 0), 1.0);
    }
}
