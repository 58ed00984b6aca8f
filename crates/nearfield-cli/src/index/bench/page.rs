//! The result as a page that needs nothing else.

use std::fmt::Write;

use super::result::{Bench, Family, whole};
use crate::charts::{self, Curve};
use crate::error::CliError;
use crate::output::grouped;

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;max-width:980px;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}\
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}svg{max-width:100%;height:auto}\
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
th,td{padding:.3rem .6rem;border-bottom:1px solid #d8dee4;text-align:right}\
th:first-child,td:first-child{text-align:left}p{color:#57606a}";

/// Recalls whose rates stand in the table.
const MARKS: [f64; 3] = [0.90, 0.95, 0.99];

/// The page.
pub(super) fn page(bench: &Bench) -> Result<String, CliError> {
    let batch: Vec<Curve<'_>> = curves(bench, |point| point.qps_batch);
    let single: Vec<Curve<'_>> = curves(bench, |point| point.qps_single);
    let mut html = String::new();
    let title = format!("Nearest-neighbour indexes over {}", charts::escaped(&bench.vectors));
    let about = format!(
        "{} vectors of {} components, {} queries, metric {}, recall@{}, seed {}; batches on {} thread{}, single \
         queries on one. Each point is an effort; the line of a family joins the points that no other of its points \
         beats, the dashed line those that nothing beats.",
        grouped(bench.n),
        bench.dim,
        grouped(bench.n_queries),
        bench.metric,
        bench.k,
        bench.seed,
        bench.threads,
        if bench.threads == 1 { "" } else { "s" },
    );
    // Writing to a String does not fail.
    let _ = write!(
        html,
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\n\
         <body>\n<h1>{title}</h1>\n<p>{about}</p>\n<h2>One batch</h2>\n{}\n<h2>One query at a time</h2>\n{}\n\
         <h2>Build and memory</h2>\n{}\n<h2>All points</h2>\n{}\n</body>\n</html>\n",
        charts::recall_rate(&batch, &format!("recall@{}", bench.k), "queries a second, batch")?,
        charts::recall_rate(&single, &format!("recall@{}", bench.k), "queries a second, single")?,
        families(bench),
        points(bench),
    );
    Ok(html)
}

fn curves(bench: &Bench, value: impl Fn(&super::result::Point) -> f64) -> Vec<Curve<'_>> {
    let curve = |family: &'_ Family| family.curve.iter().map(|point| (point.recall, value(point))).collect();
    bench.results.iter().map(|family| Curve { name: &family.spec, points: curve(family) }).collect()
}

fn families(bench: &Bench) -> String {
    let heading: Vec<String> = ["index", "build, s", "bytes a vector"]
        .into_iter()
        .map(str::to_owned)
        .chain(MARKS.map(|mark| format!("batch/s at {mark:.2}")))
        .collect();
    let rows = bench.results.iter().map(|family| {
        let points: Vec<(f64, f64)> = family.curve.iter().map(|p| (p.recall, p.qps_batch)).collect();
        let at = |mark| charts::rate_at(&points, mark).map_or_else(|| "–".to_owned(), whole);
        let figures = [format!("{:.2}", family.build_seconds), format!("{:.0}", family.bytes_per_vector)];
        std::iter::once(family.spec.clone()).chain(figures).chain(MARKS.map(at)).collect()
    });
    table(&heading, rows)
}

fn points(bench: &Bench) -> String {
    let heading =
        ["index", "effort", "recall", "single/s", "batch/s", "p50, µs", "p99, µs"].map(str::to_owned);
    let rows = bench.results.iter().flat_map(|family| {
        family.curve.iter().map(|p| {
            vec![
                family.spec.clone(),
                grouped(p.effort),
                format!("{:.4}", p.recall),
                whole(p.qps_single),
                whole(p.qps_batch),
                format!("{:.0}", p.p50_us),
                format!("{:.0}", p.p99_us),
            ]
        })
    });
    table(&heading, rows)
}

fn table(heading: &[String], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cell: &str, row: &[String]| {
        let cells: String =
            row.iter().map(|text| format!("<{cell}>{}</{cell}>", charts::escaped(text))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let body: String = rows.map(|row| line("td", &row)).collect();
    format!("<table>\n{}{body}</table>", line("th", heading))
}
