//! Two towers over features, from end to end on a planted log.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod common;

use std::sync::Arc;

use common::{GROUPS, ITEMS, USERS, in_batch, keys, log, params, shared};
use embed_core::testkit::{EmbedderSuite, embedder};
use embed_core::{
    EmbedError, Embedder, FeatureColumn, FeatureFrame, FeatureType, FeatureValues, Metric, Parallelism, Run,
    SeededRng, TextLists, Vocab,
};
use ndarray::Array2;
use towers::features::{
    Coding, Feature, FeatureError, HistoryFeature, IdFeature, Schema, SchemaOptions, Side, SideSchema,
};
use towers::layers::{MlpParams, Module};
use towers::models::{DssmParams, Histories, Pooling};
use towers::train::{FitParams, Holdout, Validation, hold_out};
use towers::{Dssm, DssmData, FitError, LayerError, UserRecord, Who};

fn column(name: &str, values: FeatureValues) -> FeatureColumn {
    FeatureColumn { name: name.to_owned(), values }
}

/// Features of keys `0..n` that say the group (`key % GROUPS`), and some that say nothing.
fn frame(n: usize) -> FeatureFrame {
    let groups = || (0..n).map(|key| key % GROUPS as usize);
    let mut rng = SeededRng::new(2);
    let mut tags = TextLists::default();
    for group in groups() {
        let noise = rng.below(20);
        tags.push([format!("group {group}"), format!("noise {noise}")]);
    }
    let makers: Vec<String> = groups().map(|group| format!("maker {group}")).collect();
    let vectors = Array2::from_shape_fn((n, 2), |(key, at)| if key % 3 == at { 1.0 } else { -0.5 });
    let columns = vec![
        column("maker", FeatureValues::Categories(makers.iter().collect())),
        column("tags", FeatureValues::Lists(tags)),
        column("price", FeatureValues::Numbers(groups().map(|group| 1000.0 + group as f64).collect())),
        column("plot", FeatureValues::Vectors(vectors)),
    ];
    FeatureFrame::new((*keys(n)).clone(), columns).unwrap()
}

fn content() -> Vec<Feature> {
    vec![
        Feature::new("maker", FeatureType::Category).in_table("makers").hashed(40),
        Feature::new("tags", FeatureType::List),
        Feature::new("price", FeatureType::Number),
        Feature::new("plot", FeatureType::Vector),
    ]
}

fn schema() -> Schema {
    let makers = Feature::new("maker", FeatureType::Category).in_table("makers").hashed(40);
    Schema {
        user: SideSchema { id: None, features: vec![makers] },
        history: Some(HistoryFeature { columns: vec!["tags".to_owned()], ..HistoryFeature::default() }),
        item: SideSchema { id: Some(IdFeature::new("items").dropped(0.3)), features: content() },
    }
}

fn models() -> Vec<(&'static str, DssmParams)> {
    let small = |schema| DssmParams { dim: 16, ..DssmParams::deep(schema) };
    let layers = Some(MlpParams { hidden: vec![24], batch_norm: true, ..MlpParams::default() });
    let deep = DssmParams { user_layers: layers.clone(), item_layers: layers, ..small(schema()) };
    let history =
        HistoryFeature { pooling: Pooling::SelfAttention { heads: 2 }, ..HistoryFeature::default() };
    let alone = Schema { user: SideSchema::default(), history: Some(history), ..schema() };
    let ids = SideSchema { id: Some(IdFeature::new("users")), features: Vec::new() };
    let by_id = Schema { user: ids, history: None, ..schema() };
    vec![
        ("deep", deep),
        ("sum", DssmParams { user_layers: None, item_layers: None, ..small(schema()) }),
        ("attention", DssmParams { user_layers: None, ..small(alone) }),
        ("ids", DssmParams { user_layers: None, ..small(by_id) }),
    ]
}

struct World {
    histories: Histories,
    users: Arc<Vocab>,
    items: Arc<Vocab>,
    user_features: FeatureFrame,
    item_features: FeatureFrame,
}

impl World {
    fn new() -> Self {
        Self::over(Histories::new(log()))
    }

    fn over(histories: Histories) -> Self {
        let (users, items) = (keys(USERS), keys(ITEMS));
        Self { histories, users, items, user_features: frame(USERS), item_features: frame(ITEMS) }
    }

    fn data(&self) -> DssmData<'_> {
        DssmData {
            histories: &self.histories,
            users: &self.users,
            items: &self.items,
            user_features: Some(&self.user_features),
            item_features: Some(&self.item_features),
            held_out: None,
        }
    }

    fn fit(&self, towers: &DssmParams, fit: &FitParams, threads: usize) -> Result<Dssm, FitError> {
        let run = &mut Run::seeded(1).threads(threads);
        Dssm::fit(towers, fit, self.data(), in_batch(), run)
    }
}

