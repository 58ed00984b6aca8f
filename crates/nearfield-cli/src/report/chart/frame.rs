//! What all charts share: size, axes, grid, words.

use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::theme::GRID;
pub(super) use super::theme::INK;

/// Points a chart has, before the page scales it.
const SIZE: (u32, u32) = (480, 300);
const FONT: (&str, i32) = ("sans-serif", 13);

type Places = Cartesian2d<Axis, Axis>;
/// A chart that is being drawn.
pub(super) type Canvas<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Places>;
type Drawn<T = ()> = Result<T, DrawingAreaErrorKind<std::io::Error>>;

/// The words around a chart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) title: &'a str,
    pub(super) x_label: &'a str,
    pub(super) y_label: &'a str,
}

/// Draws axes and what `draw` adds. A chart that cannot be drawn is empty: it is an illustration of figures
/// that stand elsewhere.
pub(super) fn svg(
    frame: &Frame<'_>,
    x: &Axis,
    y: &Axis,
    draw: impl FnOnce(&mut Canvas<'_, '_>) -> Drawn,
) -> String {
    let mut text = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        axes(&area, frame, x, y).and_then(|mut chart| draw(&mut chart)).and_then(|()| area.present())
    };
    if drawn.is_err() {
        return String::new();
    }
    let title = frame.title.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    text.replacen("<svg ", &format!("<svg class=\"chart\" role=\"img\" aria-label=\"{title}\" "), 1)
}

fn axes<'a, 'b>(
    area: &'a DrawingArea<SVGBackend<'b>, Shift>,
    frame: &Frame<'_>,
    x: &Axis,
    y: &Axis,
) -> Drawn<Canvas<'a, 'b>> {
    let font = FONT.into_font().color(&INK);
    let widest = y.ticks.iter().map(|&tick| y.label(tick).chars().count()).max().unwrap_or(1);
    let left = 14 + 8 * u32::try_from(widest).unwrap_or(6).clamp(2, 8);
    let mut chart = ChartBuilder::on(area)
        .margin_top(26)
        .margin_right(14)
        .x_label_area_size(44)
        .y_label_area_size(left)
        .build_cartesian_2d(x.clone(), y.clone())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .x_labels(x.ticks.len())
        .y_labels(y.ticks.len())
        .x_desc(frame.x_label)
        .label_style(font.clone())
        .axis_desc_style(font.clone())
        .draw()?;
    // The vertical axis is named above, where it need not be read sideways.
    let above = font.pos(Pos::new(HPos::Left, VPos::Top));
    area.draw(&Text::new(frame.y_label.to_owned(), (4, 5), above))?;
    Ok(chart)
}
