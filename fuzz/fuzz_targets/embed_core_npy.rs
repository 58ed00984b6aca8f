//! Any bytes as `.npy`; what is read has as many values as its shape says.
#![no_main]

use embed_core::formats::npy::{parse_f32, parse_i64};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(array) = parse_f32(bytes) {
        assert!(4 * array.len() <= bytes.len());
    }
    if let Ok(array) = parse_i64(bytes) {
        assert!(8 * array.len() <= bytes.len());
    }
});
