//! Any bytes as a container, and any bytes as the contents of a container whose checksums are right.
#![no_main]

use embed_core::Embeddings;
use embed_core::store::{Kind, Reader, Writer};
use libfuzzer_sys::fuzz_target;

fn walk(reader: &Reader) {
    let _ = reader.verify();
    let _ = reader.header::<(u64, String, Vec<f32>)>();
    let _ = Embeddings::from_container(reader);
    let names: Vec<String> = reader.sections().map(|(name, ..)| name.to_owned()).collect();
    for name in names {
        let _ = reader.section::<u8>(&name).map(|s| s.iter().map(|&x| u64::from(x)).sum::<u64>());
        let _ = reader.section::<u32>(&name).map(|s| s.iter().map(|&x| u64::from(x)).sum::<u64>());
        let _ = reader.section::<u64>(&name).map(|s| s.iter().fold(0, |a, x| a ^ x));
        let _ = reader.section::<f32>(&name).map(|s| s.iter().sum::<f32>());
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(reader) = Reader::from_bytes(bytes, Kind::EMBEDDINGS) {
        walk(&reader);
    }
    let [n_items, dim, text_len, n_ends, rest @ ..] = bytes else { return };
    let (text, rest) = rest.split_at(usize::from(*text_len).min(rest.len()));
    let (ends, values) = rest.split_at(usize::from(*n_ends).min(rest.len()));
    let ends: Vec<u64> = ends.iter().map(|&end| u64::from(end)).collect();
    let values: Vec<f32> = values.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect();
    let header = (u64::from(*n_items), u32::from(*dim), 1u64);
    let write = || {
        let mut writer = Writer::in_memory(Kind::EMBEDDINGS, &header)?;
        writer.section("keys.text", text)?.section("keys.ends", &ends)?.section("vectors", &values)?;
        writer.into_bytes()
    };
    let reader =
        Reader::from_bytes(&write().expect("names are right"), Kind::EMBEDDINGS).expect("just written");
    reader.verify().expect("just written");
    walk(&reader);
});
