use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::StoreError;

const BUFFER: usize = 1 << 18;

/// A file that takes its name only when it is complete.
///
/// What is written goes to a temporary file in the same folder. [`AtomicFile::commit`] brings it to the disk
/// (fsync), renames it over the target and brings the folder to the disk. Until then, and after any error, the
/// target is as it was; dropping an `AtomicFile` removes the temporary. A process that is killed leaves the
/// temporary (`.nearfield-*.nf.tmp`) and the old target.
///
/// A replaced file keeps its permissions; a new one gets those of the umask. A symbolic link stays, and what
/// it points at is replaced.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    target: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl AtomicFile {
    /// Starts a file that is to replace `path`, or to be new there.
    ///
    /// # Errors
    /// - [`StoreError::NotAFile`] when `path` is a folder, a device or a pipe.
    /// - [`StoreError::Io`] when no file can be made in its folder.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let io = |action| {
            let path = path.clone();
            move |source| StoreError::Io { path, action, source }
        };
        let target = match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_symlink() => fs::canonicalize(&path).map_err(io("follow the link"))?,
            _ => path.clone(),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".nearfield-").suffix(".nf.tmp");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let existing = match fs::metadata(&target) {
            Ok(meta) if !meta.is_file() => return Err(StoreError::NotAFile { path }),
            Ok(meta) => Some(meta.permissions()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io("look it up")(error)),
        };
        let file =
            builder.tempfile_in(folder_of(&target)).map_err(io("create a temporary file beside it"))?;
        if let Some(permissions) = existing {
            file.as_file().set_permissions(permissions).map_err(io("set the permissions"))?;
        }
        Ok(Self { path, target, file: BufWriter::with_capacity(BUFFER, file) })
    }

    /// The path as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the finished file its name.
    ///
    /// # Errors
    /// [`StoreError::Io`]: the target is then as it was, except when only "sync the folder" failed: then the
    /// new file is in place, and it is not known whether that outlasts a power cut.
    pub fn commit(self) -> Result<(), StoreError> {
        let Self { path, target, file } = self;
        let io = |action| {
            let path = path.clone();
            move |source| StoreError::Io { path, action, source }
        };
        let temporary = file.into_inner().map_err(|error| io("write")(error.into_error()))?;
        temporary.as_file().sync_all().map_err(io("sync the file"))?;
        temporary.persist(&target).map_err(|error| io("rename the temporary file")(error.error))?;
        sync_folder(folder_of(&target)).map_err(io("sync the folder"))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}

/// Writes a whole file in one step: after a crash or an error, `path` is as it was before or as `write` made it.
///
/// ```
/// use std::io::Write;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("run.json");
/// embed_core::store::atomic_write(&path, |file| writeln!(file, "{{\"seed\": 7}}"))?;
/// # assert_eq!(std::fs::read_to_string(path)?, "{\"seed\": 7}\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`AtomicFile::create`] and [`AtomicFile::commit`]; an error of `write` becomes [`StoreError::Io`].
pub fn atomic_write(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut AtomicFile) -> io::Result<()>,
) -> Result<(), StoreError> {
    let mut file = AtomicFile::create(path)?;
    write(&mut file).map_err(|source| StoreError::Io { path: file.path.clone(), action: "write", source })?;
    file.commit()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes a rename durable. Not every system can open a folder; those give their own guarantee or none.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn an_error_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        atomic_write(&path, |file| file.write_all(b"old")).unwrap();
        let error = atomic_write(&path, |file| {
            file.write_all(&vec![b'x'; 3 * BUFFER])?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert!(matches!(error, StoreError::Io { action: "write", .. }), "{error}");
        drop(AtomicFile::create(&path).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn what_is_no_file_is_refused_and_a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(AtomicFile::create(folder.path()), Err(StoreError::NotAFile { .. })));
        let error = AtomicFile::create(folder.path().join("missing/a.txt")).unwrap_err();
        assert!(error.to_string().contains("missing"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.txt"), folder.path().join("link"));
        atomic_write(&path, |file| file.write_all(b"old")).unwrap();
        fs::write(&link, "").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&link), "a new file gets what the umask allows");
        fs::remove_file(&link).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("a.txt", &link).unwrap();
        atomic_write(&link, |file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(mode(&path) & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
