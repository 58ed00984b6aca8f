//! Layers as operators.

use super::graph::{Attribute, Element, Graph, Length, Name};
use crate::layers::{Activation, Linear, Mlp, SelfAttention, Table};
use crate::models::{PoolingLayer, Similarity};

/// What is added to the logit of an item that is not there.
const NEVER: f32 = -1e9;

/// `x Wᵀ + b`, rows in the last but one dimension.
pub(super) fn linear(graph: &mut Graph, layer: &Linear, x: &Name) -> Name {
    let weight = layer.weight.value.t();
    let matrix = graph.floats(&[weight.nrows(), weight.ncols()], weight.iter().copied());
    let product = graph.op("MatMul", &[x, &matrix], &[]);
    match &layer.bias {
        None => product,
        Some(bias) => {
            let bias = graph.floats(&[bias.values().len()], bias.values().iter().copied());
            graph.op("Add", &[&product, &bias], &[])
        }
    }
}

fn activation(graph: &mut Graph, layer: &Activation, x: &Name) -> Name {
    let scalar = |graph: &mut Graph, value| graph.floats(&[], [value]);
    match layer {
        Activation::Identity => x.clone(),
        Activation::Relu => graph.op("Relu", &[x], &[]),
        Activation::Gelu => {
            // x σ(2z), z = √(2/π) (x + 0.044715 x³): as 1 + tanh z is 2 σ(2z).
            let (cubic, scale) = (scalar(graph, 0.044_715), scalar(graph, 1.595_769));
            let square = graph.op("Mul", &[x, x], &[]);
            let cube = graph.op("Mul", &[&square, x], &[]);
            let cube = graph.op("Mul", &[&cube, &cubic], &[]);
            let sum = graph.op("Add", &[x, &cube], &[]);
            let scaled = graph.op("Mul", &[&sum, &scale], &[]);
            let gate = graph.op("Sigmoid", &[&scaled], &[]);
            graph.op("Mul", &[x, &gate], &[])
        }
        Activation::PRelu(alpha) => {
            let slope = graph.floats(&[alpha.values().len()], alpha.values().iter().copied());
            graph.op("PRelu", &[x, &slope], &[])
        }
        Activation::Dice(alpha, norm) => {
            let width = norm.width();
            let scales = norm.variance.iter().map(|variance| 1.0 / (variance + norm.epsilon).sqrt());
            let mean = graph.floats(&[width], norm.mean.iter().copied());
            let scale = graph.floats(&[width], scales);
            let (alpha, one) = (graph.floats(&[width], alpha.values().iter().copied()), scalar(graph, 1.0));
            let centred = graph.op("Sub", &[x, &mean], &[]);
            let standard = graph.op("Mul", &[&centred, &scale], &[]);
            let gate = graph.op("Sigmoid", &[&standard], &[]);
            let rest = graph.op("Sub", &[&one, &gate], &[]);
            let rest = graph.op("Mul", &[&rest, &alpha], &[]);
            let factor = graph.op("Add", &[&gate, &rest], &[]);
            graph.op("Mul", &[x, &factor], &[])
        }
    }
}

/// A network whose normalisations are folded.
pub(super) fn mlp(graph: &mut Graph, layers: &Mlp, x: &Name) -> Name {
    layers.layers().fold(x.clone(), |x, (layer, bend)| {
        let x = linear(graph, layer, &x);
        activation(graph, bend, &x)
    })
}

/// Rows of length 1, where vectors are compared by cosine; a row of zeros stays one.
pub(super) fn similar(graph: &mut Graph, similarity: Similarity, x: &Name) -> Name {
    if similarity == Similarity::Dot {
        return x.clone();
    }
    let attributes = [("axes", Attribute::Integers(&[-1])), ("keepdims", Attribute::Integer(1))];
    let length = graph.op("ReduceL2", &[x], &attributes);
    let least = graph.floats(&[], [f32::MIN_POSITIVE]);
    let length = graph.op("Max", &[&length, &least], &[]);
    graph.op("Div", &[x, &length], &[])
}

/// Rows of a table by the numbers in an input.
pub(super) fn rows(graph: &mut Graph, table: &Table, ids: &Name) -> Name {
    let values = graph.floats(&[table.len(), table.dim()], table.values().iter().copied());
    graph.op("Gather", &[&values, ids], &[("axis", Attribute::Integer(0))])
}

pub(super) fn sum(graph: &mut Graph, x: &Name, axis: i64, keep: bool) -> Name {
    let axes = graph.integers(&[axis]);
    graph.op("ReduceSum", &[x, &axes], &[("keepdims", Attribute::Integer(i64::from(keep)))])
}

/// 1 where a number is above 0, else 0, with a last dimension of 1.
pub(super) fn mask(graph: &mut Graph, ids: &Name) -> Name {
    let (zero, last) = (graph.integers(&[0]), graph.integers(&[-1]));
    let there = graph.op("Greater", &[ids, &zero], &[]);
    let there = graph.op("Cast", &[&there], &[("to", Attribute::Integer(Element::Float as i64))]);
    graph.op("Unsqueeze", &[&there, &last], &[])
}

/// The mean over the rows that count, `[n, rows, dim]` to `[n, dim]`; zeros where none does.
pub(super) fn mean(graph: &mut Graph, rows: &Name, mask: &Name) -> Name {
    let live = graph.op("Mul", &[rows, mask], &[]);
    let (total, count) = (sum(graph, &live, 1, false), sum(graph, mask, 1, false));
    let one = graph.floats(&[], [1.0]);
    let count = graph.op("Max", &[&count, &one], &[]);
    graph.op("Div", &[&total, &count], &[])
}

