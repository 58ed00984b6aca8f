//! Tables for look-ups of half bytes.

use super::level::Level;

/// The products of a query's parts with sixteen centroids each, rounded to bytes: part `p` is the components from
/// `borders[p]` to `borders[p + 1]`, and `centroids` has sixteen values for each component. Fills
/// `table` `[parts, 16]` and returns `(scale, offset)`: a sum of products is `scale · Σ bytes + offset`, to half a
/// step a part. All parts share the step that brings the widest of them to 255. O(16 · dim).
///
/// # Panics
/// When the lengths do not fit, or borders fall.
pub fn lookup_table(query: &[f32], borders: &[usize], centroids: &[f32], table: &mut [u8]) -> (f32, f32) {
    let parts = borders.len().saturating_sub(1);
    let fits = borders.is_sorted() && borders.last().is_none_or(|&end| end <= query.len());
    assert!(
        fits && centroids.len() >= 16 * query.len() && table.len() >= 16 * parts,
        "{parts} parts of {} components: the lengths do not fit",
        query.len()
    );
    let mut products = vec![[0.0f32; 16]; parts];
    match Level::best() {
        // SAFETY: the processor has the instruction set.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512(query, borders, centroids, &mut products, table) },
        // SAFETY: the processor has the instruction set.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2(query, borders, centroids, &mut products, table) },
        Level::Portable => any(query, borders, centroids, &mut products, table),
    }
}

/// The loops of all instruction sets, which the compiler turns into their vectors. Nothing is fused or
/// reordered, so that all give the same bits.
#[inline(always)]
fn any(
    query: &[f32],
    borders: &[usize],
    centroids: &[f32],
    products: &mut [[f32; 16]],
    table: &mut [u8],
) -> (f32, f32) {
    let rows = centroids.as_chunks::<16>().0;
    let (mut widest, mut sum) = (0.0f32, 0.0f64);
    let mut from = borders.first().copied().unwrap_or(0);
    for (part, &to) in products.iter_mut().zip(borders.iter().skip(1)) {
        let mut sums = [0.0f32; 16];
        for (&x, row) in query[from..to].iter().zip(&rows[from..to]) {
            for (sum, &c) in sums.iter_mut().zip(row) {
                *sum += x * c;
            }
        }
        let (low, high) = range(&sums);
        let width = high - low;
        widest = if width > widest { width } else { widest };
        sum += f64::from(low);
        for (product, s) in part.iter_mut().zip(sums) {
            *product = s - low;
        }
        from = to;
    }
    let step = widest / 255.0;
    let inverse = if step > 0.0 && step.is_finite() { 1.0 / step } else { 0.0 };
    for (slot, part) in table.as_chunks_mut::<16>().0.iter_mut().zip(&*products) {
        for (byte, &x) in slot.iter_mut().zip(part) {
            // Beside 2²³ there is no room for fractions: the low byte is the nearest integer, 0 to 255.
            #[expect(clippy::cast_possible_truncation, reason = "the low byte is meant")]
            let rounded = (x * inverse + 8_388_608.0).to_bits() as u8;
            *byte = rounded;
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "scores are f32")]
    (step, sum as f32)
}

/// The least and the largest of sixteen, by halves.
#[inline(always)]
fn range(values: &[f32; 16]) -> (f32, f32) {
    let (mut low, mut high) = (*values, *values);
    let mut half = 8;
    while half > 0 {
        for i in 0..half {
            low[i] = if low[i + half] < low[i] { low[i + half] } else { low[i] };
            high[i] = if high[i + half] > high[i] { high[i + half] } else { high[i] };
        }
        half /= 2;
    }
    (low[0], high[0])
}

/// # Safety
/// The processor has the instruction set.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn avx512(
    query: &[f32],
    borders: &[usize],
    centroids: &[f32],
    products: &mut [[f32; 16]],
    table: &mut [u8],
) -> (f32, f32) {
    any(query, borders, centroids, products, table)
}

/// # Safety
/// The processor has the instruction set.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2(
    query: &[f32],
    borders: &[usize],
    centroids: &[f32],
    products: &mut [[f32; 16]],
    table: &mut [u8],
) -> (f32, f32) {
    any(query, borders, centroids, products, table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRng;

    #[test]
    fn bytes_add_up_to_the_products() {
        let mut rng = SeededRng::new(1);
        let mut random = |n: usize| -> Vec<f32> { (0..n).map(|_| 2.0 * rng.unit_f32() - 1.0).collect() };
        for borders in [vec![0, 4, 8, 12], vec![0, 1, 1, 3], vec![0, 20], vec![0]] {
            let dim = *borders.last().unwrap();
            let (query, centroids) = (random(dim), random(16 * dim));
            let parts = borders.len() - 1;
            let mut table = vec![0; 16 * parts];
            let (scale, offset) = lookup_table(&query, &borders, &centroids, &mut table);
            for code in 0..16 {
                let sum: u32 = (0..parts).map(|p| u32::from(table[16 * p + code])).sum();
                let exact: f32 = (0..dim).map(|i| query[i] * centroids[16 * i + code]).sum();
                let got = scale * sum as f32 + offset;
                assert!((got - exact).abs() <= 0.51 * scale * parts as f32 + 1e-5, "{got} for {exact}");
            }
            let mut products = vec![[0.0; 16]; parts];
            let mut portable = vec![0; 16 * parts];
            assert_eq!(any(&query, &borders, &centroids, &mut products, &mut portable), (scale, offset));
            assert_eq!(table, portable);
        }
    }

    #[test]
    fn lengths_are_checked() {
        for borders in [vec![0, 5], vec![2, 1], vec![0, 1, 2, 3]] {
            let run = || lookup_table(&[1.0; 4], &borders, &[0.0; 64], &mut [0; 32]);
            assert!(std::panic::catch_unwind(run).is_err(), "{borders:?}");
        }
        assert_eq!(lookup_table(&[], &[], &[], &mut []), (0.0, 0.0));
    }
}
