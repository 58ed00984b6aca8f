use crate::layers::{Module, Slot};
use crate::matrix::values_mut;

/// The values of a model at some time. 4 bytes a value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) values: Vec<Vec<f32>>,
}

impl Snapshot {
    pub(crate) fn take(&mut self, model: &impl Module) {
        let mut tensors = Vec::new();
        model.tensors("", &mut tensors);
        self.values.resize_with(tensors.len(), Vec::new);
        for (to, from) in self.values.iter_mut().zip(tensors) {
            to.clear();
            to.extend_from_slice(from.values);
        }
    }

    pub(crate) fn restore(&self, model: &mut impl Module) {
        for (slot, values) in values_of(model).into_iter().zip(&self.values) {
            slot.copy_from_slice(values);
        }
    }
}

/// The values of every array of a model, in the order of [`Module::tensors`].
pub(crate) fn values_of(model: &mut impl Module) -> Vec<&mut [f32]> {
    let mut slots = Vec::new();
    model.slots(&mut slots);
    let values = slots.into_iter().map(|slot| match slot {
        Slot::Param(param) => values_mut(&mut param.value),
        Slot::Table(table) => values_mut(&mut table.value),
        Slot::Kept(values) => values.as_mut_slice(),
    });
    values.collect()
}

/// The optimiser's state of every array of a model, in the same order; running statistics have none.
pub(crate) fn states_of(model: &mut impl Module) -> Vec<Option<&mut Vec<f32>>> {
    let mut slots = Vec::new();
    model.slots(&mut slots);
    let states = slots.into_iter().map(|slot| match slot {
        Slot::Param(param) => Some(&mut param.state),
        Slot::Table(table) => Some(&mut table.state),
        Slot::Kept(_) => None,
    });
    states.collect()
}
