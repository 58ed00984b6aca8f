use maud::{PreEscaped, html};
use serde_json::Value;

use super::legend;
use crate::report::chart::{Line, Scale, Series};
use crate::report::folder::RunFolder;
use crate::report::page::Section;
use crate::report::words::seconds;

/// How the loss fell, and a metric of a validation part where the run has one.
pub(crate) fn training(runs: &[RunFolder]) -> Option<Section> {
    let curves: Vec<(&RunFolder, &Vec<Value>)> = runs
        .iter()
        .filter_map(|run| Some((run, run.get(&["curve"])?.as_array()?)))
        .filter(|(_, curve)| !curve.is_empty())
        .collect();
    if curves.is_empty() {
        return None;
    }
    let mut names: Vec<&str> = curves
        .iter()
        .flat_map(|(_, curve)| curve.iter().filter_map(Value::as_object).flat_map(|point| point.keys()))
        .map(String::as_str)
        .filter(|name| *name != "epoch")
        .collect();
    names.sort_unstable_by_key(|name| (*name != "loss", *name));
    names.dedup();
    let body = html! {
        div.grid {
            @for name in names { div.card { (chart(name, &curves)) } }
            div.card { h3 { "What it took" } (table(&curves)) }
        }
    };
    Some(Section { id: "training", title: "Training", body })
}

fn chart(name: &str, curves: &[(&RunFolder, &Vec<Value>)]) -> maud::Markup {
    let with: Vec<(&RunFolder, Vec<(f64, f64)>)> = curves
        .iter()
        .map(|(run, curve)| {
            let point = |point: &Value| Some((point["epoch"].as_f64()?, point[name].as_f64()?));
            (*run, curve.iter().filter_map(point).collect::<Vec<_>>())
        })
        .filter(|(_, points)| !points.is_empty())
        .collect();
    let title = if name == "loss" { "Loss by epoch".to_owned() } else { format!("{name} by epoch") };
    let chart = Line {
        title: &title,
        x: ("epoch", Scale::Linear),
        y: (name, Scale::Linear),
        from_zero: false,
        dots: with.iter().all(|(_, points)| points.len() <= 40),
        series: with.iter().map(|(run, points)| Series { tone: run.tone, points: points.clone() }).collect(),
    };
    html! {
        h3 { (title) }
        @if curves.len() > 1 { (legend(with.iter().map(|(run, _)| (run.tone, run.name.as_str())))) }
        figure {
            (PreEscaped(chart.svg()))
            @if name == "loss" {
                figcaption { "Mean over the examples of an epoch. Losses of different methods or numbers of negatives do not compare." }
            }
        }
    }
}

fn table(curves: &[(&RunFolder, &Vec<Value>)]) -> maud::Markup {
    html! {
        div.scroll { table {
            thead { tr { th { "run" } th { "epochs" } th { "time" } th { "last loss" } } }
            tbody {
                @for (run, curve) in curves {
                    tr {
                        td { span class={ "chip " (run.tone.class()) } { (run.name) } }
                        td { (curve.len()) }
                        td { @if let Some(s) = run.number(&["timing", "train_seconds"]) { (seconds(s)) } }
                        td { @if let Some(loss) = curve.last().and_then(|point| point["loss"].as_f64()) { (format!("{loss:.4}")) } }
                    }
                }
            }
        } }
    }
}
