//! `run.json`: what a run was, so that it can be repeated, and the mark by which its folder is known.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

use crate::error::CliError;

/// Name of the file in the folder.
pub(crate) const FILE: &str = "run.json";

/// The value of `format` in every such file.
const FORMAT: &str = "nearfield-run";

/// Most bytes of a file that may be a manifest.
const LIMIT: u64 = 16 << 20;

/// A file that a run read.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct InputFile {
    path: PathBuf,
    bytes: Option<u64>,
    /// XXH3 of the bytes as stored, 64 bits in hexadecimal; none for what can be read only once.
    xxh3: Option<String>,
}

impl InputFile {
    /// Reads the file once for its checksum.
    pub(crate) fn of(path: &Path) -> Result<Self, CliError> {
        let failed = |source| CliError::Read { path: path.to_owned(), source };
        // A pipe cannot be read again, and opening it would wait for a writer.
        if !fs::metadata(path).map_err(failed)?.is_file() {
            return Ok(Self { path: path.to_owned(), bytes: None, xxh3: None });
        }
        let mut file = File::open(path).map_err(failed)?;
        let (mut hash, mut bytes, mut buffer) = (Xxh3::new(), 0, vec![0; 1 << 16]);
        loop {
            let n = file.read(&mut buffer).map_err(failed)?;
            if n == 0 {
                break;
            }
            hash.update(&buffer[..n]);
            bytes += n as u64;
        }
        let xxh3 = format!("{:016x}", hash.digest());
        Ok(Self { path: path.to_owned(), bytes: Some(bytes), xxh3: Some(xxh3) })
    }

    /// The same under the name by which it will be found.
    pub(crate) fn called(self, path: &Path) -> Self {
        Self { path: path.to_owned(), ..self }
    }
}

/// Whether a folder holds a run of ours.
pub(crate) fn marks(dir: &Path) -> bool {
    read(dir).is_ok_and(|manifest| manifest["format"] == FORMAT)
}

/// The manifest of a folder.
///
/// # Errors
/// [`CliError::Read`], [`CliError::BadManifest`].
pub(crate) fn read(dir: &Path) -> Result<Value, CliError> {
    let path = dir.join(FILE);
    let mut text = String::new();
    File::open(&path)
        .and_then(|file| file.take(LIMIT).read_to_string(&mut text))
        .map_err(|source| CliError::Read { path: path.clone(), source })?;
    serde_json::from_str(&text).map_err(|source| CliError::BadManifest { path, source })
}

/// Writes the manifest: `body` under the mark and the version.
///
/// # Errors
/// [`CliError::Json`], [`CliError::Write`].
pub(crate) fn write(path: &Path, body: &impl Serialize) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Marked<'a, T> {
        format: &'static str,
        format_version: u32,
        nearfield: &'static str,
        #[serde(flatten)]
        body: &'a T,
    }
    let marked = Marked { format: FORMAT, format_version: 1, nearfield: env!("CARGO_PKG_VERSION"), body };
    let mut text = serde_json::to_string_pretty(&marked).map_err(|source| CliError::Json { source })?;
    text.push('\n');
    fs::File::create(path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(|source| CliError::Write { path: path.to_owned(), source })
}
