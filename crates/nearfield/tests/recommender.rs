//! The `Recommender` with parts of this file's own: what it checks, masks and answers.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::error::Error;

use embed_core::{Bitmap, EmbedError, SearchError, Space};
use ndarray::{Array2, array};
use nearfield::embed_core::{self, Neighbor, TopK};
use nearfield::prelude::*;
use nearfield::{RecommendError, VectorRetriever};

/// The mean of the history's vectors.
#[derive(Debug, Clone)]
struct Mean {
    vectors: Array2<f32>,
    space: Space,
}

impl Embedder<[ItemId]> for Mean {
    fn dim(&self) -> usize {
        self.vectors.ncols()
    }
    fn space(&self) -> Space {
        self.space
    }
    fn metric(&self) -> Option<Metric> {
        None
    }
    fn embed_into(&self, history: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
        out.fill(0.0);
        for &item in history {
            let row = self.vectors.row(item as usize);
            out.iter_mut().zip(row).for_each(|(o, x)| *o += x / history.len() as f32);
        }
        Ok(())
    }
}

/// Looks at every row.
#[derive(Debug, Clone)]
struct Scan {
    vectors: Array2<f32>,
    space: Space,
}

impl AnnIndex for Scan {
    fn dim(&self) -> usize {
        self.vectors.ncols()
    }
    fn len(&self) -> usize {
        self.vectors.nrows()
    }
    fn metric(&self) -> Metric {
        Metric::InnerProduct
    }
    fn space(&self) -> Space {
        self.space
    }
    fn vector_into(&self, id: ItemId, out: &mut [f32]) -> Result<(), SearchError> {
        self.vectors.row(id as usize).iter().zip(out).for_each(|(x, o)| *o = *x);
        Ok(())
    }
    fn search_into(
        &self,
        query: &[f32],
        request: &SearchRequest<'_>,
        out: &mut Vec<Neighbor>,
    ) -> Result<(), SearchError> {
        request.check(query, self.dim())?;
        let embed_core::Stop::K(k) = request.stop else { return Ok(()) };
        let mut top = TopK::new(k);
        for (id, row) in (0..).zip(self.vectors.rows()) {
            if request.filter.allows(id) {
                top.push(id, row.iter().zip(query).map(|(x, y)| x * y).sum());
            }
        }
        out.clear();
        top.drain_into(out);
        Ok(())
    }
}

fn items() -> Array2<f32> {
    array![[1.0, 0.0], [0.9, 0.1], [0.7, 0.2], [0.0, 1.0]]
}

fn vocab() -> Vocab {
    Vocab::from_keys(["tent", "stove", "rope", "novel"]).unwrap()
}

fn recommender() -> Recommender<VectorRetriever<Mean, Scan>> {
    let space = Space::of(items().view());
    Recommender::with_keys(Mean { vectors: items(), space }, Scan { vectors: items(), space }, vocab())
        .unwrap()
}

fn keys(found: &[Recommendation]) -> Vec<String> {
    found.iter().map(|r| r.key.clone()).collect()
}

#[test]
fn what_is_in_the_history_is_not_recommended_again() {
    let recommender = recommender();
    assert_eq!(keys(&recommender.recommend(&[0, 0], 2).unwrap()), ["stove", "rope"]);
    assert_eq!(keys(&recommender.recommend_keys(&["stove", "tent"], 9).unwrap()), ["rope", "novel"]);
    let keep = Options { keep_seen: true, ..Options::default() };
    assert_eq!(keys(&recommender.recommend_with(&[0], 2, &keep).unwrap()), ["tent", "stove"]);
    let best = &recommender.recommend(&[0], 1).unwrap()[0];
    assert_eq!((best.id, best.key.as_str(), best.score), (1, "stove", 0.9));
    assert!(recommender.recommend(&[0], 0).unwrap().is_empty());
}

