//! `nearfield recommend`: what a saved run recommends.

use std::path::Path;
use std::process::ExitCode;

use embed_core::{AnnIndex, ItemId};
use nearfield::ann::Index;
use nearfield::seqemb::{ItemVectors, Pooled, Pooling, Scoring};
use nearfield::{Options, Recommender};
use serde::Serialize;

use crate::args::RecommendArgs;
use crate::error::CliError;
use crate::histories::{self, Histories};
use crate::neighbors::{Scored, list};
use crate::run::save::{INDEX, MODEL};
use crate::{keys, manifest, output};

#[derive(Debug, Serialize)]
struct Recommended {
    items: Vec<Scored>,
}

/// Runs `nearfield recommend`.
pub(crate) fn recommend(args: &RecommendArgs, json: bool) -> Result<ExitCode, CliError> {
    if !manifest::marks(&args.model) {
        return Err(CliError::NotARunFolder { path: args.model.clone() });
    }
    let recommender = open(&args.model)?;
    let history = history(args, &recommender)?;
    let options = Options { keep_seen: args.keep_seen, ..Options::default() };
    let found = recommender.recommend_with(&history, args.k, &options)?;
    if found.len() < args.k {
        output::note(&format!(
            "k {} is more than the {} items there are to recommend: all are given",
            args.k,
            found.len()
        ));
    }
    let items = found.iter().map(|item| Scored { key: item.key.to_owned(), score: item.score }).collect();
    let recommended = Recommended { items };
    let heading = format!("for {}", whom(args));
    output::result(json, &recommended, || {
        list(&heading, recommender.index().metric().name(), &recommended.items)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The parts of a run's folder, checked byte by byte.
fn open(dir: &Path) -> Result<Recommender<Pooled, Index>, CliError> {
    let vectors = ItemVectors::open(dir.join(MODEL))?;
    let index = Index::open_verified(dir.join(INDEX))?;
    let user_side = vectors.pooled(Pooling::default(), Scoring::InOut);
    Ok(Recommender::new(user_side, index, vectors.input.vocab().clone())?)
}

/// The ids of what is recommended from, oldest first.
fn history(args: &RecommendArgs, recommender: &Recommender<Pooled, Index>) -> Result<Vec<ItemId>, CliError> {
    let items = recommender.items();
    if let Some(user) = &args.user {
        let path = args.model.join(histories::FILE);
        if !path.exists() {
            return Err(CliError::NoUsers { path: args.model.clone() });
        }
        let histories = Histories::open(&path, items.len())?;
        let history = histories.of(keys::find(histories.users(), "user", user)?).to_vec();
        if history.is_empty() {
            return Err(CliError::UserWithoutItems { user: user.clone() });
        }
        return Ok(history);
    }
    let keys: Vec<&str> = match &args.history {
        Some(history) => history.split(',').map(str::trim).filter(|key| !key.is_empty()).collect(),
        None => args.item.iter().map(String::as_str).collect(),
    };
    if keys.is_empty() {
        return Err(CliError::EmptyHistory);
    }
    keys.into_iter().map(|key| keys::find(items, "item", key)).collect()
}

fn whom(args: &RecommendArgs) -> String {
    match (&args.user, &args.history) {
        (Some(user), _) => format!("user {user}"),
        (None, Some(_)) => "this history".to_owned(),
        (None, None) => args.item.join(", "),
    }
}
