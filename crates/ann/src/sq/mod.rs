//! Scalar quantization: one byte a component.

mod query;

pub(crate) use query::Sq8Query;

use crate::scoring::Scoring;

/// Codes of one byte a component, each component on its own scale: `x ≈ mid + step · (code − 128)`.
///
/// The scale of a component reaches from its least to its greatest value among the vectors it was trained on;
/// what lies beyond is moved to the border. Within it, a decoded component is off by half a step at most.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sq8 {
    /// What the code 128 stands for, `[dim]`.
    pub(crate) mid: Vec<f32>,
    /// `[dim]`, 0 where all values are the same.
    pub(crate) step: Vec<f32>,
}

/// The code of `mid`.
const MIDDLE: f32 = 128.0;

impl Sq8 {
    /// Most components.
    pub(crate) const MAX_DIM: usize = embed_core::kernel::codes::MAX_DIM;

    /// Scales for rows of `dim` finite components. O(values).
    #[cfg(test)]
    pub(crate) fn train<'r>(rows: impl Iterator<Item = &'r [f32]>, dim: usize) -> Self {
        Self::train_chunks(rows.map(<[f32]>::to_vec), dim)
    }

    /// Scales for chunks of rows of `dim` finite components. O(values).
    #[expect(clippy::cast_possible_truncation, reason = "the step of two f32 is an f32")]
    pub(crate) fn train_chunks(chunks: impl Iterator<Item = Vec<f32>>, dim: usize) -> Self {
        let (mut least, mut most) = (vec![f32::INFINITY; dim], vec![f32::NEG_INFINITY; dim]);
        for chunk in chunks {
            for row in chunk.chunks_exact(dim) {
                least
                    .iter_mut()
                    .zip(row)
                    .for_each(|(least, &x)| *least = if x < *least { x } else { *least });
                most.iter_mut().zip(row).for_each(|(most, &x)| *most = if x > *most { x } else { *most });
            }
        }
        let scale = |(&least, &most): (&f32, &f32)| {
            if least >= most {
                // One value, or no row at all.
                return (if least.is_finite() { least } else { 0.0 }, 0.0);
            }
            let step = (f64::from(most) - f64::from(least)) / 255.0;
            ((f64::from(least) + f64::from(MIDDLE) * step) as f32, step as f32)
        };
        let (mid, step) = least.iter().zip(&most).map(scale).unzip();
        Self { mid, step }
    }

    pub(crate) fn dim(&self) -> usize {
        self.mid.len()
    }

    /// The code of a row.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast stops at 0 and 255"
    )]
    pub(crate) fn encode(&self, row: &[f32], code: &mut [u8]) {
        for (((code, &x), &mid), &step) in code.iter_mut().zip(row).zip(&self.mid).zip(&self.step) {
            let steps = if step > 0.0 { (x - mid) / step } else { 0.0 };
            *code = (steps + (MIDDLE + 0.5)) as u8;
        }
    }

    /// What a code stands for.
    pub(crate) fn decode(&self, code: &[u8], row: &mut [f32]) {
        for (((x, &code), &mid), &step) in row.iter_mut().zip(code).zip(&self.mid).zip(&self.step) {
            *x = mid + step * (f32::from(code) - MIDDLE);
        }
    }

    /// What a row adds to its score whatever the query: `−|x − mid|²` of the decoded row under L2, else 0.
    #[expect(clippy::cast_possible_truncation, reason = "summed in f64, kept in f32")]
    pub(crate) fn term(&self, scoring: Scoring, code: &[u8]) -> f32 {
        match scoring {
            Scoring::Dot => 0.0,
            Scoring::L2 => {
                let square = |(&code, &step): (&u8, &f32)| {
                    f64::from(step * (f32::from(code) - MIDDLE))
                        * f64::from(step * (f32::from(code) - MIDDLE))
                };
                -code.iter().zip(&self.step).map(square).sum::<f64>() as f32
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use embed_core::testkit::clustered;

    use super::*;

    #[test]
    fn decoded_rows_are_within_half_a_step() {
        let mut rows = clustered(200, 21, 5, 1);
        rows.column_mut(3).fill(2.5);
        rows.column_mut(4).fill(0.0);
        rows[[7, 4]] = 255.0;
        let table = rows.as_slice().unwrap();
        let sq = Sq8::train(table.chunks(21), 21);
        let (mut code, mut back) = ([0; 21], [0.0; 21]);
        for row in table.chunks(21) {
            sq.encode(row, &mut code);
            sq.decode(&code, &mut back);
            for ((x, y), step) in row.iter().zip(&back).zip(&sq.step) {
                assert!((x - y).abs() <= 0.501 * step + 1e-6, "{x} became {y} in steps of {step}");
            }
        }
        // Integers up to 255 are exact.
        assert_eq!((sq.step[4], back[4], back[3]), (1.0, 0.0, 2.5));
    }

    #[test]
    fn values_beyond_the_scale_go_to_its_border() {
        let sq = Sq8::train([&[0.0f32, -3e38][..], &[255.0, 3e38]].into_iter(), 2);
        let mut code = [0; 2];
        sq.encode(&[1e9, -3.4e38], &mut code);
        assert_eq!(code, [255, 0]);
        let mut back = [0.0; 2];
        sq.decode(&code, &mut back);
        assert!(back[0] == 255.0 && back[1].is_finite() && back[1] < -2.9e38);
        let none = Sq8::train(std::iter::empty(), 3);
        assert_eq!((none.dim(), none.mid, none.step), (3, vec![0.0; 3], vec![0.0; 3]));
    }

    #[test]
    fn scores_of_codes_are_those_of_decoded_rows() {
        for (dim, scale) in [(1, 1.0), (7, 1e-3), (64, 1.0), (130, 100.0), (784, 1.0)] {
            let rows = clustered(60, dim, 4, 2).mapv(|x| x * scale);
            let query = clustered(1, dim, 0, 3).mapv(|x| x * scale).into_raw_vec_and_offset().0;
            let table = rows.as_slice().unwrap();
            let sq = Sq8::train(table.chunks(dim), dim);
            let (mut code, mut back) = (vec![0; dim], vec![0.0; dim]);
            for scoring in [Scoring::Dot, Scoring::L2] {
                let q = sq.query(scoring, &query, true);
                for row in table.chunks(dim) {
                    sq.encode(row, &mut code);
                    sq.decode(&code, &mut back);
                    let expected = scoring.one(&query, &back);
                    let term = sq.term(scoring, &code);
                    let magnitude: f32 = query.iter().zip(&back).map(|(x, y)| x * x + y * y).sum();
                    let mut fine = [0.0];
                    q.fine(&code, &[0], |_| term, &mut fine);
                    let [fine] = fine;
                    assert!(
                        (fine - expected).abs() < 2e-4 * magnitude,
                        "{scoring:?} {dim}: {fine} {expected}"
                    );
                    let sum = q.high.iter().zip(&code).map(|(&q, &c)| i32::from(q) * i32::from(c)).sum();
                    let coarse = q.coarse(sum, term);
                    assert!((coarse - expected).abs() < 2e-2 * magnitude, "{coarse} for {expected}");
                }
            }
        }
    }
}
