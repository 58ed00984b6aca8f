use std::path::PathBuf;

use clap::Args;

use super::WorkArgs;
use crate::report::Projection;

/// `nearfield report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Folders of runs, the first one in front (the map is of its items); folders of `index bench`, too
    #[arg(long, value_name = "DIR", required = true, num_args = 1..)]
    pub(crate) runs: Vec<PathBuf>,

    /// The page to write
    #[arg(long, value_name = "F.html", default_value = "report.html")]
    pub(crate) out: PathBuf,

    /// Labels that colour the map: a key and a label a line (.csv, .tsv), several labels parted by |
    #[arg(long, value_name = "F")]
    pub(crate) labels: Option<PathBuf>,

    /// How the map is made; by default t-SNE up to 10,000 items, then PCA
    #[arg(long, value_name = "tsne|pca")]
    pub(crate) map: Option<Projection>,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}
