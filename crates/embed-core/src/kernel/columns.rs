//! Passes over blocks of rows `[n, width]`, one value a column: what lies between two matrix products of a network.

use super::compiled::for_each_isa;

for_each_isa! {
    /// `y ← max(y + offset, floor)` row by row; NaN stays. A floor of `-inf` leaves the sum. O(n · width).
    ///
    /// # Panics
    /// When `y` is no whole rows.
    offset_rows = any_offset_rows(y: &mut [f32], offset: &[f32], floor: f32)
}

for_each_isa! {
    /// `y ← max(factor · x + offset, floor)` row by row; NaN stays. A floor of `-inf` leaves the sum. O(n · width).
    ///
    /// # Panics
    /// When the shapes do not fit.
    scale_rows = any_scale_rows(x: &[f32], factor: &[f32], offset: &[f32], floor: f32, y: &mut [f32])
}

for_each_isa! {
    /// Adds all rows of `x` to `sums` `[width]`, in order. O(n · width).
    ///
    /// # Panics
    /// When `x` is no whole rows.
    sum_rows = any_sum_rows(x: &[f32], sums: &mut [f32])
}

for_each_isa! {
    /// Adds `(x − mean)²` of all rows of `x` to `sums` `[width]`, in order. O(n · width).
    ///
    /// # Panics
    /// When the shapes do not fit.
    sum_squares = any_sum_squares(x: &[f32], mean: &[f32], sums: &mut [f32])
}

for_each_isa! {
    /// Adds the rows of `g` to `plain` and `g · (x − mean) · scale` to `normal`, both `[width]`, in order. O(n · width).
    ///
    /// # Panics
    /// When the shapes do not fit.
    sum_products = any_sum_products(g: &[f32], x: &[f32], mean: &[f32], scale: &[f32], plain: &mut [f32], normal: &mut [f32])
}

for_each_isa! {
    /// `g ← a · g + b · x + c` row by row. O(n · width).
    ///
    /// # Panics
    /// When the shapes do not fit.
    combine_rows = any_combine_rows(g: &mut [f32], x: &[f32], a: &[f32], b: &[f32], c: &[f32])
}

for_each_isa! {
    /// `g ← 0` where `x` is not above 0: the way back through a floor of 0. O(n).
    ///
    /// # Panics
    /// When the lengths differ.
    gate = any_gate(g: &mut [f32], x: &[f32])
}

#[inline(always)]
fn rows(values: usize, width: usize) {
    assert!(width > 0 && values.is_multiple_of(width), "{values} values are no rows of {width}");
}

#[inline(always)]
fn above(x: f32, floor: f32) -> f32 {
    if x < floor { floor } else { x }
}

#[inline(always)]
fn any_offset_rows(y: &mut [f32], offset: &[f32], floor: f32) {
    rows(y.len(), offset.len());
    for y in y.chunks_exact_mut(offset.len()) {
        y.iter_mut().zip(offset).for_each(|(y, o)| *y = above(*y + o, floor));
    }
}

#[inline(always)]
fn any_scale_rows(x: &[f32], factor: &[f32], offset: &[f32], floor: f32, y: &mut [f32]) {
    let width = offset.len();
    rows(y.len(), width);
    assert!(x.len() == y.len() && factor.len() == width, "shapes of rows");
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
        for ((y, x), (f, o)) in y.iter_mut().zip(x).zip(factor.iter().zip(offset)) {
            *y = above(x * f + o, floor);
        }
    }
}

#[inline(always)]
fn any_sum_rows(x: &[f32], sums: &mut [f32]) {
    rows(x.len(), sums.len());
    for x in x.chunks_exact(sums.len()) {
        sums.iter_mut().zip(x).for_each(|(s, x)| *s += x);
    }
}

#[inline(always)]
fn any_sum_squares(x: &[f32], mean: &[f32], sums: &mut [f32]) {
    rows(x.len(), sums.len());
    assert!(mean.len() == sums.len(), "shapes of rows");
    for x in x.chunks_exact(sums.len()) {
        for ((s, x), m) in sums.iter_mut().zip(x).zip(mean) {
            *s += (x - m) * (x - m);
        }
    }
}

