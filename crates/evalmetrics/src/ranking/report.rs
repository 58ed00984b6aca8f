use embed_core::Csr;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::{Measure, ParseMeasureError};

/// The figures of a run, each under a name like `recall@20`.
///
/// Serialises as an object with the counts and, under `metrics`, the figures in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RankingReport {
    /// The figures.
    pub metrics: Figures,
    /// Users that the means are over.
    pub n_evaluated: usize,
    /// Users without a positive: left out, or counted as 0, by [`crate::EmptyUsers`].
    pub n_empty: usize,
    /// Items that were ranked.
    pub n_items: usize,
    /// Positives of all evaluated users.
    pub n_positives: usize,
    /// Positives that could not be found whatever their rank would be: not in the catalogue, masked as seen, or scored -inf
    /// (of lists: not in the catalogue). They stay in every denominator.
    pub n_unreachable: usize,
    /// Values of each user, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_user: Option<PerUser>,
    /// What was recommended, where it was asked for: one row for each user of the truth, best first, as many as
    /// the largest cutoff; empty for users that were not evaluated. Ties by ascending id. Not serialised.
    #[serde(skip)]
    pub lists: Option<Csr>,
}

/// Figures in order: measure by measure, each at every cutoff.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures(pub(crate) Vec<Figure>);

/// A measure, its cutoff and its value.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Figure {
    /// What is measured.
    pub measure: Measure,
    /// Over how many ranks; none for a measure of the whole ranking.
    pub cutoff: Option<usize>,
    /// Whether only sampled candidates were ranked: the name says so.
    pub sampled: bool,
    /// The value, in `0..=1`.
    pub value: f64,
}

impl Figure {
    /// The name, as in `recall@20`, `auc`, or `sampled_hr@10`.
    #[must_use]
    pub fn name(&self) -> String {
        name(self.measure, self.cutoff, self.sampled)
    }
}

/// Values of single users, for intervals, paired tests and quality by kind of user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PerUser {
    /// The users, ascending.
    pub users: Vec<u32>,
    /// One column a measure (of those that are per user) and cutoff, in the order of the report.
    pub columns: Vec<Column>,
}

/// The values of one measure at one cutoff. Serialises as `{"name": "recall@20", "values": [...]}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Named", try_from = "Named")]
#[non_exhaustive]
pub struct Column {
    /// What is measured.
    pub measure: Measure,
    /// Over how many ranks; none for a measure of the whole ranking.
    pub cutoff: Option<usize>,
    /// Whether only sampled candidates were ranked: the name says so.
    pub sampled: bool,
    /// One value a user.
    pub values: Vec<f64>,
}

/// A column as it is written.
#[derive(Serialize, Deserialize)]
struct Named {
    name: String,
    values: Vec<f64>,
}

impl From<Column> for Named {
    fn from(column: Column) -> Self {
        Self { name: column.name(), values: column.values }
    }
}

impl TryFrom<Named> for Column {
    type Error = ParseMeasureError;

    fn try_from(Named { name, values }: Named) -> Result<Self, Self::Error> {
        let unknown = || ParseMeasureError { got: name.clone() };
        let plain = name.strip_prefix(SAMPLED).unwrap_or(&name);
        let (word, cutoff) = match plain.split_once('@') {
            None => (plain, None),
            Some((word, cutoff)) => (word, Some(cutoff.parse().map_err(|_| unknown())?)),
        };
        let measure: Measure = word.parse().map_err(|_| unknown())?;
        if measure.has_cutoff() != cutoff.is_some() {
            return Err(unknown());
        }
        Ok(Self { measure, cutoff, sampled: plain.len() < name.len(), values })
    }
}

impl Column {
    /// The name, as in `recall@20`, `auc`, or `sampled_hr@10`.
    #[must_use]
    pub fn name(&self) -> String {
        name(self.measure, self.cutoff, self.sampled)
    }
}

const SAMPLED: &str = "sampled_";

fn name(measure: Measure, cutoff: Option<usize>, sampled: bool) -> String {
    let sampled = if sampled { SAMPLED } else { "" };
    match cutoff {
        Some(cutoff) => format!("{sampled}{measure}@{cutoff}"),
        None => format!("{sampled}{measure}"),
    }
}

impl RankingReport {
    /// The figure of a measure at a cutoff, such as `get("recall", 20)`.
    #[must_use]
    pub fn get(&self, measure: &str, cutoff: usize) -> Option<f64> {
        let name = format!("{measure}@{cutoff}");
        self.value(&name)
    }

    /// The figure of a name, such as `recall@20` or `auc`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|figure| figure.name() == name).map(|figure| figure.value)
    }

    /// All figures as (name, value), in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (String, f64)> {
        self.metrics.0.iter().map(|figure| (figure.name(), figure.value))
    }
}

impl Figures {
    /// The figures in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Figure> {
        self.0.iter()
    }
}

impl<'f> IntoIterator for &'f Figures {
    type Item = &'f Figure;
    type IntoIter = std::slice::Iter<'f, Figure>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PerUser {
    /// The values of a measure at a cutoff, one a user.
    #[must_use]
    pub fn get(&self, measure: &str, cutoff: usize) -> Option<&[f64]> {
        let name = format!("{measure}@{cutoff}");
        self.columns.iter().find(|column| column.name() == name).map(|column| column.values.as_slice())
    }
}

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for figure in self {
            map.serialize_entry(&figure.name(), &figure.value)?;
        }
        map.end()
    }
}
