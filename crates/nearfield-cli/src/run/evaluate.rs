use embed_core::{AnnIndex, Metric, SearchRequest};
use ndarray::Array2;
use nearfield::ann::{Flat, Index, IndexSpec};
use nearfield::evalmetrics::{
    ColdUsers, EmbeddingScorer, EvalError, FullRanking, PopularityScorer, SeenItems,
};
use serde::Serialize;

use super::candidates::{self, CandidateFigures};
use super::data::Dataset;
use crate::args::{MeasureArgs, WorkArgs};
use crate::detail::{Asked, Detail};
use crate::error::CliError;
use crate::figures::Figures;
use crate::model::{Model, Whom};
use crate::progress::Bars;

/// Queries by which an index is compared with exact search, at most.
const INDEX_QUERIES: usize = 1_000;

/// How good the recommendations are.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub(super) metrics: Figures,
    pub(super) baseline: Figures,
    /// The same over those only who have something in training; none where all have.
    pub(super) warm: Option<Warm>,
    /// Users (or next-item tasks) that the means are over.
    pub(super) n_test_users: usize,
    /// Share of the exact best that the index finds, at the longest list; none where it is exact.
    pub(super) index_recall: Option<f64>,
    /// Figures among given candidates, where there are some.
    pub(super) candidates: Option<CandidateFigures>,
    /// None before anything was measured.
    pub(super) detail: Option<Detail>,
}

/// Figures over users with a history: what the method can do where it can do anything.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Warm {
    pub(crate) n_test_users: usize,
    pub(crate) metrics: Figures,
    pub(crate) baseline: Figures,
}

/// Ranks the whole catalogue for every user of the test, by the vectors and by popularity.
///
/// # Errors
/// [`CliError::Evaluate`]; [`CliError::Cancelled`] when the user asked to stop.
pub(super) fn evaluate(
    args: &MeasureArgs,
    data: &Dataset,
    model: &Model,
    index: &Index,
    work: WorkArgs,
    bars: &mut Bars,
) -> Result<Measured, CliError> {
    let ranking = FullRanking {
        seen_items: if keeps_seen(args, data) { SeenItems::Keep } else { SeenItems::Mask },
        per_user: true,
        lists: true,
        ..FullRanking::at(args.cutoffs.as_slice())
    };
    let users = scorer(data, model, index.metric(), work)?;
    let popularity = PopularityScorer::new(&data.counts);
    let method = ranking.evaluate(&users, &data.histories, &data.truth, &mut work.run(0, bars))?;
    let baseline = ranking.evaluate(&popularity, &data.histories, &data.truth, &mut work.run(0, bars))?;
    let n_cold = data.n_cold();
    let warm = (n_cold > 0 && n_cold < method.n_evaluated).then(|| {
        let ranking = FullRanking { per_user: false, lists: false, ..ranking.clone() };
        let truth = data.warm_truth();
        let method = ranking.evaluate(&users, &data.histories, &truth, &mut work.run(0, bars))?;
        let baseline = ranking.evaluate(&popularity, &data.histories, &truth, &mut work.run(0, bars))?;
        Ok::<_, EvalError>(Warm {
            n_test_users: method.n_evaluated,
            metrics: Figures::of(&method, data.n_items),
            baseline: Figures::of(&baseline, data.n_items),
        })
    });
    let longest = args.cutoffs.as_slice().last().copied().unwrap_or_default();
    let tables = model.tables();
    let asked = Asked {
        users: data.users.as_deref(),
        items: &data.all_items,
        counts: &data.counts,
        histories: &data.histories,
        truth: &data.truth,
        vectors: tables.first().map(|(_, items)| items.vectors()),
        first_seen: data.facts.first_seen.as_deref(),
        now: data.facts.last_time.unwrap_or_default(),
        masked: ranking.seen_items == SeenItems::Mask,
    };
    let detail = Detail::of(&asked, &method, &baseline, longest, work.parallelism())?;
    Ok(Measured {
        n_test_users: method.n_evaluated,
        metrics: Figures::of(&method, data.n_items),
        baseline: Figures::of(&baseline, data.n_items),
        warm: warm.transpose()?,
        detail: Some(detail),
        candidates: match &args.candidates {
            Some(path) => Some(candidates::rank(path, data, model, index.metric(), args.cutoffs.as_slice())?),
            None => None,
        },
        index_recall: index_recall(index, model, &users, longest, work)?,
    })
}

/// Whether what was seen competes: as asked, or else for next-item tasks, as the papers have it.
pub(super) fn keeps_seen(args: &MeasureArgs, data: &Dataset) -> bool {
    args.keep_seen.unwrap_or(data.next_item)
}

fn scorer<'v>(
    data: &Dataset,
    model: &'v Model,
    metric: Metric,
    work: WorkArgs,
) -> Result<EmbeddingScorer<'v>, EvalError> {
    let (items, cold) = (model.items(), ColdUsers::RecommendNothing);
    let whom: Vec<Whom<'_>> = data.whom().collect();
    EmbeddingScorer::from_inputs(&model.users(metric), &whom, items, metric, cold, work.parallelism())
}

/// The share of the `k` exact best items that the index finds, over users spread evenly over all.
fn index_recall(
    index: &Index,
    model: &Model,
    users: &EmbeddingScorer<'_>,
    k: usize,
    work: WorkArgs,
) -> Result<Option<f64>, CliError> {
    let users = users.users();
    if index.spec() == IndexSpec::Flat || users.nrows() == 0 {
        return Ok(None);
    }
    let n = users.nrows().min(INDEX_QUERIES);
    let mut queries = Array2::zeros((n, users.ncols()));
    for (i, mut query) in queries.rows_mut().into_iter().enumerate() {
        query.assign(&users.row(i * users.nrows() / n));
    }
    let mut bars = Bars::unstoppable();
    let exact = Flat::build(model.items(), index.metric(), &mut work.run(0, &mut bars))?;
    let request = [SearchRequest::k(k)];
    let wanted = exact.search_batch(queries.view(), &request, work.parallelism())?;
    let found = index.search_batch(queries.view(), &request, work.parallelism())?;
    let (mut hits, mut total) = (0u32, 0u32);
    for (wanted, found) in wanted.iter().zip(&found) {
        for item in wanted {
            total += 1;
            hits += u32::from(found.iter().any(|other| other.id == item.id));
        }
    }
    Ok(Some(f64::from(hits) / f64::from(total.max(1))))
}
