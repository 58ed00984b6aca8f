//! What `nearfield index bench` leaves in its folder.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use crate::error::CliError;

/// Name of the file in the folder.
pub(crate) const FILE: &str = "bench.json";

/// Most bytes of a file that may be one.
const LIMIT: u64 = 16 << 20;

/// Indexes that were measured over the same vectors and queries.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Bench {
    #[serde(skip)]
    pub(super) name: String,
    pub(super) results: Vec<Measured>,
}

/// One index.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Measured {
    pub(super) spec: String,
    pub(super) build_seconds: Option<f64>,
    pub(super) bytes_per_vector: Option<f64>,
    pub(super) curve: Vec<Point>,
}

/// How an index does at one effort.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Point {
    pub(super) recall: f64,
    pub(super) qps_single: Option<f64>,
    pub(super) qps_batch: Option<f64>,
    pub(super) p50_us: Option<f64>,
    pub(super) p99_us: Option<f64>,
}

impl Bench {
    /// Reads the bench of a folder, if it holds one.
    ///
    /// # Errors
    /// [`CliError::Read`], [`CliError::BadBench`].
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, CliError> {
        let path = dir.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let mut text = String::new();
        let read = File::open(&path).and_then(|file| file.take(LIMIT).read_to_string(&mut text));
        read.map_err(|source| CliError::Read { path: path.clone(), source })?;
        let bench: Self =
            serde_json::from_str(&text).map_err(|source| CliError::BadBench { path, source })?;
        Ok(Some(Self { name: dir.display().to_string(), ..bench }))
    }
}
