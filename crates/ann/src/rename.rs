//! The same rows under other ids.

use embed_core::AnnIndex;

use crate::Index;
use crate::aligned::Aligned;
use crate::id_map::Names;

impl Index {
    /// The same rows under other names, of as many rows.
    pub(crate) fn named(mut self, names: Names) -> Self {
        *match &mut self {
            Self::Flat(index) => &mut index.names,
            Self::Hnsw(index) => &mut index.names,
            Self::Ivf(index) => &mut index.names,
            Self::Quantized(index) => &mut index.0.names,
            Self::RpForest(index) => &mut index.names,
        } = names;
        self
    }

    /// The same rows in another order: row i is that which was row `order[i]`; each comes once. Names stay as they are.
    /// O(n · dim).
    pub(crate) fn reordered(self, order: &[u32]) -> Self {
        debug_assert_eq!(order.len(), self.len());
        let mut new = vec![0u32; order.len()];
        order.iter().zip(0..).for_each(|(&old, row)| new[old as usize] = row);
        let new_of = |old: u32| new.get(old as usize).copied().unwrap_or(u32::MAX);
        match self {
            Self::Flat(mut index) => {
                let (dim, table, norms) = (index.dim, index.table, index.norms);
                index.table = Aligned::new(table.len(), |out| {
                    for (out, &old) in out.chunks_exact_mut(dim).zip(order) {
                        out.copy_from_slice(&table[old as usize * dim..(old as usize + 1) * dim]);
                    }
                });
                index.norms = Aligned::collect(norms.len(), order.iter().map(|&old| norms[old as usize]));
                index.into()
            }
            Self::Hnsw(mut index) => {
                let nodes = index.nodes;
                index.nodes = Aligned::collect(nodes.len(), order.iter().map(|&old| nodes[old as usize]));
                let ids = index.ids.make_mut();
                ids.iter_mut().for_each(|id| *id = new_of(*id));
                // Of a node, in their order.
                for border in index.starts.windows(2) {
                    if let Some(ids) = ids.get_mut(border[0] as usize..border[1] as usize) {
                        ids.sort_unstable();
                    }
                }
                index.into()
            }
            Self::RpForest(mut index) => {
                let positions = index.positions;
                index.positions =
                    Aligned::collect(positions.len(), order.iter().map(|&old| positions[old as usize]));
                index.ids.make_mut().iter_mut().for_each(|id| *id = new_of(*id));
                index.into()
            }
            Self::Ivf(index) => index.in_order(order).into(),
            Self::Quantized(index) => crate::Quantized(index.0.in_order(order)).into(),
        }
    }
}
