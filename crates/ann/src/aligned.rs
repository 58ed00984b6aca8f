use std::ops::Deref;

use embed_core::store::{Element, SharedSlice};

/// Bytes of a cache line, and of the widest vector register.
const BORDER: usize = 64;

/// An array whose first value lies on a 64-byte border, so that rows of a multiple of 64 bytes never straddle
/// one more cache line than they must. Sections of a mapped file lie on such a border by themselves.
#[derive(Debug, Clone)]
pub(crate) struct Aligned<T: Element> {
    data: SharedSlice<T>,
    start: usize,
    len: usize,
}

impl<T: Element + Default> Aligned<T> {
    /// An array of `len` values, written by `fill`.
    pub(crate) fn new(len: usize, fill: impl FnOnce(&mut [T])) -> Self {
        let spare = BORDER / size_of::<T>();
        let mut data = vec![T::default(); len + spare];
        let start = data.as_ptr().align_offset(BORDER).min(spare);
        fill(&mut data[start..start + len]);
        Self { data: data.into(), start, len }
    }

    /// An array of the first `len` values.
    pub(crate) fn collect(len: usize, values: impl Iterator<Item = T>) -> Self {
        Self::new(len, |slots| slots.iter_mut().zip(values).for_each(|(slot, value)| *slot = value))
    }

    pub(crate) fn copy(values: &[T]) -> Self {
        Self::new(values.len(), |slots| slots.copy_from_slice(values))
    }
}

impl<T: Element> Aligned<T> {
    /// The values to be changed; copies them first when they are mapped or shared.
    pub(crate) fn make_mut(&mut self) -> &mut [T] {
        &mut self.data.make_mut()[self.start..self.start + self.len]
    }
}

impl<T: Element> From<SharedSlice<T>> for Aligned<T> {
    fn from(data: SharedSlice<T>) -> Self {
        let len = data.len();
        Self { data, start: 0, len }
    }
}

impl<T: Element> Deref for Aligned<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.data[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_lies_on_a_border() {
        for len in [0, 1, 15, 16, 17, 1000] {
            let array = Aligned::<f32>::new(len, |slots| slots.fill(2.0));
            assert!(len == 0 || array.as_ptr().align_offset(BORDER) == 0);
            assert_eq!(*array, vec![2.0; len]);
            assert_eq!(*array.clone(), *array);
        }
    }
}
