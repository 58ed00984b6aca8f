//! Where a part is split: the plane between two clusters of a sample.

use embed_core::{SeededRng, kernel};

/// Members that are drawn to find the two means.
const SAMPLE: u32 = 100;

/// The normal, of length 1, and the offset of the plane halfway between the means of two clusters of the
/// members; `None` where two that were drawn apart cannot be told apart.
///
/// The means are moved towards one member after the other, each towards those that are nearer to it.
pub(super) fn plane(
    table: &[f32],
    dim: usize,
    members: &[u32],
    rng: &mut SeededRng,
    normal: &mut [f32],
) -> Option<f32> {
    let row = |member: u32| &table[member as usize * dim..(member as usize + 1) * dim];
    let len = u32::try_from(members.len()).ok().filter(|&len| len > 1)?;
    let first = rng.below(len);
    let second = (first + 1 + rng.below(len - 1)) % len;
    let mut means = [row(members[first as usize]).to_vec(), row(members[second as usize]).to_vec()];
    let mut counts = [1.0f32; 2];
    for _ in 0..SAMPLE {
        let vector = row(members[rng.below(len) as usize]);
        let distances = [0, 1].map(|side| counts[side] * kernel::squared_l2(vector, &means[side]));
        let side = usize::from(distances[1] < distances[0]);
        counts[side] += 1.0;
        let share = 1.0 / counts[side];
        means[side].iter_mut().zip(vector).for_each(|(mean, x)| *mean += share * (x - *mean));
    }
    let [low, high] = &means;
    normal.iter_mut().zip(low.iter().zip(high)).for_each(|(n, (a, b))| *n = b - a);
    let length = kernel::norm(normal);
    if !(length > 0.0 && length.is_finite()) {
        return None;
    }
    kernel::normalize(normal);
    let offset = 0.5 * (kernel::dot(normal, low) + kernel::dot(normal, high));
    offset.is_finite().then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clusters_are_told_apart() {
        let table: Vec<f32> =
            (0u8..20).flat_map(|i| [if i < 10 { -3.0 } else { 5.0 }, f32::from(i % 10)]).collect();
        let members: Vec<u32> = (0..20).collect();
        let mut normal = [0.0; 2];
        let apart = (0..20).filter(|&seed| {
            let offset = plane(&table, 2, &members, &mut SeededRng::new(seed), &mut normal).unwrap();
            let side = |i: usize| kernel::dot(&normal, &table[2 * i..2 * i + 2]) > offset;
            (0..10).all(|i| side(i) != side(10 + i) && side(i) == side(0))
        });
        assert!(apart.count() >= 10);
    }

    #[test]
    fn equal_vectors_have_no_plane() {
        assert_eq!(plane(&[1.0; 8], 2, &[0, 1, 2, 3], &mut SeededRng::new(1), &mut [0.0; 2]), None);
        assert_eq!(plane(&[1.0; 8], 2, &[0], &mut SeededRng::new(1), &mut [0.0; 2]), None);
    }
}
