//! Steps of optimisers whose state is a value a component.

use super::compiled::for_each_isa;

/// What a step of Adam is told: β₁, β₂, and rate and ε with the bias of the moments undone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    /// β₁
    pub beta1: f32,
    /// β₂
    pub beta2: f32,
    /// `η √(1 − β₂ᵗ) / (1 − β₁ᵗ)`
    pub rate: f32,
    /// `ε √(1 − β₂ᵗ)`
    pub epsilon: f32,
}

for_each_isa! {
    /// Adagrad: `s ← s + g²`, `w ← w − rate · g / (√s + epsilon)` for vectors of one length. O(dim).
    ///
    /// # Panics
    /// When the lengths differ.
    adagrad = any_adagrad(w: &mut [f32], g: &[f32], s: &mut [f32], rate: f32, epsilon: f32)
}

for_each_isa! {
    /// Adam: `m ← β₁ m + (1 − β₁) g`, `v ← β₂ v + (1 − β₂) g²`, `w ← w − rate · m / (√v + epsilon)` for vectors of one length.
    /// O(dim).
    ///
    /// # Panics
    /// When the lengths differ.
    adam = any_adam(w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], step: AdamStep)
}

#[inline(always)]
fn any_adagrad(w: &mut [f32], g: &[f32], s: &mut [f32], rate: f32, epsilon: f32) {
    assert!(w.len() == g.len() && w.len() == s.len(), "vectors of one length");
    for ((w, g), s) in w.iter_mut().zip(g).zip(s) {
        *s += g * g;
        *w -= rate * g / (s.sqrt() + epsilon);
    }
}

#[inline(always)]
fn any_adam(w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], step: AdamStep) {
    let n = w.len();
    assert!(n == g.len() && n == m.len() && n == v.len(), "vectors of one length");
    let AdamStep { beta1, beta2, rate, epsilon } = step;
    for ((w, g), (m, v)) in w.iter_mut().zip(g).zip(m.iter_mut().zip(v)) {
        *m = beta1 * *m + (1.0 - beta1) * g;
        *v = beta2 * *v + (1.0 - beta2) * g * g;
        *w -= rate * *m / (v.sqrt() + epsilon);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRng;

    #[test]
    fn steps_agree_with_the_definition_at_every_length() {
        let mut rng = SeededRng::new(1);
        let step = AdamStep { beta1: 0.9, beta2: 0.99, rate: 0.1, epsilon: 1e-6 };
        for n in 0..80 {
            let mut random = || (0..n).map(|_| rng.unit_f32()).collect::<Vec<f32>>();
            let (w, g, m, v) = (random(), random(), random(), random());
            let (mut got, mut s) = (w.clone(), v.clone());
            adagrad(&mut got, &g, &mut s, 0.1, 1e-6);
            for i in 0..n {
                let sum = f64::from(v[i]) + f64::from(g[i]).powi(2);
                let expected = f64::from(w[i]) - 0.1 * f64::from(g[i]) / (sum.sqrt() + 1e-6);
                assert!((f64::from(got[i]) - expected).abs() < 1e-6 && (f64::from(s[i]) - sum).abs() < 1e-6);
            }
            let (mut got, mut first, mut second) = (w.clone(), m.clone(), v.clone());
            adam(&mut got, &g, &mut first, &mut second, step);
            for i in 0..n {
                let mean = 0.9 * f64::from(m[i]) + 0.1 * f64::from(g[i]);
                let square = 0.99 * f64::from(v[i]) + 0.01 * f64::from(g[i]).powi(2);
                let expected = f64::from(w[i]) - 0.1 * mean / (square.sqrt() + 1e-6);
                assert!((f64::from(got[i]) - expected).abs() < 1e-6);
                assert!(
                    (f64::from(first[i]) - mean).abs() < 1e-6 && (f64::from(second[i]) - square).abs() < 1e-6
                );
            }
        }
    }
}
