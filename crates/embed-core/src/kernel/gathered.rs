//! Sums of rows of a table that lie anywhere.

use super::compiled::for_each_isa;
use super::prefetch::prefetch_row;

/// Components that are summed in registers.
const LANES: usize = 64;

/// Rows that are asked for ahead.
const AHEAD: usize = 4;

/// A row of a table times a weight; `key` is the caller's.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Term {
    /// What the caller knows the term by.
    pub key: u32,
    /// The row.
    pub row: u32,
    /// What it is multiplied by.
    pub weight: f32,
}

for_each_isa! {
    /// `Σ weightᵢ · table[rowᵢ]` of the terms, in order, into `out` `[dim]`. O(n · dim).
    ///
    /// # Panics
    /// When a row is beyond the table `[rows, dim]`.
    sum_terms = any_sum_terms(table: &[f32], terms: &[Term], out: &mut [f32])
}

for_each_isa! {
    /// `weight · Σ table[idᵢ]`, in order, into `out` `[dim]`. O(n · dim).
    ///
    /// # Panics
    /// When a row is beyond the table `[rows, dim]`.
    sum_gathered = any_sum_gathered(table: &[f32], ids: &[u32], weight: f32, out: &mut [f32])
}

#[inline(always)]
fn any_sum_terms(table: &[f32], terms: &[Term], out: &mut [f32]) {
    sum(table, terms, |term| (term.row, term.weight), out);
}

#[inline(always)]
fn any_sum_gathered(table: &[f32], ids: &[u32], weight: f32, out: &mut [f32]) {
    sum(table, ids, |id| (*id, 1.0), out);
    out.iter_mut().for_each(|x| *x *= weight);
}

#[inline(always)]
fn sum<T>(table: &[f32], terms: &[T], of: impl Fn(&T) -> (u32, f32), out: &mut [f32]) {
    let dim = out.len();
    let mut first = 0;
    while first < dim {
        let width = LANES.min(dim - first);
        let mut sums = [0.0f32; LANES];
        for (i, term) in terms.iter().enumerate() {
            let (row, weight) = of(term);
            if first == 0
                && let Some(next) = terms.get(i + AHEAD)
            {
                prefetch_row(table, dim, of(next).0);
            }
            let part = &table[row as usize * dim + first..][..width];
            // The whole width is a case of its own, so that the sums stay in registers.
            if let Ok(part) = <&[f32; LANES]>::try_from(part) {
                sums.iter_mut().zip(part).for_each(|(s, x)| *s += weight * x);
            } else {
                sums.iter_mut().zip(part).for_each(|(s, x)| *s += weight * x);
            }
        }
        out[first..first + width].copy_from_slice(&sums[..width]);
        first += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRng;

    #[test]
    fn sums_agree_with_the_definition_at_every_width() {
        let mut rng = SeededRng::new(1);
        for dim in [1, 7, 16, 63, 64, 65, 128, 200] {
            let table: Vec<f32> = (0..30 * dim).map(|_| rng.unit_f32() - 0.5).collect();
            let terms: Vec<Term> =
                (0..20).map(|key| Term { key, row: rng.below(30), weight: rng.unit_f32() }).collect();
            let ids: Vec<u32> = terms.iter().map(|term| term.row).collect();
            let (mut weighted, mut plain) = (vec![f32::NAN; dim], vec![f32::NAN; dim]);
            sum_terms(&table, &terms, &mut weighted);
            sum_gathered(&table, &ids, 0.5, &mut plain);
            for j in 0..dim {
                let at = |term: &Term| table[term.row as usize * dim + j];
                let (w, p): (Vec<f32>, Vec<f32>) =
                    terms.iter().map(|term| (term.weight * at(term), 0.5 * at(term))).unzip();
                assert!((weighted[j] - w.iter().sum::<f32>()).abs() < 1e-5, "dim {dim}");
                assert!((plain[j] - p.iter().sum::<f32>()).abs() < 1e-5, "dim {dim}");
            }
            sum_terms(&table, &[], &mut weighted);
            assert!(weighted.iter().all(|x| *x == 0.0));
        }
    }

    #[test]
    #[should_panic(expected = "range")]
    fn a_row_beyond_the_table_panics() {
        sum_gathered(&[0.0; 6], &[2], 1.0, &mut [0.0; 3]);
    }
}
