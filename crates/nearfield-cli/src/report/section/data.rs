use maud::{Markup, PreEscaped, html};

use crate::output::grouped;
use crate::report::chart::{Line, Scale, Series, Tone};
use crate::report::folder::RunFolder;
use crate::report::page::Section;
use crate::report::words::{bytes, count, day, percent};

/// Most points of the long tail that are drawn.
const POINTS: usize = 160;

/// What was learned from: how many, how dense, how skewed, from when, cut how.
pub(crate) fn data(runs: &[RunFolder]) -> Option<Section> {
    let run = runs.first()?;
    let body = html! {
        div.grid {
            div.card { (facts(run)) (split(run)) }
            @if let Some(tail) = tail(run) { div.card { (tail) } }
        }
        @if runs.iter().any(|other| other.get(&["inputs"]) != run.get(&["inputs"])) {
            p.note { "The runs did not read the same files; this is about " (run.name) "." }
        }
    };
    Some(Section { id: "data", title: "The data", body })
}

fn facts(run: &RunFolder) -> Markup {
    let (users, items, train) = (run.count(&["n_users"]), run.count(&["n_items"]), run.count(&["n_train"]));
    let density = users
        .zip(items)
        .zip(train)
        .map(|((users, items), train)| real(train) / (real(users) * real(items)).max(1.0));
    let inputs = run.get(&["inputs"]).and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    let time = |name| run.get(&["data", name]).and_then(serde_json::Value::as_i64);
    html! {
        table.facts {
            tbody {
                @for input in &inputs {
                    tr {
                        th { "file" }
                        td {
                            code { (input["path"].as_str().unwrap_or_default()) }
                            @if let Some(size) = input["bytes"].as_f64() { ", " (bytes(size)) }
                            @if let Some(hash) = input["xxh3"].as_str() { br; span.note { "xxh3 " (hash) } }
                        }
                    }
                }
                tr { th { "users" } td { (count(users)) } }
                tr { th { "items" } td { (count(items)) } }
                @if let Some(sessions) = run.count(&["data", "n_sequences"]) { tr { th { "sequences learned from" } td { (grouped(sessions)) } } }
                @if let Some(density) = density { tr { th { "density" } td { (percent(density)) " of all pairs of user and item" } } }
                @if let Some((first, last)) = time("first_time").zip(time("last_time")) { tr { th { "from, to" } td { (day(first)) " – " (day(last)) } } }
                @if let Some(at) = time("test_first_time") { tr { th { "held out from" } td { (day(at)) } } }
            }
        }
    }
}

fn split(run: &RunFolder) -> Markup {
    let (train, test) = (run.count(&["n_train"]).unwrap_or(0), run.count(&["n_test"]).unwrap_or(0));
    let share = 100.0 * real(train) / real(train + test).max(1.0);
    let how = run
        .text(&["settings", "split"])
        .map_or_else(|| "as given".to_owned(), |split| format!("split {split}"));
    html! {
        div.split { i style={ "width:" (format!("{share:.2}")) "%" } {} i style="flex:1" {} }
        div.note {
            span."chip"."s1" { (grouped(train)) " interactions to learn from" } "  "
            span."chip"."s2" { (grouped(test)) " held out (" (how) ")" }
        }
        @if let Some(cold) = run.count(&["n_cold_users"]).filter(|&n| n > 0) {
            p.note { (grouped(cold)) " test users have nothing in training." }
        }
    }
}

/// Interactions of the r-th most popular item.
fn tail(run: &RunFolder) -> Option<Markup> {
    let popularity = &run.evaluation.as_ref()?.popularity;
    let mut counts: Vec<u64> = popularity.iter().copied().filter(|&n| n > 0).collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let total: u64 = counts.iter().sum();
    let head: u64 = counts.iter().take(counts.len().div_ceil(100)).sum();
    let top_fifth: u64 = counts.iter().take(counts.len().div_ceil(5)).sum();
    let points = ranks(counts.len()).map(|rank| (real(rank as u64 + 1), real(counts[rank]))).collect();
    let chart = Line {
        title: "Interactions of an item by its rank of popularity, both logarithmic",
        x: ("items, most popular first", Scale::Log),
        y: ("interactions", Scale::Log),
        from_zero: false,
        dots: false,
        series: vec![Series { tone: Tone::Run(0), points }],
    };
    Some(html! {
        h3 { "The long tail" }
        figure {
            (PreEscaped(chart.svg()))
            figcaption {
                "The most popular 1 % of the items have " (percent(real(head) / real(total).max(1.0))) " of the interactions, 20 % have "
                (percent(real(top_fifth) / real(total).max(1.0))) "."
            }
        }
    })
}

/// Ranks spread evenly on a logarithmic axis, from 0 to the last.
fn ranks(n: usize) -> impl Iterator<Item = usize> {
    let last = real(n as u64).ln();
    let mut next = 0;
    (0..=POINTS).filter_map(move |i| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to n")]
        let rank =
            ((last * real(i as u64) / real(POINTS as u64)).exp().round() as usize).clamp(1, n.max(1)) - 1;
        (rank >= next && rank < n).then(|| {
            next = rank + 1;
            rank
        })
    })
}

#[expect(clippy::cast_precision_loss, reason = "for the eye")]
fn real(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_distinct_and_reach_the_end() {
        for n in [0, 1, 2, 50, 100_000] {
            let all: Vec<usize> = ranks(n).collect();
            assert!(all.is_sorted_by(|a, b| a < b), "{n}");
            assert_eq!(all.last().copied(), n.checked_sub(1), "{n}");
        }
    }
}
