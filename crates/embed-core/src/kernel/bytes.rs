//! Integer dot products of byte codes, the work of a search through quantised vectors. Exact, so the same on
//! every instruction set.

#[cfg(target_arch = "aarch64")]
use super::bytes_neon as neon;
use super::{Isa, Kernels};
#[cfg(target_arch = "x86_64")]
use super::{bytes_avx2 as avx2, bytes_avx512 as avx512};

/// Longest query of [`dot_codes_gather`]: `65,536 · 255 · 128` is the last multiple that 32 bits hold.
pub const MAX_CODES: usize = 1 << 16;

/// `Σ (qᵢ − 128) cᵢ` of a query of bytes `[dim]`, in which 128 stands for zero, with the rows `ids` `[n]` of a
/// table of bytes `[rows, dim]`, into `out` `[n]`. O(n · dim), four rows at a time.
///
/// # Panics
/// When `ids` and `out` differ in length, an id's row is beyond the table, or the query has more than
/// [`MAX_CODES`] components.
#[inline]
#[track_caller]
pub fn dot_codes_gather(query: &[u8], table: &[u8], ids: &[u32], out: &mut [i32]) {
    Kernels::best().dot_codes_gather(query, table, ids, out);
}

impl Kernels {
    /// [`super::dot_codes_gather`]
    ///
    /// # Panics
    /// When `ids` and `out` differ in length, an id's row is beyond the table, or the query has more than
    /// [`MAX_CODES`] components.
    #[inline]
    #[track_caller]
    pub fn dot_codes_gather(self, query: &[u8], table: &[u8], ids: &[u32], out: &mut [i32]) {
        assert!(ids.len() == out.len(), "{} ids for {} products", ids.len(), out.len());
        assert!(query.len() <= MAX_CODES, "{} components are above {MAX_CODES}", query.len());
        // SAFETY: the processor has the instruction set, by the invariant of `Kernels` and what was just
        // asked; the lengths were checked.
        unsafe {
            match self.isa() {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 if avx512::is_available() => {
                    avx512::dot_codes_gather(query, table, ids, out);
                }
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 | Isa::Avx2 => avx2::dot_codes_gather(query, table, ids, out),
                #[cfg(target_arch = "aarch64")]
                Isa::Neon => neon::dot_codes_gather(query, table, ids, out),
                _ => portable(query, table, ids, out),
            }
        }
    }
}

/// One term of the sum.
#[inline(always)]
pub(super) fn product(q: u8, c: u8) -> i32 {
    (i32::from(q) - 128) * i32::from(c)
}

/// What all of them compute.
fn portable(query: &[u8], table: &[u8], ids: &[u32], out: &mut [i32]) {
    for (&id, out) in ids.iter().zip(out) {
        let row = super::row(table, query.len(), id);
        *out = query.iter().zip(row).map(|(&q, &c)| product(q, c)).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRng;

    #[test]
    fn every_instruction_set_gives_the_defined_integers() {
        let mut rng = SeededRng::new(5);
        for dim in (0..=140).chain([200, 256, 784, 832, 1000]) {
            let extreme = dim % 3 == 0;
            let byte =
                |rng: &mut SeededRng| u8::try_from(if extreme { 255 } else { rng.below(256) }).unwrap();
            let table: Vec<u8> = (0..9 * dim).map(|_| byte(&mut rng)).collect();
            let query: Vec<u8> = (0..dim).map(|_| if extreme { 0 } else { byte(&mut rng) }).collect();
            for n in [0, 1, 2, 3, 4, 5, 7, 8, 11] {
                let ids: Vec<u32> = (0..n).map(|_| rng.below(9)).collect();
                let defined: Vec<i32> = ids
                    .iter()
                    .map(|&id| {
                        let row = &table[id as usize * dim..][..dim];
                        row.iter().zip(&query).map(|(&c, &q)| i32::from(c) * (i32::from(q) - 128)).sum()
                    })
                    .collect();
                for kernels in Isa::ALL.into_iter().filter_map(Kernels::on) {
                    let mut out = vec![7; ids.len()];
                    kernels.dot_codes_gather(&query, &table, &ids, &mut out);
                    assert_eq!(out, defined, "{} dim {dim} n {n}", kernels.isa());
                }
            }
        }
    }

    #[test]
    fn the_longest_query_does_not_overflow() {
        let (query, table) = (vec![0; MAX_CODES], vec![255; MAX_CODES]);
        for kernels in Isa::ALL.into_iter().filter_map(Kernels::on) {
            let mut out = [0];
            kernels.dot_codes_gather(&query, &table, &[0], &mut out);
            assert_eq!(out, [-128 * 255 * 65_536], "{}", kernels.isa());
        }
    }

    #[test]
    #[should_panic(expected = "row 2 of 4 components is beyond a table of 8")]
    fn a_row_beyond_the_table_panics() {
        dot_codes_gather(&[1; 4], &[1; 8], &[0, 2], &mut [0; 2]);
    }
}
