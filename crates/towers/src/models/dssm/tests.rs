//! Gradients of both towers against finite differences of an oracle in f64.

use std::sync::Arc;

use embed_core::{
    FeatureColumn, FeatureFrame, FeatureType, FeatureValues, SeededRng, Sequences, TextLists, Vocab,
};
use ndarray::{Array1, Array2, Axis, array, s};

use super::*;
use crate::features::{Feature, HistoryFeature, IdFeature, Schema, Seen, Side, SideSchema};
use crate::layers::testing::{Check, Wide, arrays, random};
use crate::layers::{ActivationKind, Linear, MlpParams};
use crate::matrix::Buffer;
use crate::models::{Context, Encoder, Example, Histories, HistoryView};

const DIM: usize = 3;

fn frame() -> FeatureFrame {
    let mut genres = TextLists::default();
    for row in [&["a", "b"][..], &[], &["b"], &["c", "a", "b"]] {
        genres.push(row);
    }
    let column = |name: &str, values| FeatureColumn { name: name.to_owned(), values };
    let columns = vec![
        column("maker", FeatureValues::Categories(["x", "y", "x", ""].iter().collect())),
        column("genres", FeatureValues::Lists(genres)),
        column("price", FeatureValues::Numbers(vec![1.0, 2.0, 4.0, -3.0])),
        column("plot", FeatureValues::Vectors(array![[0.5, 1.0], [-1.0, 0.3], [0.1, 0.2], [0.9, -0.4]])),
    ];
    FeatureFrame::new(Vocab::from_keys(["p", "q", "r", "s"]).unwrap(), columns).unwrap()
}

fn schema() -> Schema {
    let features = vec![
        Feature::new("maker", FeatureType::Category).in_table("makers"),
        Feature::new("genres", FeatureType::List),
        Feature::new("price", FeatureType::Number),
        Feature::new("plot", FeatureType::Vector),
    ];
    Schema {
        user: SideSchema { id: Some(IdFeature::new("users")), features: Vec::new() },
        history: Some(HistoryFeature {
            view: HistoryView::Before,
            columns: vec!["genres".to_owned(), "maker".to_owned()],
            ..HistoryFeature::default()
        }),
        item: SideSchema { id: Some(IdFeature::new("items")), features },
    }
}

struct Fixture {
    model: TwoTower<DssmUser, DssmItem>,
    histories: Histories,
}

fn fixture(layers: Option<MlpParams>) -> Fixture {
    let frame = frame();
    let histories = Histories::new(Sequences::from_rows(4, [&[0, 1, 2][..], &[3, 0]]).unwrap());
    let users = Vocab::from_keys(["u", "v"]).unwrap();
    let seen = (Seen { keys: &users, counts: &[3, 2] }, Seen { keys: frame.keys(), counts: &[2, 1, 1, 0] });
    let params = DssmParams {
        dim: DIM,
        user_layers: layers.clone(),
        item_layers: layers,
        deviation: 0.7,
        ..DssmParams::deep(schema())
    };
    let coder = Coder::fit(&params.schema, (None, Some(&frame)), seen).unwrap();
    let of_users = Arc::new(coder.code_keys(Side::User, &users, None).unwrap().0);
    let of_items = Arc::new(coder.code(Side::Item, &frame).unwrap());
    let model = TwoTower::over_features(&params, &coder, (of_users, of_items), 0.1, 5).unwrap();
    Fixture { model, histories }
}

fn hidden() -> MlpParams {
    MlpParams { hidden: vec![4], activation: ActivationKind::Gelu, ..MlpParams::default() }
}

fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
}

/// Codes of the items by hand: item s is not trained on, so its id is unknown, and so is category c.
const IDS: [usize; 4] = [1, 2, 3, 0];
const MAKERS: [usize; 4] = [1, 2, 1, 0];
const GENRES: [&[usize]; 4] = [&[1, 2], &[], &[2], &[1, 2]];

fn mean(table: &Wide, codes: &[usize]) -> Array1<f64> {
    let sum = codes.iter().fold(Array1::zeros(DIM), |sum: Array1<f64>, &code| sum + table.row(code));
    sum / codes.len().max(1) as f64
}

/// `a` are the tables items, users, makers, genres and what comes after them.
fn features(a: &[Wide], item: usize) -> [Array1<f64>; 5] {
    // Mean and deviation of 1, 2 and 4: item s does not count.
    let (center, deviation) = (7.0 / 3.0, (14.0f64 / 9.0).sqrt());
    let price = [1.0, 2.0, 4.0, -3.0][item];
    let plot = [[0.5, 1.0], [-1.0, 0.3], [0.1, 0.2], [0.9, -0.4]][item];
    [
        a[0].row(IDS[item]).to_owned(),
        a[2].row(MAKERS[item]).to_owned(),
        mean(&a[3], GENRES[item]),
        array![(price - center) / deviation],
        plot.iter().map(|x| f64::from(*x as f32)).collect(),
    ]
}

fn history(a: &[Wide], items: &[usize]) -> Array1<f64> {
    let rows =
        items.iter().map(|&i| a[0].row(IDS[i]).to_owned() + mean(&a[3], GENRES[i]) + a[2].row(MAKERS[i]));
    rows.fold(Array1::zeros(DIM), |sum: Array1<f64>, row| sum + row) / items.len().max(1) as f64
}

