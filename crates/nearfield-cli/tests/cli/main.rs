//! The command as its users meet it: the real binary, its exit codes, its two streams, its files.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod bad_input;
mod bench;
#[cfg(unix)]
mod browser;
#[cfg(unix)]
mod cancel;
mod demo;
mod dssm;
mod eval;
mod folder;
mod graph;
mod index;
mod inspect;
mod options;
mod report;
mod run;
mod support;
mod train;