#[inline(always)]
fn any_sum_products(
    g: &[f32],
    x: &[f32],
    mean: &[f32],
    scale: &[f32],
    plain: &mut [f32],
    normal: &mut [f32],
) {
    let width = plain.len();
    rows(g.len(), width);
    let same = mean.len() == width && scale.len() == width && normal.len() == width;
    assert!(x.len() == g.len() && same, "shapes of rows");
    for (g, x) in g.chunks_exact(width).zip(x.chunks_exact(width)) {
        let terms = g.iter().zip(x).zip(mean.iter().zip(scale));
        for ((p, n), ((g, x), (m, s))) in plain.iter_mut().zip(normal.iter_mut()).zip(terms) {
            *p += g;
            *n += g * (x - m) * s;
        }
    }
}

#[inline(always)]
fn any_combine_rows(g: &mut [f32], x: &[f32], a: &[f32], b: &[f32], c: &[f32]) {
    let width = a.len();
    rows(g.len(), width);
    assert!(x.len() == g.len() && b.len() == width && c.len() == width, "shapes of rows");
    for (g, x) in g.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
        for ((g, x), (a, (b, c))) in g.iter_mut().zip(x).zip(a.iter().zip(b.iter().zip(c))) {
            *g = a * *g + b * x + c;
        }
    }
}

#[inline(always)]
fn any_gate(g: &mut [f32], x: &[f32]) {
    assert!(g.len() == x.len(), "vectors of one length");
    g.iter_mut().zip(x).for_each(|(g, x)| *g = if *x > 0.0 { *g } else { 0.0 });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRng;

    #[test]
    fn passes_agree_with_their_definitions_at_every_width() {
        let mut rng = SeededRng::new(1);
        for width in [1, 2, 15, 16, 17, 40, 64, 100] {
            let n = 5 * width;
            let mut random = |n: usize| (0..n).map(|_| rng.unit_f32() - 0.5).collect::<Vec<f32>>();
            let (x, g, a, b, c) = (random(n), random(n), random(width), random(width), random(width));
            let near = |got: &[f32], expected: &dyn Fn(usize) -> f32| {
                let far = got.iter().enumerate().find(|(i, got)| (*got - expected(*i)).abs() > 1e-5);
                assert_eq!(far, None, "width {width}");
            };
            let of = |i: usize| (a[i % width], b[i % width], c[i % width]);
            for floor in [f32::NEG_INFINITY, 0.0] {
                let mut y = x.clone();
                offset_rows(&mut y, &a, floor);
                near(&y, &|i| (x[i] + of(i).0).max(floor));
                scale_rows(&x, &a, &b, floor, &mut y);
                near(&y, &|i| (x[i] * of(i).0 + of(i).1).max(floor));
            }
            let columns = |f: &dyn Fn(usize) -> f32| -> Vec<f32> {
                (0..width).map(|j| c[j] + (0..5).map(|i| f(i * width + j)).sum::<f32>()).collect()
            };
            let (mut s, mut t) = (c.clone(), c.clone());
            sum_rows(&x, &mut s);
            near(&s, &|j| columns(&|i| x[i])[j]);
            s.clone_from(&c);
            sum_squares(&x, &a, &mut s);
            near(&s, &|j| columns(&|i| (x[i] - of(i).0).powi(2))[j]);
            s.clone_from(&c);
            sum_products(&g, &x, &a, &b, &mut s, &mut t);
            near(&s, &|j| columns(&|i| g[i])[j]);
            near(&t, &|j| columns(&|i| g[i] * (x[i] - of(i).0) * of(i).1)[j]);
            let mut y = g.clone();
            combine_rows(&mut y, &x, &a, &b, &c);
            near(&y, &|i| of(i).0 * g[i] + of(i).1 * x[i] + of(i).2);
            y.clone_from(&g);
            gate(&mut y, &x);
            near(&y, &|i| if x[i] > 0.0 { g[i] } else { 0.0 });
        }
    }

    #[test]
    fn nan_is_not_hidden_by_a_floor() {
        let mut y = [f32::NAN, -1.0];
        offset_rows(&mut y, &[0.0, 0.0], 0.0);
        assert!(y[0].is_nan() && y[1] == 0.0);
    }

    #[test]
    #[should_panic(expected = "no rows of 3")]
    fn parts_of_rows_panic() {
        sum_rows(&[0.0; 4], &mut [0.0; 3]);
    }
}
