//! Charts as SVG text, for pages.

use plotters::prelude::*;
use plotters::style::RelativeSize;

use crate::error::CliError;

/// The points of one index family.
#[derive(Debug, Clone)]
pub(crate) struct Curve<'a> {
    pub(crate) name: &'a str,
    /// Recall and rate, in any order.
    pub(crate) points: Vec<(f64, f64)>,
}

const SIZE: (u32, u32) = (940, 540);
/// Told apart also by those who see few colours (Okabe & Ito 2008).
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(120, 94, 60),
    RGBColor(60, 60, 60),
];
const FRONT: RGBColor = RGBColor(140, 149, 159);

/// Recall against rate on a log axis, the best to the upper right: each family's points and front, and the front of
/// all.
///
/// # Errors
/// [`CliError::Chart`].
pub(crate) fn recall_rate(curves: &[Curve<'_>], recall: &str, rate: &str) -> Result<String, CliError> {
    let mut svg = String::new();
    draw(&mut svg, curves, (recall, rate)).map_err(|error| CliError::Chart { reason: error.to_string() })?;
    Ok(svg)
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn draw(svg: &mut String, curves: &[Curve<'_>], (recall, rate): (&str, &str)) -> Outcome {
    let all: Vec<(f64, f64)> = curves.iter().flat_map(|curve| curve.points.iter().copied()).collect();
    let (low, high) =
        all.iter().fold((f64::INFINITY, 0.0f64), |(low, high), &(_, rate)| (low.min(rate), high.max(rate)));
    let (low, high) = if low <= high { (low.max(1e-3) / 1.5, high.max(1e-3) * 1.5) } else { (1.0, 10.0) };
    // What finds less than half is seldom of interest.
    let least = all.iter().map(|&(recall, _)| recall).fold(0.95, f64::min).max(0.5);
    let left = (least * 20.0).floor() / 20.0;
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(70)
        .build_cartesian_2d(left..1.002, (low..high).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(recall)
        .y_desc(rate)
        .x_label_formatter(&|x| format!("{x:.2}"))
        .y_label_formatter(&|y| crate::output::rate(*y))
        .light_line_style(RGBColor(238, 240, 242))
        .bold_line_style(RGBColor(216, 222, 228))
        .max_light_lines(2)
        .label_style(("sans-serif", 14))
        .draw()?;
    let inside = |points: Vec<(f64, f64)>| points.into_iter().filter(move |&(recall, _)| recall >= left);
    chart.draw_series(DashedLineSeries::new(inside(front(&all)), 6, 4, FRONT.stroke_width(2)))?;
    for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
        let line = LineSeries::new(inside(front(&curve.points)), colour.stroke_width(2));
        chart
            .draw_series(line)?
            .label(curve.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
        let dots = inside(curve.points.clone()).map(|point| Circle::new(point, 3, colour.filled()));
        chart.draw_series(dots)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(216, 222, 228))
        .label_font(("sans-serif", RelativeSize::Height(0.028)))
        .draw()?;
    area.present()?;
    Ok(())
}

/// The points that no other beats in both, by recall.
pub(crate) fn front(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
    let mut best = f64::NEG_INFINITY;
    sorted.retain(|&(_, rate)| {
        let ahead = rate > best;
        best = best.max(rate);
        ahead
    });
    sorted.reverse();
    sorted
}

/// The rate at a recall, between two points of the front along the line that a log axis shows; none where no point
/// has as much.
pub(crate) fn rate_at(points: &[(f64, f64)], recall: f64) -> Option<f64> {
    let front = front(points);
    let above = front.iter().position(|point| point.0 >= recall)?;
    let (high, fast) = front[above];
    let Some(&(low, faster)) = above.checked_sub(1).map(|below| &front[below]) else { return Some(fast) };
    Some(faster * (fast / faster).powf((recall - low) / (high - low)))
}

/// Text in a page.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_leaves_out_what_is_beaten() {
        let points = [(0.9, 100.0), (0.8, 90.0), (0.95, 50.0), (0.7, 200.0), (0.95, 40.0), (1.0, 1.0)];
        assert_eq!(front(&points), [(0.7, 200.0), (0.9, 100.0), (0.95, 50.0), (1.0, 1.0)]);
        assert_eq!(front(&[]), []);
    }

    #[test]
    fn a_rate_lies_on_the_line_of_a_log_axis() {
        let points = [(0.8, 1000.0), (1.0, 10.0)];
        assert!((rate_at(&points, 0.9).unwrap() - 100.0).abs() < 1e-6);
        assert_eq!((rate_at(&points, 0.7), rate_at(&points, 1.0)), (Some(1000.0), Some(10.0)));
        assert_eq!(rate_at(&points[..1], 0.9), None);
    }

    #[test]
    fn charts_name_their_curves() {
        let curve = |name, points: &[(f64, f64)]| Curve { name, points: points.to_vec() };
        let curves =
            [curve("HNSW<16>", &[(0.9, 1e4), (0.99, 3e3)]), curve("IVF,Flat", &[(0.4, 2e4), (0.97, 9e2)])];
        let svg = recall_rate(&curves, "recall@10", "queries a second").unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        for text in ["HNSW&lt;16&gt;", "IVF,Flat", "recall@10", "10 k"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        assert!(!svg.contains("NaN") && svg.matches("<circle").count() >= 3);
        // Nothing to draw is an empty chart.
        for none in [&[][..], &[curve("x", &[])], &[curve("x", &[(0.2, 0.0)])]] {
            assert!(!recall_rate(none, "recall", "rate").unwrap().contains("NaN"));
        }
    }
}
