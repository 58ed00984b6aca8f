use std::path::PathBuf;

use clap::Args;

/// `nearfield export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The folder of a run of towers: mf, youtube-dnn, contrastive, dssm
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,

    /// Folder for user.onnx, item.onnx, weights.safetensors and schema.json; it is made if it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}
