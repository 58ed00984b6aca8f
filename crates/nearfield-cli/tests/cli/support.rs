use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A folder to call the command in.
pub(crate) struct Place(TempDir);

/// What a call gave.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nearfield"));
        // As from a shell, not from `cargo test`.
        command.current_dir(self.0.path()).env_remove("CARGO_PKG_NAME");
        command
    }

    /// Calls the command with words parted by blanks.
    pub(crate) fn call(&self, words: &str) -> Answer {
        Answer::of(self.command().args(words.split_whitespace()).output().unwrap())
    }

    /// Calls with `--json` and gives the object; the call must succeed.
    pub(crate) fn json(&self, words: &str) -> Value {
        let answer = self.call(&format!("{words} --json"));
        assert_eq!(answer.code, Some(0), "{words}: {answer:?}");
        answer.object()
    }
}

impl Answer {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The object on the last line of stdout.
    pub(crate) fn object(&self) -> Value {
        serde_json::from_str(self.stdout.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A log of two tastes: 60 users, each with 8 of the 20 items of a taste, in time order.
pub(crate) fn two_tastes() -> String {
    let mut csv = "user,item,time\n".to_owned();
    for user in 0..60 {
        let taste = ["tea", "tin"][user % 2];
        for i in 0..8 {
            csv += &format!("u{user:02},{taste}-{:02},{}\n", (user / 2 * 7 + i * 3) % 20, 1000 * user + i);
        }
    }
    csv
}

/// Whether files of two folders are the same, byte by byte.
pub(crate) fn same(a: &Path, b: &Path, names: &[&str]) {
    for name in names {
        assert!(fs::read(a.join(name)).unwrap() == fs::read(b.join(name)).unwrap(), "{name} differs");
    }
}

/// The files of a run in which nothing depends on the machine or the clock.
pub(crate) const FILES: [&str; 6] =
    ["items.safetensors", "keys.txt", "index.nf", "model.nf", "histories.nf", "evaluation.nf"];
