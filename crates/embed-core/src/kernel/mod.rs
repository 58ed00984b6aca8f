//! Vector kernels.

pub mod logistic;
mod logistic_simd;
#[cfg(test)]
mod logistic_tests;
/// Dot product.
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
/// Squared distance.
#[must_use]
pub fn squared_l2(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}
/// `y += alpha · x`.
pub fn axpy(alpha: f32, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len());
    y.iter_mut().zip(x).for_each(|(y, x)| *y += alpha * x);
}
/// Length.
#[must_use]
pub fn norm(a: &[f32]) -> f32 {
    dot(a, a).sqrt()
}
/// Scales to length 1 and returns the former length; zero stays zero.
pub fn normalize(a: &mut [f32]) -> f32 {
    let n = norm(a);
    if n > 0.0 {
        a.iter_mut().for_each(|x| *x /= n);
    }
    n
}
/// One query against rows that lie back to back.
pub fn dot_rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
    assert_eq!(rows.len(), out.len() * query.len());
    for (o, r) in out.iter_mut().zip(rows.chunks_exact(query.len())) {
        *o = dot(query, r);
    }
}
/// One query against rows that lie back to back.
pub fn squared_l2_rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
    assert_eq!(rows.len(), out.len() * query.len());
    for (o, r) in out.iter_mut().zip(rows.chunks_exact(query.len())) {
        *o = squared_l2(query, r);
    }
}
/// One query against rows `ids` of a table.
pub fn dot_gather(query: &[f32], table: &[f32], ids: &[u32], out: &mut [f32]) {
    for (o, &i) in out.iter_mut().zip(ids) {
        *o = dot(query, &table[i as usize * query.len()..][..query.len()]);
    }
}
/// One query against rows `ids` of a table.
pub fn squared_l2_gather(query: &[f32], table: &[f32], ids: &[u32], out: &mut [f32]) {
    for (o, &i) in out.iter_mut().zip(ids) {
        *o = squared_l2(query, &table[i as usize * query.len()..][..query.len()]);
    }
}
/// Asks the processor to load row `id` of a table of `dim` columns.
pub fn prefetch_row(_table: &[f32], _dim: usize, _id: u32) {}
