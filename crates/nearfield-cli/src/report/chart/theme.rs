//! Colours by role: a chart is drawn in marks of its own that the page's style sheet turns into colours, so
//! that one picture is right in light, in dark and on paper.

use plotters::style::RGBColor;

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(0, 0, 1);
/// Lines of the grid.
pub(super) const GRID: RGBColor = RGBColor(0, 0, 2);

/// Series that have a colour of their own; the next ones begin anew.
pub(crate) const SERIES: u8 = 6;

/// What a series stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// The baseline, in grey.
    Baseline,
    /// The run of this number.
    Run(usize),
}

impl Tone {
    pub(super) fn color(self) -> RGBColor {
        match self {
            Self::Baseline => RGBColor(0, 0, 3),
            Self::Run(number) => RGBColor(1 + place(number), 0, 0),
        }
    }

    /// The class by which the style sheet knows it.
    pub(crate) fn class(self) -> String {
        match self {
            Self::Baseline => "s0".to_owned(),
            Self::Run(number) => format!("s{}", 1 + place(number)),
        }
    }
}

fn place(number: usize) -> u8 {
    u8::try_from(number % usize::from(SERIES)).unwrap_or_default()
}

/// The rules that give the marks their colours.
pub(crate) fn rules() -> String {
    let mut marks = vec![(INK, "ink-2".to_owned()), (GRID, "line".to_owned())];
    marks.extend(
        [Tone::Baseline]
            .into_iter()
            .chain((0..usize::from(SERIES)).map(Tone::Run))
            .map(|tone| (tone.color(), tone.class())),
    );
    let rule = |(RGBColor(r, g, b), name): &(RGBColor, String)| {
        let mark = format!("#{r:02X}{g:02X}{b:02X}");
        format!(
            ".chart [fill=\"{mark}\"]{{fill:var(--{name})}}.chart [stroke=\"{mark}\"]{{stroke:var(--{name})}}\n"
        )
    };
    marks.iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_has_a_colour_of_its_own() {
        let rules = rules();
        for class in ["ink-2", "line", "s0", "s1", "s6"] {
            assert_eq!(rules.matches(&format!("var(--{class})")).count(), 2, "{class}");
        }
        assert_eq!(Tone::Run(6).class(), Tone::Run(0).class());
    }
}
