use std::sync::Arc;
use std::time::Instant;

use embed_core::{Metric, Vocab};
use nearfield::towers::layers::MlpParams;
use nearfield::towers::models::Histories;
use nearfield::towers::{Dssm, DssmData};

use super::towers::{held_out, training};
use super::{Learned, dim};
use crate::args::RunArgs;
use crate::error::CliError;
use crate::model::Model;
use crate::progress::Bars;
use crate::run::data::Dataset;

/// Two towers over features, ids and histories.
pub(super) fn dssm(args: &RunArgs, data: &Dataset, bars: &mut Bars) -> Result<Learned, CliError> {
    let (method, learn) = (args.learn.method, &args.learn);
    if learn.metric == Some(Metric::L2) {
        return Err(CliError::NotTrainedFor { metric: Metric::L2, method: method.name() });
    }
    let schema = data.frames.schema(args);
    let view = schema.history.as_ref().map(|history| history.view).unwrap_or_default();
    let mut preset = Dssm::preset(schema, dim(args, data.items.len()));
    let (towers, fit) = (&mut preset.params, &mut preset.fit);
    if !args.features.layers.is_empty() {
        let hidden = args.features.layers.clone();
        let layers = MlpParams { hidden, batch_norm: true, ..MlpParams::default() };
        (towers.user_layers, towers.item_layers) = (Some(layers.clone()), Some(layers));
    }
    args.tower.over_fit((&mut towers.similarity, fit, &mut preset.negatives), learn.metric);
    towers.unseen = args.features.unseen.unwrap_or(towers.unseen);
    fit.epochs = learn.epochs.unwrap_or(fit.epochs);
    let users = match &data.users {
        Some(users) => Arc::clone(users),
        None if data.frames.users.is_some() => {
            return Err(CliError::NeedsUsers { method: "dssm with --user-features" });
        }
        None => Arc::new(Vocab::from_keys((0..data.sequences.len()).map(|row| row.to_string()))?),
    };
    let (sequences, truth) = held_out(data, view, fit, learn.seed);
    let histories = Histories::new(sequences);
    let of = DssmData {
        histories: &histories,
        users: &users,
        items: &data.items,
        user_features: data.frames.users.as_ref(),
        item_features: data.frames.items.as_ref(),
        held_out: truth.as_ref(),
    };
    let start = Instant::now();
    let mut run = args.work.run(learn.seed, bars);
    let model = Dssm::fit_until_stopped(&preset.params, &preset.fit, of, preset.negatives, &mut run)?;
    let seconds = start.elapsed().as_secs_f64();
    let training = training((preset.params.dim, model.fit_record()), model.report(), seconds)?;
    Ok(Learned { model: Model::Dssm(model), training, graph: None })
}
