use plotters::prelude::*;

use super::axis::{Axis, Scale};
use super::frame::{self, Frame};
use super::theme::Tone;

/// A bar, with an interval where there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bar {
    pub(crate) tone: Tone,
    pub(crate) value: f64,
    pub(crate) interval: Option<(f64, f64)>,
}

/// Bars side by side in groups.
#[derive(Debug, Clone)]
pub(crate) struct Bars<'a> {
    /// What the chart shows, for those who cannot see it.
    pub(crate) title: &'a str,
    pub(crate) x_label: &'a str,
    pub(crate) y_label: &'a str,
    /// Each group's name and its bars.
    pub(crate) groups: Vec<(String, Vec<Bar>)>,
}

/// The share of a group's room that its bars take.
const FILLED: f64 = 0.78;

impl Bars<'_> {
    /// The chart as SVG.
    pub(crate) fn svg(&self) -> String {
        let bars = || self.groups.iter().flat_map(|(_, bars)| bars);
        let tops = bars().map(|bar| bar.interval.map_or(bar.value, |(_, high)| high.max(bar.value)));
        let y = Axis::over(Scale::Linear, tops, true);
        let names = self.groups.iter().map(|(name, _)| name.clone()).collect();
        let x = Axis::named(names);
        let frame = Frame { title: self.title, x_label: self.x_label, y_label: self.y_label };
        frame::svg(&frame, &x, &y, |chart| {
            for (group, middle) in self.groups.iter().zip(&x.ticks) {
                let width = FILLED / count(group.1.len());
                let mut left = middle - FILLED / 2.0;
                for bar in &group.1 {
                    let right = left + 0.92 * width;
                    let shape = Rectangle::new([(left, 0.0), (right, bar.value)], bar.tone.color().filled());
                    chart.draw_series([shape])?;
                    if let Some((low, high)) = bar.interval {
                        let x = f64::midpoint(left, right);
                        chart.draw_series([PathElement::new(
                            vec![(x, low), (x, high)],
                            frame::INK.stroke_width(1),
                        )])?;
                    }
                    left += width;
                }
            }
            Ok(())
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "bars of a group are few")]
fn count(n: usize) -> f64 {
    n.max(1) as f64
}
