//! What is good in lists beyond hitting: how much of the catalogue they reach, how new, varied, personal and
//! surprising they are, and whether they are anything but the bestsellers.
//!
//! ```
//! use embed_core::{Csr, Parallelism};
//! use evalmetrics::beyond::{Catalogue, Resemblance, beyond_accuracy};
//!
//! let lists = Csr::from_rows([[0, 1], [0, 1], [1, 2]]); // what was recommended, best first
//! let counts = [90, 50, 40, 2, 1]; // interactions of each item in training
//! let report = beyond_accuracy(&lists, 2, &Catalogue::new(&counts), Parallelism::All)?;
//! assert_eq!(report.exposure.coverage, 3.0 / 5.0);
//! assert_eq!(report.popularity.resemblance, Resemblance::Popularity);
//! # Ok::<(), evalmetrics::beyond::BeyondError>(())
//! ```

mod buckets;
mod catalogue;
mod content;
mod error;
mod exposure;
mod popularity;
mod report;
mod surprise;

pub use buckets::{Bucket, recall_by_popularity, values_by_activity};
pub use catalogue::Catalogue;
pub use content::Freshness;
pub use error::BeyondError;
pub use exposure::{Exposure, exposure, personalisation};
pub use popularity::{PopularityBias, Resemblance};
pub use report::{BeyondReport, beyond_accuracy};
