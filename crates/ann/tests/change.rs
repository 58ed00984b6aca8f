//! Changes of an index: as a naive list of rows would answer, and under many readers.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use ann::{Changed, Flat, Index, IndexSpec, Live, ReplaceError, Vectors};
use embed_core::testkit::clustered;
use embed_core::{
    AnnIndex, AnnIndexMut, ChangeError, Effort, Filter, Flow, Metric, Progress, Run, SearchRequest, Space,
    Vocab,
};
use ndarray::Array2;
use proptest::prelude::*;

const DIM: usize = 3;

fn built(spec: IndexSpec, vectors: &Array2<f32>, metric: Metric) -> Index {
    spec.build(vectors, metric, &mut Run::seeded(1)).unwrap()
}

/// What a list of optional rows answers.
fn naive(rows: &[Option<Vec<f32>>], metric: Metric, query: &[f32], request: &SearchRequest<'_>) -> Vec<u32> {
    let alive: Vec<u32> = (0..).zip(rows).filter(|(_, row)| row.is_some()).map(|(id, _)| id).collect();
    let flat: Vec<f32> = rows.iter().flatten().flatten().copied().collect();
    let table = Array2::from_shape_vec((alive.len(), DIM), flat).unwrap();
    let allowed = |row: u32| request.filter.allows(alive[row as usize]);
    let exact = Flat::build(&table, metric, &mut Run::default()).unwrap();
    let found = exact.search(query, &request.filter(Filter::Where(&allowed))).unwrap();
    found.iter().map(|n| alive[n.id as usize]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn answers_are_those_of_a_list(
        changes in prop::collection::vec((0u8..3, 0u32..60, prop::array::uniform3(-4i8..5)), 0..50),
        metric in prop::sample::select(Metric::ALL.to_vec()),
        spec in prop::sample::select(vec!["Flat", "HNSW8", "HNSW8,SQ8", "IVF4,Flat", "RPForest5"]),
    ) {
        let vectors = clustered(40, DIM, 4, 3);
        let mut index = Changed::from(built(spec.parse().unwrap(), &vectors, metric));
        let mut rows: Vec<Option<Vec<f32>>> = vectors.rows().into_iter().map(|r| Some(r.to_vec())).collect();
        let vector = |v: [i8; 3]| v.map(|x| f32::from(x) + 0.25).to_vec();
        for &(kind, id, v) in &changes {
            let known = (id as usize) < rows.len();
            match kind {
                0 => {
                    prop_assert_eq!(index.add(&vector(v)).unwrap() as usize, rows.len());
                    rows.push(Some(vector(v)));
                }
                1 if known => {
                    prop_assert_eq!(index.remove(id).unwrap(), rows[id as usize].take().is_some());
                }
                2 if known => {
                    index.update(id, &vector(v)).unwrap();
                    rows[id as usize] = Some(vector(v));
                }
                _ => {
                    let refused = matches!(index.remove(id), Err(ChangeError::UnknownId { .. }));
                    prop_assert!(refused);
                }
            }
        }
        prop_assert_eq!(index.len(), rows.iter().flatten().count());
        let odd = |id: u32| id % 2 == 1;
        let listed: Vec<u32> = (0..90).filter(|id| id % 3 > 0).collect();
        let query = [0.3, -0.7, 0.9];
        let ids = |index: &Changed, request: &SearchRequest<'_>| -> Vec<u32> {
            index.search(&query, request).unwrap().iter().map(|n| n.id).collect()
        };
        for filter in [Filter::All, Filter::Where(&odd), Filter::Allow(&listed), Filter::Deny(&listed)] {
            for request in [SearchRequest::k(7), SearchRequest::k(500), SearchRequest::k(0), SearchRequest::radius(1.5)] {
                let request = request.effort(Effort::Value(500)).filter(filter);
                prop_assert_eq!(ids(&index, &request), naive(&rows, metric, &query, &request), "{} {:?}", spec, request);
            }
        }
        let request = SearchRequest::k(9).effort(Effort::Value(500));
        let before = ids(&index, &request);
        index.compact(&mut Run::seeded(1)).unwrap();
        prop_assert_eq!(index.pending().0, 0);
        prop_assert_eq!(ids(&index, &request), before);
    }
}

