//! What the figures are means of: values of single users, what was shown to whom, quality by popularity.

use embed_core::{Csr, Parallelism, Vocab};
use ndarray::{Array2, ArrayView2, Axis, Slice};
use nearfield::evalmetrics::RankingReport;
use nearfield::evalmetrics::beyond::{
    BeyondReport, Bucket, Catalogue, beyond_accuracy, recall_by_popularity,
};
use serde::Serialize;
use xxhash_rust::xxh3::Xxh3;

use crate::error::CliError;
use crate::evaluation::{Evaluation, Side};
use crate::report::BUCKETS;

/// What was asked in a test, and what is known about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Keys of the rows of the test; sessions have none.
    pub(crate) users: Option<&'a Vocab>,
    /// Keys of all items; those that can be recommended come first.
    pub(crate) items: &'a Vocab,
    /// Interactions in training of the items that can be recommended.
    pub(crate) counts: &'a [u64],
    /// What each row of the test has.
    pub(crate) histories: &'a Csr,
    /// What each row of the test is to be recommended.
    pub(crate) truth: &'a Csr,
    /// Vectors of the items that can be recommended, where there are some.
    pub(crate) vectors: Option<ArrayView2<'a, f32>>,
    /// When each item first came, `[items]`, and the last moment of training.
    pub(crate) first_seen: Option<&'a [Option<i64>]>,
    pub(crate) now: i64,
    /// Whether what a row has is left out of its list.
    pub(crate) masked: bool,
}

/// Beyond the means.
#[derive(Debug, Clone)]
pub(crate) struct Detail {
    pub(crate) evaluation: Evaluation,
    pub(crate) beyond: Beyond,
    pub(crate) recall_by_popularity: Sides<Vec<Bucket>>,
}

/// The same of the method and of the popularity baseline.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sides<T> {
    method: T,
    baseline: T,
}

/// What the lists are like.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Beyond {
    /// Whether the method is anything but popularity, in words.
    pub(crate) verdict: String,
    #[serde(flatten)]
    sides: Sides<BeyondReport>,
}

impl Detail {
    /// From reports that keep their users' values and lists, at the longest `cutoff`.
    ///
    /// # Errors
    /// [`CliError::Beyond`].
    pub(crate) fn of(
        asked: &Asked<'_>,
        method: &RankingReport,
        baseline: &RankingReport,
        cutoff: usize,
        parallelism: Parallelism,
    ) -> Result<Self, CliError> {
        let lists =
            |report: &RankingReport| report.lists.clone().unwrap_or_else(|| Csr::from_rows([[0u32; 0]; 0]));
        let (of_method, of_baseline) = (lists(method), lists(baseline));
        // Items that were never learned are part of the catalogue that coverage is a share of.
        let (n_items, n_known) = (asked.items.len(), asked.counts.len());
        let mut counts = asked.counts.to_vec();
        counts.resize(n_items, 0);
        let vectors = asked.vectors.map(|known| {
            let mut all = Array2::zeros((n_items, known.ncols()));
            all.slice_axis_mut(Axis(0), Slice::from(..known.nrows())).assign(&known);
            all
        });
        let catalogue = Catalogue {
            histories: asked.masked.then_some(asked.histories),
            truth: Some(asked.truth),
            vectors: vectors.as_ref().map(|vectors| vectors.view()),
            first_seen: asked.first_seen,
            now: asked.now,
            ..Catalogue::new(&counts)
        };
        let beyond = |lists| beyond_accuracy(lists, cutoff, &catalogue, parallelism);
        let by_popularity = |lists| recall_by_popularity(lists, asked.truth, cutoff, &counts, BUCKETS);
        let sides = Sides { method: beyond(&of_method)?, baseline: beyond(&of_baseline)? };
        let (users, columns) =
            method.per_user.as_ref().map_or((&[][..], &[][..]), |kept| (&kept.users[..], &kept.columns[..]));
        let activity =
            |&user: &u32| u32::try_from(asked.histories.row(user as usize).len()).unwrap_or(u32::MAX);
        Ok(Self {
            evaluation: Evaluation {
                cutoff,
                columns: columns.iter().map(nearfield::evalmetrics::Column::name).collect(),
                tasks: users.iter().map(|&user| task(asked, user)).collect(),
                activity: users.iter().map(activity).collect(),
                popularity: asked.counts.to_vec(),
                method: side(method, &of_method, n_known),
                baseline: side(baseline, &of_baseline, n_known),
            },
            recall_by_popularity: Sides {
                method: by_popularity(&of_method)?,
                baseline: by_popularity(&of_baseline)?,
            },
            beyond: Beyond { verdict: sides.method.popularity.line(), sides },
        })
    }
}

fn side(report: &RankingReport, lists: &Csr, n_known: usize) -> Side {
    let mut shown = vec![0; n_known];
    lists.rows().flatten().for_each(|&item| shown[item as usize] += 1);
    let columns = report.per_user.iter().flat_map(|users| &users.columns);
    #[expect(clippy::cast_possible_truncation, reason = "seven digits of a figure tell users apart")]
    let values = columns.flat_map(|column| column.values.iter().map(|&value| value as f32)).collect();
    Side { values, shown }
}

/// A number for what a row of the test asks: who, and what is to be found. The same in every run over the same
/// test, whatever the ids.
fn task(asked: &Asked<'_>, user: u32) -> u64 {
    let mut hash = Xxh3::new();
    let mut word = |text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    match asked.users.and_then(|users| users.key(user)) {
        Some(key) => word(key),
        // A task without a user is known by its place.
        None => word(&user.to_string()),
    }
    let truth = asked.truth.row(user as usize).iter();
    let mut wanted: Vec<&str> = truth.filter_map(|&item| asked.items.key(item)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted.into_iter().for_each(word);
    hash.digest()
}
