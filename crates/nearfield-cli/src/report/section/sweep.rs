use std::collections::BTreeMap;

use maud::{PreEscaped, html};

use super::legend;
use super::settings::flat;
use crate::report::chart::{Line, Scale, Series, Tone};
use crate::report::folder::RunFolder;
use crate::report::page::Section;
use crate::report::words::figure;

/// Settings in which a run may differ without being another experiment.
const ASIDE: [&str; 4] = ["out", "threads", "params.sequence_order", "index"];

/// Runs that are alike but for the value of one number.
#[derive(Debug)]
struct Sweep<'r> {
    setting: String,
    /// Ascending by value.
    runs: Vec<(f64, &'r RunFolder)>,
}

/// How the figures move with a setting, where several runs differ in that one only.
pub(crate) fn sweep(runs: &[RunFolder]) -> Option<Section> {
    let sweeps = sweeps(runs);
    if sweeps.is_empty() {
        return None;
    }
    let body = html! {
        div.grid { @for sweep in &sweeps { div.card { (one(sweep)) } } }
        p.note { "Each chart holds runs that differ in this setting only." }
    };
    Some(Section { id: "sweeps", title: "What a setting does", body })
}

/// All settings but one.
type Others<'s> = Vec<(&'s String, &'s String)>;

fn sweeps(runs: &[RunFolder]) -> Vec<Sweep<'_>> {
    let settings: Vec<BTreeMap<String, String>> = runs
        .iter()
        .map(|run| run.get(&["settings"]).map(|all| flat("", all)).unwrap_or_default())
        .map(|all| all.into_iter().filter(|(name, _)| !ASIDE.contains(&name.as_str())).collect())
        .collect();
    let mut names: Vec<&String> = settings.iter().flat_map(BTreeMap::keys).collect();
    names.sort_unstable();
    names.dedup();
    let mut found = Vec::new();
    for name in names {
        let mut groups: BTreeMap<Others<'_>, Vec<(f64, &RunFolder)>> = BTreeMap::new();
        for (run, settings) in runs.iter().zip(&settings) {
            let value =
                settings.get(name).and_then(|value| value.parse::<f64>().ok()).filter(|v| v.is_finite());
            let Some(value) = value else { continue };
            let others = settings.iter().filter(|(other, _)| *other != name).collect();
            groups.entry(others).or_default().push((value, run));
        }
        for mut group in groups.into_values() {
            group.sort_by(|a, b| a.0.total_cmp(&b.0));
            let distinct = 1 + group.windows(2).filter(|pair| pair[0].0 < pair[1].0).count();
            if distinct >= 2 {
                found.push(Sweep { setting: name.clone(), runs: group });
            }
        }
    }
    found
}

fn one(sweep: &Sweep<'_>) -> maud::Markup {
    let name = sweep.setting.strip_prefix("params.").unwrap_or(&sweep.setting);
    let first = sweep.runs[0].1;
    let figures: Vec<String> =
        ["recall", "ndcg"].iter().filter_map(|measure| first.main_figure(measure)).collect();
    let values = |figure: &str| -> Vec<(f64, f64)> {
        sweep.runs.iter().filter_map(|(x, run)| Some((*x, run.number(&["metrics", figure])?))).collect()
    };
    let (low, high) = (sweep.runs[0].0, sweep.runs[sweep.runs.len() - 1].0);
    let scale = if low > 0.0 && high / low >= 8.0 { Scale::Log } else { Scale::Linear };
    let title = format!("{} by {name}", figures.join(" and "));
    let chart = Line {
        title: &title,
        x: (name, scale),
        y: ("", Scale::Linear),
        from_zero: false,
        dots: true,
        series: figures
            .iter()
            .enumerate()
            .map(|(i, figure)| Series { tone: Tone::Run(i), points: values(figure) })
            .collect(),
    };
    html! {
        h3 { (name) }
        (legend(figures.iter().enumerate().map(|(i, figure)| (Tone::Run(i), figure.as_str()))))
        figure { (PreEscaped(chart.svg())) }
        div.scroll { table {
            thead { tr { th { (name) } @for figure in &figures { th { (figure) } } } }
            tbody { @for (x, run) in &sweep.runs { tr {
                td { (x) }
                @for name in &figures { td { @if let Some(value) = run.number(&["metrics", name]) { (figure(value)) } } }
            } } }
        } }
    }
}
