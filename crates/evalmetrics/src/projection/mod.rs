//! Vectors on a plane, to be looked at.
//!
//! ```
//! use embed_core::{Run, testkit};
//! use evalmetrics::projection::{Pca, Tsne};
//!
//! let vectors = testkit::clustered(200, 16, 4, 1);
//! let pca = Pca::fit(vectors.view(), 2, &mut Run::default())?;
//! assert_eq!(pca.transform(vectors.view())?.dim(), (200, 2));
//! let tsne = Tsne { epochs: 100, ..Tsne::default() };
//! assert_eq!(tsne.project(vectors.view(), &mut Run::seeded(7))?.dim(), (200, 2));
//! # Ok::<(), evalmetrics::projection::ProjectError>(())
//! ```

mod error;
mod pca;
mod tsne;

pub use error::ProjectError;
pub use pca::Pca;
pub use tsne::Tsne;
