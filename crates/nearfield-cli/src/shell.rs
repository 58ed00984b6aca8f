//! Command lines to paste.

use std::ffi::OsStr;
use std::fmt::Display;
use std::path::Path;

/// How this program was called, as it can be called again from the same place.
pub(crate) fn program() -> String {
    // `cargo run` sets this for the program it starts.
    if std::env::var_os("CARGO_PKG_NAME").is_some_and(|name| name == env!("CARGO_PKG_NAME")) {
        let profile = if cfg!(debug_assertions) { "" } else { " --release" };
        return format!("cargo run{profile} --");
    }
    std::env::args_os().next().map_or_else(|| "nearfield".to_owned(), |name| quoted(&name))
}

/// A word that a shell reads as it is.
pub(crate) fn quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref().to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A command line that grows.
#[derive(Debug)]
pub(crate) struct CommandLine(String);

impl CommandLine {
    pub(crate) fn new(words: &str) -> Self {
        Self(words.to_owned())
    }

    /// `--name`, if it is set.
    pub(crate) fn flag(mut self, name: &str, set: bool) -> Self {
        if set {
            self.0.push(' ');
            self.0.push_str(name);
        }
        self
    }

    /// `--name value`.
    pub(crate) fn value(self, name: &str, value: impl Display) -> Self {
        self.maybe(name, Some(value))
    }

    /// `--name value`, if there is one.
    pub(crate) fn maybe(mut self, name: &str, value: Option<impl Display>) -> Self {
        if let Some(value) = value {
            self.0.push_str(&format!(" {name} {}", quoted(value.to_string())));
        }
        self
    }

    /// `--name path`.
    pub(crate) fn path(self, name: &str, path: &Path) -> Self {
        self.value(name, path.display())
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("jazz-001"), "jazz-001");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
        assert_eq!(quoted(""), "''");
        let line =
            CommandLine::new("run").flag("--json", false).maybe("--dim", None::<u32>).value("--sep", ";");
        assert_eq!(line.finish(), "run --sep ';'");
    }
}
