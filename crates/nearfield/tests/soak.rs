//! A service under load: readers that recommend all the time while one writer changes a keyed index by key, compacts it
//! beside the changes, saves it, opens it and swaps it in. No answer has a wrong key, none is missing.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ndarray::Array2;
use nearfield::embed_core::{EmbedError, Space};
use nearfield::prelude::*;
use nearfield::{Options, VectorRetriever};

const DIM: usize = 6;
/// Keys that come and go.
const NAMES: u32 = 300;
/// Items that stay as they are from beginning to end, far from all others and from each other.
const FIXED: u32 = 20;
const K: usize = 10;

/// The input is the query.
#[derive(Debug, Clone, Copy)]
struct AsItIs;

impl Embedder<[f32]> for AsItIs {
    fn dim(&self) -> usize {
        DIM
    }
    fn space(&self) -> Space {
        Space::ANY
    }
    fn metric(&self) -> Option<Metric> {
        Some(Metric::L2)
    }
    fn embed_into(&self, query: &[f32], out: &mut [f32]) -> Result<(), EmbedError> {
        out.copy_from_slice(query);
        Ok(())
    }
}

type Service = ConcurrentRecommender<VectorRetriever<AsItIs, Arc<Live>>>;

fn fixed(i: u32) -> Vec<f32> {
    let mut vector = vec![0.0; DIM];
    vector[i as usize % DIM] = 100.0 * (1 + i) as f32;
    vector
}

fn fixed_key(i: u32) -> String {
    format!("fixed-{i}")
}

fn random(rng: &mut SeededRng) -> Vec<f32> {
    (0..DIM).map(|_| 2.0 * rng.unit_f32() - 1.0).collect()
}

/// What a plain map of keys would answer.
fn naive(alive: &BTreeMap<String, Vec<f32>>, query: &[f32]) -> Vec<(String, f32)> {
    let mut all: Vec<(String, f32)> =
        alive.iter().map(|(key, vector)| (key.clone(), Metric::L2.score(query, vector))).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.truncate(K);
    all
}

/// Asks until it is told that all is done; every answer is held to what never changes.
fn reader(service: &Service, names: &Mutex<HashMap<ItemId, String>>, done: &AtomicBool, seed: u64) -> u64 {
    let mut rng = SeededRng::stream(seed, "reader", 0);
    let mut asked = 0;
    while !done.load(Ordering::Relaxed) || asked == 0 {
        let generation = service.snapshot();
        let i = rng.below(FIXED);
        let found = generation.recommend_for(&fixed(i)[..], &[], K, &Options::default()).unwrap();
        assert_eq!(
            (found[0].key.as_str(), found[0].score),
            (fixed_key(i).as_str(), 0.0),
            "it was never touched"
        );
        assert_eq!(found.len(), K, "there are always more than {K} items");
        let mut names = names.lock().unwrap();
        for (at, item) in found.iter().enumerate() {
            let name = names.entry(item.id).or_insert_with(|| item.key.clone());
            assert_eq!(*name, item.key, "id {} had another key", item.id);
            assert!(found[..at].iter().all(|other| other.key != item.key), "{} comes twice", item.key);
        }
        asked += 1;
    }
    asked
}

fn soak(spec: &str, operations: u32, exact: bool) {
    let mut alive: BTreeMap<String, Vec<f32>> = (0..FIXED).map(|i| (fixed_key(i), fixed(i))).collect();
    let mut rng = SeededRng::stream(1, "writer", 0);
    for i in 0..NAMES / 2 {
        alive.insert(format!("sku-{i}"), random(&mut rng));
    }
    let rows: Vec<f32> = alive.values().flatten().copied().collect();
    let vectors = Array2::from_shape_vec((alive.len(), DIM), rows).unwrap();
    let items = Embeddings::in_space(Vocab::from_keys(alive.keys()).unwrap(), vectors, Space::ANY).unwrap();
    let index = spec.parse::<IndexSpec>().unwrap().build(&items, Metric::L2, &mut Run::seeded(1)).unwrap();
    let mut live = Arc::new(Live::new(index));
    let over = |live: &Arc<Live>| Recommender::new::<[f32]>(AsItIs, Arc::clone(live)).unwrap();
    let service = Service::new(over(&live));
    let names = Mutex::new(HashMap::new());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.nf");
    let (done, compactions) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|seed| {
                let (service, names, done) = (&service, &names, &done);
                scope.spawn(move || reader(service, names, done, seed))
            })
            .collect();
        for step in 0..operations {
            let key = format!("sku-{}", rng.below(NAMES));
            match rng.below(100) {
                0..50 => {
                    let vector = random(&mut rng);
                    let id = live.upsert(&key, &vector).unwrap();
                    let mut names = names.lock().unwrap();
                    assert_eq!(
                        *names.entry(id).or_insert_with(|| key.clone()),
                        key,
                        "id {id} had another key"
                    );
                    alive.insert(key, vector);
                }
                50..80 => assert_eq!(live.remove_key(&key).unwrap(), alive.remove(&key).is_some(), "{key}"),
                _ => {
                    let query = random(&mut rng);
                    let found =
                        service.snapshot().recommend_for(&query[..], &[], K, &Options::default()).unwrap();
                    assert!(found.iter().all(|item| alive.contains_key(&item.key)), "step {step}: {found:?}");
                    if exact {
                        let got: Vec<(String, f32)> = found.into_iter().map(|r| (r.key, r.score)).collect();
                        assert_eq!(got, naive(&alive, &query), "step {step}");
                    }
                }
            }
            if step % 2_000 == 999 {
                let (beside, compactions) = (Arc::clone(&live), &compactions);
                scope.spawn(move || {
                    beside.compact(&mut Run::seeded(u64::from(step)).threads(1)).unwrap();
                    compactions.fetch_add(1, Ordering::Relaxed);
                });
            }
            if step % 10_000 == 9_500 {
                live.save(&path).unwrap();
                live = Arc::new(Live::open(&path).unwrap());
                service.replace(over(&live));
                assert_eq!(live.len(), alive.len(), "step {step}");
            }
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().unwrap() > 0);
        }
    });
    assert!(compactions.into_inner() > 0);
    live.compact(&mut Run::seeded(3)).unwrap();
    let keys = live.keys().unwrap().unwrap();
    for (key, vector) in &alive {
        let mut row = vec![0.0; DIM];
        live.vector_into(keys.get(key).unwrap(), &mut row).unwrap();
        assert_eq!(&row, vector, "{key}");
    }
    assert_eq!(live.len(), alive.len());
}

#[test]
fn a_hundred_thousand_operations_on_an_exact_index() {
    soak("Flat", 100_000, true);
}

#[test]
fn operations_on_a_graph() {
    soak("HNSW8", 15_000, false);
}
