use embed_core::formats::FormatError;
use embed_core::store::StoreError;

/// Why a model could not be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A file cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The arrays cannot be written.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Protobuf knows no messages of 2 GiB.
    #[error("the {tower} tower takes {bytes} bytes, and an ONNX file holds fewer than 2147483648")]
    TooLarge {
        /// Which tower.
        tower: crate::features::Side,
        /// Its bytes.
        bytes: usize,
    },
}
