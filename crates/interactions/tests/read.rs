//! Reading: formats, columns, vocabularies, and what is said of files that cannot be read.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use embed_core::{SequenceSource, Vocab};
use flate2::{Compression, write::GzEncoder};
use interactions::{
    BadRows, Column, Columns, Field, FileSequences, Format, Log, Place, ReadError, ReadOptions, ReadReport,
    RowError, RowProblem, TimeUnit, for_each_interaction, for_each_interaction_from, is_prefix_file,
    read_prefixes_from,
};

type Row = (String, String, Option<i64>, Option<f32>);

fn rows(log: &Log) -> Vec<Row> {
    log.iter().map(|row| (row.user.to_owned(), row.item.to_owned(), row.time, row.weight)).collect()
}

fn row(user: &str, item: &str, time: Option<i64>, weight: Option<f32>) -> Row {
    (user.to_owned(), item.to_owned(), time, weight)
}

fn read(bytes: impl AsRef<[u8]>, name: &str, options: &ReadOptions) -> Result<(Log, ReadReport), ReadError> {
    Log::read_from(bytes.as_ref(), name, options)
}

fn default(bytes: impl AsRef<[u8]>, name: &str) -> Result<(Log, ReadReport), ReadError> {
    read(bytes, name, &ReadOptions::default())
}

