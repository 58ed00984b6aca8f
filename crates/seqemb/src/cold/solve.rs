/// Solves `A X = B` for a symmetric positive definite `A` `[n, n]` and `B` `[n, d]`, both row after row; `X` replaces `B`.
/// `None` when `A` is not positive definite to working precision. Cholesky's method, O(n³ + n² d).
pub(crate) fn cholesky_solve(a: &mut [f64], n: usize, b: &mut [f64], d: usize) -> Option<()> {
    let scale = (0..n).map(|i| a[i * n + i]).fold(0.0, f64::max);
    for i in 0..n {
        for j in 0..=i {
            let (row_i, row_j) = (&a[i * n..i * n + j], &a[j * n..j * n + j]);
            let product: f64 = row_i.iter().zip(row_j).map(|(x, y)| x * y).sum();
            let rest = a[i * n + j] - product;
            if i == j {
                if rest.is_nan() || rest <= scale * 1e-14 {
                    return None;
                }
                a[i * n + i] = rest.sqrt();
            } else {
                a[i * n + j] = rest / a[j * n + j];
            }
        }
    }
    // L Y = B, then Lᵀ X = Y.
    for i in 0..n {
        let (before, row) = b.split_at_mut(i * d);
        let row = &mut row[..d];
        for (k, y) in before.chunks_exact(d).enumerate() {
            let factor = a[i * n + k];
            row.iter_mut().zip(y).for_each(|(x, y)| *x -= factor * y);
        }
        row.iter_mut().for_each(|x| *x /= a[i * n + i]);
    }
    for i in (0..n).rev() {
        let (row, after) = b[i * d..].split_at_mut(d);
        for (k, x) in after.chunks_exact(d).enumerate() {
            let factor = a[(i + 1 + k) * n + i];
            row.iter_mut().zip(x).for_each(|(y, x)| *y -= factor * x);
        }
        row.iter_mut().for_each(|x| *x /= a[i * n + i]);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::SeededRng;

    #[test]
    fn solutions_satisfy_their_equations() {
        let mut rng = SeededRng::new(1);
        for (n, d) in [(1, 1), (2, 3), (7, 2), (20, 5)] {
            let m: Vec<f64> = (0..n * n).map(|_| rng.unit_f64() - 0.5).collect();
            let mut a = vec![0.0; n * n];
            for i in 0..n {
                for j in 0..n {
                    a[i * n + j] = (0..n).map(|k| m[i * n + k] * m[j * n + k]).sum::<f64>();
                }
                a[i * n + i] += 0.1;
            }
            let b: Vec<f64> = (0..n * d).map(|_| rng.unit_f64()).collect();
            let mut x = b.clone();
            cholesky_solve(&mut a.clone(), n, &mut x, d).unwrap();
            for i in 0..n {
                for c in 0..d {
                    let got: f64 = (0..n).map(|k| a[i * n + k] * x[k * d + c]).sum();
                    assert!((got - b[i * d + c]).abs() < 1e-9);
                }
            }
        }
        assert!(cholesky_solve(&mut [1.0, 1.0, 1.0, 1.0], 2, &mut [1.0, 1.0], 1).is_none());
        assert!(cholesky_solve(&mut [f64::NAN], 1, &mut [1.0], 1).is_none());
    }
}
