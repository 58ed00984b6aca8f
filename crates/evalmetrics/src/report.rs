use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::Measure;

/// The figures of a run, each under a name like `recall@20`.
///
/// Serialises as an object with the counts and, under `metrics`, the figures in order.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
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
}

/// Figures in order: measure by measure, each at every cutoff.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures(pub(crate) Vec<Figure>);

/// A measure at a cutoff, and its value.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Figure {
    /// What is measured.
    pub measure: Measure,
    /// Over how many ranks.
    pub cutoff: usize,
    /// The value, in `0..=1`.
    pub value: f64,
}

impl Figure {
    /// The name, as in `recall@20`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}@{}", self.measure, self.cutoff)
    }
}

/// Values of single users, for intervals, paired tests and quality by kind of user.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct PerUser {
    /// The users, ascending.
    pub users: Vec<u32>,
    /// One column a measure (of those that are per user) and cutoff, in the order of the report.
    pub columns: Vec<Column>,
}

/// The values of one measure at one cutoff.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// What is measured.
    pub measure: Measure,
    /// Over how many ranks.
    pub cutoff: usize,
    /// One value a user.
    pub values: Vec<f64>,
}

impl RankingReport {
    /// The figure of a measure by its short name, such as `get("recall", 20)`.
    #[must_use]
    pub fn get(&self, measure: &str, cutoff: usize) -> Option<f64> {
        let found = self.metrics.0.iter().find(|f| f.cutoff == cutoff && f.measure.name() == measure);
        found.map(|figure| figure.value)
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
    /// The values of a measure by its short name, one a user.
    #[must_use]
    pub fn get(&self, measure: &str, cutoff: usize) -> Option<&[f64]> {
        let found = self.columns.iter().find(|c| c.cutoff == cutoff && c.measure.name() == measure);
        found.map(|column| column.values.as_slice())
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

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("name", &format!("{}@{}", self.measure, self.cutoff))?;
        map.serialize_entry("values", &self.values)?;
        map.end()
    }
}