fn message(bytes: impl AsRef<[u8]>, name: &str, options: &ReadOptions) -> String {
    read(bytes, name, options).unwrap_err().to_string()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn skipping() -> ReadOptions {
    ReadOptions { bad_rows: BadRows::SkipAndCount, ..ReadOptions::default() }
}

#[test]
fn csv_columns_go_by_usual_names_in_any_order() {
    let text =
        "Rating,timestamp,title,userId,movieId\n4.5,100,\"a, \"\"b\"\"\nc\",u,m\n3,99.9,x,\" v \",\"m\nn\"\n";
    let (log, report) = default(text, "x.csv").unwrap();
    assert_eq!(rows(&log), [row("u", "m", Some(100), Some(4.5)), row(" v ", "m\nn", Some(99), Some(3.0))]);
    let columns: Vec<_> = report.columns.iter().map(|(field, name)| (*field, name.as_str())).collect();
    assert_eq!(
        columns,
        [
            (Field::User, "userId"),
            (Field::Item, "movieId"),
            (Field::Time, "timestamp"),
            (Field::Weight, "Rating")
        ]
    );
    assert_eq!((report.rows, report.format, report.gzip), (2, Format::Csv, false));
}

#[test]
fn recbole_types_byte_order_mark_and_windows_line_ends_are_understood() {
    let text = "\u{feff}user_id:token\titem_id:token\trating:float\ttimestamp:float\r\n196\t242\t3\t881250949\r\n\r\n1\t2\t3\t4";
    let (log, report) = default(text, "ml.inter").unwrap();
    assert_eq!(
        rows(&log),
        [row("196", "242", Some(881_250_949), Some(3.0)), row("1", "2", Some(4), Some(3.0))]
    );
    assert_eq!(report.blank_lines, 1);
    let options =
        ReadOptions { columns: "user=user_id,time=,weight=2".parse().unwrap(), ..ReadOptions::default() };
    let (log, _) = read(text, "ml.inter", &options).unwrap();
    assert_eq!(rows(&log)[0], row("196", "242", None, Some(3.0)));
}

#[test]
fn without_a_header_columns_go_by_number_and_nothing_is_guessed() {
    let options = ReadOptions { header: false, ..ReadOptions::default() };
    let (log, report) = read("1\t10\t5\n1\t11\t4\n", "r.tsv", &options).unwrap();
    assert_eq!(rows(&log), [row("1", "10", None, None), row("1", "11", None, None)]);
    assert_eq!(report.columns, [(Field::User, "0".to_owned()), (Field::Item, "1".to_owned())]);

    let by_number = ReadOptions { columns: "user=1,item=0,weight=2".parse().unwrap(), ..options.clone() };
    let (log, _) = read("1\t10\t5\n1\t11\t4\n", "r.tsv", &by_number).unwrap();
    assert_eq!(rows(&log)[1], row("11", "1", None, Some(4.0)));

    let by_place = Columns { user: Column::Position(1), item: Column::Position(0), ..Columns::default() };
    let missing =
        ReadOptions { columns: Columns { time: Column::Position(3), ..by_place }, ..options.clone() };
    assert_eq!(
        message("1\t10\t5\n", "r.tsv", &missing),
        "r.tsv: no column 3 for the time; the columns are \"0\", \"1\", \"2\" (without a header, columns go by number)"
    );
    let named = ReadOptions { columns: "user=who".parse().unwrap(), ..options };
    assert!(message("1\t10\n", "r.tsv", &named).contains("\"who\" is called by name"));
}

#[test]
fn a_missing_or_ambiguous_column_is_named() {
    assert_eq!(
        message("0\t31\t4\n", "r.tsv", &ReadOptions::default()),
        "r.tsv: no column user for the user; the columns are \"0\", \"31\", \"4\"; if that is no header but data, read \
         the file without a header"
    );
    assert_eq!(
        message("user,item,item\n", "r.csv", &ReadOptions::default()),
        "r.csv: columns 1 and 2 are both called \"item\", so which one is the item?"
    );
    let options = ReadOptions { columns: "time=when".parse().unwrap(), ..ReadOptions::default() };
    assert_eq!(
        message("user,item\n", "r.csv", &options),
        "r.csv: no column when for the time; the columns are \"user\", \"item\"; if that is no header but data, read \
         the file without a header"
    );
}

#[test]
fn a_malformed_row_is_named_by_file_line_and_field() {
    let header = "user,item,time,weight\n";
    for (line, field, problem) in [
        (",i,1,1", Field::User, "user: found nothing, expected a key"),
        ("u,,1,1", Field::Item, "item: found nothing, expected a key"),
        ("u,i,soon,1", Field::Time, "time: found \"soon\", expected a number of seconds"),
        ("u,i,1700000000000,1", Field::Time, "is it in milliseconds?"),
        ("u,i,,1", Field::Time, "time: found nothing"),
        ("u,i,1,NaN", Field::Weight, "weight: found \"NaN\", expected a finite number"),
        ("u,i,1", Field::Row, "row: found 3 fields, expected 4 as in the first row"),
        ("u,i,1,1,1", Field::Row, "row: found 5 fields"),
        ("u,\"i\"x,1,1", Field::Row, "row: found \"x,1,1\" after the closing quote"),
    ] {
        // A blank line and a quoted line break before it must not shift the line that is named.
        let text = format!("{header}u,\"a\nb\",1,1\n\n{line}\nu,j,2,2\n");
        let error = default(&text, "f/x.csv").unwrap_err();
        let text_of_error = error.to_string();
        assert!(text_of_error.starts_with("f/x.csv, line 5, "), "{text_of_error}");
        assert!(text_of_error.contains(problem), "{text_of_error}");
        let ReadError::Row(RowError { place: Place::Line(5), field: got, .. }) = error else {
            panic!("{error}")
        };
        assert_eq!(got, field);

        let (log, report) = read(&text, "f/x.csv", &skipping()).unwrap();
        assert_eq!((log.len(), report.rows, report.bad_rows, report.first_bad.len()), (2, 2, 1, 1));
        assert_eq!(report.first_bad[0].to_string(), text_of_error);
    }
}

#[test]
fn few_of_many_malformed_rows_are_kept() {
    let text = format!("user,item\nu,i\n{}", "u\n".repeat(1000));
    let (_, report) = read(text, "x.csv", &skipping()).unwrap();
    assert_eq!((report.bad_rows, report.first_bad.len()), (1000, ReadReport::MAX_KEPT));
    let error = read("user,item\nu\nv\n", "x.csv", &skipping()).unwrap_err().to_string();
    assert_eq!(error, "x.csv: no interaction in the file (2 malformed rows, 0 users without items)");
}

#[test]
fn text_that_is_not_utf8_is_named() {
    let error = |bytes: &[u8], name| message(bytes, name, &ReadOptions::default());
    assert_eq!(
        error(b"user,item\na,b\nc,caf\xe9\n", "x.csv"),
        "x.csv, line 3, item: found \"caf\u{fffd}\", expected UTF-8 text"
    );
    assert_eq!(
        error(b"user,item,title\na,b,caf\xe9\n", "x.csv"),
        "x.csv, line 2, column 2: found \"caf\u{fffd}\", expected UTF-8 text"
    );
    assert!(error(b"us\xe9r,item\na,b\n", "x.csv").starts_with("x.csv, line 1, column 0: found"));
    assert!(error(b"user,it\xc3,\xa9m\n", "x.csv").contains("column 1"), "half a character in each field");
    assert_eq!(
        error(b"a b c\na b 0123456789012 \xff c\n", "x.txt"),
        "x.txt, line 2, row: found \"456789012 \u{fffd} c\", expected UTF-8 text"
    );
    let utf16: Vec<u8> = "user,item\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(error(&[&[0xff, 0xfe], &utf16[..]].concat(), "x.csv").contains("expected UTF-8 text"));
    let (log, report) = read(b"a b\nc \xff\nd e\n", "x.txt", &skipping()).unwrap();
    assert_eq!((log.len(), report.bad_rows), (2, 1));
}

#[test]
fn an_empty_file_is_named() {
    for name in ["x.csv", "x.tsv", "x.txt", "x.csv.gz"] {
        for bytes in ["", "\n\r\n\n"] {
            if name.ends_with("gz") && !bytes.is_empty() {
                continue;
            }
            assert_eq!(message(bytes, name, &ReadOptions::default()), format!("{name}: the file is empty"));
        }
    }
    assert_eq!(message(gzip(b""), "x.txt.gz", &ReadOptions::default()), "x.txt.gz: the file is empty");
    assert!(
        matches!(default("user,item\n", "x.csv"), Err(ReadError::NoInteractions { .. })),
        "a header only"
    );
    assert!(matches!(default("ann\nbob\n", "x.txt"), Err(ReadError::NoInteractions { .. })), "users only");
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.csv");
    let error = Log::read(&missing, &ReadOptions::default()).unwrap_err();
    assert!(matches!(&error, ReadError::Io { file, .. } if *file == missing), "{error}");
    let directory = folder.path().join("dir.csv");
    std::fs::create_dir(&directory).unwrap();
    assert!(matches!(Log::read(&directory, &ReadOptions::default()), Err(ReadError::Io { .. })));
}

#[test]
fn gzip_is_unpacked_by_name_and_by_content_also_in_several_members() {
    let members = [gzip(b"user,item\na,"), gzip(b"b\nc,d\n")].concat();
    for name in ["x.csv.gz", "X.CSV.GZ", "x.csv"] {
        let (log, report) = default(&members, name).unwrap();
        assert_eq!(rows(&log), [row("a", "b", None, None), row("c", "d", None, None)]);
        assert!(report.gzip);
    }
    let plain = ReadOptions { compression: interactions::Compression::None, ..ReadOptions::default() };
    assert_eq!(read("user,item\na,b\n", "x.csv.gz", &plain).unwrap().0.len(), 1);
}

#[test]
fn damaged_gzip_is_named_wherever_it_breaks() {
    let text: String = (0..2000).map(|i| format!("u{i} {}\n", i * 7919 % 1000)).collect();
    let whole = gzip(text.as_bytes());
    for end in (1..whole.len()).step_by(97).chain(whole.len() - 9..whole.len()) {
        for options in [ReadOptions::default(), skipping()] {
            let error = read(&whole[..end], "x.txt.gz", &options).unwrap_err();
            assert!(matches!(error, ReadError::Gzip { .. }), "{end}: {error}");
            assert!(error.to_string().starts_with("x.txt.gz: after line "), "{error}");
        }
    }
    for at in (10..whole.len()).step_by(101) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x55;
        assert!(default(&flipped, "x.txt.gz").is_err(), "the check sum tells byte {at}");
    }
    assert!(matches!(default("user,item\n", "x.csv.gz"), Err(ReadError::Gzip { .. })), "not gzip at all");
    let garbage = [&whole[..], b"garbage"].concat();
    assert!(matches!(default(garbage, "x.txt.gz"), Err(ReadError::Gzip { .. })));
}

