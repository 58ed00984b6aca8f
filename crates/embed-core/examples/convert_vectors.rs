//! Converts vectors between formats by the endings of the two names: `convert_vectors IN OUT [TENSOR]`.
//!
//!     cargo run --release -p embed-core --example convert_vectors -- items.safetensors items.bin output
//!
//! Without arguments it writes three vectors in each format it can and reads them back.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the command line")]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use embed_core::formats::{read_tensor, read_vectors, write_vectors};
use embed_core::{Embeddings, Vocab};
use ndarray::array;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        [] => built_in(),
        [from, to] => convert(from, to, None),
        [from, to, tensor] => convert(from, to, Some(tensor)),
        _ => Err("expected IN OUT [TENSOR]".into()),
    };
    let Err(error) = result else { return ExitCode::SUCCESS };
    let mut next: Option<&dyn Error> = Some(&*error);
    while let Some(error) = next {
        eprintln!("{error}");
        next = error.source();
    }
    ExitCode::FAILURE
}

fn convert(from: &str, to: &str, tensor: Option<&str>) -> Result<(), Box<dyn Error>> {
    let items = read_tensor(from, tensor)?;
    write_vectors(to, &items)?;
    println!("{from} -> {to}: {} vectors of {} components", items.len(), items.dim());
    Ok(())
}

fn built_in() -> Result<(), Box<dyn Error>> {
    let keys = Vocab::from_keys(["tent", "stove", "novel"])?;
    let items = Embeddings::new(keys, array![[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])?;
    let folder = tempfile::tempdir()?;
    for name in ["items.nf", "items.txt", "items.bin", "items.safetensors"] {
        let path = folder.path().join(name);
        write_vectors(&path, &items)?;
        let read = read_vectors(&path)?;
        assert_eq!((read.vocab(), read.vectors()), (items.vocab(), items.vectors()));
        println!("{name:18} {:4} bytes, read back the same", size(&path)?);
    }
    Ok(())
}

fn size(path: &Path) -> Result<u64, std::io::Error> {
    Ok(std::fs::metadata(path)?.len())
}
