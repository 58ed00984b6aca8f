use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use nearfield::seqemb::{Architecture, Exclude, Params, Subsample, Window};

use super::Given;
use crate::args::values::Contexts;
use crate::shell::CommandLine;

/// How sequences are trained on. What is not given is the preset's.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SequenceArgs {
    /// What predicts what: an item its contexts, or the mean of the contexts the item
    #[arg(long, value_name = "skip-gram|cbow")]
    architecture: Option<Predicts>,

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

    /// Items that are more than this share of all are left out at random, as in word2vec (1e-3 to 1e-5)
    #[arg(long, value_name = "T")]
    subsample: Option<f64>,

    /// Where negatives come from: all items alike, by count, half of each, or by count and, in the last half of the passes, a
    /// fifth of what the model confuses
    #[arg(long, value_name = "uniform|popularity|mixed|hard")]
    sampler: Option<Sampler>,

    /// Keep the state after each pass in this file, and go on from it when it is there; Ctrl-C leaves the last one
    #[arg(long, value_name = "F")]
    checkpoint: Option<PathBuf>,
}

/// What predicts what, as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Predicts {
    SkipGram,
    Cbow,
}

/// Where negatives come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Sampler {
    Uniform,
    #[default]
    Popularity,
    Mixed,
    Hard,
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
        let architecture = match self.architecture {
            None => preset.architecture,
            Some(Predicts::SkipGram) => Architecture::SkipGram,
            Some(Predicts::Cbow) => Architecture::Cbow,
        };
        // What stands in the same sequence is no hard negative.
        let exclude = if self.sampler() == Sampler::Hard { Exclude::Sequence } else { preset.exclude };
        Params {
            architecture,
            exclude,
            subsample: self.subsample.map(Subsample::Code).or(preset.subsample),
            window,
            negatives: self.negatives.map_or(preset.negatives, |n| n as usize),
            exponent: self.exponent.unwrap_or(preset.exponent),
            rate,
            floor_rate: preset.floor_rate.min(rate),
            ..preset
        }
    }

    /// Where negatives come from.
    pub(crate) fn sampler(&self) -> Sampler {
        self.sampler.unwrap_or_default()
    }

    /// Where the state is kept.
    pub(crate) fn checkpoint(&self) -> Option<&Path> {
        self.checkpoint.as_deref()
    }
}

/// A choice as it is typed.
fn word(choice: impl ValueEnum) -> Option<String> {
    Some(choice.to_possible_value()?.get_name().to_owned())
}

impl Given for SequenceArgs {
    fn append(&self, line: CommandLine) -> CommandLine {
        line.maybe("--architecture", self.architecture.and_then(word))
            .maybe("--window", self.window)
            .maybe("--negatives", self.negatives)
            .maybe("--exponent", self.exponent)
            .maybe("--rate", self.rate)
            .maybe("--subsample", self.subsample)
            .maybe("--sampler", self.sampler.and_then(word))
            .maybe("--checkpoint", self.checkpoint.as_ref().map(|path| path.display()))
    }
}
