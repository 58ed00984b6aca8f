//! Static charts as SVG.

mod axis;
mod bars;
mod frame;
mod front;
mod line;
mod theme;

pub(crate) use axis::Scale;
pub(crate) use bars::{Bar, Bars};
pub(crate) use front::{front, rate_at};
pub(crate) use line::{Line, Series};
pub(crate) use theme::{Tone, rules};
