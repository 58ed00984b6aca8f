//! The embedding map: places, colours and neighbours of the items, packed for the page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use embed_core::formats::read_tensor;
use embed_core::{AnnIndex, Embeddings, Filter, ItemId, Metric, SearchRequest, Vocab};
use maud::{Markup, html};
use ndarray::{Array2, Axis, Slice};
use nearfield::ann::Flat;
use serde::Serialize;

use super::folder::RunFolder;
use super::page::Section;
use super::projection::{self, Projection};
use crate::args::WorkArgs;
use crate::error::CliError;
use crate::labels::Labels;
use crate::output::grouped;
use crate::progress::Bars;
use crate::run::save::VECTORS;

/// Points a map has, at most: the most popular items.
pub(super) const POINTS: usize = 50_000;
/// Neighbours a point has.
const NEIGHBORS: usize = 10;
/// Searches between two looks at whether the user wants to stop.
const AT_ONCE: usize = 4096;
/// The place of a neighbour that is not there.
const NONE: u32 = u32::MAX;
/// The group of an item without a label.
const NO_GROUP: u16 = u16::MAX;

/// A map and the words around it.
pub(super) struct Map {
    pub(super) section: Section,
    /// JSON for the page's script.
    pub(super) data: String,
}

/// What the page's script reads. Arrays are little-endian bytes in base64.
#[derive(Serialize)]
struct Packed<'a> {
    metric: &'static str,
    k: usize,
    keys: Vec<&'a str>,
    /// u16 `[points, 2]`.
    places: String,
    /// u32 `[points, k]`.
    near: String,
    /// f32 `[points, k]`.
    scores: String,
    /// u32 `[points]`.
    counts: Option<String>,
    /// Names of the groups.
    names: Option<&'a [String]>,
    /// u16 `[points]`.
    groups: Option<String>,
    /// The middle of each group.
    middles: Option<Vec<[u16; 2]>>,
}

/// Draws the items of a run; none where the folder has no vectors.
///
/// # Errors
/// [`CliError::Format`] for vectors that cannot be read, [`CliError::Projection`]; [`CliError::Cancelled`].
pub(super) fn map(
    run: &RunFolder,
    labels: Option<&std::path::Path>,
    projection: Option<Projection>,
    work: WorkArgs,
    bars: &mut Bars,
) -> Result<Option<Map>, CliError> {
    let path = run.dir.join(VECTORS);
    if !path.exists() {
        return Ok(None);
    }
    let all = read_tensor(&path, None)?;
    let counts = run.evaluation.as_ref().map(|evaluation| &evaluation.popularity);
    let counts = counts.filter(|counts| counts.len() == all.len());
    let labels = labels.map(|path| Labels::read(path, all.vocab())).transpose()?;
    let rows = most_popular(all.len(), counts.map(Vec::as_slice));
    let points = select(&all, &rows)?;
    let projection = projection.unwrap_or_else(|| Projection::for_points(points.len()));
    let places = projection::places(projection, points.vectors(), work, bars)?;
    let (near, scores) = neighbors(&points, work, bars)?;
    let of_rows = |row: &ItemId| labels.as_ref().and_then(|labels| labels.first(*row));
    let groups: Option<Vec<u16>> = labels.as_ref().map(|_| {
        let group = |row| of_rows(row).and_then(|label| u16::try_from(label).ok()).unwrap_or(NO_GROUP);
        rows.iter().map(group).collect()
    });
    let names = labels.as_ref().map(|labels| &labels.names[..labels.names.len().min(usize::from(NO_GROUP))]);
    let packed = Packed {
        metric: Metric::Cosine.name(),
        k: NEIGHBORS,
        keys: points.vocab().keys().collect(),
        places: pack(places.iter().flatten().flat_map(|place| place.to_le_bytes())),
        near: pack(near.iter().flat_map(|id| id.to_le_bytes())),
        scores: pack(scores.iter().flat_map(|score| score.to_le_bytes())),
        counts: counts.map(|counts| {
            let of = |row: &ItemId| u32::try_from(counts[*row as usize]).unwrap_or(u32::MAX);
            pack(rows.iter().flat_map(|row| of(row).to_le_bytes()))
        }),
        middles: names.zip(groups.as_ref()).map(|(names, groups)| middles(names.len(), groups, &places)),
        names,
        groups: groups.as_ref().map(|groups| pack(groups.iter().flat_map(|group| group.to_le_bytes()))),
    };
    let data = serde_json::to_string(&packed).map_err(|source| CliError::Json { source })?;
    let body =
        markup(run, all.len(), points.len(), projection, packed.groups.is_some(), packed.counts.is_some());
    Ok(Some(Map { section: Section { id: "map", title: "The embedding map", body }, data }))
}

