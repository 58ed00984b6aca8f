use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// How values become places on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Equal steps are equally far.
    Linear,
    /// Equal ratios are equally far; what is not above 0 has no place.
    Log,
}

/// Most ticks on an axis.
const MOST_TICKS: usize = 6;

/// The places of an axis: a range, and where it is labelled.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    scale: Scale,
    pub(super) range: Range<f64>,
    pub(super) ticks: Vec<f64>,
    /// Words for the ticks, where they are no numbers.
    names: Vec<String>,
}

impl Axis {
    /// An axis that holds all `values`, and 0 where `from_zero`.
    pub(super) fn over(scale: Scale, values: impl Iterator<Item = f64>, from_zero: bool) -> Self {
        let places = values.filter_map(|value| scale.place(value));
        let (mut low, mut high) = places
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), place| (low.min(place), high.max(place)));
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if from_zero {
            (low, high) = (low.min(0.0), high.max(0.0));
        }
        if high - low < 1e-12 * (1.0 + high.abs()) {
            (low, high) = if from_zero && high == 0.0 { (0.0, 1.0) } else { (low - 0.5, high + 0.5) };
        }
        let (first, last, mut ticks) = match scale {
            // Below two decades there are labels within a decade, too.
            Scale::Log if high - low < 2.0 => (low, high, ones_twos_and_fives(low, high)),
            Scale::Log => steps(low, high, ((high - low) / MOST_TICKS as f64).ceil()),
            Scale::Linear => steps(low, high, nice_step((high - low) / MOST_TICKS as f64)),
        };
        let range = match scale {
            Scale::Linear => first..last,
            Scale::Log => low..high,
        };
        ticks.retain(|tick| range.contains(tick) || (tick - range.end).abs() < 1e-9);
        Self { scale, range, ticks, names: Vec::new() }
    }

    /// An axis of names: the i-th stands at i, with as much room on both sides.
    pub(super) fn named(names: Vec<String>) -> Self {
        let ticks: Vec<f64> = (0u32..).map(f64::from).take(names.len()).collect();
        let last = ticks.last().copied().unwrap_or_default();
        Self { scale: Scale::Linear, range: -0.5..last + 0.5, ticks, names }
    }

    /// The place of a value, if it has one.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        self.scale.place(value)
    }

    /// The words at a place.
    pub(super) fn label(&self, place: f64) -> String {
        let named = self.ticks.iter().zip(&self.names).find(|(tick, _)| **tick == place);
        if let Some((_, name)) = named {
            return name.clone();
        }
        match self.scale {
            Scale::Linear => short(place),
            Scale::Log => short(10f64.powf(place)),
        }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    #[expect(clippy::cast_possible_truncation, reason = "places lie in the range, pixels are few")]
    fn map(&self, place: &f64, (first, last): (i32, i32)) -> i32 {
        let share = (place - self.range.start) / (self.range.end - self.range.start);
        first + (share * f64::from(last - first)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, place: &f64) -> String {
        self.label(*place)
    }
}

impl Scale {
    fn place(self, value: f64) -> Option<f64> {
        match self {
            Self::Linear => Some(value),
            Self::Log => (value > 0.0).then(|| value.log10()),
        }
        .filter(|place| place.is_finite())
    }
}

/// Multiples of `step`, from the last that is not above `low` to the first that is not below `high`, so that no mark stands above
/// all labels; and these two.
fn steps(low: f64, high: f64, step: f64) -> (f64, f64, Vec<f64>) {
    let first = (low / step + 1e-9).floor() * step;
    let last = (high / step - 1e-9).ceil() * step;
    let n = ((last - first) / step).round();
    let mut ticks = Vec::new();
    let mut i = 0.0;
    while i <= n {
        ticks.push(first + i * step);
        i += 1.0;
    }
    (first, last, ticks)
}

/// The logarithms from `low` to `high` of 1, 2 and 5 times powers of ten.
fn ones_twos_and_fives(low: f64, high: f64) -> Vec<f64> {
    let mut ticks = Vec::new();
    let mut decade = low.floor();
    while decade <= high {
        ticks.extend([1.0f64, 2.0, 5.0].map(|lead| decade + lead.log10()));
        decade += 1.0;
    }
    ticks.retain(|tick| (low..=high).contains(tick));
    ticks
}

/// The least of 1, 2, 5 times a power of ten that is not below `step`.
fn nice_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let lead = step / power;
    let nice = [1.0, 2.0, 5.0].into_iter().find(|&nice| lead <= nice * (1.0 + 1e-9)).unwrap_or(10.0);
    nice * power
}

/// A number in few characters: 0.05, 12, 3.5k, 2M.
fn short(value: f64) -> String {
    let size = value.abs();
    let (value, unit) = match size {
        s if s >= 1e9 => (value / 1e9, "G"),
        s if s >= 1e6 => (value / 1e6, "M"),
        s if s >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 1.0 => 2,
        v if v >= 0.01 || v == 0.0 => 4,
        _ => return format!("{value:.1e}{unit}"),
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let text = if text == "-0" { "0" } else { text };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_close_the_range() {
        let axis = Axis::over(Scale::Linear, [0.03, 0.171].into_iter(), true);
        let labels: Vec<String> = axis.ticks.iter().map(|&tick| axis.label(tick)).collect();
        assert_eq!(labels, ["0", "0.05", "0.1", "0.15", "0.2"]);
        assert!(axis.range.end >= 0.171);
        let axis = Axis::over(Scale::Log, [1.0, 20_000.0].into_iter(), false);
        let labels: Vec<String> = axis.ticks.iter().map(|&tick| axis.label(tick)).collect();
        assert_eq!(labels, ["1", "10", "100", "1000", "10k"]);
        let axis = Axis::over(Scale::Log, [45_000.0, 200_000.0].into_iter(), false);
        let labels: Vec<String> = axis.ticks.iter().map(|&tick| axis.label(tick)).collect();
        assert_eq!(labels, ["50k", "100k", "200k"]);
    }

    #[test]
    fn degenerate_ranges_are_axes_too() {
        for values in [vec![], vec![0.0], vec![5.0, 5.0], vec![f64::NAN], vec![-1e-300, 1e300]] {
            for scale in [Scale::Linear, Scale::Log] {
                for from_zero in [false, true] {
                    let axis = Axis::over(scale, values.iter().copied(), from_zero);
                    assert!(axis.range.start < axis.range.end, "{values:?}: {axis:?}");
                    assert!(axis.ticks.len() <= 2 * MOST_TICKS + 2, "{values:?}: {axis:?}");
                }
            }
        }
    }

    #[test]
    fn numbers_are_short() {
        let words = [0.0, 0.05, 0.00012, 12.0, 1.25, 3500.0, 35_000.0, 2.5e6, -0.1].map(short);
        assert_eq!(words, ["0", "0.05", "1.2e-4", "12", "1.25", "3500", "35k", "2.5M", "-0.1"]);
    }
}
