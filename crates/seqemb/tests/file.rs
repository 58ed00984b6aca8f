//! Model files: what is saved is what is opened, and damage is an error.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use embed_core::{Run, Sequences, Vocab};
use seqemb::{ItemVectors, Params, SkipGram};

fn model() -> ItemVectors {
    let keys = Vocab::from_keys(["tent", "stove", "novel", "poem"]).unwrap();
    let sessions = Sequences::from_rows(4, [[0, 1], [1, 0], [2, 3], [3, 2]].repeat(20)).unwrap();
    let params = Params { dim: 5, epochs: 2, ..Params::default() };
    SkipGram::fit(&params, &sessions, keys, &mut Run::seeded(1)).unwrap()
}

#[test]
fn a_model_comes_back_as_it_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.nf");
    let model = model();
    model.save(&path).unwrap();
    assert_eq!(ItemVectors::open(&path).unwrap(), model);
}

#[test]
fn every_flipped_byte_and_every_truncation_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.nf");
    model().save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for position in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0x41;
        std::fs::write(&path, &damaged).unwrap();
        assert!(ItemVectors::open(&path).is_err(), "byte {position} of {}", bytes.len());
    }
    for length in (0..bytes.len()).step_by(7) {
        std::fs::write(&path, &bytes[..length]).unwrap();
        assert!(ItemVectors::open(&path).is_err(), "{length} bytes of {}", bytes.len());
    }
}
