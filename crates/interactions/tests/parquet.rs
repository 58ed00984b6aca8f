//! Parquet files of many column types, written here and read back.
#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::{Float32Type, Int32Type};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, DictionaryArray, Float32Array, Float64Array, Int8Array,
    Int32Array, Int64Array, LargeStringArray, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array,
};
use embed_core::testkit::{SequenceSuite, sequence_source};
use embed_core::{FeatureValues, SequenceSource, Sequences};
use interactions::{
    BadRows, FeatureOptions, Field, FileSequences, Log, Place, ReadError, ReadOptions, RowError, Split,
    TimeUnit, for_each_interaction, read_features,
};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

fn write(path: &Path, columns: &[(&str, ArrayRef)]) {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.iter().map(|(n, a)| (*n, a.clone(), true))).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1000)).build();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn file(columns: &[(&str, ArrayRef)]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.parquet");
    write(&path, columns);
    (folder, path)
}

fn read(columns: &[(&str, ArrayRef)], options: &ReadOptions) -> Result<Log, ReadError> {
    let (_folder, path) = file(columns);
    Log::read(path, options).map(|(log, _)| log)
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn keys_of_every_kind() {
    let dictionary: DictionaryArray<Int32Type> = vec![Some("x"), Some("y"), Some("x")].into_iter().collect();
    let kinds: [(ArrayRef, [&str; 3]); 7] = [
        (texts(&["x", "y", "é\n"]), ["x", "y", "é\n"]),
        (Arc::new(LargeStringArray::from(vec!["x", "y", "z"])), ["x", "y", "z"]),
        (Arc::new(BinaryArray::from(vec![&b"x"[..], b"y", b"z"])), ["x", "y", "z"]),
        (Arc::new(dictionary), ["x", "y", "x"]),
        (Arc::new(Int8Array::from(vec![-1, 0, 1])), ["-1", "0", "1"]),
        (
            Arc::new(Int64Array::from(vec![i64::MIN, 0, i64::MAX])),
            ["-9223372036854775808", "0", "9223372036854775807"],
        ),
        (Arc::new(UInt64Array::from(vec![0, 1, u64::MAX])), ["0", "1", "18446744073709551615"]),
    ];
    for (array, expected) in kinds {
        let log =
            read(&[("item_id", array), ("user", texts(&["a", "b", "a"]))], &ReadOptions::default()).unwrap();
        assert_eq!(log.iter().map(|row| row.item).collect::<Vec<_>>(), expected);
        assert_eq!(log.users(), [0, 1, 0]);
    }
}

#[test]
fn times_of_every_kind_become_seconds() {
    let kinds: [(ArrayRef, i64); 8] = [
        (Arc::new(Int64Array::from(vec![1_700_000_000])), 1_700_000_000),
        (Arc::new(Int32Array::from(vec![-1])), -1),
        (Arc::new(Float64Array::from(vec![1.7e9 + 0.9])), 1_700_000_000),
        (Arc::new(TimestampMillisecondArray::from(vec![-1])), -1),
        (Arc::new(TimestampMicrosecondArray::from(vec![1_999_999])), 1),
        (Arc::new(TimestampNanosecondArray::from(vec![1_999_999_999]).with_timezone("+02:00")), 1),
        (Arc::new(Date32Array::from(vec![-1])), -86_400),
        (texts(&["2023-11-14T22:13:20Z"]), 1_700_000_000),
    ];
    for (array, expected) in kinds {
        let columns = [("user", texts(&["u"])), ("item", texts(&["i"])), ("time", array)];
        let log = read(&columns, &ReadOptions::default()).unwrap();
        assert_eq!(log.times(), Some(&[expected][..]), "{}", columns[2].1.data_type());
    }
    let columns = [
        ("user", texts(&["u"])),
        ("item", texts(&["i"])),
        ("time", Arc::new(Int64Array::from(vec![1_700_000_000_999])) as ArrayRef),
    ];
    let milliseconds = ReadOptions { time_unit: TimeUnit::Milliseconds, ..ReadOptions::default() };
    assert_eq!(read(&columns, &milliseconds).unwrap().times(), Some(&[1_700_000_000][..]));
    assert!(read(&columns, &ReadOptions::default()).unwrap_err().to_string().contains("milliseconds?"));
}

#[test]
fn a_malformed_row_is_named_by_its_number() {
    let n = 9000;
    let users: ArrayRef =
        Arc::new(StringArray::from_iter((0..n).map(|i| (i != 8500).then(|| format!("u{i}")))));
    let items: ArrayRef = Arc::new(Int32Array::from_iter_values(0..n));
    let weights: ArrayRef =
        Arc::new(Float32Array::from_iter_values((0..n).map(|i| if i == 8600 { f32::NAN } else { 1.0 })));
    let (_folder, path) = file(&[("user", users), ("item", items), ("rating", weights)]);
    let error = Log::read(&path, &ReadOptions::default()).unwrap_err();
    assert!(
        error.to_string().ends_with("log.parquet, row 8501, user: found nothing, expected a key"),
        "{error}"
    );
    assert!(matches!(error, ReadError::Row(RowError { place: Place::Row(8501), field: Field::User, .. })));
    let skipping = ReadOptions { bad_rows: BadRows::SkipAndCount, ..ReadOptions::default() };
    let (log, report) = Log::read(&path, &skipping).unwrap();
    assert_eq!((log.len(), report.rows, report.bad_rows), (8998, 8998, 2));
    assert_eq!(report.first_bad[1].place, Place::Row(8601));

    let mut seen = 0;
    for_each_interaction(&path, &skipping, |_| {
        seen += 1;
        if seen == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!(seen, 10);
}

#[test]
fn columns_that_are_missing_or_of_another_type_are_named() {
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    let error =
        read(&[("user", texts(&["u"])), ("what", flags.clone())], &ReadOptions::default()).unwrap_err();
    assert!(
        error.to_string().ends_with("no column item for the item; the columns are \"user\", \"what\""),
        "{error}"
    );
    let error =
        read(&[("user", texts(&["u"])), ("item", flags.clone())], &ReadOptions::default()).unwrap_err();
    let expected = "column \"item\" for the item has type Boolean, expected text or integers";
    assert!(error.to_string().ends_with(expected), "{error}");
    let unread = [("user", texts(&["u"])), ("flag", flags), ("item", texts(&["i"]))];
    assert_eq!(
        read(&unread, &ReadOptions::default()).unwrap().len(),
        1,
        "what is not read may be of any type"
    );
    let same = ReadOptions { columns: "user=item,item=item".parse().unwrap(), ..ReadOptions::default() };
    assert_eq!(read(&[("item", texts(&["i"]))], &same).unwrap().len(), 1);
}

#[test]
fn damaged_files_are_errors_or_values_and_never_panics() {
    let n = 300;
    let (_folder, path) = file(&[
        ("user", Arc::new(StringArray::from_iter_values((0..n).map(|i| format!("u{}", i % 17)))) as ArrayRef),
        ("item", Arc::new(Int32Array::from_iter_values((0..n).map(|i| i * 7 % 31)))),
        ("time", Arc::new(Int64Array::from_iter_values((0..n).map(i64::from)))),
    ]);
    let whole = std::fs::read(&path).unwrap();
    assert!(Split::Time(0.2).apply(&Log::read(&path, &ReadOptions::default()).unwrap().0, 0).is_ok());
    // The hook would print each of the decoder's own panics.
    std::panic::set_hook(Box::new(|_| {}));
    for end in (0..whole.len()).step_by(61) {
        std::fs::write(&path, &whole[..end]).unwrap();
        let error = Log::read(&path, &ReadOptions::default()).unwrap_err();
        assert!(error.to_string().contains("log.parquet"), "{error}");
    }
    for at in (0..whole.len()).step_by(13) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x24;
        std::fs::write(&path, &flipped).unwrap();
        let _ = Log::read(&path, &ReadOptions::default());
    }
    let _ = std::panic::take_hook();
    assert!(matches!(
        Log::read_from(&whole[..], "x.parquet", &ReadOptions::default()),
        Err(ReadError::WrongFormat { .. })
    ));
}

/// More rows than a batch and a row group hold; a user's run crosses both.
#[test]
fn runs_of_rows_are_sequences_on_each_pass() {
    let users: Vec<i64> = (0..20_000).map(|row| row / 7).collect();
    let items: Vec<i64> = (0..20_000).map(|row| row * row % 101).collect();
    let columns: [(&str, ArrayRef); 2] = [
        ("user_id", Arc::new(Int64Array::from(users.clone()))),
        ("item_id", Arc::new(Int64Array::from(items.clone()))),
    ];
    let (_folder, path) = file(&columns);
    let (source, counts, report) = FileSequences::scan(&path, &ReadOptions::default()).unwrap();
    assert_eq!((report.rows, counts.iter().sum::<u64>()), (20_000, 20_000));
    let keys = source.item_keys().clone();
    let id = |item: i64| keys.get(&item.to_string()).unwrap();
    let expected: Vec<Vec<u32>> =
        items.chunks(7).map(|run| run.iter().map(|&item| id(item)).collect()).collect();
    let expected = Sequences::from_rows(source.n_items(), expected).unwrap();
    sequence_source(|| Box::new(source.clone()), &SequenceSuite::new("Parquet").holding(&expected));
}

#[test]
fn features_are_read_by_the_types_of_their_columns() {
    let genres =
        ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(3), None, Some(5)]), None]);
    let plots = ListArray::from_iter_primitive::<Float32Type, _, _>([
        Some(vec![Some(0.5), Some(1.0)]),
        Some(vec![Some(2.0), Some(3.0)]),
    ]);
    let columns = |plots: ListArray, prices: Vec<Option<f64>>| {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(Int32Array::from(vec![7, 8]))),
            ("genres", Arc::new(genres.clone())),
            ("plot", Arc::new(plots)),
            ("price", Arc::new(Float64Array::from(prices))),
            ("year", Arc::new(Int64Array::from(vec![Some(1999), None]))),
        ];
        let (folder, path) = file(&columns);
        (read_features(&path, &FeatureOptions::default()), folder)
    };
    let frame = columns(plots.clone(), vec![Some(1.5), Some(2.0)]).0.unwrap();
    assert_eq!(frame.keys().keys().collect::<Vec<_>>(), ["7", "8"]);
    let FeatureValues::Lists(lists) = &frame.column("genres").unwrap().values else { panic!() };
    assert_eq!((lists.get(0).collect::<Vec<_>>(), lists.get(1).len()), (vec!["3", "5"], 0));
    let FeatureValues::Vectors(vectors) = &frame.column("plot").unwrap().values else { panic!() };
    assert_eq!(vectors, &ndarray::array![[0.5, 1.0], [2.0, 3.0]]);
    assert_eq!(frame.column("price").unwrap().values, FeatureValues::Numbers(vec![1.5, 2.0]));
    let FeatureValues::Categories(years) = &frame.column("year").unwrap().values else { panic!() };
    assert_eq!(years.iter().collect::<Vec<_>>(), ["1999", ""]);

    let message = |plots, prices| columns(plots, prices).0.unwrap_err().to_string();
    let missing = message(plots.clone(), vec![Some(1.0), None]);
    assert!(
        missing.ends_with("row 2, column \"price\": found nothing, expected a finite number"),
        "{missing}"
    );
    let nan = message(plots, vec![Some(f64::NAN), None]);
    assert!(nan.ends_with("row 1, column \"price\": found \"NaN\", expected a finite number"), "{nan}");
    let ragged = ListArray::from_iter_primitive::<Float32Type, _, _>([
        Some(vec![Some(0.5), Some(1.0)]),
        Some(vec![Some(2.0)]),
    ]);
    let short = message(ragged, vec![Some(1.0), Some(1.0)]);
    assert!(short.contains("row 2, column \"plot\": found a vector of 1 numbers, expected 2"), "{short}");
}
