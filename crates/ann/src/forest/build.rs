//! Grows the trees, each by a random stream of its own.

use embed_core::{Progress, Run, SeededRng};
use rayon::prelude::*;

use super::{LEAF, Planes, split};
use crate::aligned::Aligned;
use crate::hnsw::{Codes, Costs};
use crate::scoring::Scoring;
use crate::{BuildError, ForestParams};

/// Trees that grow between two looks at the observer.
const ROUND: usize = 8;
/// A part below this share of its parent is too small.
const LEAST_SHARE: f64 = 0.05;
/// Parts of at most so many leaves are small.
const SMALL: usize = 4;
/// Vectors whose side is computed in one go.
const BLOCK: usize = 256;

/// One tree. Leaves and planes are counted from 0.
pub(super) struct Tree {
    normals: Vec<f32>,
    offsets: Vec<f32>,
    children: Vec<[u32; 2]>,
    /// The ends of the leaves in `members`.
    ends: Vec<u32>,
    members: Vec<u32>,
    root: u32,
    apart: Apart,
}

/// How far vectors are from the planes of the smallest parts: the sum and their number.
#[derive(Clone, Copy, Default)]
struct Apart {
    sum: f64,
    count: u64,
}

/// What trees grow over.
#[derive(Clone, Copy)]
struct Source<'a> {
    table: &'a [f32],
    dim: usize,
    codes: &'a Codes,
    leaf: usize,
}

/// All trees.
pub(super) struct Grown(Vec<Tree>);

/// The arrays of all trees together.
pub(super) struct Forest {
    pub(super) planes: Planes,
    pub(super) leaves: Aligned<u32>,
    pub(super) members: Aligned<u32>,
    pub(super) roots: Aligned<u32>,
}

pub(super) fn grow(
    table: &[f32],
    dim: usize,
    codes: &Codes,
    params: &ForestParams,
    run: &mut Run<'_>,
) -> Result<Grown, BuildError> {
    let mut trees = Vec::with_capacity(params.trees);
    let (n, source) = (table.len() / dim, Source { table, dim, codes, leaf: params.leaf });
    for first in (0..params.trees).step_by(ROUND) {
        let total = params.trees as u64;
        if !run.report(&Progress::new("forest", first as u64, total).unit("trees")).goes_on() {
            return Err(BuildError::Cancelled { done: 0, total: n });
        }
        let seed = run.seed;
        let round: Vec<Tree> = run.parallelism.install(|| {
            let trees = (first..params.trees.min(first + ROUND)).into_par_iter();
            trees.map(|t| Tree::grow(source, SeededRng::stream(seed, "forest", t as u64))).collect()
        })?;
        trees.extend(round);
    }
    Ok(Grown(trees))
}

impl Tree {
    fn grow(source: Source<'_>, mut rng: SeededRng) -> Self {
        let n = source.table.len() / source.dim;
        let mut tree = Self {
            normals: Vec::new(),
            offsets: Vec::new(),
            children: Vec::new(),
            ends: Vec::new(),
            members: (0..u32::MAX).take(n).collect(),
            root: LEAF,
            apart: Apart::default(),
        };
        // Parts that are still to be split: where they lie, and which child of which plane they are.
        let mut parts = vec![(0, n, None)];
        let mut side = Vec::new();
        while let Some((start, end, parent)) = parts.pop() {
            let number = if end - start <= source.leaf {
                tree.ends.push(number(end));
                number(tree.ends.len() - 1) | LEAF
            } else {
                let middle = tree.split(source, (start, end), &mut rng, &mut side);
                let plane = tree.children.len() - 1;
                // The lower part is next, so that leaves follow each other as their members do.
                parts.push((middle, end, Some((plane, 1))));
                parts.push((start, middle, Some((plane, 0))));
                number(plane)
            };
            match parent {
                None => tree.root = number,
                Some((plane, child)) => tree.children[plane][child] = number,
            }
        }
        tree
    }

