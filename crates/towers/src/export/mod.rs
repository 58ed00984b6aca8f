//! Models for other programs: both towers as ONNX graphs with their normalisations folded, and every array as safetensors.
//!
//! | file | holds | inputs | output |
//! |---|---|---|---|
//! | `user.onnx` | the user tower | `id`, `feature.COLUMN`, `history` as far as the model has them | `vector` `[n, dim]` |
//! | `item.onnx` | the item tower | `id`, `feature.COLUMN` | `vector` `[n, dim]` |
//! | `weights.safetensors` | every array under its name, nothing folded | | |
//!
//! | input | type | what |
//! |---|---|---|
//! | `id` | int64 `[n]` | of [`IdTowers`](crate::IdTowers) the row; of [`Dssm`](crate::Dssm) the code, 0 for unknown |
//! | `feature.COLUMN` of a category | int64 `[n]` | the code |
//! | … of a list | int64 `[n, any]` | codes, 0 where there is none |
//! | … of a number | double `[n, 1]` | as it is: the graph standardises |
//! | … of a vector | float `[n, width]` | as it is |
//! | `history` | int64 `[n, most]` | row of the item + 1, the last item in the last column, 0 before the first |

mod dssm;
mod error;
mod graph;
mod id_towers;
mod layers;
mod proto;

pub use error::ExportError;

use std::io::Write;
use std::path::Path;

use embed_core::formats::safetensors;
use embed_core::store::atomic_write;

use crate::layers::Tensor;

/// Writes the three files into a folder, which must be there.
fn write(dir: &Path, user: &[u8], item: &[u8], tensors: &[Tensor<'_>]) -> Result<(), ExportError> {
    for (name, bytes) in [("user.onnx", user), ("item.onnx", item)] {
        atomic_write(dir.join(name), |file| file.write_all(bytes))?;
    }
    let arrays: Vec<_> = tensors.iter().map(|t| (t.name.as_str(), t.shape, t.values)).collect();
    safetensors::write_arrays(dir.join("weights.safetensors"), &arrays)?;
    Ok(())
}