#[test]
fn what_cannot_change_is_named() {
    let vectors = clustered(20, DIM, 2, 1);
    let keys = Vocab::from_keys((0..20).map(|i| i.to_string())).unwrap();
    let keyed = ann::Vectors::from(&vectors).keyed(keys);
    let mut index = Changed::from(IndexSpec::Flat.build(keyed, Metric::L2, &mut Run::default()).unwrap());
    assert!(matches!(index.upsert("0", &[1.0]), Err(ChangeError::Dimension { expected: 3, got: 1 })));
    assert!(matches!(index.update(0, &[1.0, f32::NAN, 0.0]), Err(ChangeError::NotFinite { column: 1, .. })));
    assert!(matches!(index.update(20, &[1.0; 3]), Err(ChangeError::UnknownId { id: 20, ids: 20 })));
    index.remove(4).unwrap();
    index.compact(&mut Run::default()).unwrap();
    assert!(matches!(index.add(&[1.0; 3]), Err(ChangeError::KeyNeeded)));
    assert_eq!((index.upsert("new", &[1.0; 3]).unwrap(), index.upsert("4", &[1.0; 3]).unwrap()), (20, 4));
    index.compact(&mut Run::default()).unwrap();
    let keys = AnnIndex::keys(&index).unwrap().unwrap();
    assert_eq!((keys.get("4"), keys.get("new"), index.len()), (Some(4), Some(20), 21), "ids never move");
}

/// Generation g holds vectors of value g only, so an answer from two generations would show.
#[test]
fn readers_see_one_generation_at_a_time() {
    let generation = |g: u8| Array2::from_elem((300, DIM), f32::from(g));
    let live = Live::new(built(IndexSpec::Flat, &generation(0), Metric::L2));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let (mut seen, mut last) = (0, 0.0f32);
                    while !done.load(Ordering::Relaxed) || seen == 0 {
                        let found = live.search(&[0.0; DIM], &SearchRequest::k(40)).unwrap();
                        assert_eq!(found.len(), 40);
                        assert!(
                            found.iter().all(|n| n.score == found[0].score),
                            "two generations: {found:?}"
                        );
                        let value = (-found[0].score / 3.0).sqrt();
                        assert!(value >= last, "generations go on");
                        (seen, last) = (seen + 1, value);
                    }
                    seen
                })
            })
            .collect();
        for g in 1..20u8 {
            if g % 3 == 0 {
                live.replace(built(IndexSpec::Flat, &generation(g), Metric::L2)).unwrap();
            } else {
                let vector = [f32::from(g); DIM];
                live.change(|index| (0..300).try_for_each(|id| index.update(id, &vector))).unwrap();
                live.compact(&mut Run::seeded(1)).unwrap();
            }
        }
        let failed: Result<(), ChangeError> = live.change(|index| {
            index.remove(0)?;
            index.remove(9999).map(|_| ())
        });
        assert!(failed.is_err() && live.len() == 300, "a change that fails changes nothing");
        done.store(true, Ordering::Relaxed);
        assert!(readers.into_iter().all(|reader| reader.join().unwrap() > 0));
    });
}

/// Whatever was added before a search began is found, through changes, compactions and swaps of every family.
#[test]
fn what_was_added_is_found_by_readers_that_come_later() {
    for spec in ["HNSW8,SQ8", "IVF8,Flat", "RPForest4", "PQ3x8,Refine(Flat)"] {
        let live = Live::new(built(spec.parse().unwrap(), &clustered(300, DIM, 4, 3), Metric::L2));
        let (added, done) = (AtomicU8::new(0), AtomicBool::new(false));
        let vector = |g: u8| [100.0 + 10.0 * f32::from(g); DIM];
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let mut searches = 0;
                        while !done.load(Ordering::Relaxed) || searches == 0 {
                            let g = added.load(Ordering::Acquire);
                            if g == 0 {
                                continue;
                            }
                            let found = live.search(&vector(g), &SearchRequest::k(1)).unwrap();
                            assert!(found[0].score == 0.0, "{spec}: {g} was added, found {found:?}");
                            searches += 1;
                        }
                        searches
                    })
                })
                .collect();
            for g in 1..=12u8 {
                live.change(|index| index.add(&vector(g))).unwrap();
                added.store(g, Ordering::Release);
                if g % 4 == 0 {
                    live.compact(&mut Run::seeded(1)).unwrap();
                }
            }
            done.store(true, Ordering::Relaxed);
            assert!(readers.into_iter().all(|reader| reader.join().unwrap() > 0));
        });
        assert_eq!(live.len(), 312, "{spec}");
    }
}

