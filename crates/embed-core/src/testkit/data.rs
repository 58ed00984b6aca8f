use std::path::{Path, PathBuf};

use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};

use crate::SeededRng;

/// Vectors `[n, dim]` in overlapping clusters: centres are normal with deviation 0.7 a component, members
/// scatter about their centre with deviation 1. No clusters means no structure: all about the origin.
/// O(n · dim), the same bits from the same seed.
#[must_use]
pub fn clustered(n: usize, dim: usize, clusters: usize, seed: u64) -> Array2<f32> {
    let mut rng = SeededRng::stream(seed, "testkit clustered", 0);
    let normal = |rng: &mut SeededRng| -> f32 { StandardNormal.sample(rng) };
    let centres = Array2::from_shape_simple_fn((clusters.max(1), dim), || {
        if clusters == 0 { 0.0 } else { 0.7 * normal(&mut rng) }
    });
    let mut vectors = Array2::zeros((n, dim));
    for mut row in vectors.rows_mut() {
        #[expect(clippy::cast_possible_truncation, reason = "below `clusters`, and nobody has 2³² clusters")]
        let centre = centres.row(rng.below(clusters.max(1) as u32) as usize);
        row.iter_mut().zip(centre).for_each(|(x, c)| *x = c + normal(&mut rng));
    }
    vectors
}

/// The folder of a public data set in the folder that the variable `NEARFIELD_DATA` names; none where it is not
/// set, and then the test that asks has nothing to do. A relative path is taken from the working folder, or
/// else from the folder of the workspace, for tests run in that of their crate.
///
/// # Panics
/// When there is no such folder: a check that was asked for is not left out.
#[must_use]
pub fn real_data(name: &str) -> Option<PathBuf> {
    let data = PathBuf::from(std::env::var_os("NEARFIELD_DATA")?);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = [data.join(name), workspace.join(&data).join(name)];
    let found = folders.iter().find(|folder| folder.is_dir()).cloned();
    assert!(found.is_some(), "NEARFIELD_DATA is {}, where there is no folder {name}", data.display());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_lie_nearer_to_each_other_than_to_the_rest() {
        assert_eq!(clustered(20, 5, 3, 9), clustered(20, 5, 3, 9));
        assert_ne!(clustered(20, 5, 3, 9), clustered(20, 5, 3, 10));
        let spread = |clusters| clustered(2000, 8, clusters, 1).var_axis(ndarray::Axis(0), 1.0).sum() / 8.0;
        assert!((spread(0) - 1.0f32).abs() < 0.05, "no clusters: variance 1, got {}", spread(0));
        assert!((spread(200) - 1.49f32).abs() < 0.1, "variance 1 + 0.49, got {}", spread(200));
        assert_eq!(clustered(0, 5, 3, 9).dim(), (0, 5));
    }
}
