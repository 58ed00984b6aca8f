/// A setting of streaming counts, queues or corrections that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A setting out of its range.
    #[error("{name} is {got}, must be in {least}..={most}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        got: f64,
        /// Least value.
        least: f64,
        /// Greatest value.
        most: f64,
    },
    /// Lists that belong together differ in length.
    #[error("{what}: expected {expected}, got {got}")]
    Length {
        /// What is of the wrong length.
        what: &'static str,
        /// The length asked for.
        expected: usize,
        /// Its length.
        got: usize,
    },
}
