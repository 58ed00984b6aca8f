//! Items that training did not see: which they are, in every way to come by them, and that they are never of use.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use embed_core::{EmbedError, Embedder, Run, Sequences, Vocab};
use ndarray::Array2;
use seqemb::{
    Architecture, ItemVectors, Objective, Params, Pooling, Preparation, Scoring, SkipGram, Tables, Training,
};

fn keys(n: usize) -> Vocab {
    Vocab::from_keys((0..n).map(|item| format!("sku-{item}"))).unwrap()
}

/// Items 0 to 3 come in company, 4 comes alone, 5 is rare, 6 never comes.
fn log() -> Sequences {
    let mut rows =
        [[0, 1], [1, 0], [2, 3], [3, 2]].repeat(20).into_iter().map(Vec::from).collect::<Vec<Vec<u32>>>();
    rows.push(vec![4]);
    rows.push(vec![0, 5]);
    Sequences::from_rows(7, rows).unwrap()
}

fn params() -> Params {
    let preparation = Preparation { min_count: 2, ..Preparation::default() };
    Params { dim: 4, epochs: 2, preparation, ..Params::default() }
}

fn untrained(items: &ItemVectors) -> Vec<&str> {
    assert!(items.output.untrained().eq(items.input.untrained()));
    items.untrained().collect()
}

#[test]
fn every_way_of_training_names_the_untrained() {
    for params in [
        params(),
        Params { architecture: Architecture::Cbow, ..params() },
        Params { tables: Tables::Shared, ..params() },
        Params { objective: Objective::HierarchicalSoftmax, ..params() },
        Params { dim: 4, epochs: 2, preparation: params().preparation, ..Params::basket() },
    ] {
        let items = SkipGram::fit(&params, &log(), keys(7), &mut Run::seeded(1)).unwrap();
        assert_eq!(untrained(&items), ["sku-4", "sku-5", "sku-6"], "{params:?}");
        assert_eq!(items.targets(Scoring::InOut).n_trained(), 4);
    }
    let all = Params { preparation: Preparation::default(), ..params() };
    let items = SkipGram::fit(&all, &log(), keys(7), &mut Run::seeded(1)).unwrap();
    assert_eq!(untrained(&items), ["sku-4", "sku-6"], "without a minimum count");
}

#[test]
fn what_was_trained_before_stays_trained() {
    let old = SkipGram::fit(&params(), &log(), keys(7), &mut Run::seeded(1)).unwrap();
    let newer = Sequences::from_rows(9, [[7, 6], [6, 7]].repeat(9)).unwrap();
    let mut training = Training::from_vectors(&old, &params(), &newer, keys(9), 1).unwrap();
    while training.epoch(&newer, &mut Run::seeded(1)).unwrap() {}
    let items = training.finish().unwrap();
    assert_eq!(untrained(&items), ["sku-4", "sku-5", "sku-8"]);
    let cold = Array2::from_elem((1, 4), 0.5);
    let items = items.with_cold_items(["sku-9"], cold.view(), cold.view()).unwrap();
    assert_eq!(untrained(&items), ["sku-4", "sku-5", "sku-8"], "what is given counts as trained");
}

#[test]
fn files_keep_which_rows_were_trained() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("items.nf");
    let items = SkipGram::fit(&params(), &log(), keys(7), &mut Run::seeded(1)).unwrap();
    items.save(&path).unwrap();
    assert!(ItemVectors::open(&path).unwrap() == items);
    let targets = items.targets(Scoring::InOut);
    targets.save(&path).unwrap();
    assert_eq!(&embed_core::Embeddings::open(&path).unwrap(), targets);
    // A file of an older version says nothing; rows of zeros tell.
    let silent = ItemVectors {
        input: items.input.clone().with_trained(embed_core::RowMask::from_fn(7, |_| true)).unwrap(),
        output: items.output.clone().with_trained(embed_core::RowMask::from_fn(7, |_| true)).unwrap(),
        ..items.clone()
    };
    silent.save(&path).unwrap();
    assert_eq!(untrained(&ItemVectors::open(&path).unwrap()), ["sku-4", "sku-5", "sku-6"]);
}

#[test]
fn untrained_items_of_a_history_say_nothing() {
    let items = SkipGram::fit(&params(), &log(), keys(7), &mut Run::seeded(1)).unwrap();
    let user = items.pooled(Pooling::default(), Scoring::InOut);
    assert_eq!(user.embed(&[0, 6, 1, 5][..]).unwrap(), user.embed(&[0, 1][..]).unwrap());
    let error = user.embed(&[6, 4][..]).unwrap_err();
    assert!(matches!(error, EmbedError::Empty { .. }), "{error}");
    assert!(matches!(user.embed(&[7][..]), Err(EmbedError::UnknownItem { item: 7, .. })));
}