fn bits(model: &Dssm) -> Vec<(String, Vec<u32>)> {
    let tensors = model.tensors().into_iter();
    tensors.map(|t| (t.name, t.values.iter().map(|x| x.to_bits()).collect())).collect()
}

/// The share of the ten best of `candidates` that are of the user's group, on average.
fn in_group(model: &Dssm, candidates: &embed_core::Embeddings, n_users: usize) -> f64 {
    let (sequences, mut hits) = (log(), 0.0);
    for (user, history) in (0u32..).zip(sequences.iter()).take(n_users) {
        let vector = model.user_embedder().embed(&UserRecord { who: Who::Known(user), history }).unwrap();
        let mut scores: Vec<(f32, u32)> = (0..)
            .zip(candidates.vectors().rows())
            .map(|(row, vector_of)| (model.metric().score(&vector, vector_of.to_slice().unwrap()), row))
            .collect();
        scores.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let group = |row: u32| candidates.vocab().key(row).unwrap().parse::<u32>().unwrap() % GROUPS;
        hits += scores[..10].iter().filter(|(_, row)| group(*row) == user % GROUPS).count() as f64;
    }
    hits / (10.0 * n_users as f64)
}

#[test]
fn every_model_finds_the_groups_and_places_items_it_never_saw() {
    let world = World::new();
    // Keys that training has not seen, with features of the same groups.
    let all = frame(3 * ITEMS);
    for (name, towers) in models() {
        let model = world.fit(&towers, &FitParams { epochs: 12, ..params() }, 2).unwrap();
        let share = in_group(&model, model.items(), USERS);
        assert!(share > 0.8, "{name}: {share} of the ten nearest are of the group");
        let vectors = model.embed_items(&all, Parallelism::All).unwrap();
        assert_eq!(vectors.space(), model.items().space());
        let known = vectors.vectors().slice(ndarray::s![..ITEMS, ..]).to_owned();
        let change = (&known - &model.items().vectors()).mapv(f32::abs).fold(0.0, |a: f32, b| a.max(*b));
        assert!(change < 1e-5, "{name}: known items have their vectors");
        let new = Vocab::from_keys((ITEMS..3 * ITEMS).map(|key| key.to_string())).unwrap();
        let rows = vectors.vectors().slice(ndarray::s![ITEMS.., ..]).to_owned();
        let new = embed_core::Embeddings::in_space(new, rows, vectors.space()).unwrap();
        let share = in_group(&model, &new, USERS);
        assert!(share > 0.8, "{name}: {share} of the ten nearest new items are of the group");
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let world = World::new();
    for (name, towers) in models() {
        let fit = FitParams { epochs: 2, clip: Some(0.5), learn_temperature: true, ..params() };
        let one = bits(&world.fit(&towers, &fit, 1).unwrap());
        for threads in [2, 7] {
            assert!(one == bits(&world.fit(&towers, &fit, threads).unwrap()), "{name}, {threads} threads");
        }
    }
}

#[test]
fn a_training_that_is_taken_up_again_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.nf");
    let (sequences, truth) = hold_out(&log(), Holdout::Share(0.2), 1);
    let world = World::over(Histories::new(sequences));
    let (_, towers) = models().swap_remove(0);
    let validation = Some(Validation { k: 5, ..Validation::default() });
    let fit = FitParams { epochs: 4, validation, ..params() };
    let data = world.data().held_out(&truth);
    let begin = || Dssm::training(&towers, &fit, data, in_batch(), 9).unwrap().training;
    let mut whole = begin();
    while whole.epoch(&mut Run::seeded(9)).unwrap() {}
    let mut first = begin();
    first.epoch(&mut Run::seeded(9)).unwrap();
    first.save(&path).unwrap();
    let mut second = begin().resume(&path).unwrap();
    while second.epoch(&mut Run::seeded(9).threads(2)).unwrap() {}
    let (a, b) = (whole.finish(), second.finish());
    assert_eq!(a.report, b.report);
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    a.model.tensors("", &mut of_a);
    b.model.tensors("", &mut of_b);
    assert!(of_a == of_b);
}