fn network(a: &[Wide], x: Array1<f64>) -> Array1<f64> {
    let hidden = (a[0].dot(&x) + a[1].row(0)).mapv(gelu);
    a[2].dot(&hidden) + a[3].row(0)
}

fn side_by_side(parts: &[Array1<f64>]) -> Array1<f64> {
    parts.iter().flat_map(|part| part.iter().copied()).collect()
}

fn check(layers: Option<MlpParams>, of_items: bool, oracle: impl Fn(&[Wide], usize) -> Array1<f64>) {
    let Fixture { mut model, histories } = fixture(layers);
    let cx = Context::new(&histories);
    let items = [3u32, 0, 2, 0];
    // The third has no history.
    let examples = [(0, 2), (1, 1), (1, 0), (0, 1)].map(|(user, at)| Example { user, at });
    let (dy, mut out) = (random(4, DIM, 7), Buffer::new());
    let mut dout = Buffer::new();
    dout.assign(dy.view());
    let TwoTower { tables, user, item, .. } = &mut model;
    if of_items {
        let mut tape = SideTape::default();
        item.forward(cx, tables, &items, &mut out, &mut tape).unwrap();
        item.backward(tables, &mut dout, &mut tape);
    } else {
        let mut tape = DssmUserTape::default();
        user.forward(cx, tables, &examples, &mut out, &mut tape).unwrap();
        user.backward(tables, &mut dout, &mut tape);
    }
    let arrays = arrays(&mut model);
    let inputs: Vec<&Array2<f32>> = arrays.iter().map(|(value, _)| value).collect();
    let gradients: Vec<&Array2<f32>> = arrays.iter().map(|(_, gradient)| gradient).collect();
    let check = Check::new(&inputs, |a| {
        let mut y = Wide::zeros((4, DIM));
        for row in 0..4 {
            let of = if of_items { items[row] as usize } else { row };
            y.row_mut(row).assign(&oracle(a, of));
        }
        y
    });
    check.forward(&out.view().to_owned());
    check.backward(&dy, &gradients);
}

/// Users and histories of the examples above.
const WHO: [(usize, &[usize]); 4] = [(1, &[0, 1]), (2, &[3]), (2, &[]), (1, &[0])];

#[test]
fn gradients_of_layers_over_features_agree_with_finite_differences() {
    // Four tables, the user's two layers, the item's two.
    check(Some(hidden()), true, |a, item| network(&a[8..], side_by_side(&features(a, item))));
    check(Some(hidden()), false, |a, row| {
        let (user, items) = WHO[row];
        network(&a[4..], side_by_side(&[a[1].row(user).to_owned(), history(a, items)]))
    });
}

#[test]
fn gradients_of_sums_of_features_agree_with_finite_differences() {
    check(None, true, |a, item| {
        let [id, maker, genres, price, plot] = features(a, item);
        id + maker + genres + a[4].dot(&price) + a[5].dot(&plot)
    });
    check(None, false, |a, row| {
        let (user, items) = WHO[row];
        a[1].row(user).to_owned() + history(a, items)
    });
}

#[test]
fn one_record_is_served_as_a_batch_is() {
    for layers in [None, Some(hidden())] {
        let Fixture { model, .. } = fixture(layers);
        let (mut tape, mut batch) = (DssmUserTape::default(), Array2::zeros((3, DIM)));
        let asked: [(usize, &[u32]); 3] = [(1, &[0, 2]), (0, &[]), (1, &[3; 80])];
        model.user.clear(&mut tape);
        for (row, history) in asked {
            model.user.push((&model.user.records, row), history, &mut tape);
        }
        model.user.infer_pushed(&model.tables, batch.view_mut(), &mut tape);
        for (i, (row, history)) in asked.into_iter().enumerate() {
            let mut one = [0.0; DIM];
            model.user.apply(&model.tables, (&model.user.records, row), history, &mut one, &mut tape);
            assert!(one.iter().zip(batch.slice(s![i, ..])).all(|(a, b)| (a - b).abs() < 1e-6));
        }
    }
}

#[test]
fn the_dropped_id_is_that_of_the_unknown() {
    let Fixture { mut model, histories } = fixture(None);
    let mut schema = schema();
    schema.item.id = Some(IdFeature::new("items").dropped(0.5));
    let seen = Vocab::from_keys(["p", "q", "r", "s"]).unwrap();
    let seen = Seen { keys: &seen, counts: &[9; 4] };
    let coder = Coder::fit(&schema, (None, Some(&frame())), (seen, seen)).unwrap();
    let tower = SideTower::new((Side::Item, &coder), DIM, false, None, &mut SeededRng::new(1)).unwrap();
    model.item.tower = tower;
    let mut tape = SideTape::default();
    let rows = vec![0u32; 2000];
    model.item.tower.read(&model.item.records, &rows, Some((1, 2)), &mut tape);
    let dropped = tape.records.ids_mut().unwrap().iter().filter(|id| **id == 0).count();
    assert!((900..1100).contains(&dropped), "{dropped} of 2000");
    let mut served = Array2::zeros((rows.len(), DIM));
    model.item.infer(Context::new(&histories), &model.tables, &rows, served.view_mut(), &mut tape);
    assert!(served.axis_iter(Axis(0)).all(|row| row == served.row(0)), "nothing is dropped in serving");
    let _: Option<&Linear> = model.item.tower.maps().flatten().next();
}
