//! Any bytes as a model over features, and good ones with their bytes overwritten, opened unverified, asked and exported.
#![no_main]

use std::sync::{Arc, LazyLock};

use embed_core::store::Reader;
use embed_core::{
    Embedder, FeatureColumn, FeatureFrame, FeatureType, FeatureValues, Run, Sequences, TextLists, Vocab,
};
use libfuzzer_sys::fuzz_target;
use towers::features::{Feature, HistoryFeature, IdFeature, Schema, Side, SideSchema};
use towers::models::{DssmParams, Histories};
use towers::train::{FitParams, NegativeSampling};
use towers::{Dssm, DssmData, UserRecord, Who};

fn keys(n: usize) -> Arc<Vocab> {
    Arc::new(Vocab::from_keys((0..n).map(|i| i.to_string())).expect("distinct"))
}

fn frame(n: usize) -> FeatureFrame {
    let mut tags = TextLists::default();
    (0..n).for_each(|row| tags.push((0..row % 3).map(|tag| format!("tag {tag}"))));
    let makers: Vec<String> = (0..n).map(|row| format!("maker {}", row % 2)).collect();
    let named = |name: &str, values| FeatureColumn { name: name.to_owned(), values };
    let columns = vec![
        named("maker", FeatureValues::Categories(makers.iter().collect())),
        named("tags", FeatureValues::Lists(tags)),
        named("price", FeatureValues::Numbers((0..n).map(|row| row as f64).collect())),
    ];
    FeatureFrame::new((*keys(n)).clone(), columns).expect("columns of one length")
}

static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let (users, items) = (keys(6), keys(7));
    let log = Sequences::from_rows(7, (0..6u32).map(|u| [u, (u + 2) % 7, (u + 3) % 7])).expect("known items");
    let histories = Histories::new(log);
    let (of_users, of_items) = (frame(6), frame(7));
    let features = || {
        vec![
            Feature::new("maker", FeatureType::Category).in_table("makers").hashed(4),
            Feature::new("tags", FeatureType::List),
            Feature::new("price", FeatureType::Number),
        ]
    };
    let schema = Schema {
        user: SideSchema { id: None, features: features() },
        history: Some(HistoryFeature { columns: vec!["tags".to_owned()], ..HistoryFeature::default() }),
        item: SideSchema { id: Some(IdFeature::new("items")), features: features() },
    };
    let data = DssmData {
        histories: &histories,
        users: &users,
        items: &items,
        user_features: Some(&of_users),
        item_features: Some(&of_items),
        held_out: None,
    };
    let fit = FitParams { epochs: 1, ..FitParams::default() };
    let folder = tempfile::tempdir().expect("a folder");
    let models = [DssmParams::sum(schema.clone()), DssmParams::deep(schema)];
    models
        .into_iter()
        .map(|params| {
            let negatives = NegativeSampling::per_batch(3);
            let params = DssmParams { dim: 4, ..params };
            let model = Dssm::fit(&params, &fit, data, negatives, &mut Run::seeded(1));
            let path = folder.path().join("model.nf");
            model.expect("good settings").save(&path).expect("a file");
            std::fs::read(&path).expect("a file")
        })
        .collect()
});

fn ask(bytes: &[u8]) {
    let Ok(reader) = Reader::from_bytes(bytes, Dssm::KIND) else { return };
    let Ok(model) = Dssm::from_container(&reader) else { return };
    for history in [&[][..], &[0], &[1, 2, 3, 99], &[3; 80]] {
        for who in [Who::Nobody, Who::Known(0), Who::Known(u32::MAX)] {
            let _ = model.user_embedder().embed(&UserRecord { who, history });
        }
    }
    let _ = model.coder().code(Side::Item, &frame(9));
    let _ = model.onnx(Side::User);
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
