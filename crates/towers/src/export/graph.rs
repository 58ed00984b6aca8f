use super::proto::Message;

/// Versions of the format and of its operators: those of ONNX 1.12.
const FORMAT: i64 = 8;
const OPERATORS: i64 = 17;

/// A value in a graph, by name.
pub(super) type Name = String;

/// Types of elements, by their numbers in ONNX.
#[derive(Debug, Clone, Copy)]
pub(super) enum Element {
    Float = 1,
    Int64 = 7,
    Double = 11,
}

/// A length of an input.
#[derive(Debug, Clone, Copy)]
pub(super) enum Length {
    /// Always this.
    Of(usize),
    /// Whatever comes, the same wherever it has this name.
    Any(&'static str),
}

/// What an operator is told beside its inputs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attribute<'a> {
    Integer(i64),
    Integers(&'a [i64]),
    Float(f32),
}

/// A graph while it grows.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Message>,
    constants: Vec<Message>,
    inputs: Vec<Message>,
    n: usize,
}

#[expect(clippy::cast_possible_wrap, reason = "lengths of arrays in memory")]
fn integer(n: usize) -> i64 {
    n as i64
}

impl Graph {
    fn name(&mut self) -> Name {
        self.n += 1;
        format!("v{}", self.n)
    }

    /// An input of the graph.
    pub(super) fn input(&mut self, name: &str, element: Element, shape: &[Length]) -> Name {
        let value = value(name, element, shape);
        self.inputs.push(value);
        name.to_owned()
    }

    fn constant(&mut self, element: Element, shape: &[usize], bytes: &[u8]) -> Name {
        let name = self.name();
        let dims = shape.iter().fold(Message::default(), |tensor, &n| tensor.integer(1, integer(n)));
        self.constants.push(dims.integer(2, element as i64).text(8, &name).bytes(9, bytes));
        name
    }

    /// Floats that do not change.
    pub(super) fn floats(&mut self, shape: &[usize], values: impl IntoIterator<Item = f32>) -> Name {
        let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
        self.constant(Element::Float, shape, &bytes)
    }

    /// A double that does not change.
    pub(super) fn double(&mut self, value: f64) -> Name {
        self.constant(Element::Double, &[1], &value.to_le_bytes())
    }

    /// Integers that do not change.
    pub(super) fn integers(&mut self, values: &[i64]) -> Name {
        let bytes: Vec<u8> = values.iter().copied().flat_map(i64::to_le_bytes).collect();
        self.constant(Element::Int64, &[values.len()], &bytes)
    }

    /// An operator with one output.
    pub(super) fn op(&mut self, kind: &str, inputs: &[&Name], attributes: &[(&str, Attribute<'_>)]) -> Name {
        self.ops(kind, inputs, attributes, 1).swap_remove(0)
    }

    /// An operator with some outputs.
    pub(super) fn ops(
        &mut self,
        kind: &str,
        inputs: &[&Name],
        attributes: &[(&str, Attribute<'_>)],
        outputs: usize,
    ) -> Vec<Name> {
        let outputs: Vec<Name> = (0..outputs).map(|_| self.name()).collect();
        let node = inputs.iter().fold(Message::default(), |node, name| node.text(1, name));
        let node = outputs.iter().fold(node, |node, name| node.text(2, name));
        let node = node.text(3, &outputs[0]).text(4, kind);
        let node = attributes.iter().fold(node, |node, (name, value)| {
            let attribute = Message::default().text(1, name);
            let attribute = match value {
                Attribute::Float(value) => attribute.float(2, *value).integer(20, 1),
                Attribute::Integer(value) => attribute.integer(3, *value).integer(20, 2),
                Attribute::Integers(values) => {
                    values.iter().fold(attribute, |all, value| all.integer(8, *value)).integer(20, 7)
                }
            };
            node.message(5, &attribute)
        });
        self.nodes.push(node);
        outputs
    }

    /// The whole file, whose output `vector` `[n, dim]` is `from`.
    pub(super) fn finish(mut self, name: &str, from: &Name, dim: usize) -> Vec<u8> {
        let last = Message::default().text(1, from).text(2, "vector").text(3, "vector").text(4, "Identity");
        self.nodes.push(last);
        let graph = Message::default()
            .messages(1, &self.nodes)
            .text(2, name)
            .messages(5, &self.constants)
            .messages(11, &self.inputs)
            .message(12, &value("vector", Element::Float, &[Length::Any("n"), Length::Of(dim)]));
        let operators = Message::default().text(1, "").integer(2, OPERATORS);
        Message::default()
            .integer(1, FORMAT)
            .text(2, "nearfield")
            .text(3, env!("CARGO_PKG_VERSION"))
            .message(7, &graph)
            .message(8, &operators)
            .into_bytes()
    }
}

/// The name, type and shape of an input or output.
fn value(name: &str, element: Element, shape: &[Length]) -> Message {
    let dims: Vec<Message> = shape
        .iter()
        .map(|length| match length {
            Length::Of(n) => Message::default().integer(1, integer(*n)),
            Length::Any(name) => Message::default().text(2, name),
        })
        .collect();
    let shape = Message::default().messages(1, &dims);
    let tensor = Message::default().integer(1, element as i64).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}