    /// Adds a plane, and puts the members below it before the others; where the others start.
    fn split(
        &mut self,
        Source { table, dim, codes, leaf }: Source<'_>,
        (start, end): (usize, usize),
        rng: &mut SeededRng,
        side: &mut Vec<(f32, u32)>,
    ) -> usize {
        let mut normal = vec![0.0; dim];
        let members = &mut self.members[start..end];
        let half = members.len() / 2;
        self.children.push([0; 2]);
        let plane = split::plane(table, dim, members, rng, &mut normal);
        let Some(mut offset) = plane else {
            // All are alike as far as was seen: any halves do.
            self.normals.extend(std::iter::repeat_n(0.0, dim));
            self.offsets.push(0.0);
            return start + half;
        };
        side.clear();
        let mut bytes = Vec::new();
        let of = codes.products(&normal, &mut bytes);
        let mut products = [0.0; BLOCK];
        for block in members.chunks(BLOCK) {
            let products = &mut products[..block.len()];
            of.costs(block, products);
            side.extend(products.iter().copied().zip(block.iter().copied()));
        }
        let order = |a: &(f32, u32), b: &(f32, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        let mut below = side.iter().filter(|(product, _)| *product < offset).count();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share"
        )]
        let least = (LEAST_SHARE * side.len() as f64) as usize;
        if below <= least || below >= side.len() - least {
            below = half;
            side.select_nth_unstable_by(half, order);
            offset = side[half].0;
        } else {
            // Keeps each side in the order it came in.
            let (mut low, mut high) = (0, below);
            let mut parted = vec![(0.0, 0); side.len()];
            for &one in &*side {
                let slot = if one.0 < offset { &mut low } else { &mut high };
                parted[*slot] = one;
                *slot += 1;
            }
            *side = parted;
        }
        if side.len() <= SMALL * leaf {
            self.apart.add(side.iter().map(|(product, _)| (product - offset).abs()));
        }
        members.iter_mut().zip(&*side).for_each(|(slot, &(_, member))| *slot = member);
        self.normals.extend_from_slice(&normal);
        self.offsets.push(offset);
        start + below
    }
}

impl Apart {
    fn add(&mut self, distances: impl Iterator<Item = f32>) {
        for distance in distances {
            self.sum += f64::from(distance);
            self.count += 1;
        }
    }
}

impl Grown {
    /// How far a vector is from the plane of a small part that it is in: the mean.
    pub(super) fn spread(&self) -> f32 {
        let sum: f64 = self.0.iter().map(|tree| tree.apart.sum).sum();
        let count: u64 = self.0.iter().map(|tree| tree.apart.count).sum();
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a scale")]
        let mean = (sum / count.max(1) as f64) as f32;
        mean
    }

    /// The members of the first tree, leaf after leaf.
    pub(super) fn first_order(&self, n: usize) -> Vec<u32> {
        self.0.first().map_or_else(|| (0..u32::MAX).take(n).collect(), |tree| tree.members.clone())
    }

    /// One set of arrays; members are given their positions.
    pub(super) fn join(self, n: usize, dim: usize, positions: &[u32]) -> Forest {
        let (mut planes, mut leaves) = (0, 0);
        let (mut roots, mut children, mut starts) = (Vec::new(), Vec::new(), vec![0]);
        let (mut normals, mut offsets) = (Vec::new(), Vec::new());
        let members = Aligned::new(self.0.len() * n, |members| {
            for (tree, members) in self.0.iter().zip(members.chunks_exact_mut(n.max(1))) {
                let of = tree.members.iter().map(|&member| positions[member as usize]);
                members.iter_mut().zip(of).for_each(|(slot, position)| *slot = position);
                // What is near each other in memory is met together.
                let mut start = 0;
                for &end in &tree.ends {
                    members[start..end as usize].sort_unstable();
                    start = end as usize;
                }
            }
        });
        for (t, tree) in self.0.into_iter().enumerate() {
            let moved = |child: u32| if child & LEAF == 0 { child + planes } else { child + leaves };
            roots.push(moved(tree.root));
            children.extend(tree.children.iter().flatten().map(|&child| moved(child)));
            starts.extend(tree.ends.iter().map(|&end| end + number(t * n)));
            planes += number(tree.offsets.len());
            leaves += number(tree.ends.len());
            normals.extend(tree.normals);
            offsets.extend(tree.offsets);
        }
        Forest {
            planes: Planes {
                normals: Codes::of(Scoring::Dot, &normals, dim).with_fixed(&offsets),
                children: Aligned::copy(&children),
            },
            leaves: Aligned::copy(&starts),
            members,
            roots: Aligned::copy(&roots),
        }
    }
}

/// Members, planes and leaves are fewer than 2³¹.
#[expect(clippy::cast_possible_truncation, reason = "checked when the build began")]
fn number(n: usize) -> u32 {
    n as u32
}
