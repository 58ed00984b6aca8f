//! Files of our own: one container for embeddings, indexes and models, and atomic writing for any file.
//!
//! A container has a kind, a small header (serde + bincode) and named sections: raw little-endian arrays on
//! 64-byte borders, each with its checksum. `docs/format.md` is the specification.
//!
//! ```
//! use embed_core::store::{Kind, Reader, SharedSlice, Writer};
//!
//! const KIND: Kind = Kind::new("example", 1);
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("example.nf");
//! let mut writer = Writer::create(&path, KIND, &("steps", 3u32))?;
//! writer.section("weights", &[0.5f32, 1.5])?;
//! writer.finish()?;
//!
//! let reader = Reader::open(&path, KIND)?; // maps the file; `open_verified` also checks every byte
//! let weights: SharedSlice<f32> = reader.section("weights")?;
//! assert_eq!(*weights, [0.5, 1.5]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | use |
//! |---|---|
//! | write a container | [`Writer`] |
//! | open a container | [`Reader`] |
//! | hold an array that is owned or lies in a mapped file | [`SharedSlice`] |
//! | replace any other file in one step | [`atomic_write`], [`AtomicFile`] |
//! | keep keys in a container | [`Writer::vocab`], [`Reader::vocab`]; [`StoredKeys`] reads them when they are asked for |
//! | keep vectors | [`Embeddings::save`](crate::Embeddings::save), [`Embeddings::open`](crate::Embeddings::open); [`Reader::embeddings`] |
//!
//! Not here: the formats of others, which are in [`formats`](crate::formats).
#![deny(unsafe_code)]

mod atomic;
mod codec;
mod element;
mod embeddings;
mod error;
mod keys;
mod layout;
#[allow(unsafe_code)]
mod mmap;
mod reader;
mod slice;
mod vocab;
mod writer;

pub use atomic::{AtomicFile, atomic_write};
pub use codec::CodecError;
pub use element::{Element, ElementType};
pub use error::{Fault, StoreError};
pub use keys::StoredKeys;
pub use layout::Kind;
pub use reader::Reader;
pub use slice::SharedSlice;
pub use writer::Writer;
