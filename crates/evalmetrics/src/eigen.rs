//! Eigenvalues of symmetric matrices.

use ndarray::Array2;

/// The eigenvalues of a symmetric matrix `[n, n]`, largest first, and their eigenvectors of length 1, one a row.
/// Of an eigenvector the component largest in size is positive.
///
/// Householder's reduction to three diagonals, then implicit QL steps (Bowdler, Martin, Reinsch & Wilkinson,
/// Numerische Mathematik 11, 1968). O(n³), on the calling thread.
pub(crate) fn symmetric(matrix: &Array2<f64>) -> (Vec<f64>, Array2<f64>) {
    let n = matrix.nrows();
    let mut rows: Vec<Vec<f64>> = matrix.rows().into_iter().map(|row| row.to_vec()).collect();
    let (mut diagonal, mut off) = tridiagonal(&mut rows);
    // From here on `rows[i]` is an eigenvector to be: the rotations of QL then work on whole rows.
    let mut vectors: Vec<Vec<f64>> = (0..n).map(|i| rows.iter().map(|row| row[i]).collect()).collect();
    implicit_ql(&mut diagonal, &mut off, &mut vectors);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| diagonal[b].total_cmp(&diagonal[a]));
    let mut out = Array2::zeros((n, n));
    for (mut row, &place) in out.rows_mut().into_iter().zip(&order) {
        let vector = &vectors[place];
        let largest = vector.iter().fold(0.0f64, |m, &x| if x.abs() > m.abs() { x } else { m });
        let sign = if largest < 0.0 { -1.0 } else { 1.0 };
        row.iter_mut().zip(vector).for_each(|(to, from)| *to = sign * from);
    }
    (order.iter().map(|&place| diagonal[place]).collect(), out)
}