const FAMILIES: [&str; 8] = [
    "Flat",
    "HNSW8",
    "HNSW8,SQ8",
    "IVF4,Flat",
    "IVF4,SQ8,Refine(Flat)",
    "PQ3x8",
    "IVF4,PQ3x4fs,Refine(SQ8)",
    "RPForest5",
];

fn keyed(spec: &str, keys: &[String], vectors: &Array2<f32>) -> Index {
    let vectors = Vectors::from(vectors).keyed(Vocab::from_keys(keys).unwrap());
    spec.parse::<IndexSpec>().unwrap().build(vectors, Metric::L2, &mut Run::seeded(1)).unwrap()
}

fn names(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|i| format!("key {i}")).collect()
}

/// What changes while the index is built is in the new one too.
#[test]
fn changes_go_on_beside_a_compaction() {
    let vectors = clustered(200, DIM, 4, 3);
    for spec in FAMILIES {
        let live = Live::new(keyed(spec, &names(0..200), &vectors));
        live.upsert("early", &[20.0; DIM]).unwrap();
        live.upsert("fleeting", &[21.0; DIM]).unwrap();
        live.remove_key("key 5").unwrap();
        live.upsert("key 6", &[30.0; DIM]).unwrap();
        let mut once = Some(());
        let mut meanwhile = |_: &Progress<'_>| {
            if once.take().is_some() {
                live.upsert("late", &[40.0; DIM]).unwrap();
                live.remove_key("fleeting").unwrap();
                live.remove_key("key 7").unwrap();
                live.upsert("key 5", &[50.0; DIM]).unwrap();
                live.upsert("early", &[60.0; DIM]).unwrap();
                live.remove_key("key 6").unwrap();
            }
            Flow::Continue
        };
        live.compact(&mut Run::seeded(1).observed(&mut meanwhile)).unwrap();
        assert!(once.is_none(), "{spec}: the build reports");
        let now = live.snapshot();
        assert_eq!(now.base().id_bound(), 202, "{spec}: it was rebuilt");
        assert_eq!((live.len(), live.id_bound()), (200 - 1 - 1 + 2, 203), "{spec}");
        for (value, key, id) in [(40.0, "late", 202), (50.0, "key 5", 5), (60.0, "early", 200)] {
            let nearest = &live.nearest(&[value; DIM], 1).unwrap()[0];
            assert_eq!((nearest.key.as_str(), nearest.id, nearest.score), (key, id, 0.0), "{spec}");
        }
        let all: Vec<String> = live.nearest(&[0.0; DIM], 1000).unwrap().into_iter().map(|n| n.key).collect();
        assert!(
            ["fleeting", "key 6", "key 7"].iter().all(|gone| !all.iter().any(|key| key == gone)),
            "{spec}"
        );
        assert_eq!(all.len(), 200, "{spec}");
        live.compact(&mut Run::seeded(1)).unwrap();
        assert_eq!((live.snapshot().pending(), live.len()), ((0, 0), 200), "{spec}");
        let nearest = live.nearest(&[40.0; DIM], 1).unwrap();
        assert_eq!((nearest[0].key.as_str(), nearest[0].id), ("late", 202), "{spec}");
    }
}

#[test]
fn a_stopped_compaction_changes_nothing() {
    let live = Live::new(keyed("HNSW8", &names(0..200), &clustered(200, DIM, 4, 3)));
    live.upsert("new", &[20.0; DIM]).unwrap();
    live.remove_key("key 1").unwrap();
    let mut stop = |_: &Progress<'_>| Flow::Stop;
    let stopped = live.compact(&mut Run::seeded(1).observed(&mut stop)).unwrap_err();
    assert!(matches!(stopped, ChangeError::Implementation { .. }));
    assert_eq!((live.snapshot().pending(), live.len(), live.id_bound()), ((1, 1), 200, 201));
    live.compact(&mut Run::seeded(1)).unwrap();
    assert_eq!((live.snapshot().pending(), live.len(), live.id_bound()), ((0, 0), 200, 201));
}

