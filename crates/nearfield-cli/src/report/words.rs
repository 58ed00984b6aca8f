//! Numbers as the report writes them.

use crate::output::grouped;

/// A figure between 0 and 1.
pub(super) fn figure(value: f64) -> String {
    format!("{value:.4}")
}

/// A share in per cent.
pub(super) fn percent(share: f64) -> String {
    match 100.0 * share {
        p if p == 0.0 || p >= 99.95 => format!("{p:.0} %"),
        p if p >= 1.0 => format!("{p:.1} %"),
        p if p >= 0.01 => format!("{p:.2} %"),
        p => format!("{p:.1e} %"),
    }
}

/// A count, if there is one.
pub(super) fn count(n: Option<u64>) -> String {
    n.map_or_else(|| "–".to_owned(), grouped)
}

/// A length of time.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s >= 7200.0 => format!("{:.1} h", s / 3600.0),
        s if s >= 120.0 => format!("{:.1} min", s / 60.0),
        s if s >= 1.0 => format!("{s:.1} s"),
        s => format!("{:.0} ms", 1000.0 * s),
    }
}

/// A size in bytes.
pub(super) fn bytes(n: f64) -> String {
    match n {
        n if n >= 1e9 => format!("{:.2} GB", n / 1e9),
        n if n >= 1e6 => format!("{:.1} MB", n / 1e6),
        n if n >= 1e3 => format!("{:.1} kB", n / 1e3),
        n => format!("{n:.0} B"),
    }
}

/// The day of a Unix time in seconds (proleptic Gregorian calendar), as 2024-02-29.
pub(super) fn day(seconds: i64) -> String {
    // Howard Hinnant's civil_from_days: years of March to February in eras of 400.
    let days = seconds.div_euclid(86_400) + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    format!("{:04}-{month:02}-{day:02}", year + 400 * era + i64::from(month <= 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_calendar() {
        let days = [0, 951_782_400, 951_868_800, 1_700_000_000, -86_400, 4_107_456_000];
        let words = days.map(day);
        assert_eq!(
            words,
            ["1970-01-01", "2000-02-29", "2000-03-01", "2023-11-14", "1969-12-31", "2100-02-28"]
        );
    }

    #[test]
    fn sizes_have_few_digits() {
        assert_eq!([0.0, 0.00051, 0.4321, 1.0].map(percent), ["0 %", "0.05 %", "43.2 %", "100 %"]);
        assert_eq!([0.25, 61.04, 600.0].map(seconds), ["250 ms", "61.0 s", "10.0 min"]);
        assert_eq!([12.0, 3.2e6].map(bytes), ["12 B", "3.2 MB"]);
    }
}