#[test]
fn a_line_or_record_without_end_is_refused_before_it_fills_memory() {
    struct Endless(u64);
    impl std::io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 += buffer.len() as u64;
            assert!(self.0 < 3 << 20, "far more read than a record may have");
            buffer.fill(b'x');
            Ok(buffer.len())
        }
    }
    let options = ReadOptions { max_record_bytes: 1 << 20, ..skipping() };
    for (name, start) in
        [("x.txt", "a b\n"), ("x.csv", "user,item\n"), ("x.csv", "user,item\na,\""), ("x.csv", "\"")]
    {
        let reader = std::io::Read::chain(start.as_bytes(), Endless(0));
        let error = Log::read_from(reader, name, &options).unwrap_err();
        let line = 1 + start.matches('\n').count();
        assert_eq!(error.to_string(), format!("{name}, line {line}: longer than 1048576 bytes"));
    }
    let exact = ReadOptions { max_record_bytes: 10, ..ReadOptions::default() };
    assert_eq!(read("user,item\nabcd,efghi", "x.csv", &exact).unwrap().0.len(), 1, "10 bytes just fit");
    assert!(matches!(
        read("user,item\nabcd,efghij", "x.csv", &exact),
        Err(ReadError::LineTooLong { line: 2, .. })
    ));
}

