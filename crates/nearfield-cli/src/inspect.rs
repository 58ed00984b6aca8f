//! `nearfield inspect`: what vectors are like in themselves.

use std::fmt::Write as _;
use std::process::ExitCode;

use embed_core::formats::read_tensor;
use embed_core::{Embeddings, ItemId, Metric};
use nearfield::ann::Flat;
use nearfield::evalmetrics::intrinsic::{InspectParams, Inspection, LabelInspection, inspect as measure};
use serde::Serialize;

use crate::args::InspectArgs;
use crate::cancel::Cancel;
use crate::error::CliError;
use crate::keys;
use crate::labels::Labels;
use crate::neighbors::{Neighborhood, list, nearest};
use crate::output::{self, grouped};
use crate::progress::Bars;

#[derive(Serialize)]
struct Object<'a> {
    dim: usize,
    metric: &'static str,
    seed: u64,
    #[serde(flatten)]
    inspection: &'a Inspection,
    /// Names of the labels, by their number.
    #[serde(skip_serializing_if = "Option::is_none")]
    label_names: Option<&'a [String]>,
    neighbors: Vec<Neighborhood<'a>>,
}

/// Runs `nearfield inspect`.
pub(crate) fn inspect(args: &InspectArgs, json: bool) -> Result<ExitCode, CliError> {
    let cancel = Cancel::listen()?;
    let items = read_tensor(&args.vectors, args.table.as_deref())?;
    let ids: Vec<ItemId> =
        args.keys.iter().map(|key| keys::find(items.vocab(), "item", key)).collect::<Result<_, _>>()?;
    let labels = args.labels.as_deref().map(|path| Labels::read(path, items.vocab())).transpose()?;
    let params =
        InspectParams { metric: args.metric, k: args.k, sample: args.sample, ..InspectParams::default() };
    let of_items = labels.as_ref().map(Labels::of_items);
    let mut bars = Bars::new(&cancel);
    let mut run = args.work.run(args.seed, &mut bars);
    let inspection = measure(items.vectors(), None, of_items.as_ref(), &params, &mut run)?;
    drop(bars);
    let object = Object {
        dim: items.dim(),
        metric: args.metric.name(),
        seed: args.seed,
        inspection: &inspection,
        label_names: labels.as_ref().map(|labels| labels.names.as_slice()),
        neighbors: neighborhoods(args, &items, &ids)?,
    };
    output::result(json, &object, || text(&object, &items, labels.as_ref(), args.metric))?;
    Ok(ExitCode::SUCCESS)
}

fn neighborhoods<'a>(
    args: &'a InspectArgs,
    items: &Embeddings,
    ids: &[ItemId],
) -> Result<Vec<Neighborhood<'a>>, CliError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let index = Flat::build(items, args.metric, &mut args.work.run(args.seed, &mut Bars::unstoppable()))?;
    let one = |(key, &id): (&'a String, &ItemId)| {
        Ok(Neighborhood { key, neighbors: nearest(&index, items, id, args.k)? })
    };
    args.keys.iter().zip(ids).map(one).collect()
}

fn text(object: &Object<'_>, items: &Embeddings, labels: Option<&Labels>, metric: Metric) -> String {
    let inspection = object.inspection;
    let (spectrum, hubness) = (&inspection.spectrum, &inspection.hubness);
    let hub = items.vocab().key(hubness.largest_hub).unwrap_or_default();
    let row = |name: &str, value: String, meaning: &str| vec![name.to_owned(), value, meaning.to_owned()];
    let rows = vec![
        row("effective rank", format!("{:.1}", spectrum.effective_rank), "dimensions in use"),
        row("isotropy", format!("{:.4}", spectrum.isotropy), "1: all directions are alike"),
        row("mean cosine", format!("{:+.4}", spectrum.mean_cosine), "0: directions are spread"),
        row("uniformity", format!("{:.4}", inspection.uniformity.value), "lower: the sphere is used evenly"),
        row("hubness", format!("{:.3}", hubness.skewness), "near 0: no item is everyone's neighbour"),
        row(
            "largest hub",
            grouped(hubness.largest as u64),
            &format!("lists that hold {hub}, of {}", grouped(hubness.n as u64)),
        ),
        row("in no list", format!("{:.1} %", 100.0 * hubness.antihubs), "items that are nobody's neighbour"),
    ];
    let heading = format!("{} vectors of {}", grouped(inspection.n_items as u64), object.dim);
    let mut text = output::table(&[&heading, "value", ""], 1, rows);
    if let (Some(labelled), Some(labels)) = (&inspection.labels, labels) {
        let _ = write!(text, "\n\n{}", labels_text(labelled, labels));
    }
    for near in &object.neighbors {
        let _ = write!(text, "\n\n{}", list(&format!("near {}", near.key), metric.name(), &near.neighbors));
    }
    text
}

fn labels_text(labelled: &LabelInspection, labels: &Labels) -> String {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String, meaning: &str| {
        rows.push(vec![name.to_owned(), value, meaning.to_owned()]);
    };
    if let Some(coherence) = &labelled.coherence {
        row("coherence", format!("{:+.4}", coherence.gap), "mean cosine within labels less between them");
        row("  within, between", format!("{:.3}, {:.3}", coherence.within, coherence.between), "");
    }
    if let Some(alignment) = labelled.alignment {
        row("alignment", format!("{alignment:.4}"), "mean squared distance within labels; 2 is chance");
    }
    if let Some(agreement) = &labelled.agreement {
        let chance = format!("neighbours that share a label; chance {:.1} %", 100.0 * agreement.by_chance);
        row(
            &format!("agreement of {} neighbours", agreement.k),
            format!("{:.1} %", 100.0 * agreement.share),
            &chance,
        );
    }
    if let Some(silhouette) = &labelled.silhouette {
        row("silhouette", format!("{:+.4}", silhouette.mean), "-1 to 1: how well items lie among their own");
    }
    if let Some(index) = labelled.davies_bouldin {
        row("Davies–Bouldin", format!("{index:.3}"), "lower: labels are apart");
    }
    if let Some(clusters) = &labelled.clusters {
        let k = format!("{} clusters of k-means against the labels", clusters.k);
        row("NMI", format!("{:.4}", clusters.nmi), &k);
        row("ARI", format!("{:.4}", clusters.ari), "the same, 0 by chance");
    }
    let heading = format!(
        "{} labelled with {}",
        grouped(labelled.n_labelled as u64),
        grouped(labels.names.len() as u64)
    );
    output::table(&[&heading, "value", ""], 1, rows)
}
