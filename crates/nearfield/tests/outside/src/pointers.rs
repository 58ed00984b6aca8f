//! Parts that are chosen at run time: boxes, `Arc`s and references go wherever the part goes.

use std::error::Error;
use std::sync::Arc;

use ann::{Changed, Flat, Index};
use embed_core::testkit::clustered;
use embed_core::{
    AnnIndex, AnnIndexMut, Embedder, Embeddings, ItemId, Metric, NegativeContext, NegativeSampler, Run, Scorer,
    SeededRng, SequenceSource, Sequences, Vocab,
};
use evalmetrics::PopularityScorer;
use nearfield::{Recommender, Retriever};
use negsample::{Curriculum, ExcludePositives, Fixed, Mixture, RefreshableSampler, Schedule, Uniform};
use seqemb::{Params, Pooled, Pooling, SkipGram};

pub fn run() -> Result<(), Box<dyn Error>> {
    let keys = Arc::new(Vocab::from_keys((0..40).map(|i| format!("item-{i}")))?);
    let items = Embeddings::new(keys.clone(), clustered(40, 8, 4, 1))?;
    let index = || Flat::build(&items, Metric::Cosine, &mut Run::default());
    let pooled = || Pooled::new(&items, items.space(), Pooling::default()).scored_by(Metric::Cosine);

    // Embedders and indexes.
    let expected = Recommender::new(pooled(), index()?)?.recommend(&[1, 2], 5)?;
    let boxed: Box<dyn AnnIndex> = Box::new(index()?);
    let user: Box<dyn Embedder<[ItemId]>> = Box::new(pooled());
    assert_eq!(Recommender::new(user, boxed)?.recommend(&[1, 2], 5)?, expected);
    let shared: Arc<dyn AnnIndex> = Arc::new(index()?);
    let user: Arc<dyn Embedder<[ItemId]>> = Arc::new(pooled());
    assert_eq!(Recommender::new(user.clone(), shared.clone())?.recommend(&[1, 2], 5)?, expected);
    let (plain_user, plain) = (pooled(), index()?);
    assert_eq!(Recommender::new(&plain_user, &plain)?.recommend(&[1, 2], 5)?, expected);
    let mut changing: Box<dyn AnnIndexMut> = Box::new(Changed::from(Index::from(index()?)));
    changing.upsert("item-new", items.row(1).ok_or("a row")?)?;
    assert_eq!(Recommender::new(&plain_user, &changing)?.recommend(&[1], 1)?[0].key, "item-new");
    fn update(mut index: impl AnnIndexMut) -> Result<bool, Box<dyn Error>> {
        Ok(index.remove_key("item-new")?)
    }
    assert!(update(&mut *changing)? && !update(changing)?);

    // Retrievers: vectors or scores, chosen at run time.
    let counts: Vec<u64> = (0..40).rev().collect();
    let scorer: Arc<dyn Scorer<[ItemId]>> = Arc::new(PopularityScorer::new(&counts));
    let retrievers: [Box<dyn Retriever<[ItemId]>>; 2] = [
        Box::new(nearfield::VectorRetriever::new(user, shared)?),
        Box::new(nearfield::ScoringRetriever::with_keys(scorer, keys.clone())?),
    ];
    let first = |retriever: &dyn Retriever<[ItemId]>| -> Result<String, Box<dyn Error>> {
        Ok(Recommender::over(retriever).recommend(&[1, 2], 1)?[0].key.clone())
    };
    assert_eq!(first(&*retrievers[0])?, expected[0].key);
    assert_eq!(first(&*retrievers[1])?, "item-0");

    // Samplers.
    let uniform: Box<dyn NegativeSampler> = Box::new(Uniform::new(40)?);
    let without = ExcludePositives::new(uniform);
    let mut drawn = [0; 20];
    let cx = NegativeContext::draws(20).positives(&[1, 2, 3]);
    assert_eq!(without.sample_into(&cx, &mut SeededRng::new(1), &mut drawn)?, 20);
    assert!(drawn.iter().all(|item| !(1..4).contains(item)));
    let hard: Box<dyn RefreshableSampler> = Box::new(Fixed(Arc::new(without) as Arc<dyn NegativeSampler>));
    let curriculum = Curriculum::new(Uniform::new(40)?, hard, Schedule::default())?;
    let mixed = Mixture::new(Box::new(curriculum) as Box<dyn RefreshableSampler>, 1.0)?;
    let shared: Arc<dyn NegativeSampler> = Arc::new(mixed);
    assert_eq!((&shared).n_items(), 40);

    // Sources, into a trainer.
    let sequences = Sequences::from_rows(40, [[0, 1, 2], [3, 4, 5], [2, 1, 0]].repeat(20))?;
    let params = Params { dim: 8, epochs: 2, ..Params::default() };
    let of = |source: &dyn SequenceSource| SkipGram::fit(&params, source, keys.clone(), &mut Run::seeded(1));
    let expected = of(&sequences)?;
    let boxed: Box<dyn SequenceSource> = Box::new(sequences.clone());
    let shared: Arc<dyn SequenceSource> = Arc::new(sequences.clone());
    assert!(of(&boxed)? == expected && of(&shared)? == expected && of(&&sequences)? == expected);
    Ok(())
}