#[test]
fn an_unclosed_quote_is_an_error_even_where_bad_rows_are_skipped() {
    let error = read("user,item\na,b\nc,\"d\ne,f\n", "x.csv", &skipping()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "x.csv, line 3: the quote that opens here is not closed before the file ends"
    );
    let plain = ReadOptions { quoting: false, ..ReadOptions::default() };
    assert_eq!(rows(&read("user,item\nc,\"d\n", "x.csv", &plain).unwrap().0), [row("c", "\"d", None, None)]);
}

#[test]
fn the_format_goes_by_name_and_can_be_chosen() {
    for (name, format) in [
        ("a.csv", Format::Csv),
        ("a.b.TSV.gz", Format::Tsv),
        ("a.tab", Format::Tsv),
        ("a.inter", Format::Tsv),
        ("a.txt", Format::UserItems),
    ] {
        let text = "user\titem,user,item\nu\ti,u,i\n";
        let plain = ReadOptions { compression: interactions::Compression::None, ..skipping() };
        let format_read = read(text, name, &plain).map(|(_, report)| report.format);
        if format == Format::Tsv {
            assert!(matches!(format_read, Err(ReadError::MissingColumn { .. })), "{name}");
        } else {
            assert_eq!(format_read.unwrap(), format, "{name}");
        }
    }
    for name in ["ratings", "ratings.dat", ".gz", "", "a.txt.zip"] {
        let error = message("a b\n", name, &ReadOptions::default());
        assert!(error.contains("csv, tsv, parquet, user-items, sessions"), "{error}");
    }
    let chosen = ReadOptions { format: Format::UserItems, ..ReadOptions::default() };
    assert_eq!(read("a b c\n", "ratings.dat", &chosen).unwrap().0.len(), 2);
    let delimited = ReadOptions { delimiter: Some(b'|'), header: false, ..ReadOptions::default() };
    assert_eq!(read("a|b\n", "ratings.txt", &delimited).unwrap().1.format, Format::Csv);
    assert_eq!(read("a|b\n", "ratings.dat", &delimited).unwrap().1.format, Format::Csv);
    for (format, word) in Format::ALL {
        assert_eq!((word.parse(), format.to_string()), (Ok(format), word.to_owned()));
    }
    assert!("xml".parse::<Format>().is_err());
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let with = |change: fn(&mut ReadOptions)| {
        let mut options = ReadOptions::default();
        change(&mut options);
        message("user,item\na,b\n", "x.csv", &options)
    };
    assert!(with(|o| o.delimiter = Some(b'"')).contains("delimiter"));
    assert!(with(|o| o.delimiter = Some(0xe9)).contains("delimiter"));
    assert!(with(|o| o.max_record_bytes = 0).contains("max_record_bytes"));
    assert!(with(|o| o.columns.user = Column::Absent).contains("cannot be left out"));
    assert!(with(|o| (o.format, o.delimiter) = (Format::Sessions, Some(b';'))).contains("no delimiter"));
    assert!(
        with(|o| (o.format, o.columns.user) = (Format::UserItems, Column::Position(1)))
            .contains("no columns")
    );
    assert!(matches!(with(|o| o.format = Format::Parquet).as_str(), m if m.contains("parquet")));
}

