use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::aggregate::{max_row, mean_row, row};
use super::layer::Layer;
use crate::{Graph, NodeId};

/// Rows that one task works on.
const AT_ONCE: usize = 256;

/// What each node says to its neighbours at each layer, and the vectors of all nodes.
pub(super) type Inferred = (Vec<Array2<f32>>, Array2<f32>);

/// All nodes with all of their neighbours, layer by layer, from h⁰ `[n_nodes, inputs]`: each node is computed once a layer.
pub(super) fn infer(layers: &[Layer], graph: &Graph, mut h: Array2<f32>) -> Inferred {
    let mut messages = Vec::with_capacity(layers.len());
    for layer in layers {
        let said = layer.pool.as_ref().map(|pool| {
            let mut said = Array2::zeros((h.nrows(), pool.outputs()));
            Layer::messages(pool, h.view(), said.view_mut());
            said
        });
        let y = outputs(layer, graph, h.view(), said.as_ref().map_or_else(|| h.view(), |said| said.view()));
        messages.push(said.unwrap_or(h));
        h = y;
    }
    (messages, h)
}

fn outputs(layer: &Layer, graph: &Graph, h: ArrayView2<'_, f32>, said: ArrayView2<'_, f32>) -> Array2<f32> {
    let inputs = layer.inputs();
    let mut y = Array2::zeros((h.nrows(), layer.linear.outputs()));
    y.axis_chunks_iter_mut(Axis(0), AT_ONCE).into_par_iter().enumerate().for_each(|(block, y)| {
        let mut both = Array2::zeros((y.nrows(), inputs + layer.message()));
        let mut chosen = vec![0; layer.message()];
        let nodes = (block * AT_ONCE..).map(|node| NodeId::try_from(node).unwrap_or(NodeId::MAX));
        for (mut both, node) in both.rows_mut().into_iter().zip(nodes) {
            let (own, pooled) = both.as_slice_mut().unwrap_or_default().split_at_mut(inputs);
            own.copy_from_slice(row(&h, node as usize));
            pool(layer, graph.neighbors(node), said, pooled, &mut chosen);
        }
        layer.combine(both.view(), y, &mut Vec::new());
    });
    y
}

/// What the neighbours say, put together; zeros without any.
pub(super) fn pool(
    layer: &Layer,
    neighbors: &[NodeId],
    said: ArrayView2<'_, f32>,
    out: &mut [f32],
    chosen: &mut [u32],
) {
    let rows = neighbors.iter().map(|&node| row(&said, node as usize));
    match layer.pool {
        None => mean_row(rows, out),
        Some(_) => max_row(neighbors.iter().copied().zip(rows), out, chosen),
    }
}

/// A new node's vector from its h⁰, written into `out`: its neighbours say what they said when all nodes were computed.
pub(super) fn infer_one(
    layers: &[Layer],
    messages: &[Array2<f32>],
    neighbors: &[NodeId],
    input: Vec<f32>,
    out: &mut [f32],
) {
    let mut h = input;
    for (layer, said) in layers.iter().zip(messages) {
        let mut both = vec![0.0; layer.linear.inputs()];
        let (own, pooled) = both.split_at_mut(h.len());
        own.copy_from_slice(&h);
        pool(layer, neighbors, said.view(), pooled, &mut vec![0; layer.message()]);
        h.resize(layer.linear.outputs(), 0.0);
        layer.linear.apply(&both, &mut h);
        layer.activation.apply(&mut h);
        embed_core::kernel::normalize(&mut h);
    }
    out.copy_from_slice(&h);
}
