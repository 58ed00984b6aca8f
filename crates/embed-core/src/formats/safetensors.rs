//! Named tables of vectors in a safetensors file, with their keys in `keys.txt` beside it.
//!
//! Each tensor is `F32` of shape `[n_items, dim]`; all share the keys. The metadata entry `nearfield` records a
//! fingerprint of the keys and the [`Space`] of each tensor (`keys=…;space.NAME=…`, in hexadecimal), so that
//! tensors and keys of two different runs are not taken for one. A file without that entry comes from
//! elsewhere: its keys are those of `keys.txt` if there is one, else row numbers.
//!
//! Files of one folder share `keys.txt`; keep tables of different keys in different folders.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use xxhash_rust::xxh3::Xxh3;

use super::error::{FormatError, ParseError, excerpt};
use super::{keys, rows};
use crate::store::atomic_write;
use crate::{Embeddings, EmbeddingsError, RowMask, Space, Vocab};

/// Our entry in the metadata; a single one, because the order of several is not fixed.
const ENTRY: &str = "nearfield";

/// Where the keys of a safetensors file stand.
#[must_use]
pub fn keys_path(path: &Path) -> PathBuf {
    path.with_file_name("keys.txt")
}

/// Reads all tensors of a file with their names, in the order of the names. Memory: the file and the result.
///
/// # Errors
/// [`FormatError::Io`], or [`FormatError::Parse`] as for [`parse`].
pub fn read(path: impl AsRef<Path>) -> Result<Vec<(String, Embeddings)>, FormatError> {
    let path = path.as_ref();
    let (bytes, keys) = read_both(path)?;
    parse(&bytes, keys.as_deref()).map_err(|reason| reason.at(path))
}

/// Reads one tensor of a file. Without a name: the only one, or the one named `input`.
///
/// # Errors
/// As [`read`]; [`ParseError::Tensor`] lists what there is.
pub fn read_tensor(path: impl AsRef<Path>, name: Option<&str>) -> Result<Embeddings, FormatError> {
    let path = path.as_ref();
    let (bytes, keys) = read_both(path)?;
    parse_tensor(&bytes, keys.as_deref(), name).map_err(|reason| reason.at(path))
}

/// Reads all tensors from the bytes of a file and, if there is one, of `keys.txt`.
///
/// # Errors
/// [`ParseError::Safetensors`] for a file that is none; [`ParseError::ElementType`] and [`ParseError::Rank`]
/// for a tensor that is not `F32` with two axes; [`ParseError::KeyCount`] and [`ParseError::KeyFile`] when
/// the keys are not those of the tensors; the errors of [`keys::parse`]; [`ParseError::Embeddings`] names a
/// NaN or infinity.
pub fn parse(bytes: &[u8], keys: Option<&[u8]>) -> Result<Vec<(String, Embeddings)>, ParseError> {
    let file = Parsed::new(bytes, keys)?;
    let mut vocab = None;
    file.names().iter().map(|name| Ok((name.clone(), file.tensor(name, &mut vocab)?))).collect()
}

/// Reads one tensor from bytes, as [`parse`] and [`read_tensor`] do.
///
/// # Errors
/// As both.
pub fn parse_tensor(bytes: &[u8], keys: Option<&[u8]>, name: Option<&str>) -> Result<Embeddings, ParseError> {
    let file = Parsed::new(bytes, keys)?;
    let names = file.names();
    let name = match (name, &names[..]) {
        (None, [only]) => only,
        (name, _) => name.unwrap_or("input"),
    };
    file.tensor(name, &mut None)
}

/// Name of the bytes `[n]` that say which rows of a tensor were trained (1) or not (0); there are none where all were.
fn trained_name(tensor: &str) -> String {
    format!("{tensor}.trained")
}