#[test]
fn columns_are_read_from_text_and_written_back() {
    for text in ["", "user=u,item=i", "user=0,item=1,time=,weight=w=1"] {
        assert_eq!(text.parse::<Columns>().unwrap().to_string(), text);
    }
    for text in ["user", "who=x", "user=a,user=b", "user=", "item=,user=a"] {
        assert!(text.parse::<Columns>().is_err(), "{text}");
    }
}

#[test]
fn times_in_other_units_become_seconds() {
    let options = ReadOptions { time_unit: TimeUnit::Milliseconds, ..ReadOptions::default() };
    let (log, _) =
        read("user,item,ts\na,b,1700000000999\na,c,2023-11-14T22:13:21Z\n", "x.csv", &options).unwrap();
    assert_eq!(log.times().unwrap(), [1_700_000_000, 1_700_000_001]);
}

#[test]
fn user_items_lines() {
    let (log, report) = default("ann tent  stove\n\nbob\nann\ttent\t\r\n \t\ncat novel", "x.txt").unwrap();
    assert_eq!(
        rows(&log),
        [
            row("ann", "tent", None, None),
            row("ann", "stove", None, None),
            row("ann", "tent", None, None),
            row("cat", "novel", None, None)
        ]
    );
    assert_eq!((log.n_users(), log.n_items()), (3, 3), "bob keeps a key");
    assert_eq!((report.rows, report.users_without_items, report.blank_lines), (4, 1, 2));
    assert_eq!(log.user_counts(), [3, 0, 1]);
}

