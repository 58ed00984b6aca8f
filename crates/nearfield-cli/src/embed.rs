//! `nearfield embed`: vectors of users and items by a saved run.

use std::path::Path;
use std::process::ExitCode;

use embed_core::formats::write_vectors;
use embed_core::{Csr, Embedder, Embeddings, FeatureFrame, Vocab};
use ndarray::Array2;
use nearfield::interactions::Log;
use nearfield::towers::features::Side;
use serde::Serialize;

use crate::args::{EmbedArgs, Method, SideWord};
use crate::error::CliError;
use crate::features;
use crate::histories::{self, Histories};
use crate::model::{Model, Whom};
use crate::run::save::MODEL;
use crate::{keys, manifest, output};

#[derive(Serialize)]
struct Embedded<'a> {
    out: &'a Path,
    rows: usize,
    dim: usize,
}

/// Runs `nearfield embed`.
pub(crate) fn embed(args: &EmbedArgs, json: bool) -> Result<ExitCode, CliError> {
    let (name, model) = open(&args.model)?;
    let vectors = match (args.side, &model) {
        (SideWord::Item, Model::Dssm(model)) => {
            let frame = features::of_model(&args.input, model.coder().schema(), Side::Item)?;
            model.embed_items(&frame, args.work.parallelism())?
        }
        (SideWord::Item, _) => {
            return Err(CliError::NoFeatures { path: args.model.clone(), method: name });
        }
        (SideWord::User, model) => users(args, model)?,
    };
    if args.input == args.out {
        return Err(CliError::OverwritesInput { path: args.out.clone() });
    }
    write_vectors(&args.out, &vectors)?;
    let object = Embedded { out: &args.out, rows: vectors.len(), dim: vectors.dim() };
    output::result(json, &object, || {
        format!("{} vectors of {} components in {}\n", object.rows, object.dim, args.out.display())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The model in a run's folder, and the name of its method.
pub(crate) fn open(dir: &Path) -> Result<(String, Model), CliError> {
    if !manifest::marks(dir) {
        return Err(CliError::NotARunFolder { path: dir.to_owned() });
    }
    let manifest = manifest::read(dir)?;
    let name = manifest["method"].as_str().unwrap_or_default();
    let method = Method::named(name)
        .ok_or_else(|| CliError::UnknownMethod { path: dir.to_owned(), got: name.to_owned() })?;
    Ok((name.to_owned(), Model::open(method, &dir.join(MODEL))?))
}

/// Users by their features, with the history that the training log has of them; or by lines of a key and its items.
fn users(args: &EmbedArgs, model: &Model) -> Result<Embeddings, CliError> {
    let items = model.items();
    let log = args.model.join(histories::FILE);
    let known = if log.exists() { Some(Histories::open(&log, items.len())?) } else { None };
    let row_of = |key: &str| known.as_ref().and_then(|known| known.users().get(key));
    let lines = args.input.extension().is_some_and(|ending| ending == "txt");
    let (frame, histories) = if lines {
        let (keys, histories) = self::lines(&args.input, items.vocab())?;
        (FeatureFrame::of_keys(keys), histories)
    } else {
        let frame = match model {
            Model::Dssm(model) => features::of_model(&args.input, model.coder().schema(), Side::User)?,
            _ => nearfield::interactions::read_features(&args.input, &Default::default())?,
        };
        let of_log = |key: &str| match (&known, row_of(key)) {
            (Some(known), Some(row)) => known.of(row).to_vec(),
            _ => Vec::new(),
        };
        let histories = Csr::from_rows(frame.keys().keys().map(of_log));
        (frame, histories)
    };
    let records = match model {
        Model::Dssm(model) if !lines => Some(model.coder().code(Side::User, &frame)?),
        _ => None,
    };
    let side = model.users(embed_core::Metric::InnerProduct);
    let whom: Vec<Whom<'_>> = frame
        .keys()
        .keys()
        .zip(histories.rows())
        .enumerate()
        .map(|(row, (key, history))| Whom {
            user: row_of(key),
            history,
            features: records.as_ref().map(|records| (records, row)),
        })
        .collect();
    let mut vectors = Array2::zeros((whom.len(), side.dim()));
    for ((whom, key), mut vector) in whom.iter().zip(frame.keys().keys()).zip(vectors.rows_mut()) {
        let embedded = side.embed(whom).map_err(|source| match source {
            embed_core::EmbedError::Empty { .. } => {
                CliError::NothingKnown { path: args.input.clone(), user: key.to_owned() }
            }
            source => source.into(),
        })?;
        vector.assign(&ndarray::ArrayView1::from(&embedded));
    }
    Ok(Embeddings::in_space(frame.keys().clone(), vectors, side.space())?)
}

/// Keys and what each has of a catalogue.
fn lines(path: &Path, items: &Vocab) -> Result<(Vocab, Csr), CliError> {
    let (log, _) = Log::read_into(path, &Default::default(), Vocab::new(), items.clone())?;
    if let Some(unknown) = log.item_keys().keys().nth(items.len()) {
        keys::find(items, "item", unknown)?;
    }
    Ok(((**log.user_keys()).clone(), log.histories()))
}
