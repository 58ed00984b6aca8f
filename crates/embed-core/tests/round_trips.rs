//! What is written is read, bit for bit.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::Path;

use embed_core::formats::{npy, read_vectors, safetensors, write_vectors};
use embed_core::store::{Kind, Reader, Writer};
use embed_core::{Embeddings, Vocab};
use ndarray::Array2;
use proptest::collection::{hash_set, vec};
use proptest::prelude::*;

/// Any finite value, with subnormal ones and both zeros.
fn finite() -> impl Strategy<Value = f32> {
    any::<u32>().prop_map(f32::from_bits).prop_filter("finite", |x| x.is_finite())
}

fn embeddings(key: &'static str) -> impl Strategy<Value = Embeddings> {
    (hash_set(key, 0..12), 1usize..5).prop_flat_map(|(keys, dim)| {
        let n = keys.len();
        vec(finite(), n * dim).prop_map(move |values| {
            let vectors = Array2::from_shape_vec((n, dim), values).unwrap();
            Embeddings::new(Vocab::from_keys(&keys).unwrap(), vectors).unwrap()
        })
    })
}

fn bits(items: &Embeddings) -> Vec<u32> {
    items.as_slice().iter().map(|x| x.to_bits()).collect()
}

fn there_and_back(items: &Embeddings, folder: &Path, name: &str) -> Result<(), TestCaseError> {
    let path = folder.join(name);
    write_vectors(&path, items).unwrap();
    let read = read_vectors(&path).unwrap();
    prop_assert_eq!(read.vocab(), items.vocab());
    prop_assert_eq!((read.dim(), bits(&read)), (items.dim(), bits(items)));
    Ok(())
}

/// Files of a released version stay readable: these bytes may only change with a new version.
#[test]
fn the_bytes_of_version_1_are_fixed() {
    let keys = Vocab::from_keys(["a", "New York", "é"]).unwrap();
    let vectors = ndarray::array![[1.5, -2.0], [0.0, 1e-9], [7.0, 3e8]];
    let items = Embeddings::new(keys, vectors).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.nf");
    items.save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 512);
    assert_eq!(format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&bytes)), "68199e1b4dbb84fb");
    assert_eq!(bytes[..16], *b"\x89NRF\r\n\x1a\n\x01\0\0\0\x01\0\0\0");
    assert_eq!(bytes[64..76], [3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn keys_without_white_space_survive_every_format(items in embeddings("[^\\s\u{1c}-\u{1f}]{1,8}")) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.txt", "a.bin", "a.nf", "a.safetensors"] {
            there_and_back(&items, folder.path(), name)?;
        }
    }

    #[test]
    fn any_keys_survive_container_and_safetensors(items in embeddings("(?s).{0,8}")) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.nf", "a.safetensors"] {
            there_and_back(&items, folder.path(), name)?;
        }
        let path = folder.path().join("two.safetensors");
        let unit = items.normalized();
        safetensors::write(&path, &[("input", &items), ("output", &unit)]).unwrap();
        prop_assert_eq!(safetensors::read_tensor(&path, Some("output")).unwrap(), unit);
        prop_assert_eq!(safetensors::read_tensor(&path, None).unwrap(), items);
    }

    #[test]
    fn matrices_survive_npy(values in vec(any::<i64>(), 0..40), k in 1usize..5) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let n = values.len() / k;
        let ids = Array2::from_shape_vec((n, k), values[..n * k].to_vec()).unwrap();
        npy::write_i64(&path, ids.view()).unwrap();
        prop_assert_eq!(&npy::read_i64(&path).unwrap(), &ids);
        npy::write_i64(&path, ids.t()).unwrap();
        prop_assert_eq!(&npy::read_i64(&path).unwrap(), &ids.t());
    }

    #[test]
    fn sections_survive(
        bytes in vec(any::<u8>(), 0..200),
        words in vec(any::<u32>(), 0..70),
        longs in vec(any::<u64>(), 0..40),
        header in any::<(u64, String, Option<f64>)>(),
    ) {
        const KIND: Kind = Kind::new("test", 1);
        let mut writer = Writer::in_memory(KIND, &header).unwrap();
        writer.section("b", &bytes).unwrap().section("w", &words).unwrap();
        writer.section_chunks("l", longs.chunks(3)).unwrap();
        let file = writer.into_bytes().unwrap();
        let reader = Reader::from_bytes(&file, KIND).unwrap();
        reader.verify().unwrap();
        prop_assert_eq!(reader.section::<u8>("b").unwrap().into_vec(), bytes);
        prop_assert_eq!(reader.section::<u32>("w").unwrap().into_vec(), words);
        let mapped = reader.section::<u64>("l").unwrap();
        drop(reader);
        prop_assert_eq!(mapped.as_ptr() as usize % 64, 0);
        prop_assert_eq!(mapped.into_vec(), longs);
        let same: (u64, String, Option<f64>) = Reader::from_bytes(&file, KIND).unwrap().header().unwrap();
        prop_assert_eq!((same.0, same.1, same.2.map(f64::to_bits)), (header.0, header.1, header.2.map(f64::to_bits)));
    }
}