#[test]
fn filters_hold_beside_what_is_seen() {
    let recommender = recommender();
    let with = |filter| {
        let options = Options { filter, ..Options::default() };
        keys(&recommender.recommend_with(&[0], 9, &options).unwrap())
    };
    assert_eq!(with(Filter::Deny(&[1])), ["rope", "novel"]);
    assert_eq!(with(Filter::Allow(&[0, 1])), ["stove"]);
    assert_eq!(with(Filter::Bitmap(Bitmap(&[0b1001]))), ["novel"]);
    assert_eq!(with(Filter::Where(&|id| id != 3)), ["stove", "rope"]);
    let options = Options { filter: Filter::Deny(&[3, 1]), ..Options::default() };
    let error = recommender.recommend_with(&[0], 9, &options).unwrap_err();
    assert!(matches!(error, RecommendError::Search(SearchError::UnsortedFilter { .. })), "{error}");
}

#[test]
fn neighbours_of_an_item_are_without_it() {
    let recommender = recommender();
    assert_eq!(keys(&recommender.similar("tent", 2).unwrap()), ["stove", "rope"]);
    assert_eq!(recommender.similar("novel", 99).unwrap().len(), 3);
    let error = recommender.similar("anvil", 2).unwrap_err();
    assert_eq!(error.to_string(), "no item has the key \"anvil\"");
}

#[test]
fn a_batch_answers_like_one_by_one() {
    let recommender = recommender();
    let histories: [&[ItemId]; 4] = [&[0], &[3], &[1, 2], &[0, 1, 2, 3]];
    for threads in [1, 2, 7] {
        let parallelism = Run::default().threads(threads).parallelism;
        let even = |id: ItemId| id.is_multiple_of(2);
        for filter in [Filter::All, Filter::Where(&even)] {
            let options = Options { filter, ..Options::default() };
            let batch = recommender.recommend_batch(&histories, 3, &options, parallelism).unwrap();
            for (history, found) in histories.iter().zip(batch) {
                assert_eq!(found, recommender.recommend_with(history, 3, &options).unwrap());
            }
        }
    }
    let none = recommender.recommend_batch(&[], 3, &Options::default(), Parallelism::All).unwrap();
    assert!(none.is_empty());
    let error =
        recommender.recommend_batch(&[&[0], &[]], 3, &Options::default(), Parallelism::All).unwrap_err();
    assert_eq!(error.to_string(), "history 1 of the batch");
    assert_eq!(
        error.source().unwrap().to_string(),
        "the history is empty: there is nothing to recommend from"
    );
}

#[test]
fn bad_histories_are_named() {
    let recommender = recommender();
    assert!(matches!(recommender.recommend(&[], 3), Err(RecommendError::EmptyHistory)));
    let error = recommender.recommend(&[0, 7], 3).unwrap_err();
    assert_eq!(error.to_string(), "item 7 is not among the 4 items of the catalogue");
    let error = recommender.recommend_keys(&["tent", "anvil"], 3).unwrap_err();
    assert!(matches!(error, RecommendError::UnknownKey { key } if key == "anvil"));
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let (space, other) = (Space::from_id(7), Space::from_id(8));
    let mean = |space| Mean { vectors: items(), space };
    let scan = |space| Scan { vectors: items(), space };
    let error = Recommender::with_keys(mean(space), scan(other), vocab()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the embedder's vectors are to be scored in space 0000000000000007, the index holds space 0000000000000008"
    );
    assert!(Recommender::with_keys(mean(space), scan(Space::ANY), vocab()).is_ok());
    let wide = Mean { vectors: Array2::zeros((4, 3)), space };
    let error = Recommender::with_keys(wide, scan(space), vocab()).unwrap_err();
    assert_eq!(error.to_string(), "the embedder gives 3 components, the index holds 2");
    let error = Recommender::with_keys(mean(space), scan(space), Vocab::new()).unwrap_err();
    assert_eq!(error.to_string(), "0 keys for an index of 4 items");
    let error = Recommender::new(mean(space), scan(space)).unwrap_err();
    assert!(matches!(error, RecommendError::NoKeys), "{error}");
    let embeddings = Embeddings::new(vocab(), items()).unwrap();
    let user =
        Pooled::new(&embeddings, embeddings.space(), Pooling::default()).scored_by(Metric::InnerProduct);
    let index =
        |embeddings: &Embeddings, metric| Flat::build(embeddings, metric, &mut Run::default()).unwrap();
    let error = Recommender::new(&user, index(&embeddings, Metric::Cosine)).unwrap_err();
    assert_eq!(error.to_string(), "the vectors are scored by ip, the index by cosine");
    assert!(Recommender::new(&user, index(&embeddings, Metric::InnerProduct)).is_ok());
    let other = Vocab::from_keys(["tent", "rope", "stove", "novel"]).unwrap();
    let moved = Embeddings::in_space(other, items(), embeddings.space()).unwrap();
    let error = Recommender::new(&user, index(&moved, Metric::InnerProduct)).unwrap_err();
    assert!(
        error.to_string().contains("item 1 is \"stove\" in the embedder, \"rope\" on the other side"),
        "{error}"
    );
}

