//! Any bytes as a safetensors file, alone and with keys: the first byte says how many bytes the keys have.
#![no_main]

use embed_core::formats::{keys, safetensors};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = safetensors::parse(bytes, None);
    if let Some((&len, rest)) = bytes.split_first() {
        let (beside, file) = rest.split_at(usize::from(len).min(rest.len()));
        let _ = keys::parse(beside);
        let _ = safetensors::parse_tensor(file, Some(beside), None);
    }
});
