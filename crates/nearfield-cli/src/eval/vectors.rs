use std::path::Path;

use embed_core::formats::{keys, read_tensor};
use embed_core::{EmbedError, Embedder, Embeddings, ItemId, Metric, Space};
use nearfield::evalmetrics::{ColdUsers, EmbeddingScorer, FullRanking, PopularityScorer, SeenItems};
use nearfield::seqemb::{Pooled, Pooling};

use super::question::{Question, names};
use super::result::Measured;
use crate::args::EvalArgs;
use crate::error::CliError;
use crate::output::{self, counted};
use crate::progress::Bars;

/// Ranks all vectors for every user of the test.
///
/// # Errors
/// [`CliError`].
pub(super) fn measure(
    args: &EvalArgs,
    path: &Path,
    bars: &mut Bars,
) -> Result<(Question, Measured), CliError> {
    bars.stage("read");
    let items = read(args, path, args.table.as_deref())?;
    let ranked = match &args.against {
        None => None,
        Some(table) => Some(against(args, path, table, &items)?),
    };
    let ranked = ranked.as_ref().unwrap_or(&items);
    let question = Question::read(args, Some(items.vocab()))?;
    bars.clear();
    question.remark_unknown(path)?;
    let scorer = scorer(args, path, &question, &items, ranked)?;
    if scorer.n_cold() > 0 {
        let users = counted(scorer.n_cold(), "user");
        output::note(&format!(
            "{users} without a vector: nothing is recommended to them, what they miss counts"
        ));
    }
    let ranking = FullRanking {
        seen_items: if question.masked { SeenItems::Mask } else { SeenItems::Keep },
        per_user: true,
        lists: true,
        ..FullRanking::at(args.cutoffs.as_slice())
    };
    let mut run = args.work.run(0, bars);
    let method = ranking.evaluate(&scorer, &question.histories, &question.truth, &mut run)?;
    let popularity = PopularityScorer::new(&question.counts);
    let baseline = ranking.evaluate(&popularity, &question.histories, &question.truth, &mut run)?;
    let vectors = Some(ranked.vectors().to_owned());
    Ok((question, Measured { method, baseline: Some(baseline), vectors }))
}

fn scorer<'v>(
    args: &EvalArgs,
    path: &Path,
    question: &Question,
    items: &Embeddings,
    ranked: &'v Embeddings,
) -> Result<EmbeddingScorer<'v>, CliError> {
    let metric: Metric = args.metric;
    let Some(users_path) = &args.users else {
        let pooled = Pooled::new(items, ranked.space(), Pooling::default());
        let cold = ColdUsers::RecommendNothing;
        let (histories, parallelism) = (&question.histories, args.work.parallelism());
        return Ok(EmbeddingScorer::from_histories(&pooled, histories, ranked, metric, cold, parallelism)?);
    };
    let users = read_tensor(users_path, None)?;
    if users.dim() != ranked.dim() {
        let (expected, got) = (ranked.dim(), users.dim());
        return Err(CliError::OtherDimension {
            path: users_path.clone(),
            items: path.to_owned(),
            expected,
            got,
        });
    }
    // A test user without a vector is recommended nothing; the others are found by their keys.
    let ids: Vec<Option<ItemId>> = question.users.keys().map(|key| users.vocab().get(key)).collect();
    let asked = |user: &usize| !question.truth.row(*user).is_empty();
    let missing: Vec<usize> = (0..ids.len()).filter(|user| ids[*user].is_none()).filter(asked).collect();
    if !missing.is_empty() {
        let unknown = missing.iter().filter_map(|&user| question.users.key(u32::try_from(user).ok()?));
        output::warning(&format!(
            "{} has no vector of {} ({}): nothing is recommended to them",
            users_path.display(),
            counted(missing.len(), "test user"),
            names(unknown, missing.len()),
        ));
    }
    let by_key = ByKey(&users);
    Ok(EmbeddingScorer::from_inputs(
        &by_key,
        &ids,
        ranked,
        metric,
        ColdUsers::RecommendNothing,
        args.work.parallelism(),
    )?)
}

/// The vectors of users as they are.
struct ByKey<'v>(&'v Embeddings);

impl Embedder<Option<ItemId>> for ByKey<'_> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn space(&self) -> Space {
        self.0.space()
    }

    fn metric(&self) -> Option<Metric> {
        None
    }

    fn embed_into(&self, id: &Option<ItemId>, out: &mut [f32]) -> Result<(), EmbedError> {
        let vector = id.and_then(|id| self.0.row(id)).ok_or(EmbedError::Empty { what: "user" })?;
        out.copy_from_slice(vector);
        Ok(())
    }
}

/// Vectors with their keys, which may stand in a file of their own.
fn read(args: &EvalArgs, path: &Path, table: Option<&str>) -> Result<Embeddings, CliError> {
    let items = read_tensor(path, table)?;
    let Some(keys_path) = &args.keys else { return Ok(items) };
    let named = keys::read(keys_path)?;
    if named.len() != items.len() {
        let (expected, got) = (items.len(), named.len());
        return Err(CliError::NotAKeyEach { path: keys_path.clone(), expected, got });
    }
    Ok(Embeddings::new(named, items.into_parts().1)?)
}

fn against(args: &EvalArgs, path: &Path, table: &str, items: &Embeddings) -> Result<Embeddings, CliError> {
    let ranked = read(args, path, Some(table))?;
    if ranked.vocab() != items.vocab() {
        let (table, against) = (args.table.clone().unwrap_or_default(), table.to_owned());
        return Err(CliError::OtherKeys { table, against });
    }
    Ok(ranked)
}
