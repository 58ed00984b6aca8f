use std::path::Path;

use super::error::FormatError;
use super::{idx, npy, rows, safetensors, vecs, word2vec};
use crate::Embeddings;

/// The formats that hold vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Our own container, `.nf`.
    Container,
    /// word2vec text, `.txt` or `.vec`.
    Word2vecText,
    /// word2vec binary, `.bin`.
    Word2vecBinary,
    /// safetensors with `keys.txt` beside it.
    Safetensors,
    /// One NumPy array.
    Npy,
    /// IDX images, `.idx`, `…-ubyte`, both also `.gz`.
    Idx,
    /// Benchmark vectors of `f32`.
    Fvecs,
    /// Benchmark vectors of bytes.
    Bvecs,
}

impl Format {
    /// The endings that [`Format::of`] knows.
    pub const ENDINGS: &'static str =
        ".nf, .txt, .vec, .bin, .safetensors, .npy, .idx, -ubyte, .idx.gz, -ubyte.gz, .fvecs or .bvecs";

    /// The format that the name of a file says, if it says one. Case does not matter.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
        match extension {
            "nf" => Some(Self::Container),
            "txt" | "vec" => Some(Self::Word2vecText),
            "bin" => Some(Self::Word2vecBinary),
            "safetensors" => Some(Self::Safetensors),
            "npy" => Some(Self::Npy),
            "fvecs" => Some(Self::Fvecs),
            "bvecs" => Some(Self::Bvecs),
            "gz" if stem.ends_with(".idx") || stem.ends_with("-ubyte") => Some(Self::Idx),
            "idx" => Some(Self::Idx),
            _ if name.ends_with("-ubyte") => Some(Self::Idx),
            _ => None,
        }
    }
}

/// Reads vectors in the format that the name of the file says ([`Format::of`]). Formats without keys give row
/// numbers (`"0"`, `"1"`, …) as keys; of several tensors the one named `input` is read, see [`read_tensor`].
///
/// # Errors
/// [`FormatError::UnknownExtension`], and the errors of the format.
pub fn read_vectors(path: impl AsRef<Path>) -> Result<Embeddings, FormatError> {
    read_tensor(path, None)
}

/// Like [`read_vectors`]; in a safetensors file, reads the tensor of this name. Other formats hold a single
/// table, and the name is of no effect.
///
/// # Errors
/// As [`read_vectors`].
pub fn read_tensor(path: impl AsRef<Path>, tensor: Option<&str>) -> Result<Embeddings, FormatError> {
    let path = path.as_ref();
    let vectors = match known(path)? {
        Format::Container => return Ok(Embeddings::open(path)?),
        Format::Word2vecText => return word2vec::read_text(path),
        Format::Word2vecBinary => return word2vec::read_binary(path),
        Format::Safetensors => return safetensors::read_tensor(path, tensor),
        Format::Npy => npy::read_f32(path)?,
        Format::Idx => idx::read_f32(path)?,
        Format::Fvecs => vecs::read_fvecs(path)?,
        Format::Bvecs => vecs::read_bvecs(path)?,
    };
    rows::numbered(vectors).map_err(|reason| reason.at(path))
}

/// Writes vectors in the format that the name of the file says, in one step. In safetensors, the tensor is
/// named `vectors`, and `keys.txt` is written beside it.
///
/// # Errors
/// - [`FormatError::UnknownExtension`]; [`FormatError::ReadOnly`] for IDX and benchmark vectors.
/// - [`FormatError::Key`] for a key that the format cannot hold: white space in word2vec files, anything but
///   the row number in `.npy` ([`npy::write_f32`] writes vectors without their keys).
/// - [`FormatError::Store`] when writing fails. An old file is then as it was.
pub fn write_vectors(path: impl AsRef<Path>, items: &Embeddings) -> Result<(), FormatError> {
    let path = path.as_ref();
    match known(path)? {
        Format::Container => Ok(items.save(path)?),
        Format::Word2vecText => word2vec::write_text(path, items),
        Format::Word2vecBinary => word2vec::write_binary(path, items),
        Format::Safetensors => safetensors::write(path, &[("vectors", items)]),
        Format::Npy => {
            let other = |&(row, key): &(usize, &str)| row.to_string() != key;
            if let Some((row, key)) = items.vocab().keys().enumerate().find(other) {
                let reason = "is not its row number, and an .npy file holds no keys";
                return Err(FormatError::Key { path: path.to_owned(), row, key: key.to_owned(), reason });
            }
            npy::write_f32(path, items.vectors())
        }
        Format::Idx | Format::Fvecs | Format::Bvecs => Err(FormatError::ReadOnly { path: path.to_owned() }),
    }
}

fn known(path: &Path) -> Result<Format, FormatError> {
    Format::of(path)
        .ok_or_else(|| FormatError::UnknownExtension { path: path.to_owned(), expected: Format::ENDINGS })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Space, Vocab};
    use ndarray::array;

    #[test]
    fn the_name_says_the_format() {
        let of = |name: &str| Format::of(Path::new(name));
        assert_eq!(of("a/b.VEC"), Some(Format::Word2vecText));
        assert_eq!(of("train-images-idx3-ubyte.gz"), Some(Format::Idx));
        assert_eq!(of("t10k-images-idx3-ubyte"), Some(Format::Idx));
        assert_eq!([of("a.gz"), of("nf"), of("a.txt.gz"), of("/")], [None; 4]);
        let error = read_vectors("a.xyz").unwrap_err().to_string();
        assert!(error.starts_with("a.xyz: unknown format: expected a name in .nf"), "{error}");
    }

    #[test]
    fn every_written_format_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let named =
            Embeddings::new(Vocab::from_keys(["a", "é"]).unwrap(), array![[1.5, -0.0], [1e-30, 3.4e38]]);
        let named = named.unwrap();
        let keyless = Embeddings::new(Vocab::from_keys(["0", "1"]).unwrap(), array![[1.0], [2.0]]).unwrap();
        for name in ["a.nf", "a.txt", "a.bin", "a.safetensors", "a.npy"] {
            let path = folder.path().join(name);
            let items = if name == "a.npy" { &keyless } else { &named };
            write_vectors(&path, items).unwrap();
            let read = read_vectors(&path).unwrap();
            assert_eq!((read.vocab(), read.vectors()), (items.vocab(), items.vectors()), "{name}");
            let records_space = matches!(name, "a.nf" | "a.safetensors");
            assert_eq!(read.space(), if records_space { items.space() } else { Space::ANY }, "{name}");
        }
        assert!(matches!(
            write_vectors(folder.path().join("b.npy"), &named),
            Err(FormatError::Key { row: 0, .. })
        ));
        assert!(matches!(
            write_vectors(folder.path().join("b.fvecs"), &named),
            Err(FormatError::ReadOnly { .. })
        ));
    }
}
