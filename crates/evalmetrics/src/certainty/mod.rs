//! How sure a figure is: intervals, tests between two runs, corrections for many comparisons.
//!
//! All of it works on values of users, as [`crate::PerUser`] keeps them.
//!
//! ```
//! use embed_core::Run;
//! use evalmetrics::certainty::{BootstrapParams, RandomisationParams, bootstrap, holm, paired_randomisation};
//!
//! let (a, b) = ([0.9, 0.4, 0.8, 0.7, 0.6, 0.5], [0.8, 0.1, 0.5, 0.6, 0.6, 0.2]);
//! let interval = bootstrap(&a, &BootstrapParams::default(), &mut Run::seeded(1))?;
//! assert!(interval.low < interval.mean && interval.mean < interval.high);
//! let test = paired_randomisation(&a, &b, &RandomisationParams::default(), &mut Run::seeded(1))?;
//! assert_eq!(test.p, 2.0 / 32.0); // of the 32 ways to give five differences a sign, two are as extreme
//! assert_eq!(holm(&[0.01, 0.03])?, [0.02, 0.03]);
//! # Ok::<(), evalmetrics::certainty::CertaintyError>(())
//! ```

mod bootstrap;
mod compare;
mod correction;
mod error;
mod normal;
mod randomisation;

pub use bootstrap::{BootstrapParams, Interval, bootstrap, bootstrap_columns};
pub use compare::{CompareParams, Comparison, Correction, compare};
pub use correction::{benjamini_hochberg, holm};
pub use error::CertaintyError;
pub use randomisation::{PairedTest, RandomisationParams, paired_randomisation};
