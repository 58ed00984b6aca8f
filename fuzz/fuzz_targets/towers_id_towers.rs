//! Any bytes as a model of two towers, and a good one with its bytes overwritten, opened unverified and asked.
#![no_main]

use std::sync::{Arc, LazyLock};

use embed_core::store::Reader;
use embed_core::{Embedder, Run, Sequences, Vocab};
use libfuzzer_sys::fuzz_target;
use towers::models::{Histories, Pooling, TowersParams, YouTubeDnn};
use towers::train::{FitParams, NegativeSampling};
use towers::{IdTowers, TwoTowerData, UserInput};

static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let keys = |n: usize| Arc::new(Vocab::from_keys((0..n).map(|i| i.to_string())).expect("distinct"));
    let log = Sequences::from_rows(7, (0..6u32).map(|u| [u, (u + 2) % 7, (u + 3) % 7])).expect("known items");
    let histories = Histories::new(log);
    let fit = FitParams { epochs: 1, ..FitParams::default() };
    let (users, items) = (keys(6), keys(7));
    let data = TwoTowerData::new(&histories, &users, &items);
    let attention = Some(Pooling::SelfAttention { heads: 2 });
    let models = [
        YouTubeDnn::mean(4),
        YouTubeDnn::attentive(4, 0.5),
        TowersParams { pooling: attention, ..YouTubeDnn::mean(4) },
    ];
    let folder = tempfile::tempdir().expect("a folder");
    models
        .iter()
        .map(|towers| {
            let negatives = NegativeSampling::per_batch(3);
            let model = IdTowers::fit(towers, &fit, data, negatives, &mut Run::seeded(1));
            let path = folder.path().join("model.nf");
            model.expect("good settings").save(&path).expect("a file");
            std::fs::read(&path).expect("a file")
        })
        .collect()
});

fn ask(bytes: &[u8]) {
    let Ok(reader) = Reader::from_bytes(bytes, IdTowers::KIND) else { return };
    let Ok(model) = IdTowers::from_container(&reader) else { return };
    for history in [&[][..], &[0], &[1, 2, 3, 99], &[3; 80]] {
        for user in [None, Some(0), Some(u32::MAX)] {
            let _ = model.user_embedder().embed(&UserInput { user, history });
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    ask(bytes);
    let [which, edits @ ..] = bytes else { return };
    let mut file = GOOD[usize::from(*which) % GOOD.len()].clone();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % file.len();
        file[at] = edit[2];
    }
    ask(&file);
});
