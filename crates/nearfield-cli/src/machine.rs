//! The machine a run was made on.

use serde::Serialize;

/// What tells why times differ.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    processor: Option<String>,
    cores: usize,
    architecture: &'static str,
    instructions: &'static str,
    system: &'static str,
}

impl Machine {
    /// This one.
    pub(crate) fn this() -> Self {
        Self {
            processor: processor(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            architecture: std::env::consts::ARCH,
            instructions: embed_core::kernel::isa().name(),
            system: std::env::consts::OS,
        }
    }
}

/// As Linux calls it; other systems have no file that says it.
fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}
