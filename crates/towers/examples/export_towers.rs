//! Exports small models of every kind as ONNX, each with inputs and our own vectors of them, for `benches/peers/onnx_towers.py`.
//!
//! `cargo run --release -p towers --example export_towers -- OUT`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::cast_precision_loss, reason = "small numbers")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use embed_core::formats::npy;
use embed_core::{
    Embedder, FeatureColumn, FeatureFrame, FeatureType, FeatureValues, ItemId, Parallelism, Run, SeededRng,
    Sequences, TextLists, Vocab,
};
use ndarray::Array2;
use towers::features::{Coded, Feature, HistoryFeature, IdFeature, Records, Schema, Side, SideSchema};
use towers::layers::{ActivationKind, MlpParams};
use towers::models::{DssmParams, Histories, MatrixFactorization, Pooling, TowersParams, YouTubeDnn};
use towers::train::{FitParams, NegativeSampling};
use towers::{Dssm, DssmData, IdTowers, TwoTowerData, UserInput, UserRecord, Who};

const USERS: usize = 80;
const ITEMS: usize = 50;
/// The most items of a history.
const MOST: usize = 9;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let out = std::env::args().nth(1).unwrap_or_else(|| "exported".to_owned());
    let mut rng = SeededRng::new(3);
    let n_items = u32::try_from(ITEMS)?;
    let rows: Vec<Vec<ItemId>> =
        (0..USERS).map(|_| (0..2 + rng.below(14)).map(|_| rng.below(n_items)).collect()).collect();
    let log = Histories::new(Sequences::from_rows(ITEMS, &rows)?);
    let fit = FitParams { epochs: 3, batch: 64, table_rate: 0.1, ..FitParams::default() };
    let attention = |heads| Some(Pooling::SelfAttention { heads });
    let dice = Some(MlpParams { hidden: vec![24], activation: ActivationKind::Dice, ..MlpParams::default() });
    let by_id = [
        ("mf", MatrixFactorization::params(16)),
        ("mean", YouTubeDnn::mean(16)),
        ("places", TowersParams { pooling: Some(Pooling::Places), ..YouTubeDnn::mean(16) }),
        ("near", TowersParams { pooling: Some(Pooling::Near { power: 0.5 }), ..YouTubeDnn::mean(16) }),
        ("query", TowersParams { pooling: Some(Pooling::Query), ..YouTubeDnn::mean(16) }),
        ("self-attention", TowersParams { pooling: attention(2), ..YouTubeDnn::mean(16) }),
        ("attentive", YouTubeDnn::attentive(16, 0.4)),
        ("deep", YouTubeDnn::deep(16, Pooling::Mean)),
        ("dice", TowersParams { user_layers: dice.clone(), item_layers: dice, ..YouTubeDnn::mean(16) }),
    ];
    for (name, params) in by_id {
        let params = TowersParams { max_history: MOST, ..params };
        ids(&Path::new(&out).join(name), &params, &fit, &log)?;
        println!("{name}");
    }
    let gelu = MlpParams {
        hidden: vec![32, 24],
        activation: ActivationKind::Gelu,
        batch_norm: true,
        ..MlpParams::default()
    };
    let prelu = MlpParams { activation: ActivationKind::PRelu, ..gelu.clone() };
    for (name, layers, pooling) in [
        ("features-sum", None, Pooling::Places),
        ("features-gelu", Some(gelu), Pooling::Mean),
        ("features-prelu", Some(prelu), Pooling::SelfAttention { heads: 1 }),
    ] {
        features(&Path::new(&out).join(name), layers, pooling, &fit, &log)?;
        println!("{name}");
    }
    Ok(())
}

fn keys(n: usize) -> Result<Arc<Vocab>> {
    Ok(Arc::new(Vocab::from_keys((0..n).map(|key| key.to_string()))?))
}

/// Rows of items + 1, the last in the last column.
fn padded(log: &Histories) -> Array2<i64> {
    let mut padded = Array2::zeros((USERS, MOST));
    for (user, mut row) in (0..).zip(padded.rows_mut()) {
        for (to, item) in row.iter_mut().rev().zip(log.sequence(user).iter().rev()) {
            *to = i64::from(*item) + 1;
        }
    }
    padded
}

fn column(values: impl Iterator<Item = u32>) -> Array2<i64> {
    let values: Vec<i64> = values.map(i64::from).collect();
    Array2::from_shape_fn((values.len(), 1), |(row, _)| values[row])
}

fn ids(dir: &Path, params: &TowersParams, fit: &FitParams, log: &Histories) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    let (users, items) = (keys(USERS)?, keys(ITEMS)?);
    let data = TwoTowerData::new(log, &users, &items);
    let model = IdTowers::fit(params, fit, data, NegativeSampling::in_batch(), &mut Run::seeded(1))?;
    model.export(dir)?;
    let mut vectors = Array2::zeros((USERS, params.dim));
    for (user, mut row) in (0..).zip(vectors.rows_mut()) {
        let vector =
            model.user_embedder().embed(&UserInput { user: Some(user), history: log.sequence(user) })?;
        row.assign(&ndarray::ArrayView1::from(&vector));
    }
    npy::write_i64(dir.join("user.id.npy"), column((0..).take(USERS)).view())?;
    npy::write_i64(dir.join("user.history.npy"), padded(log).view())?;
    npy::write_f32(dir.join("user.vector.npy"), vectors.view())?;
    npy::write_i64(dir.join("item.id.npy"), column((0..).take(ITEMS)).view())?;
    npy::write_f32(dir.join("item.vector.npy"), model.items().vectors())?;
    Ok(())
}