#[test]
fn the_user_tower_is_an_embedder() {
    let world = World::new();
    for (name, towers) in models() {
        let model = world.fit(&towers, &FitParams { epochs: 1, ..params() }, 2).unwrap();
        let features = FeatureFrame::new(
            Vocab::from_keys(["new"]).unwrap(),
            vec![column("maker", FeatureValues::Categories(["maker 1"].iter().collect()))],
        );
        let features = features.unwrap();
        let records = model.coder().code(Side::User, &features).unwrap();
        let known = |user, history| UserRecord { who: Who::Known(user), history };
        let nobody = |history| UserRecord { who: Who::Nobody, history };
        let stranger = |row, history| UserRecord { who: Who::Features(&records, row), history };
        let (mut inputs, mut refused) =
            (vec![known(0, &[1, 2, 3][..]), known(7, &[4])], vec![known(9999, &[1]), stranger(1, &[1])]);
        if towers.schema.history.is_some() {
            inputs.extend([nobody(&[5, 6]), nobody(&[3; 90]), stranger(0, &[9])]);
            refused.extend([nobody(&[]), known(0, &[9999])]);
        }
        if !towers.schema.user.features.is_empty() {
            inputs.extend([known(3, &[]), stranger(0, &[])]);
        }
        let (inputs, refused): (Vec<_>, Vec<_>) = (inputs.iter().collect(), refused.iter().collect());
        let suite = EmbedderSuite { batch_tolerance: 1e-5, ..EmbedderSuite::new(name, &inputs, &refused) };
        embedder::<UserRecord<'_>>(&model.user_embedder(), &suite);
    }
}

#[test]
fn files_give_the_model_back_and_damage_is_found() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::new());
    for (name, towers) in models() {
        let path = folder.path().join(name);
        let model = world.fit(&towers, &FitParams { epochs: 1, ..params() }, 2).unwrap();
        model.save(&path).unwrap();
        let opened = Dssm::open(&path).unwrap();
        assert!(bits(&opened) == bits(&model), "{name}");
        assert_eq!((opened.params(), opened.report()), (model.params(), model.report()));
        assert_eq!((opened.items(), opened.users()), (model.items(), model.users()));
        assert_eq!(opened.coder(), model.coder());
        let asked = |model: &Dssm| {
            model.user_embedder().embed(&UserRecord { who: Who::Known(2), history: &[1, 4] }).unwrap()
        };
        assert_eq!(asked(&opened), asked(&model));
        let bytes = std::fs::read(&path).unwrap();
        let mut rng = SeededRng::new(7);
        for _ in 0..40 {
            let mut damaged = bytes.clone();
            let at = rng.below(u32::try_from(bytes.len()).unwrap()) as usize;
            damaged[at] ^= 1 << rng.below(8);
            std::fs::write(&path, &damaged).unwrap();
            // Padding between sections may change; nothing else.
            if let Ok(opened) = Dssm::open(&path) {
                assert!(bits(&opened) == bits(&model), "{name}: byte {at}");
            }
            std::fs::write(&path, &bytes[..at]).unwrap();
            assert!(Dssm::open(&path).is_err());
        }
    }
}

#[test]
fn features_that_do_not_fit_are_named() {
    let world = World::new();
    let (_, towers) = models().swap_remove(0);
    let model = world.fit(&towers, &FitParams { epochs: 1, ..params() }, 2).unwrap();
    let good = frame(4);
    let changed = |name: &str, values: Option<FeatureValues>| {
        let mut columns = good.columns().to_vec();
        let at = columns.iter().position(|column| column.name == name).unwrap();
        match values {
            Some(values) => columns[at].values = values,
            None => drop(columns.remove(at)),
        }
        let frame = FeatureFrame::new(good.keys().clone(), columns).unwrap();
        model.coder().code(Side::Item, &frame).unwrap_err().to_string()
    };
    let numbers = |x| Some(FeatureValues::Numbers(vec![1.0, x, 2.0, 3.0]));
    for (got, expected) in [
        (changed("tags", None), "the item features have no column \"tags\", which the model needs"),
        (
            changed("maker", numbers(0.0)),
            "column \"maker\" of the item features is of type number, expected category",
        ),
        (
            changed("plot", Some(FeatureValues::Vectors(Array2::zeros((4, 3))))),
            "column \"plot\" of the item features has vectors of 3 numbers, expected 2",
        ),
        (
            changed("price", numbers(f64::NAN)),
            "column \"price\" of the item features, row 2 (key \"1\"): NaN is no finite number",
        ),
    ] {
        assert_eq!(got, expected);
    }
    let nan = FeatureValues::Vectors(Array2::from_elem((ITEMS, 2), f32::NAN));
    let mut columns = world.item_features.columns().to_vec();
    columns[3].values = nan;
    let bad = FeatureFrame::new((*world.items).clone(), columns).unwrap();
    let data = DssmData { item_features: Some(&bad), ..world.data() };
    let refused = Dssm::training(&towers, &params(), data, in_batch(), 1).map(drop);
    assert!(
        matches!(&refused, Err(FitError::Features(FeatureError::NotFinite { row: 1, .. }))),
        "{refused:?}"
    );
    let data = DssmData { user_features: None, ..world.data() };
    let refused = Dssm::training(&towers, &params(), data, in_batch(), 1).map(drop);
    assert!(matches!(refused, Err(FitError::Features(FeatureError::Missing { side: Side::User, .. }))));
    let other = World::new().fit(&models()[3].1, &FitParams { epochs: 1, ..params() }, 1).unwrap();
    let records = other.coder().code(Side::User, &FeatureFrame::of_keys((*keys(2)).clone())).unwrap();
    let foreign = UserRecord { who: Who::Features(&records, 0), history: &[1] };
    assert!(matches!(model.user_embedder().embed(&foreign), Err(EmbedError::Implementation { .. })));
}

