//! The largest value of rows of products: what assignment to centroids ends with.

/// For each row of `products` `[n, k]`, the largest `productⱼ + biasⱼ` and its place `j`, ties to the lower one;
/// sums that are no number are passed over, and a row of them has place 0 and `-inf`.
///
/// # Panics
/// When `products` is not `nearest.len()` rows of `biases.len()`, or the two results differ in length.
pub(crate) fn largest(products: &[f32], biases: &[f32], nearest: &mut [u32], scores: &mut [f32]) {
    let (n, k) = (nearest.len(), biases.len());
    assert!(products.len() == n * k && scores.len() == n, "{n} rows of {k} products");
    if k == 0 {
        return;
    }
    for ((row, nearest), score) in products.chunks_exact(k).zip(nearest).zip(scores) {
        #[cfg(target_arch = "x86_64")]
        if super::Kernels::best().isa() == super::Isa::Avx512 {
            // SAFETY: the processor has AVX-512F, and the slices have the same length.
            (*nearest, *score) = unsafe { avx512(row, biases) };
            continue;
        }
        (*nearest, *score) = portable(row, biases);
    }
}

/// Lanes that the compiler makes vectors of.
const LANES: usize = 16;

fn portable(row: &[f32], biases: &[f32]) -> (u32, f32) {
    let (mut best, mut places) = ([f32::NEG_INFINITY; LANES], [0u32; LANES]);
    for (at, (products, biases)) in (0u32..).zip(row.chunks(LANES).zip(biases.chunks(LANES))) {
        for (lane, (product, bias)) in products.iter().zip(biases).enumerate() {
            let score = product + bias;
            let better = score > best[lane];
            best[lane] = if better { score } else { best[lane] };
            places[lane] = if better { at } else { places[lane] };
        }
    }
    merge(&best, &places)
}

/// The best lane: the largest score, ties to the lowest place.
fn merge(best: &[f32; LANES], blocks: &[u32; LANES]) -> (u32, f32) {
    let (mut place, mut score) = (0, f32::NEG_INFINITY);
    for (lane, (&s, &block)) in (0u32..).zip(best.iter().zip(blocks)) {
        let p = block * 16 + lane;
        if s > score || s == score && s > f32::NEG_INFINITY && p < place {
            (place, score) = (p, s);
        }
    }
    (place, score)
}

/// # Safety
/// The processor has AVX-512F; the slices have the same length.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(row: &[f32], biases: &[f32]) -> (u32, f32) {
    use std::arch::x86_64::*;
    let k = row.len();
    let (mut best, mut blocks) = ([0.0f32; LANES], [0u32; LANES]);
    // SAFETY: lanes beyond `k` are off and not read.
    unsafe {
        let mut top = _mm512_set1_ps(f32::NEG_INFINITY);
        let mut places = _mm512_setzero_si512();
        let mut block = _mm512_setzero_si512();
        let one = _mm512_set1_epi32(1);
        let mut at = 0;
        while at < k {
            let left = k - at;
            let on: __mmask16 = if left >= 16 { !0 } else { (1 << left) - 1 };
            let product = _mm512_maskz_loadu_ps(on, row.as_ptr().add(at));
            let bias = _mm512_maskz_loadu_ps(on, biases.as_ptr().add(at));
            let score = _mm512_add_ps(product, bias);
            let better = _mm512_mask_cmp_ps_mask::<_CMP_GT_OQ>(on, score, top);
            top = _mm512_mask_mov_ps(top, better, score);
            places = _mm512_mask_mov_epi32(places, better, block);
            block = _mm512_add_epi32(block, one);
            at += 16;
        }
        _mm512_storeu_ps(best.as_mut_ptr(), top);
        _mm512_storeu_si512(blocks.as_mut_ptr().cast(), places);
    }
    merge(&best, &blocks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRng;

    #[test]
    fn the_first_of_the_largest_is_found() {
        let mut rng = SeededRng::new(1);
        for k in (1..70).chain([256, 1000]) {
            let biases: Vec<f32> = (0..k).map(|_| rng.below(3) as f32).collect();
            let products: Vec<f32> = (0..5 * k).map(|_| rng.below(9) as f32 - 20.0).collect();
            let (mut nearest, mut scores) = (vec![9; 5], vec![0.0; 5]);
            largest(&products, &biases, &mut nearest, &mut scores);
            for (row, products) in products.chunks(k).enumerate() {
                let sums: Vec<f32> = products.iter().zip(&biases).map(|(p, b)| p + b).collect();
                let most = sums.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let first = sums.iter().position(|&s| s == most).unwrap();
                assert_eq!((nearest[row] as usize, scores[row]), (first, most), "{k}");
                assert_eq!(portable(products, &biases), (nearest[row], most));
            }
        }
        let (mut nearest, mut scores) = ([7], [0.0]);
        largest(&[f32::NAN, f32::NAN], &[0.0; 2], &mut nearest, &mut scores);
        assert_eq!((nearest, scores), ([0], [f32::NEG_INFINITY]));
    }
}
