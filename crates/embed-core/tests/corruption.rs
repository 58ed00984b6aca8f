//! Damaged files: our own container is refused each time, other formats give an error or a valid value, and
//! nothing panics.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::path::Path;

use embed_core::formats::{idx, keys, npy, safetensors, vecs, word2vec};
use embed_core::store::{ElementType, Kind, Reader, Writer};
use embed_core::{Embeddings, SeededRng, Vocab};
use ndarray::array;

const KIND: Kind = Kind::new("test", 3);

fn vocab() -> Vocab {
    Vocab::from_keys(["a", "New York", "é"]).unwrap()
}

fn items() -> Embeddings {
    Embeddings::new(Vocab::from_keys(["a", "b", "é"]).unwrap(), array![[1.5, -2.0], [0.0, 1e-9], [7.0, 3e8]])
        .unwrap()
}

fn container() -> Vec<u8> {
    let mut writer = Writer::in_memory(KIND, &("header".to_owned(), vec![1u64, 2])).unwrap();
    writer.vocab("keys", &vocab()).unwrap();
    writer.section("f", &[0.5f32; 33]).unwrap().section("u", &[9u32; 3]).unwrap();
    writer.section::<u64>("empty", &[]).unwrap();
    writer.into_bytes().unwrap()
}

/// Everything a kind could do with an open file.
fn walk(reader: &Reader) {
    let _ = reader.header::<(String, Vec<u64>)>();
    let _ = reader.header::<Vec<Vec<String>>>();
    let _ = reader.vocab("keys");
    let _ = Embeddings::from_container(reader);
    for (name, element, n) in reader.sections() {
        let len = match element {
            ElementType::U8 => reader.section::<u8>(name).map(|s| s.to_vec().len()),
            ElementType::U32 => reader.section::<u32>(name).map(|s| s.to_vec().len()),
            ElementType::U64 => reader.section::<u64>(name).map(|s| s.to_vec().len()),
            _ => reader.section::<f32>(name).map(|s| s.to_vec().len()),
        };
        assert_eq!(len.unwrap() as u64, n);
    }
    let _ = format!("{reader:?}");
}

/// Each byte with single bits and all bits turned, each prefix, and some bytes more.
fn damaged(bytes: &[u8]) -> impl Iterator<Item = (String, Vec<u8>)> {
    let flips = (0..bytes.len()).flat_map(move |at| {
        (0..8).map(|bit| 1 << bit).chain([0xff]).map(move |mask: u8| {
            let mut copy = bytes.to_vec();
            copy[at] ^= mask;
            (format!("byte {at} ^ {mask:#04x}"), copy)
        })
    });
    let cuts = (0..bytes.len()).map(|len| (format!("the first {len} bytes"), bytes[..len].to_vec()));
    let longer = [1, 64].map(|n| (format!("{n} bytes more"), [bytes, &vec![0; n]].concat()));
    flips.chain(cuts).chain(longer)
}

#[test]
fn every_damage_to_a_container_is_found() {
    let whole = container();
    walk(&Reader::from_bytes(&whole, KIND).unwrap());
    for (what, bytes) in damaged(&whole) {
        if let Ok(reader) = Reader::from_bytes(&bytes, KIND) {
            walk(&reader);
            let error = reader.verify().expect_err(&what).to_string();
            assert!(error.starts_with("<memory>: "), "{what}: {error}");
        }
    }
}

#[test]
fn every_damage_to_a_mapped_file_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.nf");
    items().save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    assert_eq!(Embeddings::open(&path).unwrap(), items());
    for (what, bytes) in damaged(&whole).step_by(19) {
        fs::write(&path, bytes).unwrap();
        let error = Embeddings::open(&path).expect_err(&what).to_string();
        assert!(error.contains("items.nf"), "{what}: {error}");
        if let Ok(reader) = Reader::open(&path, Kind::EMBEDDINGS) {
            walk(&reader);
        }
    }
}

