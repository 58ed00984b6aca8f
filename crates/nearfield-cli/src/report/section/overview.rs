use maud::{Markup, html};

use super::legend;
use crate::output::grouped;
use crate::report::certain::Certain;
use crate::report::folder::{Folders, RunFolder};
use crate::report::words::{figure, percent, seconds};

/// What the page is about and the figures to see first.
pub(crate) fn overview(folders: &Folders, certain: &Certain) -> Markup {
    let Some(run) = folders.runs.first() else {
        return html! { p.lead { "Indexes that were benchmarked." } };
    };
    html! {
        p.lead {
            (run.text(&["method"]).unwrap_or_default()) " · " (grouped(run.count(&["n_users"]).unwrap_or(0))) " users, "
            (grouped(run.count(&["n_items"]).unwrap_or(0))) " items, "
            (grouped(run.count(&["n_train"]).unwrap_or(0))) " interactions to learn from"
            @if folders.runs.len() > 1 { " · " (folders.runs.len()) " runs side by side" }
        }
        @if folders.runs.len() > 1 { (legend(folders.runs.iter().map(|run| (run.tone, run.name.as_str())))) }
        div.tiles { (tiles(run, certain)) }
    }
}

fn tiles(run: &RunFolder, certain: &Certain) -> Markup {
    let of = |measure: &str| {
        let name = run.main_figure(measure)?;
        let value = run.number(&["metrics", &name])?;
        Some((value, run.number(&["baseline", &name]).unwrap_or_default(), name))
    };
    html! {
        @for measure in ["recall", "ndcg"] {
            @if let Some((value, baseline, name)) = of(measure) {
                div.tile {
                    b { (figure(value)) }
                    span {
                        (name)
                        @if let Some(interval) = certain.method(0, &name) { " · " (figure(interval.low)) "–" (figure(interval.high)) }
                    }
                    span { "popularity " (figure(baseline)) }
                }
            }
        }
        @if let Some((value, baseline, name)) = of("coverage") {
            div.tile { b { (percent(value)) } span { "of the items are shown to someone (" (name) ")" } span { "popularity " (percent(baseline)) } }
        }
        @if let Some(time) = run.number(&["timing", "train_seconds"]) {
            div.tile { b { (seconds(time)) } span { "to train " (run.count(&["dim"]).unwrap_or(0)) " dimensions" } span { (run.count(&["epochs_done"]).unwrap_or(0)) " passes" } }
        }
    }
}
