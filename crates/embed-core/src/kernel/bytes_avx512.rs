//! Byte codes by AVX-512 with VNNI: sixty-four products an instruction.

use std::arch::x86_64::*;

/// Whether the processor has what the kernels of this module need beside AVX-512F.
#[inline]
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512bw")
}

/// The products of the query with `R` rows, lane by lane.
///
/// # Safety
/// The processor has AVX-512F, BW and VNNI; all pointers are valid for reading `dim` bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn accumulate<const R: usize>(query: *const u8, rows: [*const u8; R], dim: usize) -> [__m512i; R] {
    let mut sums = [_mm512_setzero_si512(); R];
    let zero = _mm512_set1_epi8(i8::MIN);
    let mut at = 0;
    while dim - at >= 64 {
        // SAFETY: 64 bytes are left.
        let q = _mm512_xor_si512(unsafe { _mm512_loadu_si512(query.add(at).cast()) }, zero);
        for r in 0..R {
            // SAFETY: as above.
            let c = unsafe { _mm512_loadu_si512(rows[r].add(at).cast()) };
            sums[r] = _mm512_dpbusd_epi32(sums[r], c, q);
        }
        at += 64;
    }
    if at < dim {
        let mask = (1u64 << (dim - at)) - 1;
        // SAFETY: lanes that are off are not read.
        let q = _mm512_xor_si512(unsafe { _mm512_maskz_loadu_epi8(mask, query.add(at).cast()) }, zero);
        for r in 0..R {
            // SAFETY: as above; a code that is off is zero, whatever the query has there.
            let c = unsafe { _mm512_maskz_loadu_epi8(mask, rows[r].add(at).cast()) };
            sums[r] = _mm512_dpbusd_epi32(sums[r], c, q);
        }
    }
    sums
}

/// The sums of the lanes of four vectors.
#[inline]
#[target_feature(enable = "avx512f")]
fn sum4([a, b, c, d]: [__m512i; 4]) -> __m128i {
    let ab = _mm512_add_epi32(
        _mm512_shuffle_i32x4::<0b01_00_01_00>(a, b),
        _mm512_shuffle_i32x4::<0b11_10_11_10>(a, b),
    );
    let cd = _mm512_add_epi32(
        _mm512_shuffle_i32x4::<0b01_00_01_00>(c, d),
        _mm512_shuffle_i32x4::<0b11_10_11_10>(c, d),
    );
    // A quarter for each of the four, then pairs and neighbours within the quarter.
    let quarters = _mm512_add_epi32(
        _mm512_shuffle_i32x4::<0b10_00_10_00>(ab, cd),
        _mm512_shuffle_i32x4::<0b11_01_11_01>(ab, cd),
    );
    let two = _mm512_add_epi32(quarters, _mm512_shuffle_epi32::<0b10_11_00_01>(quarters));
    let one = _mm512_add_epi32(two, _mm512_shuffle_epi32::<0b01_00_11_10>(two));
    let place = _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 8, 4, 0);
    _mm512_castsi512_si128(_mm512_permutexvar_epi32(place, one))
}

/// # Safety
/// The processor has AVX-512F, BW and VNNI.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) unsafe fn products(query: &[u8], table: &[u8], ids: &[u32], mut each: impl FnMut(usize, i32)) {
    let dim = query.len();
    let row = |id: u32| super::row(table, dim, id).as_ptr();
    let (fours, rest) = ids.as_chunks::<4>();
    for (block, &[a, b, c, d]) in fours.iter().enumerate() {
        let rows = [row(a), row(b), row(c), row(d)];
        let mut products = [0; 4];
        // SAFETY: `row` checked that the rows lie within the table; the array is four integers wide.
        unsafe {
            _mm_storeu_si128(products.as_mut_ptr().cast(), sum4(accumulate(query.as_ptr(), rows, dim)));
        }
        for (r, product) in products.into_iter().enumerate() {
            each(4 * block + r, product);
        }
    }
    for (i, &id) in rest.iter().enumerate() {
        // SAFETY: as above.
        let [sum] = unsafe { accumulate(query.as_ptr(), [row(id)], dim) };
        each(4 * fours.len() + i, _mm512_reduce_add_epi32(sum));
    }
}
