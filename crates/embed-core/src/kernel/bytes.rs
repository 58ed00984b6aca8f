//! Integer dot products of byte codes, the work of a search through quantised vectors. Exact, so the same on
//! every instruction set.

#[cfg(target_arch = "aarch64")]
use super::bytes_neon as neon;
use super::{Isa, Kernels};
#[cfg(target_arch = "x86_64")]
use super::{bytes_avx2 as avx2, bytes_avx512 as avx512};

/// Longest query of [`dot_codes_gather`]: `65,536 · 255 · 128` is the last multiple that 32 bits hold.
pub const MAX_CODES: usize = 1 << 16;

/// A query in bytes, and what turns its products with codes into costs.
#[derive(Debug, Clone, Copy)]
pub struct CodedQuery<'a> {
    /// `[dim]`; 128 stands for zero.
    pub bytes: &'a [u8],
    /// What every cost starts from.
    pub base: f32,
    /// What the first number of a row counts.
    pub weight: f32,
    /// What the second number of a row, times the product, is taken off by.
    pub unit: f32,
    /// Taken off the product.
    pub offset: i32,
}

impl CodedQuery<'_> {
    #[inline(always)]
    #[expect(clippy::cast_precision_loss, reason = "to 24 bits is enough for an estimate")]
    fn cost(&self, [fixed, scale]: [f32; 2], product: i32) -> f32 {
        (self.base + self.weight * fixed) - (self.unit * scale) * product.wrapping_sub(self.offset) as f32
    }
}

/// `base + weight · fixed − unit · scale · (product − offset)` for the rows `ids` `[n]` of a table of codes
/// `[rows, dim]` with their numbers `(fixed, scale)` `[rows]`, into `costs` `[n]`, where the product is that of
/// [`dot_codes_gather`]. The same bits on every instruction set.
///
/// # Panics
/// As [`dot_codes_gather`], and when a row has no numbers.
#[inline]
#[track_caller]
pub fn code_costs_gather(
    query: &CodedQuery<'_>,
    table: &[u8],
    numbers: &[[f32; 2]],
    ids: &[u32],
    costs: &mut [f32],
) {
    Kernels::best().code_costs_gather(query, table, numbers, ids, costs);
}

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
        self.products(query, table, ids, |i, product| out[i] = product);
    }

    /// [`super::code_costs_gather`]
    ///
    /// # Panics
    /// As [`super::code_costs_gather`].
    #[inline]
    #[track_caller]
    pub fn code_costs_gather(
        self,
        query: &CodedQuery<'_>,
        table: &[u8],
        numbers: &[[f32; 2]],
        ids: &[u32],
        costs: &mut [f32],
    ) {
        assert!(ids.len() == costs.len(), "{} ids for {} costs", ids.len(), costs.len());
        self.products(query.bytes, table, ids, |i, product| {
            costs[i] = query.cost(numbers[ids[i] as usize], product);
        });
    }

    /// Hands each id's place and product to `each`.
    #[inline]
    fn products(self, query: &[u8], table: &[u8], ids: &[u32], each: impl FnMut(usize, i32)) {
        assert!(query.len() <= MAX_CODES, "{} components are above {MAX_CODES}", query.len());
        // SAFETY: the processor has the instruction set, by the invariant of `Kernels` and what is just asked.
        unsafe {
            match self.isa() {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 if avx512::is_available() => avx512::products(query, table, ids, each),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 | Isa::Avx2 => avx2::products(query, table, ids, each),
                #[cfg(target_arch = "aarch64")]
                Isa::Neon => neon::products(query, table, ids, each),
                _ => portable(query, table, ids, each),
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
fn portable(query: &[u8], table: &[u8], ids: &[u32], mut each: impl FnMut(usize, i32)) {
    for (i, &id) in ids.iter().enumerate() {
        let row = super::row(table, query.len(), id);
        each(i, query.iter().zip(row).map(|(&q, &c)| product(q, c)).sum());
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
                    let coded = CodedQuery { bytes: &query, base: 2.0, weight: 1.0, unit: 0.5, offset: 3 };
                    let mut costs = vec![f32::NAN; ids.len()];
                    let numbers = [[1.0, 4.0]; 9];
                    kernels.code_costs_gather(&coded, &table, &numbers, &ids, &mut costs);
                    let expected: Vec<f32> = defined.iter().map(|&p| 3.0 - 2.0 * (p - 3) as f32).collect();
                    assert_eq!(costs, expected, "{} dim {dim} n {n}", kernels.isa());
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
