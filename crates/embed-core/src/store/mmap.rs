//! Bytes of a file as typed slices: the only unsafe code of the file container.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::sync::Arc;

use super::element::Element;

/// The bytes of a container, mapped or in memory, at an address aligned to 64 bytes.
pub(super) enum Backing {
    Mapped(memmap2::Mmap),
    Heap { blocks: Vec<Block>, len: usize },
}

/// Gives the heap form the alignment that a mapping has anyway.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Block([u8; 64]);

impl Backing {
    /// Maps a whole file.
    ///
    /// What the map shows is what the file holds, so it must stay as it is while the map lives. Our writers
    /// keep to this: they never write into a file that has its name, but replace it by a rename, and the map
    /// goes on to show the old file. Another program that writes into the file in place changes values under
    /// the reader; one that truncates it in place makes an access beyond the new end kill the process
    /// (`SIGBUS` on Unix). Where that must be excluded, read the file into memory instead
    /// ([`Reader::read`](super::Reader::read)).
    pub(super) fn map(file: &File) -> io::Result<Self> {
        // SAFETY: the map is read-only and private to this type. That nobody changes the file meanwhile cannot
        // be enforced from here; it is the documented condition of every function that opens a map. A change
        // in place can alter values but not break what the library relies on for memory safety: bounds come
        // from lengths that were copied at opening, every bit pattern of an `Element` is a value, and text is
        // checked on the copy that is used.
        Ok(Self::Mapped(unsafe { memmap2::Mmap::map(file)? }))
    }

    /// A copy of `bytes` at an aligned address.
    pub(super) fn copy(bytes: &[u8]) -> Self {
        let mut blocks = Vec::with_capacity(bytes.len().div_ceil(64));
        for chunk in bytes.chunks(64) {
            let mut block = Block([0; 64]);
            block.0[..chunk.len()].copy_from_slice(chunk);
            blocks.push(block);
        }
        Self::Heap { blocks, len: bytes.len() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            // SAFETY: `blocks` is initialised memory of `64 · blocks.len()` bytes without padding, `len` is at
            // most that (it was rounded up in `copy`), and the borrow of `self` keeps it alive and unchanged.
            Self::Heap { blocks, len } => unsafe {
                std::slice::from_raw_parts(blocks.as_ptr().cast::<u8>(), *len)
            },
        }
    }
}

/// Values of type `T` that lie in a [`Backing`] and keep it alive.
pub(super) struct Region<T> {
    backing: Arc<Backing>,
    /// Invariant: within `backing`, a whole number of values, at an address aligned for `T`.
    range: Range<usize>,
    values: PhantomData<T>,
}

impl<T: Element> Region<T> {
    /// `None` when the range is out of bounds, unaligned, or not a whole number of values.
    pub(super) fn new(backing: Arc<Backing>, range: Range<usize>) -> Option<Self> {
        let bytes = backing.bytes().get(range.clone())?;
        let fits = bytes.as_ptr().cast::<T>().is_aligned() && bytes.len().is_multiple_of(size_of::<T>());
        fits.then_some(Self { backing, range, values: PhantomData })
    }
}

impl<T: Element> Deref for Region<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        let bytes = &self.backing.bytes()[self.range.clone()];
        // SAFETY: `new` has checked that the range is aligned for `T` and holds a whole number of values, and
        // neither the address nor the length of a backing ever changes. `Element` is sealed: plain numbers, for
        // which every bit pattern is a value. The borrow of `self` keeps the backing alive.
        unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast::<T>(), bytes.len() / size_of::<T>()) }
    }
}

impl<T> Clone for Region<T> {
    fn clone(&self) -> Self {
        Self { backing: Arc::clone(&self.backing), range: self.range.clone(), values: PhantomData }
    }
}

/// The bytes of `values` as they lie in memory.
pub(super) fn as_bytes<T: Element>(values: &[T]) -> &[u8] {
    // SAFETY: `Element` is sealed: plain numbers without padding, so each of the `size_of_val` bytes is
    // initialised; a `u8` has no alignment; the result borrows from `values`.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast::<u8>(), size_of_val(values)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_aligned_and_equal() {
        for len in [0, 1, 63, 64, 65, 200] {
            let bytes: Vec<u8> = (0..len).collect();
            let backing = Backing::copy(&bytes);
            assert_eq!(backing.bytes(), bytes);
            assert!(backing.bytes().as_ptr().cast::<Block>().is_aligned());
        }
    }

    #[test]
    fn a_region_is_in_bounds_aligned_and_whole() {
        let backing = Arc::new(Backing::copy(as_bytes(&[1.0f32, 2.0, 3.0])));
        let region = |range| Region::<f32>::new(Arc::clone(&backing), range);
        assert_eq!(*region(4..12).unwrap(), [2.0, 3.0]);
        assert_eq!(*region(12..12).unwrap(), [0.0f32; 0]);
        for range in [1..5, 0..3, 8..16, 16..16] {
            assert!(region(range.clone()).is_none(), "{range:?}");
        }
    }
}
