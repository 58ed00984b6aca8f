use std::error::Error;
use std::sync::Arc;

use ann::Flat;
use embed_core::{ItemId, Parallelism, Run, SeededRng, Sequences, Vocab};
use nearfield::Recommender;
use ndarray::{Array2, ArrayViewMut2};
use towers::layers::{Module, Slot, Table, Tensor};
use towers::models::{Context, Encoder, Example, Histories, HistoryView, Similarity, TwoTower};
use towers::testing::{EncoderSuite, encoder};
use towers::train::{FitParams, NegativeSampling, Training, TrainingData};
use towers::{Buffer, LayerError, TwoTowerModel};

/// Rows of the first table: an item by its id, a user by the last item.
#[derive(Debug, Clone)]
struct Rows(usize);

/// The row that stands for a record, if there is one.
trait Stands {
    /// Whether records are known by their own ids.
    const BY_ID: bool;

    fn item(&self, cx: Context<'_>) -> Option<ItemId>;
}

impl Stands for ItemId {
    const BY_ID: bool = true;

    fn item(&self, _: Context<'_>) -> Option<ItemId> {
        Some(*self)
    }
}

impl Stands for Example {
    const BY_ID: bool = false;

    fn item(&self, cx: Context<'_>) -> Option<ItemId> {
        let mut history = Vec::new();
        cx.histories.history_into(*self, HistoryView::Before, 1, &mut history);
        history.pop()
    }
}

impl Module for Rows {
    fn tensors<'a>(&'a self, _: &str, _: &mut Vec<Tensor<'a>>) {}

    fn slots<'a>(&'a mut self, _: &mut Vec<Slot<'a>>) {}
}

impl<R: Stands + Sync> Encoder<R> for Rows {
    type Tape = Vec<Option<ItemId>>;

    fn dim(&self) -> usize {
        self.0
    }

    fn n_known(&self, tables: &[Table]) -> Option<usize> {
        R::BY_ID.then(|| tables[0].len())
    }

    fn forward(
        &mut self,
        cx: Context<'_>,
        tables: &[Table],
        records: &[R],
        out: &mut Buffer,
        tape: &mut Self::Tape,
    ) -> Result<(), LayerError> {
        out.resize(records.len(), self.0);
        tape.clear();
        tape.extend(records.iter().map(|record| record.item(cx)));
        let mut inferred = Vec::new();
        self.infer(cx, tables, records, out.view_mut(), &mut inferred);
        Ok(())
    }

    fn backward(&mut self, tables: &mut [Table], dout: &mut Buffer, tape: &mut Self::Tape) {
        let (mut ids, mut rows) = (Vec::new(), Vec::new());
        for (row, item) in dout.view().rows().into_iter().zip(tape.iter()) {
            if let Some(item) = *item {
                ids.push(item);
                rows.extend(row.iter().copied());
            }
        }
        let rows = Array2::from_shape_vec((ids.len(), self.0), rows).unwrap_or_default();
        tables[0].gradients.add_rows(&ids, rows.view());
    }

    fn infer(
        &self,
        cx: Context<'_>,
        tables: &[Table],
        records: &[R],
        mut out: ArrayViewMut2<'_, f32>,
        _: &mut Self::Tape,
    ) {
        for (mut row, record) in out.rows_mut().into_iter().zip(records) {
            match record.item(cx) {
                Some(item) => row.iter_mut().zip(tables[0].row(item)).for_each(|(to, from)| *to = *from),
                None => row.fill(0.0),
            }
        }
    }
}

fn untrained() -> Result<TwoTower<Rows, Rows>, LayerError> {
    let tables = vec![Table::normal(12, 8, 0.1, &mut SeededRng::new(1))];
    TwoTower::of_encoders(Rows(8), Rows(8), tables, Similarity::Cosine, 0.1)
}

pub fn is_trained_served_saved_and_exported() -> Result<(), Box<dyn Error>> {
    let log = Sequences::from_rows(12, (0..200u32).map(|user| [0, 1, 2, 3].map(|i| 4 * (user % 3) + i)))?;
    let histories = Histories::new(log);
    let examples = histories.examples(HistoryView::Before, 1);
    let model = untrained()?;
    encoder(&model.user, &EncoderSuite::new("the last item", &model.tables, &histories, &examples[..6]));
    encoder(&model.item, &EncoderSuite::new("an item", &model.tables, &histories, &[3u32, 1, 3]));

    let fit = FitParams { epochs: 20, batch: 64, ..FitParams::default() };
    let data = TrainingData { histories: &histories, examples, held_out: None };
    let mut training = Training::new(model, &fit, data, NegativeSampling::in_batch(), 1)?;
    training.run(&mut Run::seeded(1))?;
    let users = Arc::new(Vocab::from_keys((0..200).map(|i| format!("user-{i}")))?);
    let items = Arc::new(Vocab::from_keys((0..12).map(|i| format!("item-{i}")))?);
    let model = TwoTowerModel::new(training.finish(), &users, &items, Parallelism::All)?;

    let folder = std::env::temp_dir().join(format!("nearfield-outside-encoder-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    model.save(folder.join("model.nf"))?;
    model.export_safetensors(folder.join("weights.safetensors"))?;
    let model = TwoTowerModel::open(folder.join("model.nf"), untrained()?)?;
    std::fs::remove_dir_all(&folder)?;

    let index = Flat::build(model.items(), model.metric(), &mut Run::default())?;
    let recommender = Recommender::new(model.history_embedder(), index)?;
    let found = recommender.recommend_keys(&["item-4"], 3)?;
    assert!(found.iter().all(|item| (4..8).contains(&item.id)), "of the same group: {found:?}");
    Ok(())
}
