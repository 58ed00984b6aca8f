//! The inner loops of [`super::logistic`], written once over sixteen lanes and compiled for each instruction
//! set.

use super::logistic::{Head, Lane, Pairs, Step, TILE};

/// Sixteen f32 lanes of an instruction set.
///
/// # Safety
/// Methods may only be called where the processor has the instruction set. Pointers are valid for sixteen
/// f32 and aligned to 64 bytes, but for those of `prefetch`, which may point anywhere.
pub(super) trait Lanes: Copy {
    unsafe fn zero() -> Self;
    unsafe fn splat(x: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn add(self, other: Self) -> Self;
    /// `self · factor + addend`.
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;
    unsafe fn mul(self, factor: Self) -> Self;
    /// The sum of the lanes of each vector.
    unsafe fn sums(vectors: &[Self; TILE]) -> Lane;
    unsafe fn prefetch(_at: *const f32) {}
}

/// Rows are asked for so many pairs ahead.
const AHEAD: usize = 16;

/// [`super::logistic::logistic_pairs`] without its checks.
///
/// # Safety
/// As [`Lanes`] says for `V`; `logistic::check` passed for tables of which `centres` and `outputs` are the first
/// components. They may be one table.
#[inline(always)]
pub(super) unsafe fn update<V: Lanes>(
    centres: *mut f32,
    outputs: *mut f32,
    lanes: usize,
    pairs: &Pairs<'_>,
    step: Step,
) -> f64 {
    // SAFETY: handed on; rows have the number of lanes that each arm says.
    unsafe {
        match lanes {
            1 => short_rows::<V, 1>(centres, outputs, pairs, step),
            2 => short_rows::<V, 2>(centres, outputs, pairs, step),
            3 => short_rows::<V, 3>(centres, outputs, pairs, step),
            4 => short_rows::<V, 4>(centres, outputs, pairs, step),
            5 => short_rows::<V, 5>(centres, outputs, pairs, step),
            6 => short_rows::<V, 6>(centres, outputs, pairs, step),
            7 => short_rows::<V, 7>(centres, outputs, pairs, step),
            8 => short_rows::<V, 8>(centres, outputs, pairs, step),
            _ => long_rows::<V>(centres, outputs, lanes, pairs, step),
        }
    }
}

/// Rows of `L` lanes, the centre in registers.
///
/// # Safety
/// Every row of `pairs` is within the tables, which are distinct or one, and the ends of the heads do not fall and
/// reach the last pair.
#[inline(always)]
unsafe fn short_rows<V: Lanes, const L: usize>(
    centres: *mut f32,
    outputs: *mut f32,
    pairs: &Pairs<'_>,
    step: Step,
) -> f64 {
    let row = L * Lane::WIDTH;
    let (heads, ops) = (pairs.heads, pairs.ops);
    let mut losses = [0.0f64; TILE];
    let mut first = 0;
    let mut start = 0;
    // SAFETY: rows are within the tables, and since the last head ends with the pairs, `head` stays among the
    // heads while pairs are left (the caller's promises).
    unsafe {
        while start < ops.len() {
            let m = (ops.len() - start).min(TILE);
            let tile = ops.get_unchecked(start..start + m);
            let mut products = [V::zero(); TILE];
            let (mut head, mut k) = (first, 0);
            while k < m {
                let Head { row: centre, end } = *heads.get_unchecked(head);
                let stop = (end as usize - start).min(m);
                let centre = centres.add(centre as usize * row);
                let mut v = [V::zero(); L];
                for (l, lane) in v.iter_mut().enumerate() {
                    *lane = V::load(centre.add(l * Lane::WIDTH));
                }
                while k < stop {
                    if let Some(next) = ops.get(start + k + AHEAD) {
                        prefetch_row::<V>(outputs.wrapping_add((next >> 1) as usize * row), L);
                    }
                    let u = outputs.add((tile.get_unchecked(k) >> 1) as usize * row);
                    let mut product = V::load(u).mul(v[0]);
                    for (l, lane) in v.iter().enumerate().skip(1) {
                        product = V::load(u.add(l * Lane::WIDTH)).mul_add(*lane, product);
                    }
                    *products.get_unchecked_mut(k) = product;
                    k += 1;
                }
                head += 1;
                if let Some(next) = heads.get(head + 6) {
                    prefetch_row::<V>(centres.wrapping_add(next.row as usize * row), L);
                }
            }
            let gains = gains(&V::sums(&products), tile, step, &mut losses);
            (head, k) = (first, 0);
            while k < m {
                let Head { row: centre, end } = *heads.get_unchecked(head);
                let stop = (end as usize - start).min(m);
                let centre = centres.add(centre as usize * row);
                let (mut v, mut change) = ([V::zero(); L], [V::zero(); L]);
                for (l, lane) in v.iter_mut().enumerate() {
                    *lane = V::load(centre.add(l * Lane::WIDTH));
                }
                while k < stop {
                    let u = outputs.add((tile.get_unchecked(k) >> 1) as usize * row);
                    let gain = V::splat(*gains.0.get_unchecked(k));
                    for l in 0..L {
                        let lane = V::load(u.add(l * Lane::WIDTH));
                        change[l] = gain.mul_add(lane, change[l]);
                        gain.mul_add(v[l], lane).store(u.add(l * Lane::WIDTH));
                    }
                    k += 1;
                }
                for l in 0..L {
                    v[l].add(change[l]).store(centre.add(l * Lane::WIDTH));
                }
                first = head;
                head += 1;
            }
            start += m;
            // The last head of the tile may have pairs left; it is taken up again.
            while heads.get(first).is_some_and(|head| head.end as usize <= start) {
                first += 1;
            }
        }
    }
    losses.iter().sum()
}

/// Rows of any length, the centre in memory.
///
/// # Safety
/// As [`short_rows`], with rows of `lanes` lanes.
#[inline(always)]
unsafe fn long_rows<V: Lanes>(
    centres: *mut f32,
    outputs: *mut f32,
    lanes: usize,
    pairs: &Pairs<'_>,
    step: Step,
) -> f64 {
    let row = lanes * Lane::WIDTH;
    let (heads, ops) = (pairs.heads, pairs.ops);
    let mut losses = [0.0f64; TILE];
    let mut change = vec![Lane::default(); lanes];
    let change = change.as_mut_ptr().cast::<f32>();
    let mut first = 0;
    let mut start = 0;
    // SAFETY: as in `short_rows`; `change` is one row.
    unsafe {
        while start < ops.len() {
            let m = (ops.len() - start).min(TILE);
            let tile = ops.get_unchecked(start..start + m);
            let mut products = [V::zero(); TILE];
            let (mut head, mut k) = (first, 0);
            while k < m {
                let Head { row: centre, end } = *heads.get_unchecked(head);
                let stop = (end as usize - start).min(m);
                let centre = centres.add(centre as usize * row);
                while k < stop {
                    let u = outputs.add((tile.get_unchecked(k) >> 1) as usize * row);
                    let mut product = V::zero();
                    for l in 0..lanes {
                        let at = l * Lane::WIDTH;
                        product = V::load(u.add(at)).mul_add(V::load(centre.add(at)), product);
                    }
                    *products.get_unchecked_mut(k) = product;
                    k += 1;
                }
                head += 1;
            }
            let gains = gains(&V::sums(&products), tile, step, &mut losses);
            (head, k) = (first, 0);
            while k < m {
                let Head { row: centre, end } = *heads.get_unchecked(head);
                let stop = (end as usize - start).min(m);
                let centre = centres.add(centre as usize * row);
                for l in 0..lanes {
                    V::zero().store(change.add(l * Lane::WIDTH));
                }
                while k < stop {
                    let u = outputs.add((tile.get_unchecked(k) >> 1) as usize * row);
                    let gain = V::splat(*gains.0.get_unchecked(k));
                    for l in 0..lanes {
                        let at = l * Lane::WIDTH;
                        let lane = V::load(u.add(at));
                        gain.mul_add(lane, V::load(change.add(at))).store(change.add(at));
                        gain.mul_add(V::load(centre.add(at)), lane).store(u.add(at));
                    }
                    k += 1;
                }
                for l in 0..lanes {
                    let at = l * Lane::WIDTH;
                    V::load(centre.add(at)).add(V::load(change.add(at))).store(centre.add(at));
                }
                first = head;
                head += 1;
            }
            start += m;
            while heads.get(first).is_some_and(|head| head.end as usize <= start) {
                first += 1;
            }
        }
    }
    losses.iter().sum()
}

#[inline(always)]
unsafe fn prefetch_row<V: Lanes>(row: *mut f32, lanes: usize) {
    for l in 0..lanes {
        // SAFETY: a prefetch may name any address.
        unsafe { V::prefetch(row.wrapping_add(l * Lane::WIDTH)) };
    }
}

/// `rate · (y − σ(s))` for the scores of a tile, and their losses added to `losses`, lane by lane.
///
/// With `t = ±s` for a positive or negative pair, both come from `e = exp(−|t|)`: the loss `−ln σ(t)` is
/// `max(−t, 0) + ln(1 + e)`.
#[inline(always)]
fn gains(scores: &Lane, tile: &[u32], step: Step, losses: &mut [f64; TILE]) -> Lane {
    let mut sign = Lane::default();
    let mut live = [0.0f32; TILE];
    for ((sign, live), op) in sign.0.iter_mut().zip(&mut live).zip(tile) {
        *sign = if op & 1 == 1 { 1.0 } else { -1.0 };
        *live = 1.0;
    }
    let mut gains = Lane::default();
    let mut loss = [0.0f32; TILE];
    for k in 0..TILE {
        // `max` and `min` let no NaN through.
        let t = sign.0[k] * scores.0[k].max(-step.clamp).min(step.clamp);
        let e = exp_negative(t.abs());
        let falls = if t < 0.0 { 1.0 } else { e };
        gains.0[k] = step.rate * sign.0[k] * (falls / (1.0 + e));
        loss[k] = live[k] * ((-t).max(0.0) + ln_1p_unit(e));
    }
    for k in 0..TILE {
        losses[k] += f64::from(loss[k]);
    }
    gains
}

/// `exp(−a)` for `a ≥ 0`, relative error below 3·10⁻⁷; 0 from 87 on. Branch-free, so that it vectorises.
#[inline(always)]
fn exp_negative(a: f32) -> f32 {
    const MAGIC: f32 = 12_582_912.0; // 1.5 · 2²³: adding it rounds to an integer in the low bits.
    let x = -a.min(87.0);
    let shifted = x * std::f32::consts::LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4f32;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let y = p * (r * r) + r + 1.0;
    y * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// `ln(1 + e)` for `e` in `[0, 1]`, absolute error below 2·10⁻⁷: `2 artanh(z)`, `z = e / (2 + e) ≤ 1/3`.
#[inline(always)]
fn ln_1p_unit(e: f32) -> f32 {
    let z = e / (2.0 + e);
    let w = z * z;
    let p = 1.0f32 / 11.0;
    let p = p * w + 1.0 / 9.0;
    let p = p * w + 1.0 / 7.0;
    let p = p * w + 1.0 / 5.0;
    let p = p * w + 1.0 / 3.0;
    let p = p * w + 1.0;
    2.0 * z * p
}

/// Plain arrays: what other processors run.
#[derive(Clone, Copy)]
pub(super) struct Portable([f32; 16]);

impl Lanes for Portable {
    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([0.0; 16])
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self([x; 16])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: valid for sixteen f32 and aligned, as the trait demands.
        Self(unsafe { from.cast::<[f32; 16]>().read() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as in `load`.
        unsafe { to.cast::<[f32; 16]>().write(self.0) }
    }
    #[inline(always)]
    unsafe fn add(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a += b);
        self
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, mut addend: Self) -> Self {
        addend.0.iter_mut().zip(self.0).zip(factor.0).for_each(|((c, a), b)| *c += a * b);
        addend
    }
    #[inline(always)]
    unsafe fn mul(mut self, factor: Self) -> Self {
        self.0.iter_mut().zip(factor.0).for_each(|(a, b)| *a *= b);
        self
    }
    #[inline(always)]
    unsafe fn sums(vectors: &[Self; TILE]) -> Lane {
        Lane(vectors.map(|v| {
            let mut halves = v.0;
            for width in [8, 4, 2, 1] {
                for k in 0..width {
                    halves[k] += halves[k + width];
                }
            }
            halves[0]
        }))
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Lane, Lanes, TILE};

    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx512(__m512);

    // SAFETY of the blocks below: the trait's contract names the instruction set and the pointers.
    #[expect(clippy::undocumented_unsafe_blocks, reason = "one contract for all, on the trait")]
    impl Lanes for Avx512 {
        #[inline(always)]
        unsafe fn zero() -> Self {
            Self(unsafe { _mm512_setzero_ps() })
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            Self(unsafe { _mm512_set1_ps(x) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            Self(unsafe { _mm512_load_ps(from) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { _mm512_store_ps(to, self.0) }
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            Self(unsafe { _mm512_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
            Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, addend.0) })
        }
        #[inline(always)]
        unsafe fn mul(self, factor: Self) -> Self {
            Self(unsafe { _mm512_mul_ps(self.0, factor.0) })
        }
        #[inline(always)]
        unsafe fn sums(vectors: &[Self; TILE]) -> Lane {
            unsafe {
                let mut quads = [_mm512_setzero_ps(); 4];
                for (quad, four) in quads.iter_mut().zip(vectors.chunks_exact(4)) {
                    let (a, b, c, d) = (four[0].0, four[1].0, four[2].0, four[3].0);
                    let ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
                    let cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
                    let (ab, cd) = (_mm512_castps_pd(ab), _mm512_castps_pd(cd));
                    let low = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
                    let high = _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd));
                    // Every quarter holds a part of the four sums, in order.
                    *quad = _mm512_add_ps(low, high);
                }
                let [a, b, c, d] = quads;
                let ab = _mm512_add_ps(
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b),
                );
                let cd = _mm512_add_ps(
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(c, d),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(c, d),
                );
                let sums = _mm512_add_ps(
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(ab, cd),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(ab, cd),
                );
                let mut out = Lane::default();
                _mm512_store_ps(out.0.as_mut_ptr(), sums);
                out
            }
        }
        #[inline(always)]
        unsafe fn prefetch(at: *const f32) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
        }
    }

    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2([__m256; 2]);

    #[expect(clippy::undocumented_unsafe_blocks, reason = "one contract for all, on the trait")]
    impl Lanes for Avx2 {
        #[inline(always)]
        unsafe fn zero() -> Self {
            Self(unsafe { [_mm256_setzero_ps(); 2] })
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            Self(unsafe { [_mm256_set1_ps(x); 2] })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            Self(unsafe { [_mm256_load_ps(from), _mm256_load_ps(from.add(8))] })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe {
                _mm256_store_ps(to, self.0[0]);
                _mm256_store_ps(to.add(8), self.0[1]);
            }
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            let ([a, b], [c, d]) = (self.0, other.0);
            Self(unsafe { [_mm256_add_ps(a, c), _mm256_add_ps(b, d)] })
        }
        #[inline(always)]
        unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
            let ([a, b], [c, d], [e, f]) = (self.0, factor.0, addend.0);
            Self(unsafe { [_mm256_fmadd_ps(a, c, e), _mm256_fmadd_ps(b, d, f)] })
        }
        #[inline(always)]
        unsafe fn mul(self, factor: Self) -> Self {
            let ([a, b], [c, d]) = (self.0, factor.0);
            Self(unsafe { [_mm256_mul_ps(a, c), _mm256_mul_ps(b, d)] })
        }
        #[inline(always)]
        unsafe fn sums(vectors: &[Self; TILE]) -> Lane {
            unsafe {
                let mut out = Lane::default();
                for (to, eight) in out.0.chunks_exact_mut(8).zip(vectors.chunks_exact(8)) {
                    let mut quads = [_mm256_setzero_ps(); 2];
                    for (quad, four) in quads.iter_mut().zip(eight.chunks_exact(4)) {
                        let half = |k: usize| _mm256_add_ps(four[k].0[0], four[k].0[1]);
                        *quad = _mm256_hadd_ps(
                            _mm256_hadd_ps(half(0), half(1)),
                            _mm256_hadd_ps(half(2), half(3)),
                        );
                    }
                    let low = _mm256_permute2f128_ps::<0x20>(quads[0], quads[1]);
                    let high = _mm256_permute2f128_ps::<0x31>(quads[0], quads[1]);
                    _mm256_storeu_ps(to.as_mut_ptr(), _mm256_add_ps(low, high));
                }
                out
            }
        }
        #[inline(always)]
        unsafe fn prefetch(at: *const f32) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
        }
    }
}
