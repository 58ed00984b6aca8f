//! Any bytes as IDX, plain and gzip, and as `.fvecs` and `.bvecs`.
#![no_main]

use embed_core::formats::{idx, vecs};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(array) = idx::parse_f32(bytes, bytes.len() as u64) {
        assert!(array.len() <= bytes.len() * 1032);
    }
    let _ = idx::parse_labels(bytes, bytes.len() as u64);
    if let Ok(array) = vecs::parse_fvecs(bytes) {
        assert!(4 * array.len() <= bytes.len());
    }
    let _ = vecs::parse_bvecs(bytes);
});