/// Brings `a` to three diagonals by reflections: returns the main diagonal and the one beside it (the first
/// entry unused), and leaves in `a` the orthogonal matrix, one column a basis vector.
fn tridiagonal(a: &mut [Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
    let n = a.len();
    let (mut diagonal, mut off) = (vec![0.0; n], vec![0.0; n]);
    for i in (1..n).rev() {
        let (above, rest) = a.split_at_mut(i);
        let u = &mut rest[0];
        let scale: f64 = u[..i].iter().map(|x| x.abs()).sum();
        if i == 1 || scale == 0.0 {
            off[i] = u[i - 1];
            diagonal[i] = 0.0;
            continue;
        }
        u[..i].iter_mut().for_each(|x| *x /= scale);
        let square: f64 = u[..i].iter().map(|x| x * x).sum();
        let last = u[i - 1];
        let length = if last >= 0.0 { -square.sqrt() } else { square.sqrt() };
        off[i] = scale * length;
        let h = square - last * length;
        u[i - 1] = last - length;
        // p = A u / h, by the lower triangle alone.
        let mut p = vec![0.0; i];
        for j in 0..i {
            let row = &above[j];
            let mut sum = row[j] * u[j];
            for k in 0..j {
                sum += row[k] * u[k];
                p[k] += row[k] * u[j];
            }
            p[j] += sum;
        }
        let mut product = 0.0;
        for (p, u) in p.iter_mut().zip(&*u) {
            *p /= h;
            product += *p * u;
        }
        let half = product / (h + h);
        off[..i].iter_mut().zip(&p).zip(&*u).for_each(|((q, p), u)| *q = p - half * u);
        for j in 0..i {
            let (f, g) = (u[j], off[j]);
            let row = &mut above[j];
            for k in 0..=j {
                row[k] -= f * off[k] + g * u[k];
            }
        }
        for (j, row) in above.iter_mut().enumerate() {
            row[i] = u[j] / h;
        }
        diagonal[i] = h;
    }
    // The reflections, one after the other.
    for i in 0..n {
        if i > 0 && diagonal[i] != 0.0 {
            let (above, rest) = a.split_at_mut(i);
            let u = &rest[0][..i];
            let mut products = vec![0.0; i];
            for (row, &factor) in above.iter().zip(u) {
                products.iter_mut().zip(&row[..i]).for_each(|(sum, x)| *sum += factor * x);
            }
            for row in above {
                let factor = row[i];
                row[..i].iter_mut().zip(&products).for_each(|(x, product)| *x -= product * factor);
            }
        }
        diagonal[i] = a[i][i];
        a[i][..i].fill(0.0);
        a[i][i] = 1.0;
        a[..i].iter_mut().for_each(|row| row[i] = 0.0);
    }
    (diagonal, off)
}

/// Steps for one eigenvalue, at most; two or three are usual.
const STEPS: usize = 60;

/// Turns three diagonals into one; the rotations are applied to `vectors`.
fn implicit_ql(diagonal: &mut [f64], off: &mut [f64], vectors: &mut [Vec<f64>]) {
    let n = diagonal.len();
    if n == 0 {
        return;
    }
    off.rotate_left(1);
    off[n - 1] = 0.0;
    for l in 0..n {
        for _ in 0..STEPS {
            let small = |&m: &usize| {
                let around = diagonal[m].abs() + diagonal[m + 1].abs();
                off[m].abs() <= f64::EPSILON * around
            };
            let m = (l..n - 1).find(small).unwrap_or(n - 1);
            if m == l {
                break;
            }
            let g = (diagonal[l + 1] - diagonal[l]) / (2.0 * off[l]);
            let r = g.hypot(1.0);
            let mut g = diagonal[m] - diagonal[l] + off[l] / (g + r.copysign(g));
            let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
            let mut split = false;
            for i in (l..m).rev() {
                let (f, b) = (s * off[i], c * off[i]);
                let r = f.hypot(g);
                off[i + 1] = r;
                if r == 0.0 {
                    diagonal[i + 1] -= p;
                    off[m] = 0.0;
                    split = true;
                    break;
                }
                s = f / r;
                c = g / r;
                let lifted = diagonal[i + 1] - p;
                let turned = (diagonal[i] - lifted) * s + 2.0 * c * b;
                p = s * turned;
                diagonal[i + 1] = lifted + p;
                g = c * turned - b;
                let (lower, upper) = vectors.split_at_mut(i + 1);
                for (x, y) in lower[i].iter_mut().zip(&mut upper[0]) {
                    let old = *y;
                    *y = s * *x + c * old;
                    *x = c * *x - s * old;
                }
            }
            if !split {
                diagonal[l] -= p;
                off[l] = g;
                off[m] = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::SeededRng;
    use ndarray::array;

    #[test]
    fn two_by_hand() {
        let (values, vectors) = symmetric(&array![[2.0, 1.0], [1.0, 2.0]]);
        assert!((values[0] - 3.0).abs() < 1e-14 && (values[1] - 1.0).abs() < 1e-14);
        assert!((vectors[[0, 0]] - 0.5f64.sqrt()).abs() < 1e-14);
        assert!((vectors[[0, 0]] - vectors[[0, 1]]).abs() < 1e-14);
        assert_eq!(symmetric(&Array2::zeros((0, 0))).0, [0.0; 0]);
        assert_eq!(symmetric(&array![[-4.0]]), (vec![-4.0], array![[1.0]]));
    }

    #[test]
    fn the_decomposition_is_the_matrix() {
        for (n, rank) in [(3, 3), (10, 10), (33, 33), (40, 7), (64, 1), (20, 0)] {
            let mut rng = SeededRng::new(n as u64);
            let x = Array2::from_shape_simple_fn((rank, n), || rng.unit_f64() - 0.5);
            let mut matrix = x.t().dot(&x);
            if n == 10 {
                matrix -= &Array2::from_diag(&ndarray::Array1::from_elem(n, 0.3));
            }
            let (values, vectors) = symmetric(&matrix);
            assert!(values.is_sorted_by(|a, b| a >= b), "{values:?}");
            let back = vectors.t().dot(&Array2::from_diag(&ndarray::Array1::from(values))).dot(&vectors);
            assert!((&back - &matrix).iter().all(|x| x.abs() < 1e-12), "n {n}, rank {rank}");
            let unit = vectors.dot(&vectors.t()) - Array2::<f64>::eye(n);
            assert!(unit.iter().all(|x| x.abs() < 1e-12), "n {n}, rank {rank}");
        }
    }
}