/// Writes `tables`, which have the same keys, under their names, and `keys.txt` beside them. A table with rows that were
/// not trained has a tensor `NAME.trained` beside it, a byte a row. Each file is
/// written in one step, the keys first; a crash between the two is found when they are read.
///
/// # Errors
/// [`FormatError::TensorName`], [`FormatError::DifferentKeys`], [`FormatError::Store`].
pub fn write(path: impl AsRef<Path>, tables: &[(&str, &Embeddings)]) -> Result<(), FormatError> {
    let path = path.as_ref();
    let empty = Vocab::new();
    let vocab = tables.first().map_or(&empty, |(_, table)| table.vocab());
    let mut entry = format!("keys={:016x}", fingerprint(vocab));
    let mut data: Vec<(&str, Vec<u8>, &Embeddings)> = Vec::with_capacity(tables.len());
    for &(name, table) in tables {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
        let taken = data.iter().any(|(other, ..)| *other == name);
        if name.is_empty() || name == "__metadata__" || taken || !name.bytes().all(plain) {
            return Err(FormatError::TensorName { path: path.to_owned(), name: name.to_owned() });
        }
        if **table.vocab() != *vocab {
            return Err(FormatError::DifferentKeys { path: path.to_owned(), tensor: name.to_owned() });
        }
        entry.push_str(&format!(";space.{name}={:016x}", table.space().id()));
        data.push((name, table.as_slice().iter().flat_map(|x| x.to_le_bytes()).collect(), table));
    }
    let unwritable = |reason| ParseError::Safetensors { reason }.at(path);
    let masks: Vec<(String, Vec<u8>)> = data
        .iter()
        .filter_map(|(name, _, table)| {
            let trained = table.trained_rows()?;
            Some((
                trained_name(name),
                (0..trained.len()).map(|row| u8::from(trained.contains(row))).collect(),
            ))
        })
        .collect();
    let mut views = Vec::with_capacity(data.len() + masks.len());
    for (name, bytes, table) in &data {
        let shape = vec![table.len(), table.dim()];
        views.push((*name, TensorView::new(Dtype::F32, shape, bytes).map_err(unwritable)?));
    }
    for (name, rows) in &masks {
        if data.iter().any(|(other, ..)| other == name) {
            return Err(FormatError::TensorName { path: path.to_owned(), name: name.clone() });
        }
        views.push((name, TensorView::new(Dtype::U8, vec![rows.len()], rows).map_err(unwritable)?));
    }
    let metadata = Some([(ENTRY.to_owned(), entry)].into());
    let bytes = safetensors::serialize(views, metadata).map_err(unwritable)?;
    keys::write(keys_path(path), vocab)?;
    atomic_write(path, |file| file.write_all(&bytes))?;
    Ok(())
}

/// Writes arrays `[rows, columns]` under their names, without keys: the weights of a model, for other programs. In one step.
///
/// # Errors
/// [`FormatError::TensorName`] for a name that comes twice, [`FormatError::Parse`] when a shape does not fit its values,
/// [`FormatError::Store`].
pub fn write_arrays(
    path: impl AsRef<Path>,
    arrays: &[(&str, (usize, usize), &[f32])],
) -> Result<(), FormatError> {
    let path = path.as_ref();
    let unwritable = |reason| ParseError::Safetensors { reason }.at(path);
    let mut data: Vec<(&str, Vec<usize>, Vec<u8>)> = Vec::with_capacity(arrays.len());
    for &(name, (rows, columns), values) in arrays {
        if data.iter().any(|(other, ..)| *other == name) {
            return Err(FormatError::TensorName { path: path.to_owned(), name: name.to_owned() });
        }
        data.push((name, vec![rows, columns], values.iter().flat_map(|x| x.to_le_bytes()).collect()));
    }
    let mut views = Vec::with_capacity(data.len());
    for (name, shape, bytes) in &data {
        views.push((*name, TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(unwritable)?));
    }
    let bytes = safetensors::serialize(views, None).map_err(unwritable)?;
    atomic_write(path, |file| file.write_all(&bytes))?;
    Ok(())
}

fn read_both(path: &Path) -> Result<(Vec<u8>, Option<Vec<u8>>), FormatError> {
    let bytes = rows::read_all(path)?;
    let keys = keys_path(path);
    let keys = if fs::exists(&keys).unwrap_or(true) { Some(rows::read_all(&keys)?) } else { None };
    Ok((bytes, keys))
}

/// A file whose header has been read.
struct Parsed<'f> {
    tensors: SafeTensors<'f>,
    keys: Option<&'f [u8]>,
    fingerprint: Option<u64>,
    spaces: Vec<(String, Space)>,
}