#[test]
fn sessions_are_called_by_their_line_and_never_mixed_with_known_users() {
    let options = ReadOptions { format: Format::Sessions, ..ReadOptions::default() };
    let (log, _) = read("a b\n\nb c\n", "x.txt", &options).unwrap();
    assert_eq!(log.user_keys().keys().collect::<Vec<_>>(), ["1", "3"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.txt");
    std::fs::write(&path, "c d\n\na\n").unwrap();
    let (users, items) = (Vocab::clone(log.user_keys()), Vocab::clone(log.item_keys()));
    let (test, _) = Log::read_into(&path, &options, users, items).unwrap();
    assert_eq!(test.user_keys().keys().collect::<Vec<_>>(), ["1", "3", "4", "6"]);
    assert_eq!((test.users(), test.items()), (&[2, 2, 3][..], &[2, 3, 0][..]));
}

#[test]
fn train_and_test_share_their_vocabularies() {
    let folder = tempfile::tempdir().unwrap();
    let (train, test) = (folder.path().join("a.txt"), folder.path().join("b.txt"));
    std::fs::write(&train, "u1 a b\nu2 b\n").unwrap();
    std::fs::write(&test, "u2 c a\nu3 a\n").unwrap();
    let [(train, _), (test, _)] = Log::read_train_test(&train, &test, &ReadOptions::default()).unwrap();
    assert_eq!((train.n_users(), train.n_items(), test.n_users(), test.n_items()), (3, 3, 3, 3));
    assert!(std::sync::Arc::ptr_eq(train.item_keys(), test.item_keys()));
    assert_eq!((train.items(), test.items()), (&[0, 1, 1][..], &[2, 0, 0][..]));
    assert_eq!(train.item_counts(), [1, 2, 0]);
}

#[test]
fn a_pass_over_a_file_can_break_off() {
    let mut seen = Vec::new();
    let report =
        for_each_interaction_from("u a b c\nv d".as_bytes(), "x.txt", &ReadOptions::default(), |row| {
            seen.push(format!("{}/{}", row.user, row.item));
            if row.item == "b" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    assert_eq!((seen, report.unwrap().rows), (vec!["u/a".to_owned(), "u/b".to_owned()], 2));
    let error = for_each_interaction("none.csv", &ReadOptions::default(), |_| ControlFlow::Continue(()));
    assert!(error.unwrap_err().to_string().starts_with("none.csv: "));
}

#[test]
fn next_item_tasks() {
    let items = Vocab::from_keys(["a", "b"]).unwrap();
    let text = "a b a\tc\r\nd\ta\n\n";
    let (tasks, report) =
        read_prefixes_from(text.as_bytes(), "t.txt", &ReadOptions::default(), items.clone()).unwrap();
    assert_eq!(tasks.prefixes().rows().collect::<Vec<_>>(), [&[0, 1, 0][..], &[3]]);
    assert_eq!((tasks.targets(), tasks.n_new_items(), tasks.len()), (&[2, 0][..], 2, 2));
    assert_eq!((report.rows, report.blank_lines), (2, 1));
    for (line, problem) in [
        ("a b", "line 2, row: found 1 tab-separated parts, expected 2"),
        ("a\tb\tc", "line 2, row: found 3 tab-separated parts"),
        (" \tb", "line 2, prefix: found nothing, expected at least one item"),
        ("a\t ", "line 2, target: found nothing, expected one item"),
        ("a\tb c", "line 2, target: found \"b c\", expected one item"),
    ] {
        let text = format!("a\tb\n{line}\n");
        let read = |options| read_prefixes_from(text.as_bytes(), "t.txt", &options, items.clone());
        let error = read(ReadOptions::default()).unwrap_err().to_string();
        assert!(error.starts_with("t.txt, ") && error.contains(problem), "{error}");
        let (tasks, report) = read(skipping()).unwrap();
        assert_eq!((tasks.len(), report.bad_rows), (1, 1));
    }
    let empty = read_prefixes_from(&b""[..], "t.txt", &ReadOptions::default(), Vocab::new());
    assert!(matches!(empty, Err(ReadError::Empty { .. })));
}

#[test]
fn tasks_are_told_from_sessions_by_the_first_line() {
    let folder = tempfile::tempdir().unwrap();
    for (text, expected) in [("\n1 2\t3\n", true), ("1 2 3\n", false), ("", false), ("1\t2\t3\n", false)] {
        let path = folder.path().join("t.txt");
        std::fs::write(&path, text).unwrap();
        assert_eq!(is_prefix_file(&path, &ReadOptions::default()).unwrap(), expected, "{text:?}");
    }
}

fn collect(source: &FileSequences) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    source
        .for_each_sequence(0, &mut |sequence| {
            found.push(sequence.to_vec());
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn sequences_come_from_disk_the_same_on_each_pass() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "x.txt.gz", &gzip(b"u a b\nv\nw c\nu b\n"));
    let (source, counts, report) = FileSequences::scan(&path, &ReadOptions::default()).unwrap();
    for _ in 0..2 {
        assert_eq!(collect(&source), [vec![0, 1], vec![2], vec![1]]);
    }
    assert_eq!((counts, source.size_hint(), source.n_items()), (vec![1, 2, 1], Some((3, 4)), 3));
    assert_eq!(report.users_without_items, 1);

    let few = std::sync::Arc::new(Vocab::from_keys(["b", "a"]).unwrap());
    let source = FileSequences::open(&path, &ReadOptions::default(), few.clone()).unwrap();
    let error = source.for_each_sequence(0, &mut |_| ControlFlow::Continue(())).unwrap_err();
    let inner = std::error::Error::source(&error).unwrap().to_string();
    assert!(inner.contains("line 3, item: found \"c\", expected an item of the vocabulary"), "{inner}");
    assert_eq!(collect(&FileSequences::open(&path, &skipping(), few).unwrap()), [vec![1, 0], vec![0]]);
}

/// In a log sorted by user each run of rows is a sequence.
#[test]
fn runs_of_rows_are_sequences() {
    let folder = tempfile::tempdir().unwrap();
    let text = b"user,item\nu,a\nu,b\nv,c\nw,c\nw,a\nu,b\n";
    let files = [written(folder.path(), "x.csv", text), written(folder.path(), "x.csv.gz", &gzip(text))];
    for path in files {
        let (source, counts, report) = FileSequences::scan(&path, &ReadOptions::default()).unwrap();
        for _ in 0..2 {
            assert_eq!(collect(&source), [vec![0, 1], vec![2], vec![2, 0], vec![1]]);
        }
        assert_eq!((counts, source.size_hint(), report.rows), (vec![2, 2, 2], Some((4, 6)), 6));
        // A visit that has had enough sees nothing more.
        let mut seen = 0;
        source
            .for_each_sequence(0, &mut |_| {
                seen += 1;
                if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        assert_eq!(seen, 2);
        let few = std::sync::Arc::new(Vocab::from_keys(["b", "a"]).unwrap());
        let source = FileSequences::open(&path, &ReadOptions::default(), few.clone()).unwrap();
        let error = source.for_each_sequence(0, &mut |_| ControlFlow::Continue(())).unwrap_err();
        let inner = std::error::Error::source(&error).unwrap().to_string();
        assert!(inner.contains("row 3, item: found \"c\", expected an item of the vocabulary"), "{inner}");
        let source = FileSequences::open(&path, &skipping(), few).unwrap();
        assert_eq!(collect(&source), [vec![1, 0], vec![1], vec![0]]);
    }
    let bad = written(folder.path(), "bad.csv", b"user,item\nu,a\nu\n");
    assert!(matches!(FileSequences::scan(bad, &ReadOptions::default()), Err(ReadError::Row(_))));
}

#[test]
fn a_file_that_vanishes_between_passes_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "x.txt", b"u a b\n");
    let (source, ..) = FileSequences::scan(&path, &ReadOptions::default()).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(source.for_each_sequence(0, &mut |_| ControlFlow::Continue(())).is_err());
}

#[test]
fn messages_stay_short() {
    let long = "x".repeat(100_000);
    let error = message(format!("user,item,time\na,b,{long}\n"), "x.csv", &ReadOptions::default());
    assert!(error.len() < 500, "{}", error.len());
    let names: Vec<String> = (0..10_000).map(|i| format!("c{i}{long:.50}")).collect();
    let error = message(names.join(","), "x.csv", &ReadOptions::default());
    assert!(error.contains("and 9980 more") && error.len() < 2500, "{}", error.len());
    let problem = RowProblem::NotUtf8 { found: String::new() };
    assert!(problem.to_string().contains("expected UTF-8 text"));
}
