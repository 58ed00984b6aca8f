use clap::Args;
use nearfield::seqemb::{Params, Window};

use super::Given;
use crate::args::values::Contexts;
use crate::shell::CommandLine;

/// How sequences are trained on. What is not given is the preset's.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SequenceArgs {
    /// Contexts of an item: those up to W places away in its sequence, or a few from anywhere in it
    #[arg(long, value_name = "W|basket")]
    window: Option<Contexts>,

    /// Negatives a pair
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(0..=65_536))]
    negatives: Option<u32>,

    /// Negatives are drawn by count to the power of A
    #[arg(long, value_name = "A", allow_hyphen_values = true)]
    exponent: Option<f64>,

    /// Learning rate of the first pair
    #[arg(long, value_name = "R")]
    rate: Option<f32>,
}

impl SequenceArgs {
    /// The settings that were given, in place of those of `preset`.
    pub(crate) fn over(&self, preset: Params) -> Params {
        let window = match (self.window, preset.window) {
            (None, window) | (Some(Contexts::Basket), window @ Window::Basket { .. }) => window,
            (Some(Contexts::Basket), Window::Sliding { .. }) => Params::basket().window,
            (Some(Contexts::Sliding(size)), _) => Window::Sliding { size, dynamic: true },
        };
        let rate = self.rate.unwrap_or(preset.rate);
        Params {
            window,
            negatives: self.negatives.map_or(preset.negatives, |n| n as usize),
            exponent: self.exponent.unwrap_or(preset.exponent),
            rate,
            floor_rate: preset.floor_rate.min(rate),
            ..preset
        }
    }
}

impl Given for SequenceArgs {
    fn append(&self, line: CommandLine) -> CommandLine {
        line.maybe("--window", self.window)
            .maybe("--negatives", self.negatives)
            .maybe("--exponent", self.exponent)
            .maybe("--rate", self.rate)
    }
}
