//! The user side against the suite of its trait.

use embed_core::testkit::{EmbedderSuite, clustered, embedder};
use embed_core::{Embeddings, Space, Vocab};
use seqemb::{Pooled, Pooling};

#[test]
fn pooled_histories() {
    let keys = Vocab::from_keys((0..40).map(|item| item.to_string())).unwrap();
    let items = Embeddings::new(keys, clustered(40, 13, 4, 1)).unwrap();
    let long: Vec<u32> = (0..500).map(|i| i * 7 % 40).collect();
    let inputs: [&[u32]; 5] = [&[3], &[0, 39], &[5, 5, 5, 1], &[39, 1, 2], &long];
    let refused: [&[u32]; 3] = [&[], &[40], &[1, 2, u32::MAX]];
    for normalize in [false, true] {
        let pooled = Pooled::new(&items, Space::ANY, Pooling { normalize, ..Pooling::default() });
        embedder(&pooled, &EmbedderSuite::new("Pooled", &inputs, &refused));
    }
}
