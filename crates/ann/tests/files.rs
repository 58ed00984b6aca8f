//! Index files: what was saved is opened, and damage is an error or a harmless wrong answer.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use ann::{Index, IndexSpec};
use embed_core::testkit::clustered;
use embed_core::{AnnIndex, Effort, Embeddings, Filter, Metric, Run, SearchRequest, SeededRng, Vocab};

const SPECS: [IndexSpec; 4] = [
    IndexSpec::Flat,
    IndexSpec::Hnsw { m: 4 },
    IndexSpec::HnswSq8 { m: 4 },
    IndexSpec::RpForest { trees: 3 },
];

fn items(n: usize) -> Embeddings {
    let keys = Vocab::from_keys((0..n).map(|i| format!("item {i}"))).unwrap();
    Embeddings::new(keys, clustered(n, 6, 5, 1)).unwrap()
}

fn sample(spec: IndexSpec, n: usize) -> Vec<u8> {
    spec.build(&items(n), Metric::L2, &mut Run::seeded(2)).unwrap().to_bytes().unwrap()
}

#[test]
fn what_was_saved_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.nf");
    let items = items(400);
    for spec in SPECS {
        for metric in Metric::ALL {
            let built = spec.build(&items, metric, &mut Run::seeded(2)).unwrap();
            built.save(&path).unwrap();
            let opened = Index::open_verified(&path).unwrap();
            assert_eq!((opened.spec(), opened.metric(), opened.space()), (spec, metric, items.space()));
            assert_eq!(opened.keys().unwrap(), Some(items.vocab()));
            let request = SearchRequest::k(7).effort(Effort::Value(20));
            for id in 0..40 {
                assert_eq!(
                    opened.search_by_id(id, &request).unwrap(),
                    built.search_by_id(id, &request).unwrap()
                );
            }
            assert_eq!(
                opened.to_bytes().unwrap(),
                std::fs::read(&path).unwrap(),
                "saving again changes nothing"
            );
        }
        let bare = spec.build(items.vectors(), Metric::L2, &mut Run::seeded(2)).unwrap();
        assert!(Index::from_bytes(&bare.to_bytes().unwrap()).unwrap().keys().unwrap().is_none());
    }
}

#[test]
fn none_of_no_vectors() {
    for spec in SPECS {
        let none = ndarray::Array2::<f32>::zeros((0, 3));
        let bytes = spec.build(&none, Metric::L2, &mut Run::default()).unwrap().to_bytes().unwrap();
        let opened = Index::from_bytes(&bytes).unwrap();
        opened.verify().unwrap();
        assert_eq!(opened.search(&[0.0; 3], &SearchRequest::k(2)).unwrap(), []);
    }
}

#[test]
fn every_truncation_is_an_error() {
    for spec in SPECS {
        let bytes = sample(spec, 60);
        for len in (0..bytes.len()).step_by(7).chain(bytes.len() - 3..bytes.len()) {
            assert!(Index::from_bytes(&bytes[..len]).is_err(), "{spec}: {len} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn every_flipped_byte_is_found_by_verify() {
    for spec in SPECS {
        let mut bytes = sample(spec, 30);
        for at in 0..bytes.len() {
            bytes[at] ^= 0x41;
            let verified = Index::from_bytes(&bytes).and_then(|index| index.verify());
            assert!(verified.is_err(), "{spec}: byte {at} of {}", bytes.len());
            bytes[at] ^= 0x41;
        }
    }
}

/// What an unverified index answers to may be wrong, but it answers.
fn use_it(index: &Index) {
    let odd = |id: u32| id % 2 == 1;
    let mut query = vec![0.1; index.dim()];
    for id in [0, 5, 119] {
        let _ = index.vector_into(id, &mut query);
        query.iter_mut().filter(|x| !x.is_finite()).for_each(|x| *x = 0.0);
        for filter in [Filter::All, Filter::Where(&odd), Filter::Allow(&[0, 7, 118]), Filter::Deny(&[3])] {
            let requests = [SearchRequest::k(10), SearchRequest::k(200), SearchRequest::radius(1.0)];
            for request in requests.map(|r| r.filter(filter).effort(Effort::Value(12))) {
                let found = index.search(&query, &request).unwrap();
                assert!(found.iter().all(|n| (n.id as usize) < index.len()));
            }
        }
    }
    let queries = ndarray::Array2::from_elem((5, index.dim()), 0.2);
    let _ = index.search_batch(queries.view(), &[SearchRequest::k(3)], embed_core::Parallelism::Sequential);
    let _ = index.keys();
}

#[test]
fn a_damaged_index_that_is_not_verified_neither_panics_nor_hangs() {
    let mut rng = SeededRng::new(9);
    for spec in SPECS {
        let clean = sample(spec, 120);
        let mut opened = 0;
        for _ in 0..150 {
            let mut bytes = clean.clone();
            // The arrays lie between the header and the section table.
            let (from, to) = (192, u32::try_from(bytes.len()).unwrap() - 20 * 64);
            for _ in 0..1 << rng.below(10) {
                let at = (from + rng.below(to - from)) as usize;
                bytes[at] = [0, 0xff, 0x7f, 0x80, 3][rng.below(5) as usize];
            }
            if let Ok(index) = Index::from_bytes(&bytes) {
                opened += 1;
                use_it(&index);
            }
        }
        assert!(opened > 100, "{spec}: only {opened} could be tried");
    }
}

#[test]
fn another_kind_of_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.nf");
    items(3).save(&path).unwrap();
    let error = Index::open(&path).unwrap_err().to_string();
    assert!(error.contains(r#"the file holds kind "embeddings", expected "index""#), "{error}");
}