/// A history: the rows of its items (an item's number + 1, the last in the last of `most` columns, 0 before the first), pooled.
/// `table` has a row an item.
pub(super) fn history(
    graph: &mut Graph,
    table: (usize, impl Iterator<Item = f32>),
    pooling: Option<&PoolingLayer>,
    (most, dim): (usize, usize),
    users: Option<&Name>,
) -> Name {
    let ids = graph.input("history", Element::Int64, &[Length::Any("n"), Length::Of(most)]);
    let (n_items, values) = table;
    let values = graph.floats(&[n_items + 1, dim], std::iter::repeat_n(0.0, dim).chain(values));
    let items = graph.op("Gather", &[&values, &ids], &[("axis", Attribute::Integer(0))]);
    let mask = mask(graph, &ids);
    match pooling {
        None => mean(graph, &items, &mask),
        Some(PoolingLayer::Places { bias, .. }) => {
            let logits = graph.floats(&[1, most, 1], bias.values().iter().rev().copied());
            weighted(graph, &items, &logits, &mask)
        }
        Some(PoolingLayer::Query { attention, query }) => {
            let keys = linear(graph, attention.key(), &items);
            let keys = graph.op("Tanh", &[&keys], &[]);
            let query = match users {
                None => graph.floats(&[1, 1, dim], query.values().iter().copied()),
                Some(users) => {
                    let axis = graph.integers(&[1]);
                    graph.op("Unsqueeze", &[users, &axis], &[])
                }
            };
            let products = graph.op("Mul", &[&keys, &query], &[]);
            let logits = sum(graph, &products, -1, true);
            weighted(graph, &items, &logits, &mask)
        }
        Some(PoolingLayer::SelfAttention { attention, norm, positions }) => {
            let places = positions.value.rows().into_iter().rev().take(most).flatten().copied();
            let places = graph.floats(&[most, dim], places.collect::<Vec<f32>>());
            let placed = graph.op("Add", &[&items, &places], &[]);
            let placed = graph.op("Mul", &[&placed, &mask], &[]);
            let gamma = graph.floats(&[dim], norm.gamma.values().iter().copied());
            let beta = graph.floats(&[dim], norm.beta.values().iter().copied());
            let attributes = [("axis", Attribute::Integer(-1)), ("epsilon", Attribute::Float(norm.epsilon))];
            let normed = graph.op("LayerNormalization", &[&placed, &gamma, &beta], &attributes);
            let attended = self_attention(graph, attention, &normed, &mask, (most, dim));
            let all = graph.op("Add", &[&placed, &attended], &[]);
            mean(graph, &all, &mask)
        }
    }
}

/// `Σ softmax(logits) x` over the rows that count.
fn weighted(graph: &mut Graph, x: &Name, logits: &Name, mask: &Name) -> Name {
    let never = never(graph, mask);
    let logits = graph.op("Add", &[logits, &never], &[]);
    let shares = graph.op("Softmax", &[&logits], &[("axis", Attribute::Integer(1))]);
    // Where nothing counts all shares are alike, and all rows zero.
    let parts = graph.op("Mul", &[x, &shares], &[]);
    let parts = graph.op("Mul", &[&parts, mask], &[]);
    sum(graph, &parts, 1, false)
}

/// 0 for what counts, and something that no softmax sees for the rest.
fn never(graph: &mut Graph, mask: &Name) -> Name {
    let (one, never) = (graph.floats(&[], [1.0]), graph.floats(&[], [NEVER]));
    let absent = graph.op("Sub", &[&one, mask], &[]);
    graph.op("Mul", &[&absent, &never], &[])
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_wrap, reason = "widths of layers")]
fn self_attention(
    graph: &mut Graph,
    layer: &SelfAttention,
    x: &Name,
    mask: &Name,
    (most, dim): (usize, usize),
) -> Name {
    let (heads, qkv, output) = layer.parts_of();
    let width = dim / heads;
    let both = linear(graph, qkv, x);
    let sizes = graph.integers(&[dim as i64; 3]);
    let parts = graph.ops("Split", &[&both, &sizes], &[("axis", Attribute::Integer(-1))], 3);
    let apart = graph.integers(&[0, most as i64, heads as i64, width as i64]);
    let [q, k, v] =
        [(0, [0, 2, 1, 3]), (1, [0, 2, 3, 1]), (2, [0, 2, 1, 3])].map(|(part, order): (usize, [i64; 4])| {
            let heads = graph.op("Reshape", &[&parts[part], &apart], &[]);
            graph.op("Transpose", &[&heads], &[("perm", Attribute::Integers(&order))])
        });
    let scale = graph.floats(&[], [1.0 / (width as f32).sqrt()]);
    let scores = graph.op("MatMul", &[&q, &k], &[]);
    let scores = graph.op("Mul", &[&scores, &scale], &[]);
    // [n, rows, 1] to [n, 1, 1, rows]
    let never = never(graph, mask);
    let across = graph.op("Transpose", &[&never], &[("perm", Attribute::Integers(&[0, 2, 1]))]);
    let axis = graph.integers(&[1]);
    let across = graph.op("Unsqueeze", &[&across, &axis], &[]);
    let scores = graph.op("Add", &[&scores, &across], &[]);
    let shares = graph.op("Softmax", &[&scores], &[("axis", Attribute::Integer(-1))]);
    let mixed = graph.op("MatMul", &[&shares, &v], &[]);
    let mixed = graph.op("Transpose", &[&mixed], &[("perm", Attribute::Integers(&[0, 2, 1, 3]))]);
    let together = graph.integers(&[0, most as i64, dim as i64]);
    let mixed = graph.op("Reshape", &[&mixed, &together], &[]);
    linear(graph, output, &mixed)
}
