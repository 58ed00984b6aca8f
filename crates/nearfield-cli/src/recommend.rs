//! `nearfield recommend`: what a saved run recommends.

use std::path::Path;
use std::process::ExitCode;

use embed_core::{AnnIndex, ItemId};
use nearfield::ann::Index;
use nearfield::towers::features::{Records, Side};
use nearfield::{Options, Recommender};
use serde::Serialize;

use crate::args::{Method, RecommendArgs};
use crate::error::CliError;
use crate::histories::{self, Histories};
use crate::model::{Model, UserSide, Whom};
use crate::neighbors::{Scored, list};
use crate::run::save::{INDEX, MODEL};
use crate::{features, keys, manifest, output};

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
    let records = features(args, recommender.embedder())?;
    let (user, history) = history(args, &recommender, records.is_some())?;
    let options = Options { keep_seen: args.keep_seen, ..Options::default() };
    let features = records.as_ref().map(|(records, row)| (records, *row));
    let whom = Whom { user, history: &history, features };
    let found = recommender.recommend_for(&whom, &history, args.k, &options)?;
    if found.len() < args.k {
        output::note(&format!(
            "k {} is more than the {} items there are to recommend: all are given",
            args.k,
            found.len()
        ));
    }
    let items = found.iter().map(|item| Scored { key: item.key.to_owned(), score: item.score }).collect();
    let recommended = Recommended { items };
    let heading = format!("for {}", asked(args));
    output::result(json, &recommended, || {
        list(&heading, recommender.index().metric().name(), &recommended.items)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The parts of a run's folder, checked byte by byte.
fn open(dir: &Path) -> Result<Recommender<UserSide, Index>, CliError> {
    let manifest = manifest::read(dir)?;
    let name = manifest["method"].as_str().unwrap_or_default();
    let method = Method::named(name)
        .ok_or_else(|| CliError::UnknownMethod { path: dir.to_owned(), got: name.to_owned() })?;
    let model = Model::open(method, &dir.join(MODEL))?;
    let index = Index::open_verified(dir.join(INDEX))?;
    Ok(Recommender::new(model.users(), index, model.items().vocab().clone())?)
}

/// The user's row of features, where a file has them.
fn features(args: &RecommendArgs, side: &UserSide) -> Result<Option<(Records, usize)>, CliError> {
    let (Some(path), Some(user)) = (&args.user_features, &args.user) else { return Ok(None) };
    let UserSide::Dssm(side) = side else {
        let method = "of another kind".to_owned();
        return Err(CliError::NoFeatures { path: args.model.clone(), method });
    };
    let model = side.model();
    let frame = features::of_model(path, model.coder().schema(), Side::User)?;
    let row = keys::find(frame.keys(), "user", user)?;
    Ok(Some((model.coder().code(Side::User, &frame)?, row as usize)))
}

/// The user, if it is one of the log, and the ids of what is recommended from, oldest first.
fn history(
    args: &RecommendArgs,
    recommender: &Recommender<UserSide, Index>,
    has_features: bool,
) -> Result<(Option<u32>, Vec<ItemId>), CliError> {
    let items = recommender.items();
    if let Some(user) = &args.user {
        let path = args.model.join(histories::FILE);
        if !path.exists() {
            if has_features {
                return Ok((None, Vec::new()));
            }
            return Err(CliError::NoUsers { path: args.model.clone() });
        }
        let histories = Histories::open(&path, items.len())?;
        let id = match keys::find(histories.users(), "user", user) {
            Ok(id) => id,
            Err(_) if has_features => return Ok((None, Vec::new())),
            Err(error) => return Err(error),
        };
        let history = histories.of(id).to_vec();
        let by_features = has_features || recommender.embedder().knows_features();
        if history.is_empty() && !by_features {
            return Err(CliError::UserWithoutItems { user: user.clone() });
        }
        return Ok((Some(id), history));
    }
    let keys: Vec<&str> = match &args.history {
        Some(history) => history.split(',').map(str::trim).filter(|key| !key.is_empty()).collect(),
        None => args.item.iter().map(String::as_str).collect(),
    };
    if keys.is_empty() {
        return Err(CliError::EmptyHistory);
    }
    let ids: Result<_, _> = keys.into_iter().map(|key| keys::find(items, "item", key)).collect();
    Ok((None, ids?))
}

fn asked(args: &RecommendArgs) -> String {
    match (&args.user, &args.history) {
        (Some(user), _) => format!("user {user}"),
        (None, Some(_)) => "this history".to_owned(),
        (None, None) => args.item.join(", "),
    }
}
