//! Any bytes as a model that re-ranks, and a good one with its bytes overwritten, opened unverified and asked.
#![no_main]

use std::sync::LazyLock;

use embed_core::store::Reader;
use embed_core::{EmbedError, Embedder, Embeddings, ItemId, Metric, Neighbor, Run, Sequences, Space, Vocab};
use libfuzzer_sys::fuzz_target;
use ndarray::Array2;
use towers::models::Histories;
use towers::rerank::{RerankParams, RerankScratch, Reranker, Retrieval};
use towers::train::{FitParams, NegativeSampling};

/// The same vector for everybody.
struct Everybody;

impl Embedder<[ItemId]> for Everybody {
    fn dim(&self) -> usize {
        4
    }

    fn space(&self) -> Space {
        Space::ANY
    }

    fn metric(&self) -> Option<Metric> {
        None
    }

    fn embed_into(&self, _: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
        out.fill(0.5);
        Ok(())
    }
}

static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let log = Sequences::from_rows(7, (0..6u32).map(|u| [u, (u + 2) % 7, (u + 3) % 7])).expect("known items");
    let keys = Vocab::from_keys((0..7).map(|i| i.to_string())).expect("distinct");
    let vectors = Array2::from_shape_fn((7, 4), |(row, column)| (row * 4 + column) as f32 / 28.0);
    let items = Embeddings::new(keys, vectors).expect("finite rows");
    let fit = FitParams { epochs: 1, ..FitParams::default() };
    let (params, negatives) = (RerankParams::default(), NegativeSampling::per_example(3));
    let run = &mut Run::seeded(1);
    let retrieval = Retrieval { users: &Everybody, items: &items };
    let model =
        Reranker::fit(&params, &fit, retrieval, &Histories::new(log), negatives, run).expect("good settings");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.nf");
    model.save(&path).expect("a file");
    std::fs::read(&path).expect("a file")
});

fn ask(bytes: &[u8]) {
    let Ok(reader) = Reader::from_bytes(bytes, Reranker::KIND) else { return };
    let Ok(model) = Reranker::from_container(&reader) else { return };
    let (mut scratch, mut out) = (RerankScratch::default(), [0.0; 2]);
    let found = [0, 6].map(|id| Neighbor::new(id, 0.5));
    for history in [&[][..], &[0], &[1, 2, 3, 99], &[3; 80]] {
        let _ = model.score_into(history, &found, &mut scratch, &mut out);
    }
}

fuzz_target!(|bytes: &[u8]| {
    ask(bytes);
    let mut file = GOOD.clone();
    for edit in bytes.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % file.len();
        file[at] = edit[2];
    }
    ask(&file);
});
