//! A catalogue that changes by key while it is asked.

use std::error::Error;
use std::sync::Arc;

use ann::{Hnsw, HnswParams, Index, Live};
use embed_core::testkit::clustered;
use embed_core::{EmbedError, Embedder, Embeddings, Metric, Run, Space, Vocab};
use nearfield::{ConcurrentRecommender, Options, Recommender};

const DIM: usize = 8;

/// The query is its own vector.
struct Query;

impl Embedder<[f32]> for Query {
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

pub fn run() -> Result<(), Box<dyn Error>> {
    let keys = Vocab::from_keys((0..500).map(|i| format!("sku-{i}")))?;
    let items = Embeddings::new(keys, clustered(500, DIM, 10, 1))?;
    let index = Hnsw::build(&items, Metric::L2, &HnswParams::with_m(8), &mut Run::seeded(1))?;
    let shop = Arc::new(Live::new(index.into()));
    let service = ConcurrentRecommender::new(Recommender::new(Query, Arc::clone(&shop))?);
    let best = |query: &[f32]| -> Result<String, Box<dyn Error>> {
        Ok(service.snapshot().recommend_for(query, &[], 1, &Options::default())?[0].key.clone())
    };
    let (far, farther) = ([50.0; DIM], [90.0; DIM]);

    // Five copies of a new product, asked for by key at once.
    shop.change(|index| {
        use embed_core::AnnIndexMut;
        (0..5).try_for_each(|i| index.upsert(&format!("new-{i}"), &far).map(|_| ()))
    })?;
    let five = service.snapshot().recommend_for(&far[..], &[], 5, &Options::default())?;
    assert!(five.iter().all(|item| item.key.starts_with("new-")), "{five:?}");
    assert!(shop.remove_key("new-0")? && !shop.remove_key("new-0")? && !shop.remove_key("never")?);

    // A rebuild beside changes: what came meanwhile is not lost, and no id moves.
    std::thread::scope(|scope| -> Result<(), Box<dyn Error>> {
        let rebuild = scope.spawn(|| shop.compact(&mut Run::seeded(2)));
        for i in 0..50 {
            shop.upsert(&format!("meanwhile-{i}"), &[90.0 + i as f32; DIM])?;
            shop.remove_key(&format!("sku-{i}"))?;
            assert_ne!(best(&far)?, "new-0");
        }
        rebuild.join().map_err(|_| "the rebuild panicked")??;
        Ok(())
    })?;
    assert_eq!(best(&farther)?, "meanwhile-0");

    // Saved with what is pending, opened, swapped in with its keys.
    let path = std::env::temp_dir().join(format!("nearfield-outside-{}.nf", std::process::id()));
    shop.upsert("late", &[300.0; DIM])?;
    shop.save(&path)?;
    let plain = Index::open(&path);
    let opened = Live::open(&path)?;
    std::fs::remove_file(&path)?;
    assert!(plain.is_err(), "an index without its changes is not given silently");
    service.replace(Recommender::new(Query, Arc::new(opened))?);
    assert_eq!(best(&farther)?, "meanwhile-0");
    let similar = service.snapshot();
    let similar = similar.similar("meanwhile-3", 2)?;
    assert!(similar.iter().all(|item| item.key.starts_with("meanwhile-")), "{similar:?}");
    Ok(())
}