#[test]
fn unseen_categories_and_missing_rows_are_the_unknown() {
    let world = World::new();
    let (_, towers) = models().swap_remove(1);
    let model = world.fit(&towers, &FitParams { epochs: 1, ..params() }, 2).unwrap();
    let coder = model.coder();
    let (records, missing) = coder
        .code_keys(Side::Item, &Vocab::from_keys(["0", "nobody"]).unwrap(), Some(&world.item_features))
        .unwrap();
    assert_eq!((records.len(), missing), (2, 1));
    assert_eq!(coder.tables()[0].code("nobody"), 0);
    let tags = coder.tables().iter().find(|table| table.name == "item tags").unwrap();
    assert_eq!((tags.code("never seen"), tags.code("")), (0, 0));
    assert_eq!(tags.coding, Coding::Vocabulary { least: 1 });
}

#[test]
fn bad_schemas_and_settings_are_named() {
    let world = World::new();
    let refused = |towers: DssmParams, fit: FitParams| {
        let run = &mut Run::seeded(1);
        Dssm::fit(&towers, &fit, world.data(), shared(5), run).map(drop).unwrap_err()
    };
    let base = || models().swap_remove(0).1;
    let with = |change: &dyn Fn(&mut Schema)| {
        let mut towers = base();
        change(&mut towers.schema);
        refused(towers, params()).to_string()
    };
    for (got, expected) in [
        (with(&|s| s.item = SideSchema::default()), "the item side has no feature"),
        (
            with(&|s| s.user.features.push(content().remove(0))),
            "column \"maker\" of the user features is in the schema twice",
        ),
        (
            with(&|s| s.user.features[0].coding = Coding::default()),
            "table \"makers\" is coded in two ways: features that share it need the same coding",
        ),
        (
            with(&|s| s.history.as_mut().unwrap().columns = vec!["price".to_owned()]),
            "the history is to be described by column \"price\", which is no category or list of the items",
        ),
        (
            with(&|s| {
                s.item.id = None;
                s.history.as_mut().unwrap().columns.clear();
            }),
            "the history has nothing to describe its items by: neither their id nor a column",
        ),
        (
            with(&|s| s.item.id = Some(IdFeature::new("items").dropped(1.0))),
            "dropout of the id is 1, must be at least 0 and below 1",
        ),
    ] {
        assert_eq!(got, expected);
    }
    let one = FitParams { batch: 1, ..params() };
    assert!(matches!(refused(base(), one), FitError::Layer(LayerError::BatchOfOne { rows: 1 })));
}

#[test]
fn vectors_of_unseen_items_are_multiplied_and_those_of_others_are_not() {
    // Nobody has the last of the items.
    let rows: Vec<Vec<u32>> =
        log().iter().map(|row| row.iter().copied().filter(|item| *item < 59).collect()).collect();
    let world = World::over(Histories::new(embed_core::Sequences::from_rows(ITEMS, rows).unwrap()));
    let fit = FitParams { epochs: 2, ..params() };
    let (_, towers) = models().swap_remove(1);
    let plain = world.fit(&towers, &fit, 2).unwrap();
    let scaled = world.fit(&DssmParams { unseen: 0.5, ..towers.clone() }, &fit, 2).unwrap();
    assert_eq!((plain.metric(), scaled.metric()), (Metric::Cosine, Metric::InnerProduct));
    let more = frame(ITEMS + 5);
    let embed = |model: &Dssm| model.embed_items(&more, Parallelism::All).unwrap();
    let folder = tempfile::tempdir().unwrap();
    scaled.save(folder.path().join("model.nf")).unwrap();
    let opened = Dssm::open(folder.path().join("model.nf")).unwrap();
    assert_eq!(opened.items().vectors(), scaled.items().vectors());
    for (a, b) in [
        (plain.items().clone(), scaled.items().clone()),
        (embed(&plain), embed(&scaled)),
        (embed(&plain), embed(&opened)),
    ] {
        for (item, (a, b)) in a.vectors().rows().into_iter().zip(b.vectors().rows()).enumerate() {
            let factor = if item < 59 { 1.0 } else { 0.5 };
            assert!(a.iter().zip(b).all(|(a, b)| a * factor == *b), "item {item}");
        }
    }
    for unseen in [0.0, 1.1, f32::NAN] {
        let refused = world.fit(&DssmParams { unseen, ..towers.clone() }, &fit, 1);
        assert!(matches!(refused, Err(FitError::Layer(LayerError::Setting { .. }))));
    }
}