impl<'f> Parsed<'f> {
    fn new(bytes: &'f [u8], keys: Option<&'f [u8]>) -> Result<Self, ParseError> {
        let invalid = |reason| ParseError::Safetensors { reason };
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(invalid)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(invalid)?;
        let mut parsed = Self { tensors, keys, fingerprint: None, spaces: Vec::new() };
        let entry = metadata.metadata().as_ref().and_then(|entries| entries.get(ENTRY));
        for part in entry.iter().flat_map(|entry| entry.split(';')) {
            let malformed = || ParseError::Metadata { got: excerpt(part.as_bytes()) };
            let (name, value) = part.split_once('=').ok_or_else(malformed)?;
            let value = u64::from_str_radix(value, 16).map_err(|_| malformed())?;
            match name.strip_prefix("space.") {
                Some(tensor) => parsed.spaces.push((tensor.to_owned(), Space::from_id(value))),
                None if name == "keys" => parsed.fingerprint = Some(value),
                None => return Err(malformed()),
            }
        }
        Ok(parsed)
    }

    fn names(&self) -> Vec<String> {
        let all = self.tensors.names();
        let says_trained = |name: &&str| {
            name.strip_suffix(".trained").is_some_and(|table| all.contains(&table))
                && self.tensors.tensor(name).is_ok_and(|tensor| tensor.dtype() == Dtype::U8)
        };
        let tables = all.iter().filter(|name| !says_trained(name));
        let mut names: Vec<String> = tables.map(|name| (*name).to_owned()).collect();
        names.sort_unstable();
        names
    }

    /// One tensor; the keys are read once for all.
    fn tensor(&self, name: &str, vocab: &mut Option<Arc<Vocab>>) -> Result<Embeddings, ParseError> {
        let Ok(tensor) = self.tensors.tensor(name) else {
            return Err(ParseError::Tensor { name: name.to_owned(), available: self.names() });
        };
        let field = format!("tensor {name:?}");
        if tensor.dtype() != Dtype::F32 {
            return Err(ParseError::ElementType { field, expected: "F32", got: tensor.dtype().to_string() });
        }
        let &[n_items, dim] = tensor.shape() else {
            return Err(ParseError::Rank { field, expected: 2, got: tensor.shape().len() });
        };
        rows::checked_dim(dim as u64)?;
        let vectors = rows::matrix(&field, (n_items, dim), rows::f32s(tensor.data()).collect())?;
        let vocab = match vocab {
            Some(vocab) => Arc::clone(vocab),
            None => Arc::clone(vocab.insert(Arc::new(self.vocab(n_items)?))),
        };
        if vocab.len() != n_items {
            return Err(ParseError::KeyCount { keys: vocab.len(), rows: n_items });
        }
        let space = self.spaces.iter().find(|(tensor, _)| tensor == name).map_or(Space::ANY, |(_, s)| *s);
        let items = Embeddings::in_space(vocab, vectors, space)?;
        match self.tensors.tensor(&trained_name(name)) {
            Ok(trained) if trained.dtype() == Dtype::U8 => {
                let rows = trained.data();
                if rows.len() != items.len() {
                    return Err(ParseError::Embeddings(EmbeddingsError::Mask {
                        expected: items.len(),
                        got: rows.len(),
                    }));
                }
                Ok(items.with_trained(RowMask::from_fn(rows.len(), |row| rows[row] != 0))?)
            }
            _ => Ok(items),
        }
    }

    fn vocab(&self, n_items: usize) -> Result<Vocab, ParseError> {
        let vocab = match (self.keys, self.fingerprint) {
            (Some(bytes), _) => keys::parse(bytes)?,
            (None, Some(expected)) => return Err(ParseError::KeyFile { expected, got: "is missing" }),
            (None, None) => Vocab::from_keys((0..n_items).map(|row| row.to_string()))?,
        };
        match self.fingerprint {
            Some(expected) if fingerprint(&vocab) != expected => {
                Err(ParseError::KeyFile { expected, got: "holds other keys" })
            }
            _ => Ok(vocab),
        }
    }
}