/// Known keys keep their ids, in whatever order another index has them.
#[test]
fn another_index_takes_the_ids_of_its_keys() {
    let vectors = clustered(120, DIM, 4, 3);
    let mut order: Vec<u32> = (20..140).collect();
    embed_core::SeededRng::new(3).shuffle(&mut order);
    let shuffled: Vec<String> = order.iter().map(|i| format!("key {i}")).collect();
    for spec in FAMILIES {
        for keys in [names(0..120), names(20..140), shuffled.clone()] {
            let live = Live::new(keyed("Flat", &names(0..100), &clustered(100, DIM, 4, 5)));
            live.upsert("key 130", &[7.0; DIM]).unwrap();
            let other = keyed(spec, &keys, &vectors);
            let expected: Vec<Vec<String>> = vectors
                .rows()
                .into_iter()
                .map(|row| {
                    let found = other.search(&row.to_vec(), &SearchRequest::k(5)).unwrap();
                    found.iter().map(|n| keys[n.id as usize].clone()).collect()
                })
                .collect();
            let copied: Vec<f32> = (0..120)
                .flat_map(|id| {
                    let mut row = [0.0; DIM];
                    other.vector_into(id, &mut row).unwrap();
                    row
                })
                .collect();
            live.replace(other).unwrap();
            let table = AnnIndex::keys(&live).unwrap().unwrap();
            assert_eq!(
                (table.get("key 99"), table.get("key 130"), live.len()),
                (Some(99), Some(100), 120),
                "{spec}"
            );
            for (row, (key, expected)) in keys.iter().zip(&expected).enumerate() {
                let found = live.nearest(&vectors.row(row).to_vec(), 5).unwrap();
                let found: Vec<&String> = found.iter().map(|n| &n.key).collect();
                assert!(found.iter().all(|key| expected.contains(key)), "{spec}: {found:?} for {expected:?}");
                let mut out = [0.0; DIM];
                live.vector_into(table.get(key).unwrap(), &mut out).unwrap();
                assert_eq!(out, copied[row * DIM..(row + 1) * DIM], "{spec}: {key}");
            }
            let bytes = live.snapshot().to_bytes().unwrap();
            Changed::from_bytes(&bytes).unwrap().verify().unwrap();
            live.upsert("key 0", &[9.0; DIM]).unwrap();
            live.compact(&mut Run::seeded(2)).unwrap();
            assert_eq!(live.nearest(&[9.0; DIM], 1).unwrap()[0].id, 0, "{spec}: a key that comes back");
        }
    }
}

#[test]
fn an_index_of_another_kind_is_not_put_in_place() {
    let vectors = clustered(30, DIM, 4, 3);
    let live = Live::new(keyed("Flat", &names(0..30), &vectors));
    let flat = |vectors: Vectors<'_>, metric| {
        Index::from(Flat::build(vectors, metric, &mut Run::default()).unwrap())
    };
    let keys = || Vocab::from_keys(names(0..30)).unwrap();
    let wide = clustered(30, DIM + 1, 4, 3);
    let refused = |index| live.replace(index).unwrap_err();
    let other = refused(flat(Vectors::from(&wide).keyed(keys()), Metric::L2));
    assert!(matches!(other, ReplaceError::Dimension { expected: 3, got: 4 }));
    let other = refused(flat(Vectors::from(&vectors).keyed(keys()), Metric::Cosine));
    assert!(matches!(other, ReplaceError::Metric { .. }));
    let other = refused(flat(Vectors::from(&vectors), Metric::L2));
    assert_eq!(other.to_string(), "the index has no keys, the one in place has keys");
    let spaced = |id| flat(Vectors::from(&vectors).keyed(keys()).in_space(Space::from_id(id)), Metric::L2);
    live.replace(spaced(5)).unwrap();
    assert!(matches!(refused(spaced(6)), ReplaceError::Space { expected: 5, got: 6 }));
}

