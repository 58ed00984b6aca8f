use ndarray::Array2;

/// A matrix that is learned, with its gradient and whatever its optimiser keeps of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// The values, in standard layout.
    pub value: Array2<f32>,
    /// The sum of gradients since the last step, of the shape of `value`; of no shape in a model that only serves.
    pub gradient: Array2<f32>,
    /// What the optimiser keeps; empty before the first step.
    pub state: Vec<f32>,
    /// Whether weight decay acts on it: on matrices, not on offsets and scales.
    pub decays: bool,
}

impl Param {
    /// A matrix of weights.
    #[must_use]
    pub fn weights(value: Array2<f32>) -> Self {
        let gradient = Array2::zeros(value.raw_dim());
        Self { value, gradient, state: Vec::new(), decays: true }
    }

    /// A row of offsets or scales, on which weight decay does not act.
    #[must_use]
    pub fn offsets(width: usize, value: f32) -> Self {
        Self { decays: false, ..Self::weights(Array2::from_elem((1, width), value)) }
    }

    /// The values, row after row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        crate::matrix::values(&self.value)
    }

    /// The gradient, row after row.
    pub fn gradient_mut(&mut self) -> &mut [f32] {
        crate::matrix::values_mut(&mut self.gradient)
    }
}

/// A named array of a model, as it is saved: `[shape.0, shape.1]`, row after row.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor<'a> {
    /// The path of fields that leads to it: `user.mlp.0.weight`.
    pub name: String,
    /// Rows and columns.
    pub shape: (usize, usize),
    /// The values.
    pub values: &'a [f32],
}

/// An array of a model, to be changed.
#[derive(Debug)]
pub enum Slot<'a> {
    /// Learned by gradient.
    Param(&'a mut Param),
    /// Learned by gradient, row by row.
    Table(&'a mut super::Table),
    /// Kept by the layer itself: running statistics.
    Kept(&'a mut Vec<f32>),
}

/// What has parameters.
///
/// Invariant: both methods name the same arrays in the same order, whatever was trained.
pub trait Module {
    /// Appends every array under its name, which begins with `path`.
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>);

    /// Appends every array, to be changed.
    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>);
}

impl Param {
    pub(crate) fn tensor(&self, path: &str, name: &str) -> Tensor<'_> {
        Tensor { name: format!("{path}.{name}"), shape: self.value.dim(), values: self.values() }
    }
}