/// A program of a user: from frames to a model that knows the users and items it has never met by their features.
#[test]
fn a_schema_of_frames_and_the_preset_find_the_groups() {
    let (histories, users, items) = (Histories::new(log()), keys(USERS), keys(ITEMS));
    let (of_users, of_items) = (frame(USERS), frame(ITEMS + 9));
    let data = DssmData::new(&histories, &users, &items).user_features(&of_users).item_features(&of_items);
    let schema = data.schema();
    assert_eq!((schema.user.features.len(), schema.item.features.len()), (4, 4));
    assert_eq!(schema.history.as_ref().unwrap().columns, ["maker", "tags"]);
    assert_eq!(schema.item.id.as_ref().unwrap().dropout, 0.1);
    let mut preset = Dssm::preset(schema, 16);
    preset.fit = FitParams { epochs: 12, batch: 64, ..preset.fit };
    let model = preset.fit(data, &mut Run::seeded(1)).unwrap();
    let share = in_group(&model, model.items(), USERS);
    assert!(share > 0.8, "{share} of the ten nearest are of the group");

    let bare = Schema::of_frames(None, None, &SchemaOptions::default());
    assert!(bare.user.features.is_empty() && bare.history.is_some() && bare.item.id.unwrap().dropout == 0.0);
    let nothing = SchemaOptions { item_id: false, ..SchemaOptions::default() };
    let nothing = Schema::of_frames(None, None, &nothing);
    assert!(nothing.history.is_none() && nothing.validate().is_err());
}

/// Cold items that are known by a feature are in; those of which nothing is known are untrained.
#[test]
fn an_item_of_which_nothing_is_known_is_untrained() {
    let histories = Histories::new(log());
    let more: Vec<Vec<u32>> = histories.sequences().iter().map(<[u32]>::to_vec).collect();
    let histories = Histories::new(embed_core::Sequences::from_rows(ITEMS + 2, more).unwrap());
    let (users, items, of_items) = (keys(USERS), keys(ITEMS + 2), frame(ITEMS + 1));
    let data = DssmData::new(&histories, &users, &items).item_features(&of_items);
    let mut preset = Dssm::preset(data.schema(), 8);
    preset.fit.epochs = 1;
    let model = preset.fit(data, &mut Run::seeded(1)).unwrap();
    assert_eq!(model.items().untrained().collect::<Vec<_>>(), [(ITEMS + 1).to_string()]);
    let folder = tempfile::tempdir().unwrap();
    model.save(folder.path().join("model.nf")).unwrap();
    assert_eq!(Dssm::open(folder.path().join("model.nf")).unwrap().items(), model.items());
}

#[test]
fn user_sides_outlive_the_model_and_go_to_other_threads() {
    fn owned<T: Clone + Send + Sync + 'static>(side: T) -> T {
        side
    }
    let world = World::new();
    let model = world.fit(&models()[1].1, &FitParams { epochs: 1, ..params() }, 2).unwrap();
    let (histories, people) = (owned(model.history_embedder()), owned(model.user_embedder()));
    let (space, metric) = (model.items().space(), model.metric());
    let keys = embed_core::KeyTable::from(Arc::clone(model.items().vocab()));
    drop(model);
    for side in [&histories as &dyn Embedder<[u32]>, &histories.clone()] {
        assert_eq!((side.space(), side.metric()), (space, Some(metric)));
        assert_eq!(side.keys().unwrap().key(3), keys.key(3));
    }
    let asked = std::thread::spawn(move || people.embed(&UserRecord { who: Who::Nobody, history: &[1, 2] }));
    assert_eq!(asked.join().unwrap().unwrap(), histories.embed(&[1, 2]).unwrap());
}
