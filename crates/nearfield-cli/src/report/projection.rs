//! Places of points in the plane.

use clap::ValueEnum;
use ndarray::{Array2, ArrayView2};
use nearfield::evalmetrics::projection::{Pca, Tsne};

use crate::args::WorkArgs;
use crate::error::CliError;
use crate::progress::Bars;

/// How vectors are brought into the plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Projection {
    /// The two directions of most variance
    Pca,
    /// Neighbours stay neighbours (van der Maaten 2014); slower
    Tsne,
}

/// The seed of the map: the same vectors have the same map.
const SEED: u64 = 0;

/// Most points for which t-SNE is the default.
const TSNE_POINTS: usize = 10_000;

impl Projection {
    /// What suits so many points.
    pub(crate) fn for_points(n: usize) -> Self {
        if n <= TSNE_POINTS { Self::Tsne } else { Self::Pca }
    }

    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pca => "PCA",
            Self::Tsne => "t-SNE",
        }
    }
}

/// The place of every row of `vectors` in a square of 65,535 by 65,535, the second coordinate downwards.
///
/// # Errors
/// [`CliError::Projection`]; [`CliError::Cancelled`] is one of them.
pub(super) fn places(
    projection: Projection,
    vectors: ArrayView2<'_, f32>,
    work: WorkArgs,
    bars: &mut Bars,
) -> Result<Vec<[u16; 2]>, CliError> {
    let mut run = work.run(SEED, bars);
    let points = match projection {
        // Fewer vectors than t-SNE needs, or one component, have no better map than what there is of axes.
        _ if vectors.nrows() < 2 || vectors.ncols() < 2 => {
            Array2::from_shape_fn((vectors.nrows(), 2), |(row, axis)| {
                vectors.get((row, axis)).copied().unwrap_or_default()
            })
        }
        Projection::Pca => Pca::fit(vectors, 2, &mut run)?.transform(vectors)?,
        Projection::Tsne => Tsne::default().project(vectors, &mut run)?,
    };
    Ok(to_square(points.view()))
}

/// Points `[n, 2]` scaled by one factor, the wider extent from side to side.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 65,535")]
fn to_square(points: ArrayView2<'_, f32>) -> Vec<[u16; 2]> {
    let ends = |column: usize| {
        let values = points.column(column);
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        (f32::midpoint(low, high), high - low)
    };
    let ((x, width), (y, height)) = (ends(0), ends(1));
    let extent = width.max(height).max(f32::MIN_POSITIVE);
    let side = f32::from(u16::MAX);
    let place = |value: f32, middle: f32| ((0.5 + (value - middle) / extent) * side).round() as u16;
    points.rows().into_iter().map(|row| [place(row[0], x), u16::MAX - place(row[1], y)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_wider_extent_fills_the_square() {
        let places = to_square(array![[0.0, 1.0], [4.0, 1.0], [2.0, 3.0]].view());
        assert_eq!(places, [[0, 49151], [65535, 49151], [32768, 16384]]);
        assert_eq!(to_square(array![[7.0, 7.0]].view()), [[32768, 32767]]);
    }
}
