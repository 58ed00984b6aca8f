use std::path::Path;

use super::graph::{Attribute, Element, Graph, Length, Name};
use super::id_towers::too_large;
use super::{ExportError, layers, write};
use crate::Dssm;
use crate::features::{Column, Side};
use crate::models::SideTower;

impl Dssm {
    /// One tower as an ONNX model, with its normalisations folded: see [`crate::export`]. Codes of categories are those of
    /// [`Coder::tables`](crate::features::Coder::tables).
    ///
    /// # Errors
    /// [`ExportError::TooLarge`] beyond 2 GiB.
    pub fn onnx(&self, side: Side) -> Result<Vec<u8>, ExportError> {
        let mut graph = Graph::default();
        let dim = self.params().dim;
        let (user, item) = self.towers();
        let (tower, history) = match side {
            Side::Item => (&item.tower, None),
            Side::User => (&user.tower, user.history.as_ref()),
        };
        let mut parts = self.features(&mut graph, side, tower);
        if let Some(history) = history {
            let items = history.items(self.tables(), &user.items);
            let table = (items.dim().0, items.as_slice().iter().copied());
            let shape = (history.most(), dim);
            parts.push(layers::history(&mut graph, table, history.pooling(), shape, None));
        }
        let x = match tower.layers() {
            Some(mlp) => {
                let parts: Vec<&Name> = parts.iter().collect();
                let joined = graph.op("Concat", &parts, &[("axis", Attribute::Integer(-1))]);
                layers::mlp(&mut graph, mlp, &joined)
            }
            None => {
                let parts: Vec<&Name> = parts.iter().collect();
                graph.op("Sum", &parts, &[])
            }
        };
        let vector = layers::similar(&mut graph, self.params().similarity, &x);
        too_large(side, graph.finish(&format!("nearfield {side} tower"), &vector, dim))
    }

    /// What each feature becomes.
    fn features(&self, graph: &mut Graph, side: Side, tower: &SideTower) -> Vec<Name> {
        let coder = self.coder();
        let schema = coder.schema().side(side);
        let ids = schema.id.iter().map(|_| "id".to_owned());
        let names = ids.chain(schema.features.iter().map(|feature| format!("feature.{}", feature.column)));
        let mut parts = Vec::new();
        for ((name, column), map) in names.zip(coder.columns(side)).zip(tower.maps()) {
            let part = match *column {
                Column::Code { table } => {
                    let codes = graph.input(&name, Element::Int64, &[Length::Any("n")]);
                    layers::rows(graph, &self.tables()[table], &codes)
                }
                Column::List { table } => {
                    // Each list may have its own length.
                    let any = Length::Any(["list", "list_of_user"][usize::from(side == Side::User)]);
                    let codes = graph.input(&name, Element::Int64, &[Length::Any("n"), any]);
                    let (rows, mask) =
                        (layers::rows(graph, &self.tables()[table], &codes), layers::mask(graph, &codes));
                    layers::mean(graph, &rows, &mask)
                }
                Column::Number { mean, scale } => {
                    let raw = graph.input(&name, Element::Double, &[Length::Any("n"), Length::Of(1)]);
                    let (mean, scale) = (graph.double(mean), graph.double(scale));
                    let centred = graph.op("Sub", &[&raw, &mean], &[]);
                    let standard = graph.op("Mul", &[&centred, &scale], &[]);
                    graph.op("Cast", &[&standard], &[("to", Attribute::Integer(Element::Float as i64))])
                }
                Column::Vector { width } => {
                    graph.input(&name, Element::Float, &[Length::Any("n"), Length::Of(width)])
                }
            };
            parts.push(map.map_or(part.clone(), |map| layers::linear(graph, map, &part)));
        }
        parts
    }

    /// Writes `user.onnx`, `item.onnx` and `weights.safetensors` into a folder that is there, each in one step.
    ///
    /// # Errors
    /// [`ExportError`]
    pub fn export(&self, dir: impl AsRef<Path>) -> Result<(), ExportError> {
        write(dir.as_ref(), &self.onnx(Side::User)?, &self.onnx(Side::Item)?, &self.tensors())
    }
}
