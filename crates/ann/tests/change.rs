//! Changes of an index: as a naive list of rows would answer, and under many readers.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use ann::{Changed, Flat, Index, IndexSpec, Live};
use embed_core::testkit::clustered;
use embed_core::{AnnIndex, AnnIndexMut, ChangeError, Effort, Filter, Metric, Run, SearchRequest, Vocab};
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
    assert!(matches!(index.add(&[1.0]), Err(ChangeError::Dimension { expected: 3, got: 1 })));
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
                live.replace(built(IndexSpec::Flat, &generation(g), Metric::L2));
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