#[test]
fn a_container_with_true_checksums_and_false_contents_never_panics() {
    // What a hostile writer, who computes checksums, can do: any header and any sections.
    for seed in 0..400 {
        let mut rng = SeededRng::stream(seed, "hostile container", 0);
        let mut below = |n: u32| u64::from(rng.below(n));
        let mut writer = if below(2) == 0 {
            Writer::in_memory(Kind::EMBEDDINGS, &(below(5), u32::try_from(below(4)).unwrap(), below(9)))
        } else {
            Writer::in_memory(Kind::EMBEDDINGS, &(below(u32::MAX) << 32, u32::MAX, 0u64))
        }
        .unwrap();
        let text: Vec<u8> =
            (0..below(5)).map(|_| b"ab\xc3\xa9"[usize::try_from(below(4)).unwrap()]).collect();
        let ends: Vec<u64> = (0..below(5)).map(|_| below(6)).collect();
        let bits = [0, 0x3f80_0000, 0x7fc0_0000, 0x7f80_0000];
        let vectors: Vec<f32> =
            (0..below(9)).map(|_| f32::from_bits(bits[usize::try_from(below(4)).unwrap()])).collect();
        writer.section("keys.text", &text).unwrap().section("keys.ends", &ends).unwrap();
        writer.section("vectors", &vectors).unwrap();
        let reader = Reader::from_bytes(&writer.into_bytes().unwrap(), Kind::EMBEDDINGS).unwrap();
        reader.verify().unwrap();
        walk(&reader);
    }
}

fn written(name: &str, write: impl Fn(&Path)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    write(&path);
    fs::read(path).unwrap()
}

/// `parse` may only give values that `Embeddings` has checked, or an error with a message.
fn survives<T, E: std::fmt::Display>(whole: &[u8], parse: impl Fn(&[u8]) -> Result<T, E>) {
    assert!(parse(whole).is_ok());
    let mut errors = 0;
    for (what, bytes) in damaged(whole) {
        if let Err(error) = parse(&bytes) {
            assert!(!error.to_string().is_empty(), "{what}");
            errors += 1;
        }
    }
    assert!(errors > whole.len() / 2, "truncation at least is nearly always found: {errors}");
}

#[test]
fn damaged_files_of_other_formats_give_an_error_or_a_value() {
    let text = written("a.txt", |path| word2vec::write_text(path, &items()).unwrap());
    survives(&text, |bytes| word2vec::parse_text(bytes));
    let binary = written("a.bin", |path| word2vec::write_binary(path, &items()).unwrap());
    survives(&binary, |bytes| word2vec::parse_binary(bytes));
    let tensors = written("a.safetensors", |path| safetensors::write(path, &[("v", &items())]).unwrap());
    survives(&tensors, |bytes| safetensors::parse(bytes, Some("a\nb\né\n".as_bytes())));
    let floats = written("a.npy", |path| npy::write_f32(path, items().vectors()).unwrap());
    survives(&floats, npy::parse_f32);
    let ids = written("b.npy", |path| npy::write_i64(path, array![[1, -1], [5, 6]].view()).unwrap());
    survives(&ids, npy::parse_i64);
    let images = [&[0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3][..], &[7; 6]].concat();
    survives(&images, |bytes| idx::parse_f32(bytes, bytes.len() as u64));
    let rows = [[2, 0, 0, 0, 1, 2], [2, 0, 0, 0, 3, 4]].concat();
    survives(&rows, |bytes| vecs::parse_bvecs(bytes));
    for (_, bytes) in damaged("a\nb\\n\né\n".as_bytes()) {
        let _ = keys::parse(&bytes);
    }
}

#[test]
fn damaged_gzip_gives_an_error_or_a_value() {
    use std::io::Write;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&[0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]).unwrap();
    let whole = gz.finish().unwrap();
    survives(&whole, |bytes| idx::parse_f32(bytes, bytes.len() as u64));
}
