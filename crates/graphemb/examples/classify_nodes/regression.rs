use ndarray::{Array1, Array2, Axis};

/// A logistic regression: weights, the bias last.
pub(crate) struct Regression(Array1<f64>);

impl Regression {
    /// One score a row.
    pub(crate) fn scores(&self, rows: &Array2<f64>) -> Vec<f64> {
        decisions(rows, &self.0).to_vec()
    }
}

fn decisions(rows: &Array2<f64>, w: &Array1<f64>) -> Array1<f64> {
    let dim = rows.ncols();
    rows.dot(&w.view().split_at(Axis(0), dim).0) + w[dim]
}

/// Minimises `½|w|² + Σ ln(1 + exp(−y w·x))`, the bias regularised as the weights are: what LIBLINEAR does with C = 1, and
/// to where scikit-learn lets it: a rare label's gradient has to fall further, or its scores are too coarse to rank by.
/// Newton's method with conjugate gradients (Lin, Weng & Keerthi 2008), steps halved until they descend.
pub(crate) fn fit(rows: &Array2<f64>, answers: &[bool]) -> Regression {
    let dim = rows.ncols();
    let mut w = Array1::<f64>::zeros(dim + 1);
    let signs: Array1<f64> = answers.iter().map(|&yes| if yes { 1.0 } else { -1.0 }).collect();
    let loss = |w: &Array1<f64>| {
        let margins = decisions(rows, w) * &signs;
        let sum: f64 = margins.iter().map(|&m: &f64| -m.min(0.0) + (-m.abs()).exp().ln_1p()).sum();
        sum + 0.5 * w.dot(w)
    };
    // Xᵀ v, the bias's component last.
    let gather = |v: &Array1<f64>| {
        let mut sum = Array1::zeros(dim + 1);
        sum.view_mut().split_at(Axis(0), dim).0.assign(&rows.t().dot(v));
        sum[dim] = v.sum();
        sum
    };
    let yes = answers.iter().filter(|&&yes| yes).count();
    let tolerance = 1e-4 * yes.min(answers.len() - yes).max(1) as f64 / answers.len() as f64;
    let mut before = loss(&w);
    let mut first = None;
    for _ in 0..100 {
        let p = (decisions(rows, &w) * &signs).mapv(|m| 1.0 / (1.0 + (-m).exp()));
        let gradient = &w + &gather(&((&p - 1.0) * &signs));
        let norm = gradient.dot(&gradient).sqrt();
        if norm <= tolerance * *first.get_or_insert(norm) {
            break;
        }
        let curvature = &p * &(1.0 - &p);
        let step = conjugate(&gradient, 0.1 * norm, |v| v + &gather(&(decisions(rows, v) * &curvature)));
        let mut scale = 1.0;
        loop {
            let candidate = &w + &(&step * scale);
            let after = loss(&candidate);
            if after < before || scale < 1e-4 {
                (w, before) = (candidate, after);
                break;
            }
            scale *= 0.5;
        }
    }
    Regression(w)
}

/// Solves `H s = −g` until the rest is below `tolerance`.
fn conjugate(g: &Array1<f64>, tolerance: f64, h: impl Fn(&Array1<f64>) -> Array1<f64>) -> Array1<f64> {
    let mut s = Array1::<f64>::zeros(g.len());
    let mut rest = g.mapv(|x| -x);
    let mut direction = rest.clone();
    let mut squared = rest.dot(&rest);
    for _ in 0..200 {
        if squared.sqrt() <= tolerance {
            break;
        }
        let product = h(&direction);
        let step = squared / direction.dot(&product);
        s.scaled_add(step, &direction);
        rest.scaled_add(-step, &product);
        let next = rest.dot(&rest);
        direction = &rest + &(&direction * (next / squared));
        squared = next;
    }
    s
}
