use embed_core::{ItemId, SeededRng};
use ndarray::ArrayViewMut2;

use super::{Augment, Example, Histories, HistoryView};
use crate::LayerError;
use crate::layers::{Module, Table};
use crate::matrix::Buffer;

/// What an encoder may look at beside its records.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// What users did.
    pub histories: &'a Histories,
    /// Seed of the run.
    pub seed: u64,
    /// Step of the training, for draws.
    pub step: u64,
    /// Whether histories are changed, and how.
    pub view: Option<View>,
}

/// A changed view of the histories of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// How they are changed.
    pub augment: Augment,
    /// Which of the views this is: each draws its own changes.
    pub number: u8,
}

impl<'a> Context<'a> {
    /// At the start of a training, or in serving.
    #[must_use]
    pub fn new(histories: &'a Histories) -> Self {
        Self { histories, seed: 0, step: 0, view: None }
    }

    /// The history of row `i` of a batch, changed where a view is asked for, into `out`; appends how far its items are from the example to
    /// `distances`, unless that is as they are counted from the end.
    pub(crate) fn history_into(
        &self,
        (i, example): (usize, Example),
        view: HistoryView,
        most: usize,
        (out, distances): (&mut Vec<ItemId>, &mut Vec<u32>),
    ) {
        out.clear();
        self.histories.history_into(example, view, most, out);
        if self.view.is_none() && view == HistoryView::Others {
            self.histories.distances_into(example, view, most, distances);
        }
        if let Some(View { augment, number }) = self.view {
            let stream = (self.step << 32) ^ (i as u64) << 1 ^ u64::from(number);
            augment.apply(out, &mut SeededRng::stream(self.seed, "views", stream));
        }
    }
}

/// One side of a two-tower model: turns records (examples, items) into rows of one space.
///
/// Tables are shared between the sides of a model, so they are handed in; an encoder knows the numbers of those it uses.
pub trait Encoder<R>: Module + Send + Sync {
    /// What a forward pass keeps for the way back, and the memory of serving.
    type Tape: Default + Send;

    /// Components of a row.
    fn dim(&self) -> usize;

    /// Knowledge without training: true where the row of a record says something where no positive of the training was of it: encoders of features do, once a feature
    /// is known. Items of which it does not are [untrained](embed_core::Embeddings::untrained) unless they were a positive.
    fn knows_by_content(&self, _record: &R) -> bool {
        false
    }

    /// Number of records whose number the encoder looks up, as users by id: a request of another is refused, not handed in. `None` where it
    /// looks at histories alone.
    fn n_known(&self, _tables: &[Table]) -> Option<usize> {
        None
    }

    /// Training: one row of `out` for each record. `out` takes the shape.
    ///
    /// # Errors
    /// [`LayerError`] when a layer cannot work on this batch.
    fn forward(
        &mut self,
        cx: Context<'_>,
        tables: &[Table],
        records: &[R],
        out: &mut Buffer,
        tape: &mut Self::Tape,
    ) -> Result<(), LayerError>;

    /// From the gradient of the rows to those of parameters and tables; `dout` may be overwritten.
    fn backward(&mut self, tables: &mut [Table], dout: &mut Buffer, tape: &mut Self::Tape);

    /// Serving: one row for each record.
    fn infer(
        &self,
        cx: Context<'_>,
        tables: &[Table],
        records: &[R],
        out: ArrayViewMut2<'_, f32>,
        tape: &mut Self::Tape,
    );
}
