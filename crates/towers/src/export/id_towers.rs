use std::path::Path;

use super::graph::{Attribute, Element, Graph, Length};
use super::{ExportError, layers, write};
use crate::IdTowers;
use crate::features::Side;
use crate::models::Join;

impl IdTowers {
    /// One tower as an ONNX model, with its normalisations folded: see [`crate::export`].
    ///
    /// # Errors
    /// [`ExportError::TooLarge`] beyond 2 GiB.
    pub fn onnx(&self, side: Side) -> Result<Vec<u8>, ExportError> {
        let (mut graph, params) = (Graph::default(), self.params());
        let (tables, dim) = (self.tables(), params.dim);
        let x = match side {
            Side::Item => {
                let item = self.item_tower();
                let ids = graph.input("id", Element::Int64, &[Length::Any("n")]);
                let rows = layers::rows(&mut graph, &tables[item.table], &ids);
                item.folded_layers().map_or(rows.clone(), |mlp| layers::mlp(&mut graph, &mlp, &rows))
            }
            Side::User => {
                let user = self.user_tower();
                let own = user.users.map(|table| {
                    let ids = graph.input("id", Element::Int64, &[Length::Any("n")]);
                    layers::rows(&mut graph, &tables[table], &ids)
                });
                let pooled = user.history.map(|table| {
                    let table = (tables[table].len(), tables[table].values().iter().copied());
                    let shape = (params.max_history, dim);
                    layers::history(&mut graph, table, user.pooling.as_ref(), shape, own.as_ref())
                });
                let joined = match (own, pooled, params.join) {
                    (Some(own), Some(pooled), Join::Concat) => {
                        graph.op("Concat", &[&own, &pooled], &[("axis", Attribute::Integer(-1))])
                    }
                    (Some(own), Some(pooled), Join::Mix { share }) => {
                        let mapped = match &user.map {
                            Some(map) => layers::linear(&mut graph, map, &pooled),
                            None => pooled,
                        };
                        let (a, b) = (graph.floats(&[], [share]), graph.floats(&[], [1.0 - share]));
                        let own = graph.op("Mul", &[&own, &a], &[]);
                        let mapped = graph.op("Mul", &[&mapped, &b], &[]);
                        graph.op("Add", &[&own, &mapped], &[])
                    }
                    (Some(x), None, _) | (None, Some(x), _) => x,
                    // A user tower has one of the two.
                    (None, None, _) => graph.floats(&[1, dim], vec![0.0; dim]),
                };
                user.layers.as_ref().map_or(joined.clone(), |mlp| layers::mlp(&mut graph, mlp, &joined))
            }
        };
        let vector = layers::similar(&mut graph, params.similarity, &x);
        let bytes = graph.finish(&format!("nearfield {side} tower"), &vector, dim);
        too_large(side, bytes)
    }

    /// Writes `user.onnx`, `item.onnx` and `weights.safetensors` into a folder that is there, each in one step.
    ///
    /// # Errors
    /// [`ExportError`]
    pub fn export(&self, dir: impl AsRef<Path>) -> Result<(), ExportError> {
        write(dir.as_ref(), &self.onnx(Side::User)?, &self.onnx(Side::Item)?, &self.tensors())
    }
}

pub(super) fn too_large(tower: Side, model: Vec<u8>) -> Result<Vec<u8>, ExportError> {
    let bytes = model.len();
    if i32::try_from(bytes).is_ok() { Ok(model) } else { Err(ExportError::TooLarge { tower, bytes }) }
}
