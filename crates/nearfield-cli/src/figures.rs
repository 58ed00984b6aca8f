use serde::ser::{Serialize, SerializeMap, Serializer};

use nearfield::evalmetrics::{Measure, RankingReport};

/// Figures under names like `recall@20`, in the order in which they are shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Figures(Vec<(String, f64)>);

impl Figures {
    /// The figures of a ranking of `report.n_items` items out of a catalogue of `n_items`.
    ///
    /// An item that was never learned cannot be recommended, but it is part of the catalogue that coverage is
    /// a share of.
    pub(crate) fn of(report: &RankingReport, n_items: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
        let known = report.n_items as f64 / n_items as f64;
        let value = |measure, value| if measure == Measure::Coverage { value * known } else { value };
        Self(
            report
                .metrics
                .iter()
                .map(|figure| (figure.name(), value(figure.measure, figure.value)))
                .collect(),
        )
    }

    /// The figures in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// The figure of a name.
    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}
