
pub(super) fn centred(table: &[f32], dim: usize) -> Vec<f32> {
    let mut mean = vec![0f64; dim];
    for row in table.chunks(dim) {
        for (m, &x) in mean.iter_mut().zip(row) { *m += f64::from(x); }
    }
    let n = (table.len() / dim).max(1) as f64;
    table.iter().enumerate().map(|(i, &x)| (f64::from(x) - mean[i % dim] / n) as f32).collect()
}
pub(super) fn augmented(table: &[f32], dim: usize) -> Vec<f32> {
    let sq = |row: &[f32]| row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
    let most = table.chunks(dim).map(sq).fold(0.0, f64::max);
    let mut out = Vec::new();
    for row in table.chunks(dim) { out.extend_from_slice(row); out.push((most - sq(row)).sqrt() as f32); }
    out
}
