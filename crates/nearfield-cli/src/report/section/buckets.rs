use maud::{Markup, PreEscaped, html};

use nearfield::evalmetrics::beyond::{Bucket, values_by_activity};

use super::legend;
use crate::error::CliError;
use crate::evaluation::{Evaluation, Side};
use crate::output::grouped;
use crate::report::chart::{Bar, Bars, Tone};
use crate::report::folder::RunFolder;
use crate::report::page::Section;

/// Buckets on an axis, at most.
pub(crate) const BUCKETS: usize = 5;

/// For whom and for what the recommendations are good.
///
/// # Errors
/// [`CliError::Beyond`] for a damaged file.
pub(crate) fn buckets(runs: &[RunFolder]) -> Result<Option<Section>, CliError> {
    let with: Vec<(&RunFolder, &Evaluation)> =
        runs.iter().filter_map(|run| Some((run, run.evaluation.as_ref()?))).collect();
    let Some((first, evaluation)) = with.first() else { return Ok(None) };
    let figure = first.main_figure("ndcg").filter(|name| evaluation.column(name).is_some());
    let by_user = figure.map(|figure| by_user(&with, &figure)).transpose()?;
    let by_item = by_item(runs);
    if by_user.is_none() && by_item.is_none() {
        return Ok(None);
    }
    let names = || {
        let baseline = [(Tone::Baseline, "popularity")];
        baseline.into_iter().chain(with.iter().map(|(run, _)| (run.tone, run.name.as_str())))
    };
    let body = html! {
        div.grid {
            @if let Some(chart) = by_item {
                div.card { h3 { "By popularity of the item" } (legend(names())) (chart) }
            }
            @if let Some(chart) = by_user {
                div.card { h3 { "By activity of the user" } (legend(names())) (chart) }
            }
        }
    };
    Ok(Some(Section { id: "buckets", title: "For whom, and for what", body }))
}

/// The share of held-out interactions that were found, by how popular their item is: as the runs counted it.
fn by_item(runs: &[RunFolder]) -> Option<Markup> {
    let of = |run: &RunFolder, side: &str| -> Option<Vec<Counted>> {
        serde_json::from_value(run.get(&["recall_by_popularity", side])?.clone()).ok()
    };
    let with: Vec<(Tone, Vec<Counted>)> =
        runs.iter().filter_map(|run| Some((run.tone, of(run, "method")?))).collect();
    let baseline = runs.iter().find_map(|run| of(run, "baseline"))?;
    // Runs over other data have other buckets.
    let alike = |counted: &[Counted]| {
        counted.len() == baseline.len()
            && counted.iter().zip(&baseline).all(|(a, b)| (a.from, a.to) == (b.from, b.to))
    };
    let sides = || {
        [(Tone::Baseline, &baseline)].into_iter().chain(with.iter().map(|(tone, counted)| (*tone, counted)))
    };
    let groups = baseline.iter().enumerate().map(|(i, bucket)| {
        let bars = sides().filter(|(_, counted)| alike(counted)).map(|(tone, counted)| Bar {
            tone,
            value: counted[i].value.unwrap_or_default(),
            interval: None,
        });
        (label(bucket.from, bucket.to), bars.collect())
    });
    let chart = Bars {
        title: "Share of held-out interactions found, by popularity of the item",
        x_label: "interactions of the item in training",
        y_label: "found",
        groups: groups.collect(),
    };
    let cutoff = runs.iter().find_map(|run| run.count(&["beyond", "method", "cutoff"])).unwrap_or(0);
    Some(html! {
        figure {
            (PreEscaped(chart.svg()))
            figcaption {
                "Share of the held-out interactions whose item is among the first " (cutoff)
                ". The items of each bucket have about as many interactions in training."
            }
        }
    })
}

/// A bucket as run.json has it.
#[derive(Debug, serde::Deserialize)]
struct Counted {
    from: u64,
    to: u64,
    value: Option<f64>,
}

/// The mean of a figure, by how much the user did in training.
fn by_user(with: &[(&RunFolder, &Evaluation)], figure: &str) -> Result<Markup, CliError> {
    let of = |evaluation: &Evaluation, side: &Side| -> Result<Vec<Bucket>, CliError> {
        let Some(column) = evaluation.column(figure) else { return Ok(Vec::new()) };
        let values: Vec<f64> =
            evaluation.values(side, column).iter().map(|&value| f64::from(value)).collect();
        let activity: Vec<u64> = evaluation.activity.iter().map(|&n| u64::from(n)).collect();
        Ok(values_by_activity(&values, &activity, BUCKETS)?)
    };
    let baseline = of(with[0].1, &with[0].1.baseline)?;
    let mut sides = vec![(Tone::Baseline, baseline)];
    for (run, evaluation) in with {
        sides.push((run.tone, of(evaluation, &evaluation.method)?));
    }
    let buckets = sides[0].1.clone();
    let alike = |other: &[Bucket]| {
        other.len() == buckets.len()
            && other.iter().zip(&buckets).all(|(a, b)| (a.from, a.to, a.n) == (b.from, b.to, b.n))
    };
    let groups = buckets.iter().enumerate().map(|(i, bucket)| {
        let bars = sides.iter().filter(|(_, side)| alike(side)).map(|(tone, side)| Bar {
            tone: *tone,
            value: side[i].value.unwrap_or_default(),
            interval: None,
        });
        (label(bucket.from, bucket.to), bars.collect())
    });
    let title = format!("{figure} by activity of the user");
    let chart = Bars {
        title: &title,
        x_label: "interactions of the user in training",
        y_label: figure,
        groups: groups.collect(),
    };
    Ok(html! {
        figure {
            (PreEscaped(chart.svg()))
            figcaption {
                "Mean over the test users of a bucket: "
                (buckets.iter().map(|bucket| grouped(bucket.n as u64)).collect::<Vec<_>>().join(", ")) " of them."
            }
        }
    })
}

fn label(from: u64, to: u64) -> String {
    if from == to { from.to_string() } else { format!("{from}–{to}") }
}
