use std::path::Path;

use nearfield::ann::Index;
use nearfield::evalmetrics::beyond::Bucket;
use serde::Serialize;

use super::candidates::CandidateFigures;
use super::data::Dataset;
use super::evaluate::{Measured, Warm};
use super::facts::Facts;
use super::learn::{CurvePoint, Training};
use super::remarks::Remarks;
use crate::args::RunArgs;
use crate::detail::{Beyond, Sides};
use crate::figures::Figures;
use crate::output::{counted, grouped, rate, table};
use crate::shell::{program, quoted};

/// What a run found. The same for the same command, but for `timing`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    method: &'static str,
    /// Users with an interaction in train ∪ test; sessions, where there are no users.
    n_users: usize,
    /// Items of train ∪ test.
    n_items: usize,
    n_train: usize,
    n_test: usize,
    /// Users (or next-item tasks) that the figures are means over.
    n_test_users: usize,
    /// Test users without an item in training.
    n_cold_users: usize,
    /// Test interactions with items that training did not see beside others.
    n_test_unseen: usize,
    metrics: Figures,
    baseline: Figures,
    /// The same over test users with an item in training, where some have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    warm: Option<Warm>,
    /// Figures among given candidates.
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<CandidateFigures>,
    dim: usize,
    epochs: u32,
    epochs_done: u32,
    /// Mean loss of a pair in the last epoch.
    loss: f64,
    /// One entry an epoch.
    curve: Vec<CurvePoint>,
    index: String,
    /// Share of the exact best that the index finds; none where it is exact.
    index_recall: Option<f64>,
    seed: u64,
    threads: usize,
    pub(super) cancelled: bool,
    data: Facts,
    /// What the lists are like, of the method and of popularity.
    #[serde(skip_serializing_if = "Option::is_none")]
    beyond: Option<Beyond>,
    /// Share of held-out interactions found, by popularity of the item.
    #[serde(skip_serializing_if = "Option::is_none")]
    recall_by_popularity: Option<Sides<Vec<Bucket>>>,
    remarks: Vec<String>,
    #[serde(skip)]
    pub(super) timing: Timing,
    /// A user to try.
    #[serde(skip)]
    a_user: Option<String>,
    /// An item to try.
    #[serde(skip)]
    an_item: String,
}

/// What differs from one repetition to the next.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Timing {
    train_seconds: f64,
    /// Items trained on a second.
    tokens_per_second: f64,
    /// Updates a second, positive and negative.
    pairs_per_second: f64,
}

impl Summary {
    pub(super) fn new(
        args: &RunArgs,
        data: &Dataset,
        training: &Training,
        index: &Index,
        measured: Option<Measured>,
        remarks: Remarks,
    ) -> Self {
        let cancelled = measured.is_none();
        let measured = measured.unwrap_or_default();
        let (beyond, recall_by_popularity) =
            measured.detail.map(|detail| (detail.beyond, detail.recall_by_popularity)).unzip();
        let with_items = data.histories.rows().position(|row| !row.is_empty());
        let user = with_items.and_then(|row| u32::try_from(row).ok());
        Self {
            method: args.learn.method.name(),
            n_users: data.n_users,
            n_items: data.n_items,
            n_train: data.n_train,
            n_test: data.n_test,
            n_test_users: measured.n_test_users,
            n_cold_users: data.n_cold(),
            n_test_unseen: data.n_unseen(),
            metrics: measured.metrics,
            baseline: measured.baseline,
            warm: measured.warm,
            candidates: measured.candidates,
            dim: training.dim,
            epochs: training.epochs,
            epochs_done: training.epochs_done,
            loss: training.loss(),
            curve: training.curve.clone(),
            index: index.spec().to_string(),
            index_recall: measured.index_recall,
            seed: args.learn.seed,
            threads: args.work.parallelism().count(),
            cancelled,
            data: data.facts.clone(),
            beyond,
            recall_by_popularity,
            remarks: remarks.into_lines(),
            timing: Timing {
                train_seconds: training.seconds,
                tokens_per_second: training.tokens_per_second(),
                pairs_per_second: training.pairs_per_second(),
            },
            a_user: data
                .users
                .as_ref()
                .zip(user)
                .and_then(|(users, user)| users.key(user).map(str::to_owned)),
            an_item: data.items.key(0).unwrap_or_default().to_owned(),
        }
    }

