//! Writing and reading back any log, and our record reader held against the `csv` crate.

use interactions::{Interaction, Log, LogBuilder, ReadError, ReadOptions};
use proptest::prelude::*;

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{1,3}",
        "[ab\",;\t\r\n ]{1,6}",
        "\\PC{1,4}",
        Just("\u{0}".to_owned()),
        Just("\"".to_owned()),
        Just("\r".to_owned()),
        Just("\u{feff}x".to_owned()),
    ]
}

/// A field as it is written, not empty, perhaps quoted.
fn field() -> impl Strategy<Value = String> {
    prop_oneof!["[ab ][ab\" ]{0,3}", "\"(a|b|,|\n|\r\n|\"\"){1,5}\""]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_log_is_read_back_as_it_was_written(
        rows in prop::collection::vec((key(), key(), -62_135_596_800i64..253_402_300_799, -1e30f32..1e30), 1..20),
        timed in any::<bool>(),
        weighted in any::<bool>(),
    ) {
        let mut builder = LogBuilder::new();
        for (user, item, time, weight) in &rows {
            let (time, weight) = (timed.then_some(*time), weighted.then_some(*weight));
            builder.push(&Interaction { user, item, time, weight }).unwrap();
        }
        let log = builder.build();
        let mut bytes = Vec::new();
        log.write_csv(&mut bytes).unwrap();
        let (back, report) = Log::read_from(&bytes[..], "log.csv", &ReadOptions::default()).unwrap();
        prop_assert_eq!(report.rows, rows.len() as u64);
        prop_assert_eq!(back, log);
    }

    #[test]
    fn records_are_those_of_the_csv_crate_where_that_is_sure(text in "[ab\",\n\r]{0,40}") {
        // Two columns, so that a record with another number of fields is an error for both.
        let options = ReadOptions { header: false, ..ReadOptions::default() };
        let ours = Log::read_from(text.as_bytes(), "x.csv", &options);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let theirs: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        match ours {
            Ok((log, _)) => {
                // A lone \r ends a line for the csv crate; here it is text.
                if !text.replace("\r\n", "\n").contains('\r') {
                    let ours: Vec<_> = log.iter().map(|row| (row.user.to_owned(), row.item.to_owned())).collect();
                    let theirs: Vec<_> =
                        theirs.iter().map(|record| (record[0].to_owned(), record[1].to_owned())).collect();
                    prop_assert_eq!(ours, theirs);
                }
            }
            // Whatever is refused has a reason that shows in the text or in the other reader's records.
            Err(ReadError::Empty { .. }) => prop_assert!(theirs.is_empty() || text.contains('\r')),
            Err(ReadError::UnclosedQuote { .. }) => prop_assert!(text.contains('"')),
            Err(_) => {
                let uneven = theirs.iter().any(|r| r.len() != theirs[0].len() || r.len() < 2);
                let empty = theirs.iter().any(|r| r.iter().take(2).any(str::is_empty));
                prop_assert!(uneven || empty || text.contains(['"', '\r']), "{:?}", theirs);
            }
        }
    }

    #[test]
    fn well_formed_records_are_those_of_the_csv_crate(
        records in prop::collection::vec((field(), field(), prop_oneof![Just("\n"), Just("\r\n"), Just("\n\r\n\n")]), 1..8),
        ended in any::<bool>(),
    ) {
        let mut text = String::new();
        for (user, item, end) in &records {
            text += &format!("{user},{item}{end}");
        }
        let text = if ended { &text[..] } else { text.trim_end_matches(['\r', '\n']) };
        let options = ReadOptions { header: false, ..ReadOptions::default() };
        let (log, _) = Log::read_from(text.as_bytes(), "x.csv", &options).unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let theirs: Vec<(String, String)> = reader.deserialize().map(Result::unwrap).collect();
        let ours: Vec<_> = log.iter().map(|row| (row.user.to_owned(), row.item.to_owned())).collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b','), Just(b'\n')], 0..80)) {
        for name in ["x.csv", "x.tsv", "x.txt", "x.txt.gz"] {
            for header in [true, false] {
                let options = ReadOptions { header, ..ReadOptions::default() };
                let _ = Log::read_from(&bytes[..], name, &options);
            }
        }
    }
}
