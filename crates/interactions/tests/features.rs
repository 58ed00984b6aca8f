//! Reading features of users and items.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use embed_core::{FeatureFrame, FeatureType, FeatureValues};
use interactions::{FeatureOptions, ReadError, ReadOptions, read_features_from};

fn read(text: &str, name: &str, options: &FeatureOptions) -> Result<FeatureFrame, ReadError> {
    read_features_from(text.as_bytes(), name, options)
}

fn rows(frame: &FeatureFrame, column: &str) -> Vec<String> {
    let shown = |values: &FeatureValues, row: usize| match values {
        FeatureValues::Categories(texts) => texts.get(row).to_owned(),
        FeatureValues::Lists(lists) => lists.get(row).collect::<Vec<_>>().join("+"),
        FeatureValues::Numbers(numbers) => numbers[row].to_string(),
        FeatureValues::Vectors(vectors) => format!("{:?}", vectors.row(row).to_vec()),
    };
    let values = &frame.column(column).unwrap().values;
    (0..values.len()).map(|row| shown(values, row)).collect()
}

#[test]
fn columns_are_read_as_what_they_are_called_or_said_to_be() {
    let text = "item,year:float,genres,words:token_seq,plot:float_seq,maker,price\n\
                a,1999,Drama | War,old man sea,0.5 1,ann,12\n\
                b,-1e3,Comedy,,1 2,,13\n";
    let options =
        FeatureOptions { types: vec![("price".to_owned(), FeatureType::Number)], ..Default::default() };
    let frame = read(text, "items.csv", &options).unwrap();
    assert_eq!(frame.keys().keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(rows(&frame, "year"), ["1999", "-1000"]);
    assert_eq!(rows(&frame, "genres"), ["Drama+War", "Comedy"], "a | makes lists");
    assert_eq!(rows(&frame, "words"), ["old+man+sea", ""]);
    assert_eq!(rows(&frame, "plot"), ["[0.5, 1.0]", "[1.0, 2.0]"]);
    assert_eq!(rows(&frame, "maker"), ["ann", ""], "an empty category is unknown");
    assert_eq!(rows(&frame, "price"), ["12", "13"]);
    let kinds: Vec<FeatureType> = frame.columns().iter().map(|column| column.values.kind()).collect();
    use FeatureType::{Category, List, Number, Vector};
    assert_eq!(kinds, [Number, List, List, Vector, Category, Number]);
}

#[test]
fn the_key_and_the_columns_can_be_chosen() {
    let options = FeatureOptions {
        layout: ReadOptions { header: false, ..ReadOptions::default() },
        key: Some("1".to_owned()),
        types: vec![("2".to_owned(), FeatureType::Vector)],
        only_these: true,
    };
    let frame = read("x\ta\t1|2\ny\tb\t3|4\n", "f.tsv", &options).unwrap();
    assert_eq!((frame.columns().len(), frame.keys().key(1)), (1, Some("b")));
    assert_eq!(rows(&frame, "2"), ["[1.0, 2.0]", "[3.0, 4.0]"]);
}

#[test]
fn bad_features_are_named_with_row_and_column() {
    let message = |text: &str| read(text, "f.csv", &FeatureOptions::default()).unwrap_err().to_string();
    for (text, expected) in [
        (
            "k,age:float\na,1\nb,NaN\n",
            "f.csv, line 3, column \"age\": found \"NaN\", expected a finite number",
        ),
        ("k,age:float\na,\n", "f.csv, line 2, column \"age\": found nothing, expected a finite number"),
        ("k,age:float\na,old\n", "f.csv, line 2, column \"age\": found \"old\", expected a finite number"),
        (
            "k,v:float_seq\na,1 2\nb,1\n",
            "f.csv, line 3, column \"v\": found a vector of 1 numbers, expected 2 as in the first row",
        ),
        ("k,v:float_seq\na,1e39\n", "f.csv, line 2, column \"v\": found \"inf\", expected a finite number"),
        ("k,v:float_seq\na,\n", "f.csv, line 2, column \"v\": found nothing, expected a vector"),
        ("k,v\na,1\na,2\n", "f.csv, line 3: the key \"a\" comes a second time"),
        ("k,v\n,1\n", "f.csv, line 2, column \"key\": found nothing, expected a key"),
        ("k,v\na\n", "f.csv, line 2, row: found 1 fields, expected 2 as in the first row"),
        ("k,v,v\na,1,2\n", "f.csv: two columns are called \"v\""),
        ("k,v\n", "f.csv: the file is empty"),
        ("", "f.csv: the file is empty"),
    ] {
        assert_eq!(message(text), expected, "{text:?}");
    }
    let options =
        FeatureOptions { types: vec![("age".to_owned(), FeatureType::Number)], ..Default::default() };
    let missing = read("k,v\na,1\n", "f.csv", &options).unwrap_err().to_string();
    assert!(
        missing.starts_with("f.csv: no column age for the feature; the columns are \"k\", \"v\""),
        "{missing}"
    );
    assert!(matches!(read("a b\n", "f.txt", &FeatureOptions::default()), Err(ReadError::WrongFormat { .. })));
}

#[test]
fn a_file_of_many_columns_and_damage_never_panics() {
    let text = "k,a:float,b,c:token_seq,d:float_seq\n\"x\",1,\"p|q\",u v,1 2\ny,2,r,,3 4\n";
    for end in 0..text.len() {
        let _ = read(&text[..end], "f.csv", &FeatureOptions::default());
    }
    for at in 0..text.len() {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= 0x55;
        let _ = read_features_from(&bytes[..], "f.csv", &FeatureOptions::default());
    }
}
