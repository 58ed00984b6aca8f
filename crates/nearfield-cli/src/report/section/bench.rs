use maud::{Markup, PreEscaped, html};

use super::legend;
use crate::charts::front;
use crate::report::bench::{Bench, Measured, Point};
use crate::report::chart::{Line, Scale, Series, Tone};
use crate::report::page::Section;
use crate::report::words::{bytes, seconds};

/// How many queries a second the indexes answer at which recall.
pub(crate) fn bench(benches: &[Bench]) -> Option<Section> {
    benches.first()?;
    let body = html! { @for bench in benches { (one(bench, benches.len() > 1)) } };
    Some(Section { id: "search", title: "Search: recall against speed", body })
}

fn one(bench: &Bench, named: bool) -> Markup {
    let tone = |i| Tone::Run(i);
    let names = || bench.results.iter().enumerate().map(|(i, result)| (tone(i), result.spec.as_str()));
    let chart = |title: &'static str, qps: fn(&Point) -> Option<f64>| {
        let series = bench.results.iter().enumerate().map(|(i, result)| Series {
            tone: tone(i),
            points: front(
                &result
                    .curve
                    .iter()
                    .filter_map(|point| Some((point.recall, qps(point)?)))
                    .collect::<Vec<_>>(),
            ),
        });
        Line {
            title,
            x: ("recall against exact search", Scale::Linear),
            y: ("queries a second", Scale::Log),
            from_zero: false,
            dots: true,
            series: series.collect(),
        }
        .svg()
    };
    let has = |qps: fn(&Point) -> Option<f64>| {
        bench.results.iter().any(|result| result.curve.iter().any(|point| qps(point).is_some()))
    };
    html! {
        @if named { h3 { (bench.name) } }
        (legend(names()))
        div.grid {
            @if has(|point| point.qps_single) { div.card { h3 { "One query at a time, one thread" } (PreEscaped(chart("Queries a second against recall, one query at a time", |point| point.qps_single))) } }
            @if has(|point| point.qps_batch) { div.card { h3 { "In batches, all threads" } (PreEscaped(chart("Queries a second against recall, in batches", |point| point.qps_batch))) } }
        }
        div.card style="margin-top:14px" { div.scroll { (table(&bench.results)) } }
    }
}

fn table(results: &[Measured]) -> Markup {
    // Of each curve the cheapest point that finds 95 %, or else the one that finds most.
    let point = |result: &Measured| {
        let good = result.curve.iter().filter(|point| point.recall >= 0.95);
        let cheapest =
            good.max_by(|a, b| a.qps_single.unwrap_or(0.0).total_cmp(&b.qps_single.unwrap_or(0.0)));
        cheapest.or_else(|| result.curve.iter().max_by(|a, b| a.recall.total_cmp(&b.recall))).copied()
    };
    html! {
        table {
            thead { tr { th { "index" } th { "build" } th { "a vector" } th { "recall" } th { "queries/s" } th { "median" } th { "99th of 100" } } }
            tbody { @for result in results { tr {
                td { (result.spec) }
                td { @if let Some(s) = result.build_seconds { (seconds(s)) } }
                td { @if let Some(b) = result.bytes_per_vector { (bytes(b)) } }
                @if let Some(point) = point(result) {
                    td { (format!("{:.3}", point.recall)) }
                    td { @if let Some(qps) = point.qps_single { (crate::output::rate(qps)) } }
                    td { @if let Some(us) = point.p50_us { (format!("{us:.0} µs")) } }
                    td { @if let Some(us) = point.p99_us { (format!("{us:.0} µs")) } }
                }
            } } }
        }
        p.note { "Each index at the fastest setting measured that finds 95 %, or at its best." }
    }
}