fn fingerprint(vocab: &Vocab) -> u64 {
    let (text, ends) = vocab.parts();
    let mut hash = Xxh3::new();
    hash.update(text.as_bytes());
    ends.iter().for_each(|end| hash.update(&end.to_le_bytes()));
    hash.digest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn tables() -> (Embeddings, Embeddings) {
        let vocab = Arc::new(Vocab::from_keys(["New York", "a\nb"]).unwrap());
        let input = Embeddings::new(Arc::clone(&vocab), array![[1.0, 2.0], [3.0, 4.0]]).unwrap();
        let output = Embeddings::in_space(vocab, array![[5.0], [6.0]], input.space()).unwrap();
        (input, output)
    }

    #[test]
    fn which_rows_were_trained_survives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items.safetensors");
        let (input, output) = tables();
        let input = input.with_trained(RowMask::from_fn(2, |row| row == 1)).unwrap();
        write(&path, &[("input", &input), ("output", &output)]).unwrap();
        let all = read(&path).unwrap();
        assert_eq!(all, [("input".to_owned(), input.clone()), ("output".to_owned(), output.clone())]);
        assert_eq!(read_tensor(&path, None).unwrap().untrained().collect::<Vec<_>>(), ["New York"]);
        let error = write(&path, &[("input", &input), ("input.trained", &output)]).unwrap_err();
        assert!(matches!(error, FormatError::TensorName { .. }), "{error}");
    }

    #[test]
    fn tables_keys_and_spaces_survive_and_the_bytes_are_always_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items.safetensors");
        let (input, output) = tables();
        let save = || {
            write(&path, &[("output", &output), ("input", &input)]).unwrap();
            fs::read(&path).unwrap()
        };
        let first = save();
        assert!((0..20).all(|_| save() == first));
        let all = read(&path).unwrap();
        assert_eq!(all, [("input".to_owned(), input.clone()), ("output".to_owned(), output.clone())]);
        assert_eq!(read_tensor(&path, None).unwrap(), input);
        assert_eq!(read_tensor(&path, Some("output")).unwrap(), output);
        let error = read_tensor(&path, Some("users")).unwrap_err().to_string();
        assert!(error.ends_with("no tensor \"users\"; the file has input, output"), "{error}");
    }

    #[test]
    fn keys_of_another_run_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items.safetensors");
        let (input, _) = tables();
        write(&path, &[("input", &input)]).unwrap();
        fs::write(keys_path(&path), "New York\nBoston\n").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("keys.txt holds other keys"), "{error}");
        fs::remove_file(keys_path(&path)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("keys.txt is missing"));
    }

    #[test]
    fn a_file_from_elsewhere_has_row_numbers_or_the_keys_beside_it() {
        let data: Vec<u8> = [1.0f32, 2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let file = |dtype, shape: &[usize]| {
            let view = TensorView::new(dtype, shape.to_vec(), &data).unwrap();
            safetensors::serialize([("emb", view)], None).unwrap()
        };
        let plain = file(Dtype::F32, &[2, 1]);
        assert_eq!(parse_tensor(&plain, None, None).unwrap().get("1"), Some(&[2.0][..]));
        assert_eq!(parse_tensor(&plain, Some(b"a\nb"), None).unwrap().get("b"), Some(&[2.0][..]));
        let message = |bytes: &[u8], keys| parse(bytes, keys).unwrap_err().to_string();
        assert_eq!(message(&plain, Some(b"a")), "1 keys for 2 rows");
        assert_eq!(message(&file(Dtype::I32, &[2, 1]), None), "tensor \"emb\" holds I32, expected F32");
        assert_eq!(message(&file(Dtype::F32, &[2]), None), "tensor \"emb\" has 1 axes, expected 2");
    }

    #[test]
    fn names_and_keys_must_fit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items.safetensors");
        let (input, output) = tables();
        for name in ["", "a;b", "a=b", "__metadata__"] {
            assert!(matches!(write(&path, &[(name, &input)]), Err(FormatError::TensorName { .. })));
        }
        assert!(write(&path, &[("a", &input), ("a", &output)]).is_err());
        let other = Embeddings::new(Vocab::from_keys(["x", "y"]).unwrap(), array![[1.0], [2.0]]).unwrap();
        assert!(matches!(
            write(&path, &[("a", &input), ("b", &other)]),
            Err(FormatError::DifferentKeys { .. })
        ));
        assert!(!path.exists());
    }
}
