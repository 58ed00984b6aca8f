//! What `nearfield index bench` leaves in its folder.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::CliError;
use crate::index::Bench;

/// Name of the file in the folder.
pub(crate) const FILE: &str = "bench.json";

/// Most bytes of a file that may be one.
const LIMIT: u64 = 16 << 20;

/// Reads the bench of a folder, if it holds one.
///
/// # Errors
/// [`CliError::Read`], [`CliError::BadBench`].
pub(super) fn read(dir: &Path) -> Result<Option<Bench>, CliError> {
    let path = dir.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let mut text = String::new();
    let read = File::open(&path).and_then(|file| file.take(LIMIT).read_to_string(&mut text));
    read.map_err(|source| CliError::Read { path: path.clone(), source })?;
    serde_json::from_str(&text).map(Some).map_err(|source| CliError::BadBench { path, source })
}
