use maud::{Markup, PreEscaped, html};
use serde_json::Value;

use super::legend;
use crate::report::chart::{Line, Scale, Series, Tone};
use crate::report::folder::RunFolder;
use crate::report::page::Section;
use crate::report::words::percent;

/// Points of a curve.
const POINTS: usize = 200;

/// What is shown: how the places in lists are shared among the items, beside how the log shares them.
pub(crate) fn exposure(runs: &[RunFolder]) -> Option<Section> {
    let first = runs.iter().find(|run| run.get(&["beyond", "method"]).is_some())?;
    let cutoff = first.count(&["beyond", "method", "cutoff"]).unwrap_or(0);
    let body = html! {
        p.note { "The first " (cutoff) " places of every test user's list, all together." }
        @for run in runs { (verdict(run)) }
        div.grid {
            @if let Some(chart) = shares(runs) { div.card { (chart) } }
            div.card { div.scroll { (table(runs, first)) } }
        }
    };
    Some(Section { id: "exposure", title: "What is shown", body })
}

/// Whether a run is popularity in disguise.
fn verdict(run: &RunFolder) -> Markup {
    let Some(verdict) = run.text(&["beyond", "verdict"]) else { return html! {} };
    let bad = matches!(
        run.text(&["beyond", "method", "popularity", "resemblance"]),
        Some("popularity" | "one-for-all")
    );
    let class = if bad { "card verdict warn" } else { "card verdict" };
    html! { div class=(class) style="margin-bottom:14px" { b { (run.name) } ": " (verdict) "." } }
}

/// Figures in rows: their names, where they stand, and whether they are shares.
const ROWS: [(&str, &[&str], bool); 10] = [
    ("coverage: items shown to someone", &["exposure", "coverage"], true),
    ("Gini of exposure (0: all alike)", &["exposure", "gini"], false),
    ("evenness: entropy of exposure, of its most", &["exposure", "evenness"], true),
    ("places of the most shown 1 %", &["exposure", "top_1_percent_share"], true),
    ("lists that are the user's bestsellers", &["popularity", "overlap"], true),
    ("mean interactions of what is shown", &["popularity", "average"], false),
    ("novelty, bits", &["popularity", "novelty"], false),
    ("personalisation", &["personalisation"], false),
    ("diversity within a list", &["intra_list_diversity"], false),
    ("serendipity", &["serendipity"], false),
];

fn table(runs: &[RunFolder], first: &RunFolder) -> Markup {
    let cell = |run: &RunFolder, side: &str, path: &[&str], share: bool| {
        let path: Vec<&str> = ["beyond", side].into_iter().chain(path.iter().copied()).collect();
        run.get(&path).and_then(Value::as_f64).map(|value| if share { percent(value) } else { plain(value) })
    };
    html! {
        table {
            thead { tr {
                th {}
                th { span."chip"."s0" { "popularity" } }
                @for run in runs { th { span class={ "chip " (run.tone.class()) } { (run.name) } } }
            } }
            tbody { @for (name, path, share) in ROWS {
                @if runs.iter().any(|run| cell(run, "method", path, share).is_some()) { tr {
                    th style="white-space:normal" { (name) }
                    td { (cell(first, "baseline", path, share).unwrap_or_default()) }
                    @for run in runs { td { (cell(run, "method", path, share).unwrap_or_default()) } }
                } }
            } }
        }
    }
}

fn plain(value: f64) -> String {
    if value.abs() >= 10.0 { format!("{value:.1}") } else { format!("{value:.3}") }
}

/// Shares of interactions and of places over the items, most popular first.
fn shares(runs: &[RunFolder]) -> Option<Markup> {
    let with: Vec<_> = runs.iter().filter_map(|run| Some((run, run.evaluation.as_ref()?))).collect();
    let (_, evaluation) = with.first()?;
    let log = Series {
        tone: Tone::Baseline,
        points: cumulated(&evaluation.popularity, evaluation.popularity.iter().copied()),
    };
    let of_runs = with.iter().map(|(run, evaluation)| Series {
        tone: run.tone,
        points: cumulated(&evaluation.popularity, evaluation.method.shown.iter().map(|&n| u64::from(n))),
    });
    let chart = Line {
        title: "Share of places in lists over the items, most popular first, beside the share of interactions",
        x: ("share of the items, most popular first", Scale::Linear),
        y: ("share of all places", Scale::Linear),
        from_zero: true,
        dots: false,
        series: [log].into_iter().chain(of_runs).collect(),
    };
    let names = with.iter().map(|(run, _)| (run.tone, run.name.as_str()));
    Some(html! {
        h3 { "Exposure against popularity" }
        (legend([(Tone::Baseline, "interactions in the log")].into_iter().chain(names)))
        figure {
            (PreEscaped(chart.svg()))
            figcaption { "A line above the grey one shows popular items more than the log has them; one below gives more to the tail." }
        }
    })
}

/// The share of `values` that the most popular share of the items has.
fn cumulated(popularity: &[u64], values: impl Iterator<Item = u64>) -> Vec<(f64, f64)> {
    let mut items: Vec<(u64, u64)> = popularity.iter().copied().zip(values).collect();
    items.sort_by_key(|&(popularity, _)| std::cmp::Reverse(popularity));
    let total: u64 = items.iter().map(|&(_, value)| value).sum();
    let n = items.len();
    let mut points = vec![(0.0, 0.0)];
    let mut sum = 0;
    for (i, &(_, value)) in items.iter().enumerate() {
        sum += value;
        if (i + 1) * POINTS / n > i * POINTS / n {
            points.push((real(i as u64 + 1) / real(n as u64), real(sum) / real(total.max(1))));
        }
    }
    points
}

#[expect(clippy::cast_precision_loss, reason = "for the eye")]
fn real(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_rise_from_nothing_to_all() {
        let points = cumulated(&[1, 5, 2], [10, 70, 20].into_iter());
        assert_eq!(points, [(0.0, 0.0), (1.0 / 3.0, 0.7), (2.0 / 3.0, 0.9), (1.0, 1.0)]);
        assert_eq!(cumulated(&[], std::iter::empty()), [(0.0, 0.0)]);
        assert_eq!(cumulated(&[1; 1000], std::iter::repeat_n(3, 1000)).len(), POINTS + 1);
    }
}
