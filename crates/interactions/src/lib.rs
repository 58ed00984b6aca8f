//! Logs of interactions (who took what, when, with what weight): reading them from files, filtering, cutting
//! into sessions, splitting into train and test. Keys are any strings; inside they are dense `u32` ids.
//!
//! ```
//! use interactions::{Keep, Log, ReadOptions, Split};
//!
//! let file = "user,item,time\nann,tent,10\nann,stove,20\nbob,tent,15\nbob,tent,16\n";
//! let (log, report) = Log::read_from(file.as_bytes(), "visits.csv", &ReadOptions::default())?;
//! assert_eq!((report.rows, log.n_users(), log.n_items()), (4, 2, 2));
//!
//! let (log, dropped) = log.dedup(Keep::First);
//! assert_eq!((log.len(), dropped.interactions), (3, 1));
//! let (train, test) = Split::LastOut.apply(&log, 42)?;
//! assert_eq!((train.len(), test.len()), (2, 1));
//! assert_eq!(log.histories().row(0), [0, 1], "ann took the tent, then the stove");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | use |
//! |---|---|
//! | hold a log | [`Log`], made by hand with [`LogBuilder`] |
//! | read one file, or train and test together | [`Log::read`], [`Log::read_train_test`] |
//! | say how a file is laid out | [`ReadOptions`], [`Format`], [`Columns`], [`BadRows`] |
//! | know what was read and what was not | [`ReadReport`], [`RowError`] |
//! | pass over a file larger than memory | [`for_each_interaction`] |
//! | train from disk, a pass an epoch | [`FileSequences`] |
//! | read next-item tasks (`item item …<TAB>target`) | [`read_prefixes`], [`PrefixTasks`] |
//! | read what is known of users or items | [`read_features`], [`FeatureOptions`] |
//! | drop repeats, rare users and items | [`Log::dedup`], [`Log::k_core`] |
//! | cut into sessions | [`Log::sessions`], [`Log::sequences`], [`Log::histories`] |
//! | hold out a test part | [`Split`] |
//! | find out whether training knows what it should not | [`Split::check`], [`Leakage`] |
//!
//! | format | file names | a line is |
//! |---|---|---|
//! | [`Format::Csv`] | `.csv` | an interaction, fields parted by commas, quoting as in RFC 4180 |
//! | [`Format::Tsv`] | `.tsv`, `.tab`, `.inter` | the same, parted by tabs |
//! | [`Format::UserItems`] | `.txt` | a user, then its items, parted by blanks |
//! | [`Format::Sessions`] | (by option) | a session's items, parted by blanks |
//! | [`Format::Parquet`] | `.parquet`, `.pq` | (feature `parquet`) |
//!
//! Text may be packed with gzip (`.gz`). Everything is deterministic and runs on the calling thread.
//!
//! Not in this crate: coding of features, models, metrics.

#![forbid(unsafe_code)]

mod builder;
mod error;
mod filter;
mod group;
mod leakage;
mod log;
mod read;
mod sessions;
mod split;
mod write;

pub use builder::LogBuilder;
pub use error::{LeakageError, LogError, ParseSplitError, SplitError};
pub use filter::{Dropped, Keep};
pub use leakage::Leakage;
pub use log::{Interaction, Log};
pub use read::{
    BadRows, Column, ColumnNames, Columns, Compression, FeatureOptions, Field, FileSequences, Format,
    OptionsError, Place, PrefixTasks, ReadError, ReadOptions, ReadReport, RowError, RowProblem, TimeUnit,
    for_each_interaction, for_each_interaction_from, is_prefix_file, read_features, read_features_from,
    read_prefixes, read_prefixes_from,
};
pub use split::Split;
