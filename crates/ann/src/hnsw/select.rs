//! Which of the nodes found become neighbours: Algorithm 4 of the paper without its two options.

use super::beam::Costs;
use super::space::Space;

/// A possible neighbour and its distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) node: u32,
    pub(super) distance: f32,
}

/// How many chosen neighbours are compared at once: a far candidate fails at the first few.
const GROUP: usize = 8;

/// Chooses at most `most` of the candidates (nearest first): one is taken when it is nearer to the target than
/// to each one taken before, so that neighbours point into different directions.
///
/// Differs from the paper in that an exact tie is not taken, so that vectors hardly apart do not fill each
/// other's lists and close themselves off.
pub(super) fn select(space: Space<'_>, candidates: &[Candidate], most: usize) -> Vec<Candidate> {
    let mut taken: Vec<Candidate> = Vec::with_capacity(most.min(candidates.len()));
    let mut nodes: Vec<u32> = Vec::with_capacity(taken.capacity());
    for &candidate in candidates {
        if taken.len() == most {
            break;
        }
        if is_diverse(space, candidate, &nodes) {
            taken.push(candidate);
            nodes.push(candidate.node);
        }
    }
    taken
}

fn is_diverse(space: Space<'_>, candidate: Candidate, taken: &[u32]) -> bool {
    let from = space.from(candidate.node);
    let mut distances = [0.0; GROUP];
    taken.chunks(GROUP).all(|group| {
        let distances = &mut distances[..group.len()];
        from.costs(group, distances);
        distances.iter().all(|&distance| candidate.distance < distance)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scoring::Scoring;

    fn choose(table: &[f32], most: usize) -> Vec<u32> {
        let space = Space { scoring: Scoring::L2, table, dim: 1, codes: None };
        let mut candidates: Vec<Candidate> = (1..u32::try_from(table.len()).unwrap())
            .map(|node| Candidate { node, distance: space.from(0).cost(node) })
            .collect();
        candidates.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.node.cmp(&b.node)));
        select(space, &candidates, most).iter().map(|c| c.node).collect()
    }

    #[test]
    fn neighbours_point_into_different_directions() {
        assert_eq!(choose(&[0.0, 1.0, 2.0, 3.0, -1.5, -4.0], 9), [1, 4]);
        assert_eq!(choose(&[0.0, 1.0, 2.0, 3.0, -1.5, -4.0], 1), [1]);
    }

    #[test]
    fn of_equal_vectors_one_is_kept() {
        assert_eq!(choose(&[0.0, 0.0, 0.0, 0.0, 5.0], 9), [1]);
        assert_eq!(choose(&[0.0, 5.0, 5.0, -5.0], 9), [1, 3]);
        assert_eq!(choose(&[0.0, 1.0, 2.0], 9), [1], "as far from the one taken as from the target");
    }
}
