//! The folder of a run: whose it is, and how it changes hands in one go.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::CliError;
use crate::manifest;

/// Where files wait until all are whole. A crash leaves it behind; the next run clears it away.
const STAGE: &str = ".nearfield-partial";

/// An out folder that may be written: new, empty, or an earlier run's.
///
/// Files are written aside and moved in by [`OutDir::commit`], so that a full disk or a crash while saving
/// leaves an earlier run as it was.
#[derive(Debug)]
pub(crate) struct OutDir {
    dir: PathBuf,
    made: bool,
    committed: bool,
}

impl OutDir {
    /// Claims a folder before the work starts.
    ///
    /// # Errors
    /// [`CliError::NotARun`] when something else is in it, [`CliError::Write`] when it cannot be made.
    pub(crate) fn claim(dir: &Path) -> Result<Self, CliError> {
        let made = match fs::read_dir(dir) {
            Ok(entries) => {
                check_owner(dir, entries)?;
                false
            }
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Err(CliError::NotAFolder { path: dir.to_owned() });
            }
            Err(source) => return Err(CliError::Read { path: dir.to_owned(), source }),
        };
        let claimed = Self { dir: dir.to_owned(), made, committed: false };
        let stage = claimed.stage();
        if stage.exists() {
            fs::remove_dir_all(&stage).map_err(|source| CliError::Write { path: stage.clone(), source })?;
        }
        fs::create_dir_all(&stage).map_err(|source| CliError::Write { path: stage, source })?;
        Ok(claimed)
    }

    fn stage(&self) -> PathBuf {
        self.dir.join(STAGE)
    }

    /// Where to write a file that will be called `name` in the folder.
    pub(crate) fn staged(&self, name: &str) -> PathBuf {
        self.stage().join(name)
    }

    /// Moves all files in; the manifest last, so that it only stands beside what it describes.
    ///
    /// # Errors
    /// [`CliError::Write`].
    pub(crate) fn commit(mut self) -> Result<(), CliError> {
        let stage = self.stage();
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| CliError::Write { path, source }
        };
        let entries = fs::read_dir(&stage).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut names: Vec<_> =
            entries.map_err(failed(&stage))?.iter().map(fs::DirEntry::file_name).collect();
        names.sort_by_key(|name| (name == manifest::FILE, name.clone()));
        for name in names {
            let target = self.dir.join(&name);
            fs::rename(stage.join(&name), &target).map_err(failed(&target))?;
        }
        self.committed = true;
        fs::remove_dir(&stage).map_err(failed(&stage))
    }
}

impl Drop for OutDir {
    fn drop(&mut self) {
        if !self.committed {
            // Best effort: what stays behind is cleared away by the next run.
            let _ = fs::remove_dir_all(self.stage());
            if self.made {
                let _ = fs::remove_dir(&self.dir);
            }
        }
    }
}

fn check_owner(dir: &Path, entries: fs::ReadDir) -> Result<(), CliError> {
    let mut foreign = false;
    for entry in entries {
        let entry = entry.map_err(|source| CliError::Read { path: dir.to_owned(), source })?;
        foreign |= entry.file_name() != STAGE;
    }
    if foreign && !manifest::marks(dir) {
        return Err(CliError::NotARun { path: dir.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_foreign_folder_is_refused_and_untouched() {
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join("thesis.txt"), "years of work");
        assert!(matches!(OutDir::claim(root.path()), Err(CliError::NotARun { .. })));
        write(&root.path().join("run.json"), "{\"format\": \"something else\"}");
        assert!(matches!(OutDir::claim(root.path()), Err(CliError::NotARun { .. })));
        assert!(matches!(OutDir::claim(&root.path().join("thesis.txt")), Err(CliError::NotAFolder { .. })));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
    }

    #[test]
    fn an_abandoned_run_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("new");
        let out = OutDir::claim(&dir).unwrap();
        write(&out.staged("items"), "half");
        drop(out);
        assert!(!dir.exists());
    }

    #[test]
    fn files_move_in_together_and_a_crash_is_cleared_away() {
        let root = tempfile::tempdir().unwrap();
        let out = OutDir::claim(root.path()).unwrap();
        write(&out.staged("items"), "one");
        write(&out.staged(manifest::FILE), "{\"format\": \"nearfield-run\"}");
        std::mem::forget(out);
        let out = OutDir::claim(root.path()).unwrap();
        assert!(!out.staged("items").exists());
        write(&out.staged("items"), "two");
        write(&out.staged(manifest::FILE), "{\"format\": \"nearfield-run\"}");
        out.commit().unwrap();
        assert_eq!(fs::read_to_string(root.path().join("items")).unwrap(), "two");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
        assert!(OutDir::claim(root.path()).is_ok(), "an earlier run's folder may be replaced");
    }
}