    /// Whether the user stopped the run.
    pub(crate) fn cancelled(&self) -> bool {
        self.cancelled
    }

    /// The object of `--json`: results and times in one.
    pub(crate) fn object<'a>(&'a self, out: &'a Path) -> impl Serialize + 'a {
        #[derive(Serialize)]
        struct Object<'a> {
            #[serde(flatten)]
            summary: &'a Summary,
            #[serde(flatten)]
            timing: Timing,
            out: &'a Path,
        }
        Object { summary: self, timing: self.timing, out }
    }

    /// The data, the training and the figures, for people.
    pub(crate) fn text(&self) -> String {
        let users = if self.a_user.is_some() { "user" } else { "session" };
        let mut text = format!(
            "{}, {}: {} interactions to learn from, {} held out\n",
            counted(self.n_users, users),
            counted(self.n_items, "item"),
            grouped(self.n_train as u64),
            grouped(self.n_test as u64),
        );
        text += &format!(
            "{} · {} dimensions · {} of {} epochs in {:.1} s · {} items/s · {} pairs/s · loss {:.4}\n",
            self.method,
            self.dim,
            self.epochs_done,
            self.epochs,
            self.timing.train_seconds,
            rate(self.timing.tokens_per_second),
            rate(self.timing.pairs_per_second),
            self.loss,
        );
        if !self.cancelled {
            text += &self.figures();
        }
        text
    }

    fn figures(&self) -> String {
        let mut text = self.compare(self.n_test_users, "test users", &self.metrics, &self.baseline);
        if let Some(warm) = &self.warm {
            let table =
                self.compare(warm.n_test_users, "of them with a history", &warm.metrics, &warm.baseline);
            text = format!("{text}\n{table}");
        }
        if let Some(candidates) = &self.candidates {
            text = format!("{text}\n{}", self.among(candidates));
        }
        let exact = match self.index_recall {
            Some(recall) => format!("finds {:.1} % of the exact best", 100.0 * recall),
            None => "is exact".to_owned(),
        };
        text += &format!("\nThe index {} {exact}.\n", self.index);
        text
    }

    fn compare(&self, n: usize, whom: &str, metrics: &Figures, baseline: &Figures) -> String {
        let heading = format!("{} {whom}", grouped(n));
        let rows = metrics.iter().map(|(name, value)| {
            let baseline = baseline.get(name).unwrap_or_default();
            vec![name.to_owned(), format!("{value:.4}"), format!("{baseline:.4}")]
        });
        table(&[heading.as_str(), self.method, "popularity"], 1, rows)
    }

    fn among(&self, candidates: &CandidateFigures) -> String {
        let (n, negatives) = (grouped(candidates.n_lines), candidates.negatives);
        let heading = format!("{n} among {negatives:.0} negatives");
        let rows = candidates.at.iter().flat_map(|at| {
            let row = |name: &str, value: f64, baseline: f64| {
                vec![format!("{name}@{}", at.k), format!("{value:.4}"), format!("{baseline:.4}")]
            };
            [row("hr", at.hr, at.popularity_hr), row("ndcg", at.ndcg, at.popularity_ndcg)]
        });
        table(&[heading.as_str(), self.method, "popularity"], 1, rows)
    }

    /// Where the files are, and commands that use them.
    pub(crate) fn next(&self, out: &Path) -> String {
        let (program, dir) = (program(), quoted(out));
        let mut text =
            format!("In {dir}: items.safetensors, keys.txt, index.nf, model.nf, run.json. To go on:\n");
        let vectors = quoted(out.join(super::save::VECTORS));
        text += &format!("  {program} neighbors --vectors {vectors} {}\n", quoted(&self.an_item));
        text += &match &self.a_user {
            Some(user) => format!("  {program} recommend --model {dir} --user {}\n", quoted(user)),
            None => format!("  {program} recommend --model {dir} --item {}\n", quoted(&self.an_item)),
        };
        text
    }
}