/// Something of every type.
fn frame(n: usize) -> Result<FeatureFrame> {
    let mut rng = SeededRng::new(n as u64);
    let mut tags = TextLists::default();
    for _ in 0..n {
        tags.push((0..rng.below(4)).map(|_| format!("tag {}", rng.below(12))).collect::<Vec<_>>());
    }
    let makers: Vec<String> = (0..n).map(|key| format!("maker {}", key % 7)).collect();
    let named = |name: &str, values| FeatureColumn { name: name.to_owned(), values };
    let columns = vec![
        named("maker", FeatureValues::Categories(makers.iter().collect())),
        named("tags", FeatureValues::Lists(tags)),
        named("price", FeatureValues::Numbers((0..n).map(|key| 1e6 + (key * key) as f64).collect())),
        named("plot", FeatureValues::Vectors(Array2::from_shape_simple_fn((n, 3), || rng.unit_f32()))),
    ];
    Ok(FeatureFrame::new((*keys(n)?).clone(), columns)?)
}

fn features(
    dir: &Path,
    layers: Option<MlpParams>,
    pooling: Pooling,
    fit: &FitParams,
    log: &Histories,
) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    let all = || {
        vec![
            Feature::new("maker", FeatureType::Category).in_table("makers").hashed(20),
            Feature::new("tags", FeatureType::List),
            Feature::new("price", FeatureType::Number),
            Feature::new("plot", FeatureType::Vector),
        ]
    };
    let history =
        HistoryFeature { pooling, most: MOST, columns: vec!["tags".to_owned()], ..Default::default() };
    let schema = Schema {
        user: SideSchema { id: None, features: all() },
        history: Some(history),
        item: SideSchema { id: Some(IdFeature::new("items").dropped(0.2)), features: all() },
    };
    let params =
        DssmParams { dim: 16, user_layers: layers.clone(), item_layers: layers, ..DssmParams::deep(schema) };
    let (users, items) = (keys(USERS)?, keys(ITEMS)?);
    let (of_users, of_items) = (frame(USERS)?, frame(ITEMS)?);
    let data = DssmData::new(log, &users, &items).user_features(&of_users).item_features(&of_items);
    let model = Dssm::fit(&params, fit, data, NegativeSampling::in_batch(), &mut Run::seeded(1))?;
    model.export(dir)?;
    let records = model.coder().code(Side::User, &of_users)?;
    let mut vectors = Array2::zeros((USERS, params.dim));
    for (user, mut row) in vectors.rows_mut().into_iter().enumerate() {
        let history = log.sequence(u32::try_from(user)?);
        let vector =
            model.user_embedder().embed(&UserRecord { who: Who::Features(&records, user), history })?;
        row.assign(&ndarray::ArrayView1::from(&vector));
    }
    inputs(dir, "user", &[], &of_users, &records)?;
    npy::write_i64(dir.join("user.history.npy"), padded(log).view())?;
    npy::write_f32(dir.join("user.vector.npy"), vectors.view())?;
    // The item tower on more items than training had: their ids are unknown.
    let more = frame(ITEMS + 20)?;
    inputs(dir, "item", &["id"], &more, &model.coder().code(Side::Item, &more)?)?;
    let vectors = model.embed_items(&more, Parallelism::All)?;
    npy::write_f32(dir.join("item.vector.npy"), vectors.vectors())?;
    Ok(())
}

/// The inputs of a graph: codes as they are coded, numbers and vectors as they were read.
fn inputs(dir: &Path, side: &str, first: &[&str], frame: &FeatureFrame, records: &Records) -> Result<()> {
    let names = first.iter().map(|name| (*name).to_owned());
    let names = names.chain(frame.columns().iter().map(|column| format!("feature.{}", column.name)));
    for (name, coded) in names.zip(records.columns()) {
        let path = dir.join(format!("{side}.{name}.npy"));
        let raw =
            name.strip_prefix("feature.").and_then(|name| frame.column(name)).map(|column| &column.values);
        match (coded, raw) {
            (Coded::Codes(codes), _) => npy::write_i64(path, column(codes.iter().copied()).view())?,
            (Coded::Lists(lists), _) => {
                let most = (0..lists.len()).map(|row| lists.get(row).len()).max().unwrap_or(0);
                let code =
                    |(row, at): (usize, usize)| lists.get(row).get(at).map_or(0, |code| i64::from(*code));
                npy::write_i64(path, Array2::from_shape_fn((lists.len(), most), code).view())?;
            }
            (_, Some(FeatureValues::Numbers(numbers))) => {
                // Whole numbers, which keep their digits as doubles.
                #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
                let whole = Array2::from_shape_fn((numbers.len(), 1), |(row, _)| numbers[row] as i64);
                npy::write_i64(path, whole.view())?;
            }
            (_, Some(FeatureValues::Vectors(vectors))) => npy::write_f32(path, vectors.view())?,
            _ => {}
        }
    }
    Ok(())
}
