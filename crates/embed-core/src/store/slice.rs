use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::element::Element;
use super::mmap::Region;

/// An array of numbers that is owned, or lies in a mapped file: what an index or a model holds, so that a
/// freshly built one and an opened one are the same type.
///
/// A clone shares the values and costs O(1). A mapped array keeps its file mapped, also when the
/// [`Reader`](super::Reader) is gone.
///
/// ```
/// use embed_core::store::SharedSlice;
///
/// let mut levels: SharedSlice<u32> = vec![3, 1, 2].into();
/// let before = levels.clone();
/// levels.make_mut().push(7); // copies first, because `before` shares the values
/// assert_eq!((&before[..], &levels[..]), (&[3, 1, 2][..], &[3, 1, 2, 7][..]));
/// ```
#[derive(Clone)]
pub struct SharedSlice<T>(Repr<T>);

#[derive(Clone)]
enum Repr<T> {
    Owned(Arc<Vec<T>>),
    Mapped(Region<T>),
}

impl<T: Element> SharedSlice<T> {
    pub(super) fn mapped(region: Region<T>) -> Self {
        Self(Repr::Mapped(region))
    }

    /// Whether the values lie in a file and not in memory of our own.
    #[must_use]
    pub fn is_mapped(&self) -> bool {
        matches!(self.0, Repr::Mapped(_))
    }

    /// The values to be changed; copies them first when they are mapped or shared.
    pub fn make_mut(&mut self) -> &mut Vec<T> {
        if let Repr::Mapped(region) = &self.0 {
            self.0 = Repr::Owned(Arc::new(region.to_vec()));
        }
        match &mut self.0 {
            Repr::Owned(values) => Arc::make_mut(values),
            Repr::Mapped(_) => unreachable!("replaced above"),
        }
    }

    /// The values as a vector of their own; copies them only when they are mapped or shared.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        match self.0 {
            Repr::Owned(values) => Arc::unwrap_or_clone(values),
            Repr::Mapped(region) => region.to_vec(),
        }
    }
}

impl<T: Element> Deref for SharedSlice<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match &self.0 {
            Repr::Owned(values) => values,
            Repr::Mapped(region) => region,
        }
    }
}

impl<T> From<Vec<T>> for SharedSlice<T> {
    fn from(values: Vec<T>) -> Self {
        Self(Repr::Owned(Arc::new(values)))
    }
}

impl<T> Default for SharedSlice<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T: Element> PartialEq for SharedSlice<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Element> AsRef<[T]> for SharedSlice<T> {
    fn as_ref(&self) -> &[T] {
        self
    }
}

impl<T: Element> fmt::Debug for SharedSlice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSlice")
            .field("len", &self.len())
            .field("mapped", &self.is_mapped())
            .field("first", &&self[..self.len().min(4)])
            .finish()
    }
}
