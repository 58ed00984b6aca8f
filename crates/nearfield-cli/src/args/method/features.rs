use std::path::PathBuf;

use clap::Args;
use embed_core::FeatureType;

use super::Given;
use crate::args::values::ValueError;
use crate::shell::CommandLine;

/// What is known of users and items beside what was done.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct FeatureArgs {
    /// Features of users: CSV, TSV or Parquet with a header, the key in the first column
    #[arg(long, value_name = "F")]
    pub(crate) user_features: Option<PathBuf>,

    /// Features of items; those that the log does not have are recommended by their content
    #[arg(long, value_name = "F")]
    pub(crate) item_features: Option<PathBuf>,

    /// What columns of these hold, where their names do not say it (RecBole's :token, :token_seq, :float, :float_seq)
    #[arg(long, value_name = "COLUMN=category|list|number|vector,…", value_parser = types, value_delimiter = ',')]
    pub(crate) feature_types: Vec<(String, FeatureType)>,

    /// The probability with which training takes an item's id for unknown
    #[arg(long, value_name = "P")]
    pub(crate) id_dropout: Option<f32>,

    /// What the vectors of items are multiplied by that training has not seen, so that they do not come too far in front
    #[arg(long, value_name = "0.8")]
    pub(crate) unseen: Option<f32>,

    /// Widths of hidden layers on both sides; without it the features of a side are added up
    #[arg(long, value_name = "256,128", value_delimiter = ',')]
    pub(crate) layers: Vec<usize>,

    /// Leave ids out: users and items are known by their features alone
    #[arg(long)]
    pub(crate) no_ids: bool,
}

fn types(text: &str) -> Result<(String, FeatureType), ValueError> {
    let parts =
        text.rsplit_once('=').and_then(|(name, word)| Some((name.to_owned(), FeatureType::named(word)?)));
    parts.ok_or_else(|| ValueError::FeatureType { got: text.to_owned() })
}

impl Given for FeatureArgs {
    fn append(&self, line: CommandLine) -> CommandLine {
        let list = |parts: Vec<String>| (!parts.is_empty()).then(|| parts.join(","));
        line.maybe("--user-features", self.user_features.as_ref().map(|path| path.display()))
            .maybe("--item-features", self.item_features.as_ref().map(|path| path.display()))
            .maybe(
                "--feature-types",
                list(self.feature_types.iter().map(|(n, t)| format!("{n}={t}")).collect()),
            )
            .maybe("--id-dropout", self.id_dropout)
            .maybe("--unseen", self.unseen)
            .maybe("--layers", list(self.layers.iter().map(ToString::to_string).collect()))
            .flag("--no-ids", self.no_ids)
    }
}

/// Which side of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SideWord {
    User,
    Item,
}
