use std::path::Path;

use embed_core::{Csr, ItemId, Vocab};
use nearfield::evalmetrics::{FullRanking, PopularityScorer, SeenItems};
use nearfield::interactions::{Log, ReadOptions};

use super::question::{Question, names};
use super::result::Measured;
use crate::args::EvalArgs;
use crate::error::CliError;
use crate::output::{self, counted};
use crate::progress::Bars;

/// Measures lists as they stand.
///
/// # Errors
/// [`CliError::DuplicateItem`] names the first list that cannot be one; [`CliError`].
pub(super) fn measure(
    args: &EvalArgs,
    path: &Path,
    bars: &mut Bars,
) -> Result<(Question, Measured), CliError> {
    bars.stage("read");
    let mut question = Question::read(args, None)?;
    let n_asked = question.users.len();
    let (users, items) = (question.users.clone(), question.items.clone());
    let (log, _) = Log::read_into(path, &ReadOptions::default(), users, items)?;
    bars.clear();
    let lists = ranked(path, &log)?;
    remark(args, path, &question, &log, &lists)?;
    // Items that only lists have are part of what can be recommended.
    question.items = Vocab::clone(log.item_keys());
    question.n_known = question.items.len();
    question.counts.resize(question.n_known, 0);
    let lists = Csr::from_rows(lists.into_iter().take(n_asked));
    let ranking = FullRanking { per_user: true, lists: true, ..FullRanking::at(args.cutoffs.as_slice()) };
    let mut run = args.work.run(0, bars);
    let method = ranking.evaluate_lists(&lists, &question.truth, question.n_known, &mut run)?;
    let baseline = match &args.train {
        None => None,
        Some(_) => {
            let seen_items = if question.masked { SeenItems::Mask } else { SeenItems::Keep };
            let ranking = FullRanking { seen_items, ..ranking };
            let popularity = PopularityScorer::new(&question.counts);
            Some(ranking.evaluate(&popularity, &question.histories, &question.truth, &mut run)?)
        }
    };
    Ok((question, Measured { method, baseline, vectors: None }))
}

/// The list of each user, best first: by score, where there are scores, else as they stand.
fn ranked(path: &Path, log: &Log) -> Result<Vec<Vec<ItemId>>, CliError> {
    let mut scored: Vec<Vec<(f32, ItemId)>> = vec![Vec::new(); log.n_users()];
    for (row, (&user, &item)) in log.users().iter().zip(log.items()).enumerate() {
        let score = log.weights().map_or(0.0, |weights| weights[row]);
        scored[user as usize].push((score, item));
    }
    let mut places = vec![0usize; log.n_items()];
    let list = |(user, mut list): (usize, Vec<(f32, ItemId)>)| {
        list.sort_by(|a, b| b.0.total_cmp(&a.0));
        let items: Vec<ItemId> = list.into_iter().map(|(_, item)| item).collect();
        let duplicate = items.iter().enumerate().find_map(|(rank, &item)| {
            let before = std::mem::replace(&mut places[item as usize], rank + 1);
            (before > 0).then_some((item, before, rank + 1))
        });
        items.iter().for_each(|&item| places[item as usize] = 0);
        let Some((item, first, second)) = duplicate else { return Ok(items) };
        let key = |vocab: &Vocab, id: u32| vocab.key(id).unwrap_or_default().to_owned();
        Err(CliError::DuplicateItem {
            path: path.to_owned(),
            user: key(log.user_keys(), u32::try_from(user).unwrap_or(u32::MAX)),
            item: key(log.item_keys(), item),
            first,
            second,
        })
    };
    scored.into_iter().enumerate().map(list).collect()
}

/// Says what lists and logs do not share.
fn remark(
    args: &EvalArgs,
    path: &Path,
    question: &Question,
    log: &Log,
    lists: &[Vec<ItemId>],
) -> Result<(), CliError> {
    let n_asked = question.users.len();
    let asked = |user: usize| user < n_asked && !question.truth.row(user).is_empty();
    let with_list = (0..n_asked).filter(|&user| asked(user) && !lists[user].is_empty()).count();
    if with_list == 0 {
        return Err(CliError::NoLists { path: path.to_owned() });
    }
    let key = |user: usize| log.user_keys().key(u32::try_from(user).ok()?);
    let strange: Vec<usize> =
        (0..lists.len()).filter(|&user| !lists[user].is_empty() && !asked(user)).collect();
    if !strange.is_empty() {
        let names = names(strange.iter().filter_map(|&user| key(user)), strange.len());
        let lists = counted(strange.len(), "list");
        output::warning(&format!(
            "{}: {lists} of users who are not in the test left out: {names}",
            path.display()
        ));
    }
    let without: Vec<usize> = (0..n_asked).filter(|&user| asked(user) && lists[user].is_empty()).collect();
    if !without.is_empty() {
        let names = names(without.iter().filter_map(|&user| key(user)), without.len());
        let users = counted(without.len(), "test user");
        output::warning(&format!("{}: {users} without a list count as misses: {names}", path.display()));
    }
    let n_new = log.n_items() - question.items.len();
    if n_new > 0 {
        let names = names(log.item_keys().keys().skip(question.items.len()), n_new);
        let items = counted(n_new, "item");
        output::warning(&format!("{}: {items} that no log has: {names}", path.display()));
    }
    if args.train.is_some() && question.masked {
        let seen = question.histories.to_sorted_sets();
        let pairs = seen.rows().zip(lists);
        let n: usize = pairs
            .map(|(seen, list)| list.iter().filter(|item| seen.binary_search(item).is_ok()).count())
            .sum();
        if n > 0 {
            let places = counted(n, "place");
            output::note(&format!("{}: {places} in lists go to what the user has already", path.display()));
        }
    }
    Ok(())
}
