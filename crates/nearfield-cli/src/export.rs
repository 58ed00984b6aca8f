//! `nearfield export`: both towers of a saved run for other programs.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use embed_core::store::atomic_write;
use nearfield::towers::features::{Coder, Schema};
use serde::Serialize;

use crate::args::ExportArgs;
use crate::embed;
use crate::error::CliError;
use crate::model::Model;
use crate::output;

#[derive(Serialize)]
struct Exported<'a> {
    out: &'a Path,
    files: Vec<&'static str>,
}

/// What a program needs beside the graphs to make their inputs: `schema.json`.
#[derive(Serialize)]
struct Inputs<'a> {
    schema: &'a Schema,
    /// The code of each category, by table; what is not here has code 0. Of a hashed table nothing: docs/format.md has its hash.
    codes: BTreeMap<&'a str, BTreeMap<&'a str, u32>>,
    /// Keys of the items in the order of their rows.
    items: Vec<&'a str>,
}

/// Runs `nearfield export`.
pub(crate) fn export(args: &ExportArgs, json: bool) -> Result<ExitCode, CliError> {
    let (method, model) = embed::open(&args.model)?;
    fs::create_dir_all(&args.out).map_err(|source| CliError::Write { path: args.out.clone(), source })?;
    let mut files = vec!["user.onnx", "item.onnx", "weights.safetensors"];
    match &model {
        Model::Towers(model) => model.export(&args.out)?,
        Model::Dssm(model) => {
            model.export(&args.out)?;
            let items = model.items().vocab().keys().collect();
            let inputs = Inputs { schema: model.coder().schema(), codes: codes(model.coder()), items };
            let text = serde_json::to_vec_pretty(&inputs).map_err(|source| CliError::Json { source })?;
            atomic_write(args.out.join("schema.json"), |file| file.write_all(&text))?;
            files.push("schema.json");
        }
        Model::Items(_) | Model::UsersItems(_) => {
            return Err(CliError::NoTowers { path: args.model.clone(), method });
        }
    }
    output::result(json, &Exported { out: &args.out, files: files.clone() }, || {
        format!("{} in {}\n", files.join(", "), args.out.display())
    })?;
    Ok(ExitCode::SUCCESS)
}

fn codes(coder: &Coder) -> BTreeMap<&str, BTreeMap<&str, u32>> {
    coder
        .tables()
        .iter()
        .map(|table| (table.name.as_str(), table.vocab.keys().map(|key| (key, table.code(key))).collect()))
        .collect()
}
