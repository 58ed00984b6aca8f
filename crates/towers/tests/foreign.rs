//! An encoder of another crate is trained, served, saved, opened and exported, and keeps the contract.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod common;

use common::{GROUPS, ITEMS, USERS, keys, log, params};
use embed_core::testkit::{EmbedderSuite, embedder};
use embed_core::{Embedder, ItemId, Parallelism, Run, SeededRng};
use ndarray::{Array2, ArrayViewMut2};
use towers::layers::{Module, Param, Slot, Table, Tensor};
use towers::models::{Context, Encoder, Example, Histories, HistoryView, Similarity, TwoTower};
use towers::train::{FitParams, NegativeSampling, Training, TrainingData};
use towers::{Buffer, LayerError, TwoTowerModel};

/// A user is the last item of the history, scaled by component; an item is its row.
#[derive(Debug, Clone)]
struct Last(Param);

impl Last {
    fn new(dim: usize) -> Self {
        Self(Param::offsets(dim, 1.0))
    }

    fn last(cx: Context<'_>, example: Example) -> Option<ItemId> {
        let mut history = Vec::new();
        cx.histories.history_into(example, HistoryView::Before, 1, &mut history);
        history.pop()
    }

    fn write(&self, cx: Context<'_>, tables: &[Table], records: &[Example], mut out: ArrayViewMut2<'_, f32>) {
        for (mut row, &example) in out.rows_mut().into_iter().zip(records) {
            row.fill(0.0);
            let Some(item) = Self::last(cx, example) else { continue };
            let scaled = tables[0].row(item).iter().zip(self.0.values()).map(|(x, s)| x * s);
            row.iter_mut().zip(scaled).for_each(|(out, x)| *out = x);
        }
    }
}

impl Module for Last {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        out.push(Tensor {
            name: format!("{path}.scale"),
            shape: self.0.value.dim(),
            values: self.0.values(),
        });
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        out.push(Slot::Param(&mut self.0));
    }
}

impl Encoder<Example> for Last {
    /// The last items.
    type Tape = Vec<Option<ItemId>>;

    fn dim(&self) -> usize {
        self.0.value.ncols()
    }

    fn forward(
        &mut self,
        cx: Context<'_>,
        tables: &[Table],
        records: &[Example],
        out: &mut Buffer,
        tape: &mut Self::Tape,
    ) -> Result<(), LayerError> {
        tape.clear();
        tape.extend(records.iter().map(|&example| Self::last(cx, example)));
        out.resize(records.len(), self.dim());
        self.write(cx, tables, records, out.view_mut());
        Ok(())
    }

    fn backward(&mut self, tables: &mut [Table], dout: &mut Buffer, tape: &mut Self::Tape) {
        let (mut ids, mut rows) = (Vec::new(), Vec::new());
        for (dout, item) in dout.view().rows().into_iter().zip(tape.iter()) {
            let Some(item) = *item else { continue };
            ids.push(item);
            rows.extend(dout.iter().zip(self.0.values()).map(|(d, s)| d * s));
            let row = tables[0].row(item).to_vec();
            let of_scale = self.0.gradient_mut().iter_mut().zip(dout.iter().zip(row));
            of_scale.for_each(|(gradient, (d, x))| *gradient += d * x);
        }
        let rows = Array2::from_shape_vec((ids.len(), self.dim()), rows).unwrap();
        tables[0].gradients.add_rows(&ids, rows.view());
    }

    fn infer(
        &self,
        cx: Context<'_>,
        tables: &[Table],
        records: &[Example],
        out: ArrayViewMut2<'_, f32>,
        _: &mut Self::Tape,
    ) {
        self.write(cx, tables, records, out);
    }
}

/// Rows of the one table.
#[derive(Debug, Clone)]
struct Rows(usize);

impl Module for Rows {
    fn tensors<'a>(&'a self, _: &str, _: &mut Vec<Tensor<'a>>) {}

    fn slots<'a>(&'a mut self, _: &mut Vec<Slot<'a>>) {}
}

impl Encoder<ItemId> for Rows {
    type Tape = Vec<ItemId>;

    fn dim(&self) -> usize {
        self.0
    }

    fn n_known(&self, tables: &[Table]) -> Option<usize> {
        Some(tables[0].len())
    }

    fn forward(
        &mut self,
        _: Context<'_>,
        tables: &[Table],
        records: &[ItemId],
        out: &mut Buffer,
        tape: &mut Self::Tape,
    ) -> Result<(), LayerError> {
        tape.clear();
        tape.extend_from_slice(records);
        out.resize(records.len(), self.0);
        tables[0].gather(records, out.view_mut());
        Ok(())
    }

    fn backward(&mut self, tables: &mut [Table], dout: &mut Buffer, tape: &mut Self::Tape) {
        tables[0].gradients.add_rows(tape, dout.view());
    }

    fn infer(
        &self,
        _: Context<'_>,
        tables: &[Table],
        records: &[ItemId],
        out: ArrayViewMut2<'_, f32>,
        _: &mut Self::Tape,
    ) {
        tables[0].gather(records, out);
    }
}

fn untrained(dim: usize, seed: u64) -> TwoTower<Last, Rows> {
    let tables = vec![Table::normal(ITEMS, dim, 0.1, &mut SeededRng::new(seed))];
    TwoTower::of_encoders(Last::new(dim), Rows(dim), tables, Similarity::Cosine, 0.2).unwrap()
}

