use crate::SettingsError;

/// Logits of a sampled softmax from scores: `score / τ − log Q`, on every column, the positive's own included; a masked
/// column gets `−∞`. Temperature comes first: log Q is a logarithm of counts and has no temperature. Q is never clipped.
/// Serving uses the raw scores.
///
/// `log_q` is what [`log_expected_count`](embed_core::NegativeSampler::log_expected_count) says of each column's item. A
/// column of log Q `−∞` (an item that the sampler never draws, as a positive that it excludes) is left without
/// correction.
///
/// ```
/// let mut row = [0.9, 0.2, 0.4];
/// negsample::correct_logits(&mut row, 0.1, &[-1.0, -3.0, -2.0], |column| column == 2)?;
/// assert_eq!(row, [10.0, 5.0, f32::NEG_INFINITY]);
/// # Ok::<(), negsample::SettingsError>(())
/// ```
///
/// # Errors
/// - [`SettingsError::Setting`] when the temperature is not above 0 and finite.
/// - [`SettingsError::Length`] when `log_q` is not as long as `scores`.
///
/// Yi et al. 2019, "Sampling-bias-corrected neural modeling for large corpus item recommendations", section 4.1.
pub fn correct_logits(
    scores: &mut [f32],
    temperature: f32,
    log_q: &[f32],
    masked: impl Fn(usize) -> bool,
) -> Result<(), SettingsError> {
    if !(temperature > 0.0 && temperature.is_finite()) {
        let (got, least, most) = (f64::from(temperature), f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX));
        return Err(SettingsError::Setting { name: "temperature", got, least, most });
    }
    if log_q.len() != scores.len() {
        let (expected, got) = (scores.len(), log_q.len());
        return Err(SettingsError::Length { what: "values of log Q", expected, got });
    }
    for (column, (score, &log_q)) in scores.iter_mut().zip(log_q).enumerate() {
        let correction = if log_q == f32::NEG_INFINITY { 0.0 } else { log_q };
        *score = if masked(column) { f32::NEG_INFINITY } else { *score / temperature - correction };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A softmax over a biased sample, corrected, has the gradient of the full softmax on average: its expectation of
    /// any function of the item is the full one's, up to the bias of a ratio.
    #[test]
    fn corrected_samples_stand_for_the_whole_catalogue() {
        use embed_core::{NegativeContext, NegativeSampler, SeededRng};
        let sampler = crate::Popularity::new(&[500, 100, 50, 20, 10, 5], 1.0).unwrap();
        let scores = [0.2f32, -0.1, 0.4, 0.3, -0.3, 0.1];
        let tau = 0.5;
        let z: f64 = scores.iter().map(|s| f64::from(s / tau).exp()).sum();
        let mut mean = [0f64; 6];
        let (mut rng, mut out) = (SeededRng::new(2), [0; 400]);
        let cx = NegativeContext::draws(out.len());
        let rounds = 500;
        for _ in 0..rounds {
            sampler.sample_into(&cx, &mut rng, &mut out).unwrap();
            let mut row: Vec<f32> = out.iter().map(|&i| scores[i as usize]).collect();
            let log_q: Vec<f32> = out.iter().map(|&i| sampler.log_expected_count(&cx, i)).collect();
            correct_logits(&mut row, tau, &log_q, |_| false).unwrap();
            let sum: f64 = row.iter().map(|l| f64::from(*l).exp()).sum();
            for (logit, item) in row.iter().zip(out) {
                mean[item as usize] += f64::from(*logit).exp() / sum / f64::from(rounds);
            }
        }
        for (item, (mean, score)) in mean.iter().zip(scores).enumerate() {
            let full = f64::from(score / tau).exp() / z;
            assert!((mean / full - 1.0).abs() < 0.1, "item {item}: {mean} instead of {full}");
        }
    }

    #[test]
    fn what_cannot_be_corrected_is_refused() {
        for tau in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(correct_logits(&mut [1.0], tau, &[0.0], |_| false).is_err());
        }
        assert!(correct_logits(&mut [1.0], 1.0, &[], |_| false).is_err());
        let mut row = [3.0];
        correct_logits(&mut row, 1.0, &[f32::NEG_INFINITY], |_| false).unwrap();
        assert_eq!(row, [3.0]);
    }
}