fn markup(
    run: &RunFolder,
    n: usize,
    drawn: usize,
    projection: Projection,
    groups: bool,
    counts: bool,
) -> Markup {
    html! {
        p.note {
            "The items of " (run.name) " by " (projection.name()) " of their vectors: near items were learned to be alike. "
            "Drag to move, scroll or pinch to zoom, click an item for its neighbours in the full space."
            @if drawn < n { " Drawn are the " (grouped(drawn as u64)) " most popular of " (grouped(n as u64)) " items." }
        }
        div.card.map data-map {
            div.stage {
                canvas role="img" aria-label={ "Map of " (grouped(drawn as u64)) " items" } {}
                div.tip hidden {}
                div.zoom {
                    button type="button" data-zoom="1.8" aria-label="Zoom in" { "+" }
                    button type="button" data-zoom="0.5556" aria-label="Zoom out" { "−" }
                    button type="button" data-zoom="0" aria-label="Show all" title="Show all" { "⤢" }
                }
            }
            div.side {
                div.find {
                    label for="map-find" { "Find an item" }
                    input id="map-find" type="search" placeholder="key" autocomplete="off" spellcheck="false";
                    div.hits hidden {}
                }
                label for="map-by" { "Colour" }
                select id="map-by" {
                    @if groups { option value="group" { "by label" } }
                    @if counts { option value="popularity" { "by popularity" } }
                    @if !groups && !counts { option value="none" { "one for all" } }
                }
                div.key {}
                div.item hidden aria-live="polite" {}
            }
        }
        noscript { p { "The map needs JavaScript." } }
    }
}

/// The rows that are drawn: all, or the most popular ones, ascending.
fn most_popular(n: usize, counts: Option<&[u64]>) -> Vec<ItemId> {
    let mut rows: Vec<ItemId> = (0..).take(n).collect();
    if n > POINTS {
        if let Some(counts) = counts {
            rows.sort_by_key(|&row| std::cmp::Reverse(counts[row as usize]));
        }
        rows.truncate(POINTS);
        rows.sort_unstable();
    }
    rows
}

fn select(all: &Embeddings, rows: &[ItemId]) -> Result<Embeddings, CliError> {
    if rows.len() == all.len() {
        return Ok(all.clone());
    }
    let keys = rows.iter().filter_map(|&row| all.vocab().key(row));
    let places: Vec<usize> = rows.iter().map(|&row| row as usize).collect();
    let vectors: Array2<f32> = all.vectors().select(Axis(0), &places);
    Ok(Embeddings::new(Vocab::from_keys(keys)?, vectors)?)
}

/// The nearest points of each by cosine, and how near they are.
fn neighbors(points: &Embeddings, work: WorkArgs, bars: &mut Bars) -> Result<(Vec<u32>, Vec<f32>), CliError> {
    let index = Flat::build(points, Metric::Cosine, &mut work.run(0, bars))?;
    let ids: Vec<ItemId> = (0..).take(points.len()).collect();
    let (mut near, mut scores) = (Vec::new(), Vec::new());
    for part in ids.chunks(AT_ONCE) {
        bars.check()?;
        let requests: Vec<SearchRequest<'_>> = part
            .iter()
            .map(|id| SearchRequest::k(NEIGHBORS).filter(Filter::Deny(std::slice::from_ref(id))))
            .collect();
        let first = part[0] as usize;
        let queries = points.vectors().slice_axis_move(Axis(0), Slice::from(first..first + part.len()));
        for list in index.search_batch(queries, &requests, work.parallelism())? {
            for rank in 0..NEIGHBORS {
                let found = list.get(rank);
                near.push(found.map_or(NONE, |near| near.id));
                scores.push(found.map_or(0.0, |near| near.score));
            }
        }
    }
    Ok((near, scores))
}

/// The median place of each group, where its name is written.
fn middles(n_groups: usize, groups: &[u16], places: &[[u16; 2]]) -> Vec<[u16; 2]> {
    let mut members: Vec<[Vec<u16>; 2]> = vec![[Vec::new(), Vec::new()]; n_groups];
    for (&group, place) in groups.iter().zip(places) {
        if let Some([x, y]) = members.get_mut(usize::from(group)) {
            x.push(place[0]);
            y.push(place[1]);
        }
    }
    let median = |mut values: Vec<u16>| {
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or(u16::MAX / 2)
    };
    members.into_iter().map(|[x, y]| [median(x), median(y)]).collect()
}

fn pack(bytes: impl Iterator<Item = u8>) -> String {
    STANDARD.encode(bytes.collect::<Vec<u8>>())
}
