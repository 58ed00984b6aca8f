//! One index under readers, a writer and compactions at once, against a list of optional rows.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use ann::{Changed, Index, IndexSpec, Live, Vectors};
use embed_core::testkit::exact_top_k;
use embed_core::{
    AnnIndex, AnnIndexMut, ChangeError, Effort, Filter, Metric, Run, SearchRequest, SeededRng, Vocab,
};
use ndarray::Array2;

const DIM: usize = 4;
const KEYS: u32 = 400;
const BEACON: &str = "beacon";

/// What the index is to be like.
#[derive(Default)]
struct Model {
    /// The key of each id.
    keys: Vec<String>,
    ids: BTreeMap<String, u32>,
    rows: Vec<Option<[f32; DIM]>>,
}

impl Model {
    fn set(&mut self, key: &str, row: Option<[f32; DIM]>) -> u32 {
        let next = u32::try_from(self.keys.len()).unwrap();
        let id = *self.ids.entry(key.to_owned()).or_insert(next);
        if id == next {
            self.keys.push(key.to_owned());
            self.rows.push(None);
        }
        self.rows[id as usize] = row;
        id
    }

    fn check(&self, index: &Changed, rng: &mut SeededRng) {
        assert_eq!((index.len(), index.id_bound()), (self.rows.iter().flatten().count(), self.rows.len()));
        assert!(AnnIndex::keys(index).unwrap().unwrap().keys().eq(&self.keys));
        let table = Array2::from_shape_fn((self.rows.len(), DIM), |(row, column)| {
            self.rows[row].map_or(0.0, |row| row[column])
        });
        let query = vector(rng);
        let there = |id: u32| self.rows[id as usize].is_some();
        let expected = exact_top_k(table.view(), Metric::L2, &query, 8, Filter::Where(&there));
        let request = SearchRequest::k(8).effort(Effort::Value(usize::MAX));
        let found = index.nearest_by(&query, &request).unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found.score - expected.score).abs() < 1e-3, "{found:?} for {expected:?}");
            assert!(there(found.id) && found.key == self.keys[found.id as usize], "{found:?}");
        }
    }
}

fn vector(rng: &mut SeededRng) -> [f32; DIM] {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let component = |rng: &mut SeededRng| rng.below(2000) as f32 / 100.0 - 10.0;
    std::array::from_fn(|_| component(rng))
}

/// Far from all else, and told apart by its number.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn beacon(stamp: u32) -> [f32; DIM] {
    [1e4, 1e4, 1e4, 1e4 + (stamp % 1000) as f32]
}

/// An index of the rows that are there, in their order or in another.
fn build(spec: &str, model: &Model, shuffle: Option<&mut SeededRng>) -> Index {
    let mut ids: Vec<u32> =
        (0..).zip(&model.rows).filter(|(_, row)| row.is_some()).map(|(id, _)| id).collect();
    if let Some(rng) = shuffle {
        rng.shuffle(&mut ids);
    }
    let rows = Array2::from_shape_fn((ids.len(), DIM), |(row, column)| {
        model.rows[ids[row] as usize].unwrap()[column]
    });
    let keys = Vocab::from_keys(ids.iter().map(|&id| &model.keys[id as usize])).unwrap();
    let spec: IndexSpec = spec.parse().unwrap();
    spec.build(Vectors::from(&rows).keyed(keys), Metric::L2, &mut Run::seeded(1).threads(1)).unwrap()
}

/// One generation is whole: every answer has a key and a row, which is as near as the answer says.
fn read(live: &Live, stamp: &AtomicU32, rng: &mut SeededRng) {
    let (before, query) = (stamp.load(Ordering::Acquire), vector(rng));
    let now = live.snapshot();
    let found = now.nearest(&query, 10).unwrap();
    assert!(found.is_sorted_by(|a, b| (-a.score, a.id) < (-b.score, b.id)), "{found:?}");
    let keys = AnnIndex::keys(&*now).unwrap().unwrap();
    for answer in &found {
        assert_eq!(keys.key(answer.id), Some(answer.key.as_str()));
        let mut row = [0.0; DIM];
        now.vector_into(answer.id, &mut row).unwrap();
        assert!((Metric::L2.score(&query, &row) - answer.score).abs() < 1e-3, "{answer:?} is at {row:?}");
    }
    // What was written before the search is found by it.
    let found = &live.nearest(&beacon(before), 1).unwrap()[0];
    assert_eq!((found.key.as_str(), found.id), (BEACON, 0));
    let after = stamp.load(Ordering::Acquire);
    let value = (-found.score).sqrt();
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let most = (after + 1 - before) as f32;
    assert!(
        value <= most || after % 1000 < before % 1000,
        "generation {before} was written, found one {value} away"
    );
}

