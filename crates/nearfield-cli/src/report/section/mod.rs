//! The parts of the page, one a file. Each gives nothing where the folders hold nothing to say.

mod bench;
mod buckets;
mod data;
mod exposure;
mod metrics;
mod overview;
mod settings;
mod sweep;
mod training;

pub(super) use bench::{about_bench, bench};
pub(crate) use buckets::BUCKETS;
pub(super) use buckets::buckets;
pub(super) use data::data;
pub(super) use exposure::exposure;
pub(super) use metrics::metrics;
pub(super) use overview::overview;
pub(super) use settings::settings;
pub(super) use sweep::sweep;
pub(super) use training::training;

use maud::{Markup, html};

use super::chart::Tone;

/// The names of what a chart shows, in its colours.
fn legend<'a>(names: impl IntoIterator<Item = (Tone, &'a str)>) -> Markup {
    html! {
        div.legend { @for (tone, name) in names { span class={ "chip " (tone.class()) } { (name) } } }
    }
}
