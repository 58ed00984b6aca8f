use super::options::TimeUnit;
use super::row_error::RowProblem;

/// 0001-01-01 and the last second of 9999, in seconds since 1970: beyond lies a wrong unit, not a time.
const EARLIEST: i64 = -62_135_596_800;
const LATEST: i64 = 253_402_300_799;

pub(crate) const A_TIME: &str =
    "a number of seconds since 1970 (or of the time unit chosen), or an RFC 3339 date";
const A_NEAR_TIME: &str =
    "a time between the years 1 and 9999; is it in milliseconds? then choose that time unit";

/// A time in a text column, in seconds.
pub(crate) fn time(text: &str, unit: TimeUnit) -> Result<i64, RowProblem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(RowProblem::Empty { expected: A_TIME });
    }
    if let Ok(whole) = text.parse::<i64>() {
        return whole_time(whole, unit).ok_or_else(|| far(text));
    }
    // A number first: "1e9" is one, and no date parses as a number.
    if let Ok(number) = text.parse::<f64>()
        && number.is_finite()
    {
        return fractional_time(number, unit).ok_or_else(|| far(text));
    }
    date_time(text)
        .ok_or_else(|| RowProblem::Time { found: RowProblem::found(text.as_bytes()), expected: A_TIME })
}

/// A time beyond the years that a log can be of.
pub(crate) fn far(text: &str) -> RowProblem {
    RowProblem::Time { found: RowProblem::found(text.as_bytes()), expected: A_NEAR_TIME }
}

/// A whole number of units as seconds, rounded down.
pub(crate) fn whole_time(number: i64, unit: TimeUnit) -> Option<i64> {
    Some(number.div_euclid(unit.per_second())).filter(|seconds| (EARLIEST..=LATEST).contains(seconds))
}

/// A number of units as seconds, rounded down.
#[expect(clippy::cast_precision_loss, reason = "at most 10⁹, and years up to 9999: all exact in f64")]
#[expect(clippy::cast_possible_truncation, reason = "checked to lie between the years 1 and 9999")]
pub(crate) fn fractional_time(number: f64, unit: TimeUnit) -> Option<i64> {
    let seconds = (number / unit.per_second() as f64).floor();
    (seconds >= EARLIEST as f64 && seconds <= LATEST as f64).then_some(seconds as i64)
}

/// RFC 3339, also with a blank for the `T`, without offset (UTC) or without time of day.
fn date_time(text: &str) -> Option<i64> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let days = days_since_1970(date)?;
    let Some(separator) = rest.bytes().next() else { return Some(days * 86_400) };
    if !matches!(separator, b'T' | b't' | b' ') {
        return None;
    }
    let (clock, offset) = split_offset(rest.get(1..)?)?;
    let seconds = seconds_of_day(clock)?;
    Some(days * 86_400 + seconds - offset)
}

fn days_since_1970(date: &str) -> Option<i64> {
    let bytes = date.as_bytes();
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (digits(&bytes[..4])?, digits(&bytes[5..7])?, digits(&bytes[8..10])?);
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year == 0 || !(1..=last).contains(&day) {
        return None;
    }
    // Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil: years start in March.
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// The time of day without its offset, and the offset in seconds.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, 0)) };
    let offset = &text.as_bytes()[at + 1..];
    let (hours, minutes) = match offset.len() {
        5 if offset[2] == b':' => (digits(&offset[..2])?, digits(&offset[3..])?),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    Some((&text[..at], if text.as_bytes()[at] == b'-' { -seconds } else { seconds }))
}

/// `hh:mm:ss` with an optional fraction, which rounds down; a leap second counts as the one before.
fn seconds_of_day(clock: &str) -> Option<i64> {
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let bytes = whole.as_bytes();
    if bytes.len() != 8 || bytes[2] != b':' || bytes[5] != b':' || fraction.is_empty() {
        return None;
    }
    let (hours, minutes, seconds) = (digits(&bytes[..2])?, digits(&bytes[3..5])?, digits(&bytes[6..])?);
    let fits = hours < 24 && minutes < 60 && seconds <= 60 && fraction.bytes().all(|b| b.is_ascii_digit());
    fits.then_some(hours * 3600 + minutes * 60 + seconds.min(59))
}

/// A few digits as a number.
fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |n, byte| byte.is_ascii_digit().then(|| n * 10 + i64::from(byte - b'0')))
}

/// A weight in a text column.
pub(crate) fn weight(text: &str) -> Result<f32, RowProblem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(RowProblem::Empty { expected: "a finite number" });
    }
    let number = text.parse().ok().filter(|number: &f32| number.is_finite());
    number.ok_or_else(|| RowProblem::Weight { found: RowProblem::found(text.as_bytes()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_numbers_or_dates() {
        for (text, expected) in [
            ("0", 0),
            (" 881250949 ", 881_250_949),
            ("-1.5", -2),
            ("1.7e9", 1_700_000_000),
            ("2024-02-29", 1_709_164_800),
            ("2024-02-29T12:34:56Z", 1_709_210_096),
            ("2024-02-29 12:34:56", 1_709_210_096),
            ("2024-02-29t14:34:56.999+02:00", 1_709_210_096),
            ("1969-12-31T23:59:60Z", -1),
            ("0001-01-01", EARLIEST),
            ("9999-12-31T23:59:59Z", LATEST),
        ] {
            assert_eq!(time(text, TimeUnit::Seconds), Ok(expected), "{text}");
        }
        assert_eq!(time("1700000000999", TimeUnit::Milliseconds), Ok(1_700_000_000));
        assert_eq!(time("-1", TimeUnit::Nanoseconds), Ok(-1), "fractions round down");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "x",
            "NaN",
            "inf",
            "1e300",
            "1700000000000",
            "2023-02-29",
            "2023-13-01",
            "2023-1-1",
            "0000-01-01",
            "2023-01-01T",
            "2023-01-01T24:00:00Z",
            "2023-01-01T00:00",
            "2023-01-01T00:00:00+2",
            "2023-01-01T00:00:00.Z",
            "2023-01-01é",
            "2023-01-0é",
            "99999999999999999999999",
        ] {
            assert!(time(text, TimeUnit::Seconds).is_err(), "{text}");
        }
    }

    #[test]
    fn a_weight_is_finite() {
        assert_eq!(weight(" -2.5"), Ok(-2.5));
        for text in ["", "NaN", "inf", "1e40", "5 stars"] {
            assert!(weight(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9T:+.Z é-]{0,30}") {
            let _ = time(&text, TimeUnit::Seconds);
        }

        #[test]
        fn days_count_up(day in 0i64..3_652_000) {
            // The civil date of a day by counting years and months, against the closed formula.
            let (mut year, mut month, mut left) = (1, 1, day);
            let leap = |y: i64| (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
            while left >= 365 + i64::from(leap(year)) { left -= 365 + i64::from(leap(year)); year += 1; }
            for length in [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
                if left < length { break; }
                left -= length;
                month += 1;
            }
            let text = format!("{year:04}-{month:02}-{:02}", left + 1);
            prop_assert_eq!(time(&text, TimeUnit::Seconds), Ok(EARLIEST + day * 86_400), "{}", text);
        }
    }
}
