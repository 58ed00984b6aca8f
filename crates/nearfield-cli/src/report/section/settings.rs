use maud::{Markup, html};
use serde_json::Value;

use crate::report::folder::RunFolder;
use crate::report::page::Section;

/// What repeats the runs: command, seed, machine, and every setting.
pub(crate) fn settings(runs: &[RunFolder]) -> Option<Section> {
    runs.first()?;
    let body = html! {
        p.note { "The same command on the same files gives the same figures and vectors, on any number of threads." }
        div.grid { @for run in runs { (one(run)) } }
    };
    Some(Section { id: "repeat", title: "To repeat it", body })
}

fn one(run: &RunFolder) -> Markup {
    let machine = run.get(&["machine"]).and_then(Value::as_object);
    let settings = run.get(&["settings"]).map(|settings| flat("", settings)).unwrap_or_default();
    let remarks: Vec<&str> = run
        .get(&["remarks"])
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    html! {
        div.card {
            h3 { span class={ "chip " (run.tone.class()) } { (run.name) } }
            @if let Some(command) = run.text(&["command"]) { pre { (command) } }
            table.facts { tbody {
                tr { th { "seed" } td { (run.count(&["seed"]).map(|seed| seed.to_string()).unwrap_or_default()) } }
                tr { th { "nearfield" } td { (run.text(&["nearfield"]).unwrap_or_default()) } }
                @if let Some(machine) = machine {
                    @for (name, value) in machine { tr { th { (name.replace('_', " ")) } td { (plain(value)) } } }
                }
            } }
            @for remark in remarks { p.note { (remark) } }
            details {
                summary { "All settings" }
                table.facts { tbody { @for (name, value) in &settings { tr { th { (name) } td { (value) } } } } }
            }
        }
    }
}

/// Every setting under its path of names; those that are not set are left out.
pub(super) fn flat(prefix: &str, value: &Value) -> Vec<(String, String)> {
    match value {
        Value::Null => Vec::new(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flat(&path, value)
            })
            .collect(),
        other => vec![(prefix.to_owned(), plain(other))],
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
