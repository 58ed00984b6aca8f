//! Delimited text as features: never a panic; as many rows as keys, and numbers that are finite.
#![no_main]

use embed_core::{FeatureType, FeatureValues};
use interactions::{FeatureOptions, ReadOptions, read_features_from};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&flags, text)) = data.split_first() else { return };
    let name = ["f.csv", "f.tsv", "f.csv.gz"][usize::from(flags & 3).min(2)];
    let kinds = [FeatureType::Category, FeatureType::List, FeatureType::Number, FeatureType::Vector];
    let options = FeatureOptions {
        layout: ReadOptions {
            header: flags & 4 != 0,
            quoting: flags & 8 != 0,
            max_record_bytes: 1 << 16,
            ..ReadOptions::default()
        },
        types: if flags & 16 != 0 {
            vec![("1".to_owned(), kinds[usize::from(flags >> 6)])]
        } else {
            Vec::new()
        },
        only_these: flags & 32 != 0,
        ..FeatureOptions::default()
    };
    let Ok(frame) = read_features_from(text, name, &options) else { return };
    for column in frame.columns() {
        assert_eq!(column.values.len(), frame.len());
        match &column.values {
            FeatureValues::Numbers(numbers) => assert!(numbers.iter().all(|x| x.is_finite())),
            FeatureValues::Vectors(vectors) => assert!(vectors.iter().all(|x| x.is_finite())),
            _ => {}
        }
    }
});
