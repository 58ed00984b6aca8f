use plotters::prelude::*;

use super::axis::{Axis, Scale};
use super::frame::{self, Frame};
use super::theme::Tone;

/// One line of a chart; that of the baseline is dashed.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) tone: Tone,
    /// In the order in which they are joined.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Lines over two numbers.
#[derive(Debug, Clone)]
pub(crate) struct Line<'a> {
    /// What the chart shows, for those who cannot see it.
    pub(crate) title: &'a str,
    pub(crate) x: (&'a str, Scale),
    pub(crate) y: (&'a str, Scale),
    /// Whether the vertical axis starts at 0.
    pub(crate) from_zero: bool,
    /// Whether each point has a dot.
    pub(crate) dots: bool,
    pub(crate) series: Vec<Series>,
}

impl Line<'_> {
    /// The chart as SVG.
    pub(crate) fn svg(&self) -> String {
        let points = || self.series.iter().flat_map(|series| series.points.iter());
        let x = Axis::over(self.x.1, points().map(|point| point.0), false);
        let y = Axis::over(self.y.1, points().map(|point| point.1), self.from_zero);
        let frame = Frame { title: self.title, x_label: self.x.0, y_label: self.y.0 };
        frame::svg(&frame, &x, &y, |chart| {
            for series in &self.series {
                let places: Vec<(f64, f64)> =
                    series.points.iter().filter_map(|&(a, b)| Some((x.place(a)?, y.place(b)?))).collect();
                let color = series.tone.color();
                let stroke = color.stroke_width(2);
                if series.tone == Tone::Baseline {
                    chart.draw_series(DashedLineSeries::new(places, 6, 4, stroke))?;
                    continue;
                }
                if self.dots || places.len() == 1 {
                    chart.draw_series(places.iter().map(|&place| Circle::new(place, 3, color.filled())))?;
                }
                chart.draw_series(LineSeries::new(places, stroke))?;
            }
            Ok(())
        })
    }
}
