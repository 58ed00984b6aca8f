use maud::{Markup, PreEscaped, html};

use super::legend;
use crate::output::grouped;
use crate::report::certain::{Certain, LEVEL};
use crate::report::chart::{Bar, Bars, Tone};
use crate::report::folder::RunFolder;
use crate::report::page::Section;
use crate::report::words::figure;

/// The figures of all runs beside popularity, with intervals, and marks where a difference is no chance.
pub(crate) fn metrics(runs: &[RunFolder], certain: &Certain) -> Option<Section> {
    let first = runs.first()?;
    let mut names: Vec<&str> = Vec::new();
    for run in runs {
        let more: Vec<&str> = run.figures().into_iter().filter(|name| !names.contains(name)).collect();
        names.extend(more);
    }
    if names.is_empty() {
        return None;
    }
    names.sort_by_key(|name| order(name));
    let n = first.count(&["n_test_users"]).unwrap_or(0);
    let body = html! {
        p.note {
            "Every test user ranks the whole catalogue: means over " (grouped(n)) " of them, and where the true mean lies "
            "with 95 % confidence (bootstrap over users)."
        }
        div.card {
            div.scroll { (table(runs, &names, certain)) }
            (reading(runs, certain))
        }
        div.grid style="margin-top:14px" {
            @for measure in ["ndcg", "recall"] {
                @if let Some(chart) = chart(runs, measure, &names, certain) { div.card { (chart) } }
            }
        }
        @if let Some(warm) = warm(runs, &names) { (warm) }
    };
    Some(Section { id: "quality", title: "Quality", body })
}

/// Measures in the order in which people read them, shorter lists first.
fn order(name: &str) -> (usize, usize) {
    const MEASURES: [&str; 8] =
        ["recall", "ndcg", "hr", "mrr", "map", "precision", "capped_recall", "coverage"];
    let (measure, k) = name.split_once('@').unwrap_or((name, ""));
    let place = MEASURES.iter().position(|other| *other == measure).unwrap_or(MEASURES.len());
    (place, k.parse().unwrap_or(usize::MAX))
}

fn table(runs: &[RunFolder], names: &[&str], certain: &Certain) -> Markup {
    html! {
        table {
            thead { tr {
                th { "figure" }
                th { span."chip"."s0" { "popularity" } }
                @for run in runs { th { span class={ "chip " (run.tone.class()) } { (run.name) } } }
            } }
            tbody { @for name in names { tr {
                th { (name) }
                td { @if let Some(value) = runs[0].number(&["baseline", name]) { (figure(value)) (interval(certain.baseline(name))) } }
                @let best = runs.iter().filter_map(|run| run.number(&["metrics", name])).fold(f64::NEG_INFINITY, f64::max);
                @for (number, run) in runs.iter().enumerate() {
                    @let value = run.number(&["metrics", name]);
                    td class=(if value == Some(best) && runs.len() > 1 { "best" } else { "" }) {
                        @if let Some(value) = value { (figure(value)) " " (mark(certain, number, name)) (interval(certain.method(number, name))) }
                    }
                }
            } } }
        }
    }
}

fn interval(interval: Option<&nearfield::evalmetrics::certainty::Interval>) -> Markup {
    html! { @if let Some(i) = interval { " " small { (figure(i.low)) "–" (figure(i.high)) } } }
}

fn mark(certain: &Certain, run: usize, name: &str) -> Markup {
    html! {
        @match certain.mark(run, name) {
            Some(mark) if mark.p < LEVEL && mark.difference > 0.0 => { span.up title={ "p = " (format!("{:.4}", mark.p)) } { "▲" } }
            Some(mark) if mark.p < LEVEL => { span.down title={ "p = " (format!("{:.4}", mark.p)) } { "▼" } }
            _ => {}
        }
    }
}

/// What the marks mean.
fn reading(runs: &[RunFolder], certain: &Certain) -> Markup {
    let first = &runs[0].name;
    html! {
        p.note style="margin:12px 0 0" {
            span.up { "▲" } " " span.down { "▼" } " significantly above or below popularity (" (first) ")"
            @if runs.len() > 1 { " or " (first) " (other runs)" }
            ": paired randomisation test on single users, p < " (LEVEL) " after Holm's correction for all tests of this table. No mark: no difference was shown, "
            "or the figure belongs to all users together."
            @for (run, shared) in runs.iter().zip(&certain.shared).skip(1) {
                @match shared {
                    None => { " " (run.name) " was not asked the same as " (first) " about any user: nothing is tested." }
                    Some(n) if Some(*n as u64) != run.count(&["n_test_users"]) => { " " (run.name) " and " (first) " share " (grouped(*n as u64)) " test users: the tests are over those." }
                    _ => {}
                }
            }
        }
    }
}

fn chart(runs: &[RunFolder], measure: &str, names: &[&str], certain: &Certain) -> Option<Markup> {
    let names: Vec<&&str> = names.iter().filter(|name| name.split('@').next() == Some(measure)).collect();
    let groups: Vec<(String, Vec<Bar>)> = names
        .iter()
        .map(|name| {
            let ends = |interval: Option<&nearfield::evalmetrics::certainty::Interval>| {
                interval.map(|i| (i.low, i.high))
            };
            let baseline = Bar {
                tone: Tone::Baseline,
                value: runs[0].number(&["baseline", name]).unwrap_or_default(),
                interval: ends(certain.baseline(name)),
            };
            let of_runs = runs.iter().enumerate().map(|(number, run)| Bar {
                tone: run.tone,
                value: run.number(&["metrics", name]).unwrap_or_default(),
                interval: ends(certain.method(number, name)),
            });
            ((**name).to_owned(), [baseline].into_iter().chain(of_runs).collect())
        })
        .collect();
    if groups.is_empty() {
        return None;
    }
    let title = format!("{measure} of all runs beside popularity");
    let chart = Bars { title: &title, x_label: "", y_label: measure, groups };
    let names = runs.iter().map(|run| (run.tone, run.name.as_str()));
    Some(html! {
        (legend([(Tone::Baseline, "popularity")].into_iter().chain(names)))
        figure { (PreEscaped(chart.svg())) }
    })
}

/// The same over users with a history only, where some have none.
fn warm(runs: &[RunFolder], names: &[&str]) -> Option<Markup> {
    let with: Vec<&RunFolder> = runs.iter().filter(|run| run.get(&["warm"]).is_some()).collect();
    let first = with.first()?;
    Some(html! {
        div.card style="margin-top:14px" {
            h3 { "Users with a history only: " (grouped(first.count(&["warm", "n_test_users"]).unwrap_or(0))) }
            div.scroll { table {
                thead { tr { th { "figure" } th { "popularity" } @for run in &with { th { (run.name) } } } }
                tbody { @for name in names { tr {
                    th { (name) }
                    td { @if let Some(value) = first.number(&["warm", "baseline", name]) { (figure(value)) } }
                    @for run in &with { td { @if let Some(value) = run.number(&["warm", "metrics", name]) { (figure(value)) } } }
                } } }
            } }
        }
    })
}