#[test]
fn any_input_has_its_embedder() {
    struct ByName;
    impl Embedder<str> for ByName {
        fn dim(&self) -> usize {
            2
        }
        fn space(&self) -> Space {
            Space::ANY
        }
        fn metric(&self) -> Option<Metric> {
            None
        }
        fn embed_into(&self, name: &str, out: &mut [f32]) -> Result<(), EmbedError> {
            out.copy_from_slice(if name == "climber" { &[1.0, 0.1] } else { &[0.0, 1.0] });
            Ok(())
        }
    }
    let index = Scan { vectors: items(), space: Space::ANY };
    let recommender = Recommender::with_keys(ByName, index, vocab()).unwrap();
    let options = Options::default();
    assert_eq!(keys(&recommender.recommend_for("climber", &[0], 1, &options).unwrap()), ["stove"]);
    assert_eq!(keys(&recommender.recommend_for("reader", &[], 1, &options).unwrap()), ["novel"]);
}

#[test]
fn a_tuned_recommender_looks_as_hard_as_a_recall_takes() {
    let vectors = nearfield::embed_core::testkit::clustered(3000, 8, 20, 1);
    let keys = Vocab::from_keys((0..3000).map(|i| i.to_string())).unwrap();
    let mut run = Run::seeded(1);
    let index = "IVF50,Flat".parse::<IndexSpec>().unwrap();
    let index = index.build(&vectors, Metric::InnerProduct, &mut run).unwrap();
    let users = Mean { vectors, space: Space::ANY };
    let mut recommender = Recommender::with_keys(users, index, keys).unwrap();
    let options = Options { effort: Effort::Recall(0.9), ..Options::default() };
    let error = recommender.recommend_with(&[1, 2], 10, &options).unwrap_err();
    assert!(matches!(error, RecommendError::Search(SearchError::Untuned { .. })), "{error}");
    let histories: Vec<Vec<ItemId>> = (0..200).map(|u| vec![u, 7 * u, 2999 - u]).collect();
    let histories: Vec<&[ItemId]> = histories.iter().map(Vec::as_slice).collect();
    let point = recommender.tune(&histories, &TuneParams::recall(0.9), &mut run).unwrap();
    assert!(point.recall >= 0.9 && recommender.index().efforts().contains(&point), "{point:?}");
    let found = recommender.recommend_batch(&histories, 10, &options, Parallelism::All).unwrap();
    assert!(found.iter().zip(&histories).all(|(f, h)| f.len() == 10 && f.iter().all(|r| !h.contains(&r.id))));
    let error = recommender.tune(&[&[1], &[]], &TuneParams::default(), &mut run).unwrap_err();
    assert!(matches!(error, RecommendError::InBatch { position: 1, .. }), "{error}");
}
