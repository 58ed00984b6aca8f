//! Files of others: vectors and keys in the formats that gensim, NumPy, PyTorch and the benchmarks use.
//!
//! Every parser takes bytes from anywhere: it gives a value or an error that names the place, never panics,
//! and reserves no more memory than the bytes justify. NaN, infinities, duplicate keys and rows of another
//! length are errors; nothing is skipped. Every file is written in one step
//! ([`atomic_write`](crate::store::atomic_write)).
//!
//! ```
//! use embed_core::{Embeddings, Vocab, formats};
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("items.txt");
//! let items = Embeddings::new(Vocab::from_keys(["tent", "stove"])?, ndarray::array![[1.0, 0.5], [0.0, 2.0]])?;
//! formats::write_vectors(&path, &items)?; // .txt is word2vec text
//! assert_eq!(formats::read_vectors(&path)?.get("stove"), Some(&[0.0, 2.0][..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | extension | format | keys | module |
//! |---|---|---|---|
//! | `.nf` | our own container | yes | [`store`](crate::store) |
//! | `.txt`, `.vec` | word2vec text | without white space | [`word2vec`] |
//! | `.bin` | word2vec binary | without white space | [`word2vec`] |
//! | `.safetensors` | named tensors | in `keys.txt` beside it | [`safetensors`], [`keys`] |
//! | `.npy` | one NumPy array | row numbers | [`npy`] |
//! | `.idx`, `…-ubyte`, both also `.gz` | IDX images and labels, read only | row numbers | [`idx`] |
//! | `.fvecs`, `.bvecs` | benchmark vectors, read only | row numbers | [`vecs`] |
//!
//! Only the container has checksums. Of these formats only the container and [`safetensors`] record the
//! [`Space`](crate::Space) of the vectors; what comes from the others is in [`Space::ANY`](crate::Space::ANY).
#![forbid(unsafe_code)]

mod error;
pub mod idx;
pub mod keys;
pub mod npy;
mod rows;
pub mod safetensors;
pub mod vecs;
mod vectors;
pub mod word2vec;

pub use error::{FormatError, ParseError};
pub use rows::MAX_DIM;
pub use vectors::{Format, read_tensor, read_vectors, write_vectors};
