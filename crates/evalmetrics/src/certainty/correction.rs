use super::CertaintyError;
use crate::number::float;

/// Holm's step-down correction: below a level, an adjusted p-value keeps the chance of even one false finding
/// among all `p` below it.
///
/// The i-th smallest of m becomes `max_{j≤i} min(1, (m − j + 1) pⱼ)`. O(m log m).
///
/// # Errors
/// [`CertaintyError::Probability`] names the first value that is not from 0 to 1.
///
/// # Reference
/// Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.
pub fn holm(p: &[f64]) -> Result<Vec<f64>, CertaintyError> {
    let order = ascending(p)?;
    let mut adjusted = vec![0.0; p.len()];
    let mut most = 0.0f64;
    for (rank, &place) in order.iter().enumerate() {
        most = most.max((float(p.len() - rank) * p[place]).min(1.0));
        adjusted[place] = most;
    }
    Ok(adjusted)
}

/// Benjamini and Hochberg's step-up correction: below a level, an adjusted p-value keeps the expected share of
/// false ones among the findings below it, for independent or positively dependent tests.
///
/// The i-th smallest of m becomes `min_{j≥i} min(1, m pⱼ / j)`. O(m log m).
///
/// # Errors
/// [`CertaintyError::Probability`] names the first value that is not from 0 to 1.
///
/// # Reference
/// Benjamini & Hochberg, Controlling the False Discovery Rate, 1995.
pub fn benjamini_hochberg(p: &[f64]) -> Result<Vec<f64>, CertaintyError> {
    let order = ascending(p)?;
    let mut adjusted = vec![0.0; p.len()];
    let mut least = 1.0f64;
    for (rank, &place) in order.iter().enumerate().rev() {
        least = least.min(float(p.len()) * p[place] / float(rank + 1));
        adjusted[place] = least;
    }
    Ok(adjusted)
}

/// Places by ascending value, equal values by place.
fn ascending(p: &[f64]) -> Result<Vec<usize>, CertaintyError> {
    if let Some(at) = p.iter().position(|value| !(0.0..=1.0).contains(value)) {
        return Err(CertaintyError::Probability { at, value: p[at] });
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: &[f64], expected: &[f64]) {
        let same = got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15);
        assert!(same && got.len() == expected.len(), "{got:?} is not {expected:?}");
    }

    /// Four values by hand: sorted 0.005, 0.01, 0.03, 0.04.
    #[test]
    fn corrections_by_hand() {
        let p = [0.01, 0.04, 0.03, 0.005];
        close(&holm(&p).unwrap(), &[0.03, 0.06, 0.06, 0.02]);
        close(&benjamini_hochberg(&p).unwrap(), &[0.02, 0.04, 0.04, 0.02]);
        close(&holm(&[0.9, 0.8]).unwrap(), &[1.0, 1.0]);
        close(&benjamini_hochberg(&[0.9, 0.8]).unwrap(), &[0.9, 0.9]);
        close(&holm(&[]).unwrap(), &[]);
        for bad in [f64::NAN, -0.1, 1.5] {
            assert!(matches!(holm(&[0.5, bad]), Err(CertaintyError::Probability { at: 1, .. })));
            assert!(benjamini_hochberg(&[bad]).is_err());
        }
    }
}
