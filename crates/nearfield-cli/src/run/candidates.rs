//! Ranking among given candidates: a user, a positive, and negatives that somebody drew.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use embed_core::{Embedder, ItemId, Metric};
use serde::Serialize;

use super::data::Dataset;
use crate::error::CliError;
use crate::model::{Model, UserSide, Whom};

/// Figures over candidates. They do not compare with those of a full ranking (Krichene & Rendle 2020).
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CandidateFigures {
    /// Lines of the file.
    pub(crate) n_lines: usize,
    /// Negatives of a line, on average.
    pub(crate) negatives: f64,
    /// Hit rate and NDCG at each list length, of the method and of popularity.
    pub(crate) at: Vec<AtK>,
}

/// Figures at one list length.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct AtK {
    pub(crate) k: usize,
    pub(crate) hr: f64,
    pub(crate) ndcg: f64,
    pub(crate) popularity_hr: f64,
    pub(crate) popularity_ndcg: f64,
}

/// One line: `user<TAB>positive<TAB>negative…`.
#[derive(Debug)]
struct Line {
    user: u32,
    /// The positive first; none for an item that cannot be ranked.
    items: Vec<Option<ItemId>>,
}

/// Ranks each line's positive among its negatives, by what the user has in training. Ties count with their expected place, repeats
/// once. An item about which nothing was learned comes last.
///
/// # Errors
/// [`CliError::Read`] when the file cannot be read, [`CliError::Candidates`] names the line that makes no sense.
pub(super) fn rank(
    path: &Path,
    data: &Dataset,
    model: &Model,
    metric: Metric,
    ks: &[usize],
) -> Result<CandidateFigures, CliError> {
    let lines = read(path, data)?;
    let users = model.users(metric);
    let mut sums = vec![[0.0f64; 4]; ks.len()];
    let mut negatives = 0;
    for line in &lines {
        negatives += line.items.len() - 1;
        let of_method = place(&scores(line, data, model, &users, metric)?);
        let counts = |item: &Option<ItemId>| item.map_or(0.0, |item| count(data.counts[item as usize]));
        let of_popularity = place(&line.items.iter().map(counts).collect::<Vec<f64>>());
        for (sum, &k) in sums.iter_mut().zip(ks) {
            let figures =
                [hit(of_method, k), gain(of_method, k), hit(of_popularity, k), gain(of_popularity, k)];
            sum.iter_mut().zip(figures).for_each(|(sum, x)| *sum += x);
        }
    }
    let n = count(lines.len() as u64).max(1.0);
    let at = ks.iter().zip(sums).map(|(&k, sum)| {
        let [hr, ndcg, popularity_hr, popularity_ndcg] = sum.map(|x| x / n);
        AtK { k, hr, ndcg, popularity_hr, popularity_ndcg }
    });
    Ok(CandidateFigures { n_lines: lines.len(), negatives: count(negatives as u64) / n, at: at.collect() })
}

fn scores(
    line: &Line,
    data: &Dataset,
    model: &Model,
    users: &UserSide,
    metric: Metric,
) -> Result<Vec<f64>, CliError> {
    let history = data.histories.row(line.user as usize);
    let mut vector = vec![0.0; users.dim()];
    let known =
        users.embed_into(&Whom { user: Some(line.user), history, features: None }, &mut vector).is_ok();
    let score = |item: &Option<ItemId>| {
        let trained = item.filter(|&item| known && model.items().is_trained(item));
        let row = trained.and_then(|item| model.items().row(item));
        row.map_or(f64::NEG_INFINITY, |row| f64::from(metric.score(&vector, row)))
    };
    Ok(line.items.iter().map(score).collect())
}

/// How many are above the first, and how many others are level with it.
fn place(scores: &[f64]) -> (usize, usize) {
    let (first, others) = scores.split_first().unwrap_or((&0.0, &[]));
    let above = others.iter().filter(|other| *other > first).count();
    (above, others.iter().filter(|other| *other == first).count())
}

/// The chance that the first is among the `k` best, over the orders of what is level.
fn hit((above, level): (usize, usize), k: usize) -> f64 {
    count(k.saturating_sub(above).min(level + 1) as u64) / count(level as u64 + 1)
}

/// The expected gain of the first, over the orders of what is level.
fn gain((above, level): (usize, usize), k: usize) -> f64 {
    let places = above..k.min(above + level + 1);
    places.map(|place| 1.0 / (count(place as u64) + 2.0).log2()).sum::<f64>() / count(level as u64 + 1)
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2⁵³")]
fn count(n: u64) -> f64 {
    n as f64
}

fn read(path: &Path, data: &Dataset) -> Result<Vec<Line>, CliError> {
    let io = |source| CliError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(io)?;
    let packed = path.extension().is_some_and(|ending| ending == "gz");
    let text: Box<dyn Read> =
        if packed { Box::new(flate2::read::MultiGzDecoder::new(file)) } else { Box::new(file) };
    let bad = |line: usize, what: String| CliError::Candidates { path: path.to_owned(), line, what };
    let users = data.users.as_ref().ok_or_else(|| bad(1, "the log has no users".to_owned()))?;
    let mut lines = Vec::new();
    for (number, text) in (1..).zip(BufReader::new(text).lines()) {
        let text = text.map_err(io)?;
        let mut fields = text.split('\t').map(str::trim).filter(|field| !field.is_empty());
        let Some(user) = fields.next() else { continue };
        let user = users.get(user).ok_or_else(|| bad(number, format!("user {user:?} is not in the log")))?;
        // Whoever drew negatives with repeats asked about fewer of them.
        let mut met = HashSet::new();
        let items: Vec<Option<ItemId>> =
            fields.filter(|key| met.insert(*key)).map(|key| data.items.get(key)).collect();
        if items.len() < 2 {
            return Err(bad(number, "a user, a positive and at least one negative are needed".to_owned()));
        }
        lines.push(Line { user, items });
    }
    if lines.is_empty() {
        return Err(bad(1, "no lines".to_owned()));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_with_their_expected_place() {
        assert_eq!(place(&[0.5, 0.9, 0.5, 0.1, 0.5]), (1, 2));
        assert_eq!([1, 2, 3, 9].map(|k| hit((1, 2), k)), [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]);
        assert_eq!(gain((0, 0), 10), 1.0);
        let expected = (1.0 / 3f64.log2() + 0.5) / 3.0;
        assert!((gain((1, 2), 3) - expected).abs() < 1e-12);
        // A scorer that knows nothing earns K over the number of candidates.
        assert!((hit(place(&[0.0; 100]), 10) - 0.1).abs() < 1e-12);
    }
}