fn soak(spec: &str, operations: u32, seed: u64) {
    let mut rng = SeededRng::stream(seed, "soak", 0);
    let mut model = Model::default();
    model.set(BEACON, Some(beacon(0)));
    (0..150).for_each(|i| {
        model.set(&format!("key {i}"), Some(vector(&mut rng)));
    });
    let live = Live::new(build(spec, &model, None));
    let (stamp, done) = (AtomicU32::new(0), AtomicBool::new(false));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.nf");
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2u64)
            .map(|reader| {
                let (live, stamp, done) = (&live, &stamp, &done);
                scope.spawn(move || {
                    let (mut rng, mut reads) = (SeededRng::stream(seed, "reader", reader), 0u64);
                    while !done.load(Ordering::Relaxed) || reads == 0 {
                        read(live, stamp, &mut rng);
                        reads += 1;
                    }
                    reads
                })
            })
            .collect();
        let compactor = scope.spawn(|| {
            let mut rounds = 0u64;
            while !done.load(Ordering::Relaxed) {
                live.compact(&mut Run::seeded(rounds).threads(1)).unwrap();
                rounds += 1;
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
            rounds
        });
        for step in 0..operations {
            let key = format!("key {}", rng.below(KEYS));
            match rng.below(1000) {
                0..=449 => {
                    let row = vector(&mut rng);
                    assert_eq!(live.upsert(&key, &row).unwrap(), model.set(&key, Some(row)));
                }
                450..=699 => {
                    let there =
                        model.ids.get(&key).is_some_and(|&id| model.rows[id as usize].take().is_some());
                    assert_eq!(live.remove_key(&key).unwrap(), there);
                }
                700..=849 => {
                    let id = rng.below(u32::try_from(model.keys.len()).unwrap()).max(1);
                    let row = vector(&mut rng);
                    live.update(id, &row).unwrap();
                    model.rows[id as usize] = Some(row);
                }
                850..=899 => {
                    let id = rng.below(u32::try_from(model.keys.len()).unwrap()).max(1);
                    assert_eq!(live.remove(id).unwrap(), model.rows[id as usize].take().is_some());
                }
                900..=929 => {
                    let row = vector(&mut rng);
                    let changes = live.change(|index| {
                        for i in 0..5 {
                            index.upsert(&format!("key {}", i * 70), &row)?;
                        }
                        index.remove_key("key 70")
                    });
                    changes.unwrap();
                    (0..5).for_each(|i| {
                        model.set(&format!("key {}", i * 70), Some(row));
                    });
                    model.set("key 70", None);
                }
                930..=949 => {
                    let failed: Result<(), ChangeError> = live.change(|index| {
                        index.upsert("never", &[0.0; DIM])?;
                        index.update(u32::MAX, &[0.0; DIM])
                    });
                    assert!(failed.is_err());
                }
                950..=959 => {
                    let shuffle = rng.below(2) == 0;
                    live.replace(build(spec, &model, shuffle.then_some(&mut rng))).unwrap();
                }
                960..=969 => {
                    live.save(&path).unwrap();
                    let opened = Changed::open_verified(&path).unwrap();
                    model.check(&opened, &mut rng);
                }
                _ => {
                    let next = stamp.load(Ordering::Relaxed) + 1;
                    live.upsert(BEACON, &beacon(next)).unwrap();
                    model.set(BEACON, Some(beacon(next)));
                    stamp.store(next, Ordering::Release);
                }
            }
            if step % 40 == 0 {
                model.check(&live.snapshot(), &mut rng);
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(compactor.join().unwrap() > 0);
        assert!(readers.into_iter().all(|reader| reader.join().unwrap() > 0));
    });
    model.check(&live.snapshot(), &mut rng);
    live.compact(&mut Run::seeded(1)).unwrap();
    model.check(&live.snapshot(), &mut rng);
}

#[test]
fn a_few_thousand_operations() {
    for (seed, spec) in (0..).zip(["Flat", "HNSW8", "IVF8,Flat", "RPForest4"]) {
        soak(spec, 1000, seed);
    }
}

#[test]
#[ignore = "takes minutes; in release: cargo test --release -p ann --test soak -- --ignored"]
fn a_hundred_thousand_operations() {
    for (seed, spec) in (10..).zip(["Flat", "HNSW8", "IVF8,Flat", "RPForest4"]) {
        soak(spec, 25_000, seed);
    }
}