/// Codes of rows that did not change are the same after any number of compactions.
#[test]
fn compaction_keeps_codes() {
    let vectors = clustered(600, 8, 9, 3);
    for spec in ["SQ8", "PQ4x8", "IVF9,PQ4x4fs", "OPQ4,IVF5,PQ4x8", "IVF6,SQ8", "IVF5,PQ4x4fs,Refine(SQ8)"] {
        for metric in Metric::ALL {
            let mut index = Changed::from(built(spec.parse().unwrap(), &vectors, metric));
            let row = |index: &Changed, id| {
                let mut row = [0.0f32; 8];
                index.vector_into(id, &mut row).unwrap();
                row.map(f32::to_bits)
            };
            let before: Vec<[u32; 8]> = (0..600).map(|id| row(&index, id)).collect();
            for round in 0..10u32 {
                index.remove(round * 7).unwrap();
                index.update(round * 7 + 1, &vectors.row(round as usize * 7 + 3).to_vec()).unwrap();
                let id = index.add(&vectors.row(round as usize).to_vec()).unwrap();
                index.compact(&mut Run::seeded(round.into())).unwrap();
                assert_eq!((index.pending(), index.contains(id)), ((0, 0), true));
                Changed::from_bytes(&index.to_bytes().unwrap()).unwrap().verify().unwrap();
            }
            for (id, before) in (0..).zip(&before).filter(|(id, _)| id % 7 > 1 || *id > 70) {
                assert_eq!(&row(&index, id), before, "{spec} {metric}: row {id}");
            }
            // What was put in is coded as what was built in.
            let (copy, original) = (row(&index, 1), row(&index, 3));
            assert_eq!(copy, original, "{spec} {metric}");
        }
    }
}

#[test]
fn a_file_with_changes_says_what_opens_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.nf");
    for with_keys in [true, false] {
        let vectors = clustered(90, DIM, 4, 3);
        let index = if with_keys {
            keyed("HNSW8", &names(0..90), &vectors)
        } else {
            built(IndexSpec::Flat, &vectors, Metric::L2)
        };
        let live = Live::new(index);
        live.save(&path).unwrap();
        assert_eq!(Index::open(&path).unwrap().len(), 90, "a plain file where nothing changed");
        if with_keys {
            live.upsert("new", &[5.0; DIM]).unwrap()
        } else {
            live.add(&[5.0; DIM]).unwrap()
        };
        live.remove(4).unwrap();
        live.update(8, &[6.0; DIM]).unwrap();
        live.save(&path).unwrap();
        let error = Index::open(&path).unwrap_err().to_string();
        assert!(error.contains("ann::Changed::open"), "{error}");
        let opened = Live::open_verified(&path).unwrap();
        assert_eq!((opened.len(), opened.id_bound(), opened.snapshot().pending()), (90, 91, (2, 2)));
        let request = SearchRequest::k(200);
        assert_eq!(
            opened.search(&[4.0; DIM], &request).unwrap(),
            live.search(&[4.0; DIM], &request).unwrap()
        );
        let keys = |live: &Live| {
            AnnIndex::keys(live).unwrap().map(|keys| keys.keys().map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(keys(&opened), keys(&live));
        assert_eq!(
            opened.snapshot().to_bytes().unwrap(),
            std::fs::read(&path).unwrap(),
            "saving again changes nothing"
        );
        opened.compact(&mut Run::seeded(1)).unwrap();
        opened.save(&path).unwrap();
        let plain = Index::open_verified(&path).unwrap();
        assert_eq!((plain.len(), plain.id_bound()), (90, 91), "a plain file after a compaction");
        assert!(plain.vector_into(4, &mut [0.0; DIM]).is_err());
    }
}

#[test]
fn every_flipped_byte_of_a_file_with_changes_is_found() {
    let mut index = Changed::from(keyed("Flat", &names(0..20), &clustered(20, DIM, 4, 3)));
    index.upsert("new", &[5.0; DIM]).unwrap();
    index.remove(4).unwrap();
    let mut bytes = index.to_bytes().unwrap();
    for at in 0..bytes.len() {
        bytes[at] ^= 0x41;
        let verified = Changed::from_bytes(&bytes).and_then(|index| index.verify());
        assert!(verified.is_err(), "byte {at} of {}", bytes.len());
        bytes[at] ^= 0x41;
        if at % 7 == 0 {
            assert!(Changed::from_bytes(&bytes[..at]).is_err(), "{at} bytes");
        }
    }
}
