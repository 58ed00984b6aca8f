use maud::{Markup, PreEscaped, html};

use super::legend;
use crate::index::{Bench, Family, Point, whole};
use crate::output::{counted, grouped};
use crate::report::chart::{Line, Scale, Series, Tone, front, rate_at};
use crate::report::page::Section;
use crate::report::words::{bytes, seconds};

/// Recalls whose rates stand in the table.
const MARKS: [f64; 3] = [0.90, 0.95, 0.99];
/// What finds less is seldom of interest, and would press the rest together.
const LEAST_RECALL: f64 = 0.5;

/// How many queries a second the indexes answer at which recall.
pub(crate) fn bench(benches: &[Bench]) -> Option<Section> {
    benches.first()?;
    let body = html! { @for bench in benches { (one(bench, benches.len() > 1)) } };
    Some(Section { id: "search", title: "Search: recall against speed", body })
}

/// What was measured, in a sentence.
pub(crate) fn about_bench(bench: &Bench) -> String {
    format!(
        "{} of {}, {} queries, metric {}, recall@{}, seed {}; batches on {}, single queries on one.",
        counted(bench.n, "vector"),
        counted(bench.dim, "component"),
        grouped(bench.n_queries as u64),
        bench.metric,
        bench.k,
        bench.seed,
        counted(bench.threads, "thread"),
    )
}

fn one(bench: &Bench, named: bool) -> Markup {
    let names = bench.results.iter().enumerate().map(|(i, family)| (Tone::Run(i), family.spec.as_str()));
    html! {
        @if named { h3 { (bench.vectors) } }
        p.note {
            (about_bench(bench))
            " A line joins the efforts of an index that no other of its efforts beats, the dashed one those that nothing beats."
        }
        (legend(names.chain([(Tone::Baseline, "the best of all")])))
        div.grid {
            div.card { h3 { "In one batch" } (chart(bench, "Queries a second against recall, in one batch", |point| point.qps_batch)) }
            div.card { h3 { "One query at a time" } (chart(bench, "Queries a second against recall, one query at a time", |point| point.qps_single)) }
        }
        div.card style="margin-top:14px" {
            div.scroll { (families(bench)) }
            details {
                summary { "Every effort that was measured" }
                div.scroll { (points(bench)) }
            }
        }
    }
}

fn chart(bench: &Bench, title: &str, qps: fn(&Point) -> f64) -> Markup {
    let of =
        |family: &Family| family.curve.iter().map(|point| (point.recall, qps(point))).collect::<Vec<_>>();
    let all: Vec<(f64, f64)> = bench.results.iter().flat_map(of).collect();
    let best = Series { tone: Tone::Baseline, points: front(&all) };
    let own = bench.results.iter().enumerate();
    let own = own.map(|(i, family)| Series { tone: Tone::Run(i), points: front(&of(family)) });
    let mut series: Vec<Series> = own.chain([best]).collect();
    series.iter_mut().for_each(|series| series.points.retain(|&(recall, _)| recall >= LEAST_RECALL));
    let x = format!("recall@{}", bench.k);
    let line = Line {
        title,
        x: (&x, Scale::Linear),
        y: ("queries a second", Scale::Log),
        from_zero: false,
        dots: true,
        series,
    };
    html! { figure { (PreEscaped(line.svg())) } }
}

/// What each index costs, and how fast it is where it finds enough.
fn families(bench: &Bench) -> Markup {
    html! {
        table {
            thead { tr {
                th { "index" } th { "build" } th { "a vector" }
                @for mark in MARKS { th { (format!("batch/s at {mark:.2}")) } }
            } }
            tbody { @for family in &bench.results { tr {
                td { (family.spec) }
                td { (seconds(family.build_seconds)) }
                td { (bytes(family.bytes_per_vector)) }
                @let curve: Vec<(f64, f64)> = family.curve.iter().map(|p| (p.recall, p.qps_batch)).collect();
                @for mark in MARKS { td { (rate_at(&curve, mark).map_or_else(|| "–".to_owned(), whole)) } }
            } } }
        }
    }
}

fn points(bench: &Bench) -> Markup {
    html! {
        table {
            thead { tr { th { "index" } th { "effort" } th { "recall" } th { "single/s" } th { "batch/s" } th { "median, µs" } th { "99th of 100, µs" } } }
            tbody { @for family in &bench.results { @for point in &family.curve { tr {
                td { (family.spec) }
                td { (grouped(point.effort as u64)) }
                td { (format!("{:.4}", point.recall)) }
                td { (whole(point.qps_single)) }
                td { (whole(point.qps_batch)) }
                td { (format!("{:.0}", point.p50_us)) }
                td { (format!("{:.0}", point.p99_us)) }
            } } } }
        }
    }
}