fn trained() -> TwoTowerModel<Last, Rows> {
    let histories = Histories::new(log());
    let examples = histories.examples(HistoryView::Before, 1);
    let data = TrainingData { histories: &histories, examples, held_out: None };
    let fit = FitParams { epochs: 12, ..params() };
    let negatives = NegativeSampling::in_batch().and_per_batch(10);
    let mut training = Training::new(untrained(16, 1), &fit, data, negatives, 1).unwrap();
    training.run(&mut Run::seeded(1)).unwrap();
    TwoTowerModel::new(training.finish(), &keys(USERS), &keys(ITEMS), Parallelism::All).unwrap()
}

#[test]
fn it_is_trained_served_saved_opened_and_exported() {
    let model = trained();
    let side = model.history_embedder();
    let mut hits = 0;
    for (user, history) in (0u32..).zip(log().iter()) {
        let vector = side.embed(history).unwrap();
        let score = |item: &u32| model.metric().score(&vector, model.items().row(*item).unwrap());
        let best = (0..u32::try_from(ITEMS).unwrap()).max_by(|a, b| score(a).total_cmp(&score(b))).unwrap();
        hits += usize::from(best % GROUPS == user % GROUPS);
    }
    assert!(hits > USERS * 7 / 10, "{hits} of {USERS} are near their group");

    let histories: [&[ItemId]; 4] = [&[1, 2, 3], &[59], &[4, 4], &[7; 70]];
    let unknown = u32::try_from(ITEMS).unwrap();
    let refused: [&[ItemId]; 2] = [&[], &[unknown]];
    embedder(
        &side,
        &EmbedderSuite { batch_tolerance: 1e-5, ..EmbedderSuite::new("last", &histories, &refused) },
    );

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.nf");
    model.save(&path).unwrap();
    let opened = TwoTowerModel::open(&path, untrained(16, 9)).unwrap();
    assert_eq!((opened.items(), opened.users()), (model.items(), model.users()));
    assert_eq!((opened.report(), opened.fit_record()), (model.report(), model.fit_record()));
    assert_eq!(opened.history_embedder().embed(&[3, 5]).unwrap(), side.embed(&[3, 5]).unwrap());
    let other = TwoTowerModel::open(&path, untrained(8, 1)).map(drop).unwrap_err();
    assert!(other.to_string().contains("tensor"), "{other}");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(TwoTowerModel::open(&path, untrained(16, 1)).is_err());

    let weights = folder.path().join("weights.safetensors");
    model.export_safetensors(&weights).unwrap();
    assert!(std::fs::metadata(&weights).unwrap().len() > (ITEMS * 16 * 4) as u64);
}

#[cfg(feature = "testing")]
#[test]
fn encoders_keep_the_contract() {
    use towers::models::{ItemTower, UserTower};
    use towers::testing::{EncoderSuite, encoder};

    let histories = Histories::new(log());
    let sequences = log();
    let examples: Vec<Example> = (0..9u32)
        .map(|user| Example { user, at: u32::try_from(sequences.get(user as usize).len() - 1).unwrap() })
        .collect();
    let items = [3, 7, 3, 59, 0];
    let model = untrained(6, 3);
    encoder(&model.user, &EncoderSuite::new("last", &model.tables, &histories, &examples));
    encoder(&model.item, &EncoderSuite::new("rows", &model.tables, &histories, &items));
    for (name, params) in common::models() {
        let TwoTower { tables, user, item, .. } =
            TwoTower::<UserTower, ItemTower>::new(&params, USERS, ITEMS, 0.1, 3).unwrap();
        let differs = params.dropout > 0.0
            || [&params.user_layers, &params.item_layers]
                .into_iter()
                .flatten()
                .any(|layers| layers.batch_norm);
        let of_user = EncoderSuite::new(name, &tables, &histories, &examples);
        let of_item = EncoderSuite::new(name, &tables, &histories, &items);
        encoder(&user, &if differs { of_user.training_differs() } else { of_user });
        encoder(&item, &if differs { of_item.training_differs() } else { of_item });
    }
}

/// The suite finds what is wrong: a way back that forgets half of the gradient.
#[cfg(feature = "testing")]
#[test]
#[should_panic(expected = "gradient")]
fn a_wrong_way_back_is_found() {
    use towers::testing::{EncoderSuite, encoder};

    #[derive(Debug, Clone)]
    struct Wrong(Last);

    impl Module for Wrong {
        fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
            self.0.tensors(path, out);
        }

        fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
            self.0.slots(out);
        }
    }

    impl Encoder<Example> for Wrong {
        type Tape = Vec<Option<ItemId>>;

        fn dim(&self) -> usize {
            self.0.dim()
        }

        fn forward(
            &mut self,
            cx: Context<'_>,
            tables: &[Table],
            records: &[Example],
            out: &mut Buffer,
            tape: &mut Self::Tape,
        ) -> Result<(), LayerError> {
            self.0.forward(cx, tables, records, out, tape)
        }

        fn backward(&mut self, tables: &mut [Table], dout: &mut Buffer, tape: &mut Self::Tape) {
            dout.as_slice_mut().iter_mut().for_each(|d| *d *= 0.5);
            self.0.backward(tables, dout, tape);
        }

        fn infer(
            &self,
            cx: Context<'_>,
            tables: &[Table],
            records: &[Example],
            out: ArrayViewMut2<'_, f32>,
            tape: &mut Self::Tape,
        ) {
            self.0.infer(cx, tables, records, out, tape);
        }
    }

    let (histories, model) = (Histories::new(log()), untrained(6, 3));
    let examples = [1, 4, 8].map(|user| Example { user, at: 2 });
    encoder(&Wrong(model.user), &EncoderSuite::new("wrong", &model.tables, &histories, &examples));
}
