//! Policies, bad input, threads, tiles.

use std::ops::Range;

use embed_core::{
    Csr, EmbedError, Embedder, Embeddings, Flow, ItemId, Metric, Parallelism, Progress, RowMask, Run,
    ScoreError, SeededRng, Space, Vocab,
};
use evalmetrics::{
    ColdUsers, EmbeddingScorer, EmptyUsers, EvalError, FnScorer, FullRanking, HistoryScorer, Measure,
    PopularityScorer, Scorer, SeenItems,
};
use ndarray::{Array2, array};

fn run() -> Run<'static> {
    Run::default()
}

fn random(rows: usize, dim: usize, seed: u64) -> Array2<f32> {
    let mut rng = SeededRng::new(seed);
    Array2::from_shape_fn((rows, dim), |_| rng.unit_f32() - 0.5)
}

fn random_rows(rows: usize, most: u32, n_items: u32, seed: u64) -> Csr {
    let mut rng = SeededRng::new(seed);
    Csr::from_rows(
        (0..rows).map(|_| (0..rng.below(most + 1)).map(|_| rng.below(n_items)).collect::<Vec<_>>()),
    )
}

#[test]
fn popularity_by_hand() {
    // Order 0 1 2 3. User 0 has 0 and wants 2: rank 2. User 1 has nothing and wants 0 and 3: ranks 1 and 4.
    let popularity = PopularityScorer::new(&[9, 5, 4, 1]);
    let (seen, truth) = (Csr::from_rows([vec![0], vec![]]), Csr::from_rows([vec![2], vec![3, 0]]));
    let report = FullRanking::at([1, 2, 4]).evaluate(&popularity, &seen, &truth, &mut run()).unwrap();
    let at = |name, k| report.get(name, k).unwrap();
    assert_eq!([at("recall", 1), at("recall", 2), at("recall", 4)], [0.25, 0.75, 1.0]);
    assert_eq!([at("hr", 1), at("hr", 2)], [0.5, 1.0]);
    assert_eq!([at("precision", 1), at("precision", 2), at("precision", 4)], [0.5, 0.5, 0.375]);
    assert_eq!([at("mrr", 1), at("mrr", 2)], [0.5, 0.75]);
    assert_eq!(at("map", 4), (0.5 + (1.0 + 0.5) / 2.0) / 2.0);
    assert_eq!([at("coverage", 1), at("coverage", 2), at("coverage", 4)], [0.5, 0.75, 1.0]);
    let second = (1.0 + 1.0 / 5f64.log2()) / (1.0 + 1.0 / 3f64.log2());
    assert!((at("ndcg", 4) - (1.0 / 3f64.log2() + second) / 2.0).abs() < 1e-15);
    assert_eq!(report.get("recall", 3), None);
    let names: Vec<String> = report.iter().map(|(name, _)| name).collect();
    assert_eq!(names[..4], ["recall@1", "recall@2", "recall@4", "ndcg@1"]);
    assert_eq!(names.len(), 21);
}

#[test]
fn positives_that_cannot_be_found_stay_in_the_denominator() {
    let truth = Csr::from_rows([vec![0, 1, 7]]); // 0 is seen, 7 is not in the catalogue
    let seen = Csr::from_rows([vec![0]]);
    let scorer = PopularityScorer::new(&[9, 5]);
    let masked = FullRanking::at([5]).evaluate(&scorer, &seen, &truth, &mut run()).unwrap();
    assert_eq!((masked.get("recall", 5), masked.n_unreachable, masked.n_positives), (Some(1.0 / 3.0), 2, 3));
    let settings = FullRanking { seen_items: SeenItems::Keep, ..FullRanking::at([5]) };
    let kept = settings.evaluate(&scorer, &seen, &truth, &mut run()).unwrap();
    assert_eq!((kept.get("recall", 5), kept.n_unreachable), (Some(2.0 / 3.0), 1));
    let nothing_seen = Csr::from_rows::<&[u32]>([]);
    assert_eq!(settings.evaluate(&scorer, &nothing_seen, &truth, &mut run()).unwrap(), kept);
}

#[test]
fn users_without_positives_follow_the_policy() {
    let truth = Csr::from_rows([vec![0], vec![], vec![1]]);
    let seen = Csr::from_rows([vec![], vec![], vec![]] as [Vec<u32>; 3]);
    let scorer = PopularityScorer::new(&[2, 1]);
    let mean = |empty_users| {
        let settings = FullRanking { empty_users, ..FullRanking::at([1]) };
        let report = settings.evaluate(&scorer, &seen, &truth, &mut run()).unwrap();
        (report.get("recall", 1).unwrap(), report.n_evaluated, report.n_empty)
    };
    assert_eq!(mean(EmptyUsers::Skip), (0.5, 2, 1));
    assert_eq!(mean(EmptyUsers::CountAsZero), (1.0 / 3.0, 3, 1));
    let nobody = Csr::from_rows([vec![], vec![], vec![]] as [Vec<u32>; 3]);
    let error = FullRanking::default().evaluate(&scorer, &seen, &nobody, &mut run()).unwrap_err();
    assert_eq!(error.to_string(), "none of the 3 users has a positive to find");
}

#[test]
fn threads_and_tiles_do_not_change_a_bit() {
    struct Tiled<'s>(EmbeddingScorer<'s>, usize);
    impl Scorer<u32> for Tiled<'_> {
        fn n_items(&self) -> usize {
            self.0.n_items()
        }
        fn scores_into(
            &self,
            users: &[&u32],
            items: Range<usize>,
            out: &mut [f32],
        ) -> Result<(), ScoreError> {
            // Rounded, so that there are ties, and no product depends on its tile.
            self.0.scores_into(users, items, out)?;
            out.iter_mut().for_each(|score| *score = (*score * 8.0).round());
            Ok(())
        }
        fn items_at_once(&self) -> usize {
            self.1
        }
    }
    let (users, items) = (random(700, 8, 1), random(900, 8, 2));
    let (seen, truth) = (random_rows(700, 30, 900, 3), random_rows(700, 9, 950, 4));
    let settings =
        FullRanking { per_user: true, measures: Measure::ALL.to_vec(), ..FullRanking::at([1, 10, 50]) };
    let evaluate = |tile, threads| {
        let scorer = EmbeddingScorer::new(users.view(), items.view(), Metric::InnerProduct).unwrap();
        settings.evaluate(&Tiled(scorer, tile), &seen, &truth, &mut Run::default().threads(threads)).unwrap()
    };
    let one = evaluate(2048, 1);
    assert!(one.n_empty > 10 && one.get("recall", 50).unwrap() > 0.0);
    for (tile, threads) in [(1024, 2), (2048, 7), (64, 2), (1, 1), (usize::MAX, 2)] {
        assert_eq!(evaluate(tile, threads), one, "tile {tile}, {threads} threads");
    }
}

#[test]
fn every_metric_agrees_with_its_definition() {
    let (users, items) = (random(40, 5, 5), random(300, 5, 6));
    let truth = random_rows(40, 4, 300, 7);
    let seen = random_rows(40, 20, 300, 8);
    for metric in Metric::ALL {
        let scorer = EmbeddingScorer::new(users.view(), items.view(), metric).unwrap();
        let definition = FnScorer::new(300, |user, item| {
            let (x, y) = (users.row(user as usize), items.row(item as usize));
            metric.score(x.as_slice().unwrap(), y.as_slice().unwrap())
        });
        let fast = FullRanking::at([10]).evaluate(&scorer, &seen, &truth, &mut run()).unwrap();
        let slow = FullRanking::at([10]).evaluate(&definition, &seen, &truth, &mut run()).unwrap();
        for ((name, a), (_, b)) in fast.iter().zip(slow.iter()) {
            assert!((a - b).abs() < 1e-12, "{metric} {name}: {a} {b}");
        }
    }
}

#[test]
fn bad_scores_are_named() {
    let truth = Csr::from_rows([vec![0], vec![1]]);
    let seen = Csr::from_rows([vec![2], vec![]]);
    for bad in [f32::NAN, f32::INFINITY] {
        let scorer =
            FnScorer::new(2000, |user, item| if (user, item) == (1, 1500) { bad } else { item as f32 });
        let error = FullRanking::default().evaluate(&scorer, &seen, &truth, &mut run()).unwrap_err();
        assert!(matches!(error, EvalError::BadScore { user: 1, item: 1500, .. }), "{error}");
    }
    let never = FnScorer::new(3, |_, item| if item == 0 { f32::NEG_INFINITY } else { 1.0 });
    let report = FullRanking::at([3]).evaluate(&never, &seen, &truth, &mut run()).unwrap();
    assert_eq!((report.get("recall", 3), report.n_unreachable), (Some(0.5), 1));
    assert_eq!(report.get("coverage", 3), Some(2.0 / 3.0));
}

#[test]
fn bad_settings_and_shapes_are_refused() {
    let scorer = PopularityScorer::new(&[2, 1]);
    let rows = Csr::from_rows([vec![0]]);
    let with = |settings: FullRanking| settings.evaluate(&scorer, &rows, &rows, &mut run()).unwrap_err();
    assert!(matches!(with(FullRanking::at([])), EvalError::NoCutoffs));
    assert!(matches!(with(FullRanking::at([3, 0])), EvalError::ZeroCutoff));
    assert!(matches!(with(FullRanking::at([3, 4, 3])), EvalError::RepeatedCutoff { cutoff: 3 }));
    let measures = |measures| FullRanking { measures, ..FullRanking::default() };
    assert!(matches!(with(measures(vec![])), EvalError::NoMeasures));
    let twice = measures(vec![Measure::Ndcg, Measure::Ndcg]);
    assert!(matches!(with(twice), EvalError::RepeatedMeasure { measure: Measure::Ndcg }));
    let evaluate = |scorer: &dyn Scorer<u32>, seen: &Csr| {
        FullRanking::default().evaluate(scorer, seen, &rows, &mut run())
    };
    let two = Csr::from_rows([vec![0], vec![]]);
    assert!(matches!(evaluate(&scorer, &two), Err(EvalError::Users { expected: 1, got: 2, .. })));
    assert!(matches!(evaluate(&PopularityScorer::new(&[]), &rows), Err(EvalError::NoItems)));
    let endless = FnScorer::new(usize::MAX, |_, _| 0.0);
    assert!(matches!(evaluate(&endless, &rows), Err(EvalError::TooManyItems { .. })));
    let users =
        EmbeddingScorer::new(Array2::zeros((0, 2)), Array2::zeros((3, 2)), Metric::InnerProduct).unwrap();
    let unknown = evaluate(&users, &rows).unwrap_err();
    assert!(
        matches!(unknown, EvalError::Score(ScoreError::UnknownUser { user: 0, n_users: 0 })),
        "{unknown}"
    );
    let dims = EmbeddingScorer::new(Array2::zeros((1, 2)), Array2::zeros((3, 4)), Metric::L2).unwrap_err();
    assert!(matches!(dims, EvalError::Dimension { expected: 4, got: 2 }));
    let nan = EmbeddingScorer::new(array![[1.0]], array![[1.0], [f32::NAN]], Metric::L2).unwrap_err();
    assert_eq!(nan.to_string(), "the vector of item 1 has NaN in column 0");
}

#[test]
fn a_huge_cutoff_is_answered() {
    let truth = Csr::from_rows([vec![1, 5]]);
    let seen = Csr::from_rows([vec![]] as [Vec<u32>; 1]);
    let report = FullRanking::at([usize::MAX])
        .evaluate(&PopularityScorer::new(&[2, 1]), &seen, &truth, &mut run())
        .unwrap();
    assert_eq!(report.get("recall", usize::MAX), Some(0.5));
    assert_eq!(report.get("mrr", usize::MAX), Some(0.5));
}

#[test]
fn lists_from_anywhere() {
    let truth = Csr::from_rows([vec![3, 1], vec![], vec![9]]);
    let lists = Csr::from_rows([vec![0, 3], vec![], vec![2, 4, 1]]);
    let settings = FullRanking::at([1, 2, 3]);
    let report = settings.evaluate_lists(&lists, &truth, 5, &mut run()).unwrap();
    assert_eq!(report.get("recall", 2), Some(0.25));
    assert_eq!(report.get("precision", 3), Some(1.0 / 6.0));
    assert_eq!(report.get("coverage", 3), Some(1.0));
    assert_eq!(report.n_unreachable, 1);
    let twice = Csr::from_rows([vec![0, 3], vec![], vec![2, 4, 2]]);
    let error = settings.evaluate_lists(&twice, &truth, 5, &mut run()).unwrap_err();
    assert_eq!(error.to_string(), "the list of user 2 has item 2 at ranks 1 and 3");
    let beyond = settings.evaluate_lists(&lists, &truth, 4, &mut run()).unwrap_err();
    assert!(matches!(beyond, EvalError::UnknownItem { user: 2, item: 4, n_items: 4 }));
    let short = Csr::from_rows([vec![0u32]]);
    assert!(matches!(settings.evaluate_lists(&short, &truth, 4, &mut run()), Err(EvalError::Users { .. })));
}

/// The mean of one-dimensional items: nothing for an empty history.
struct Mean(Vec<f32>);

impl Embedder<[ItemId]> for Mean {
    fn dim(&self) -> usize {
        1
    }
    fn space(&self) -> Space {
        Space::ANY
    }
    fn metric(&self) -> Option<Metric> {
        None
    }
    fn embed_into(&self, history: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
        if history.is_empty() {
            return Err(EmbedError::Empty { what: "history" });
        }
        out[0] = history.iter().map(|&i| self.0[i as usize]).sum::<f32>() / history.len() as f32;
        Ok(())
    }
}

#[test]
fn histories_are_embedded_and_cold_users_follow_the_policy() {
    let keys = Vocab::from_keys(["a", "b", "c", "d"]).unwrap();
    let items = Embeddings::new(keys, array![[0.0f32], [0.1], [0.9], [1.0]]).unwrap();
    let mean = Mean(items.as_slice().to_vec());
    let histories = Csr::from_rows([vec![0], vec![], vec![3]]);
    let truth = Csr::from_rows([vec![1], vec![2], vec![2]]);
    let scorer =
        |cold| EmbeddingScorer::from_histories(&mean, &histories, &items, Metric::L2, cold, Parallelism::All);
    assert!(matches!(scorer(ColdUsers::Refuse).unwrap_err(), EvalError::Embed { user: 1, .. }));
    let scorer = scorer(ColdUsers::RecommendNothing).unwrap();
    assert_eq!(scorer.n_cold(), 1);
    let report = FullRanking::at([1]).evaluate(&scorer, &histories, &truth, &mut run()).unwrap();
    assert_eq!((report.get("recall", 1), report.n_unreachable), (Some(2.0 / 3.0), 1));
}

/// Says what its vectors are meant for.
struct Meant(Space, Metric, &'static [&'static str]);

impl Embedder<[ItemId]> for Meant {
    fn dim(&self) -> usize {
        1
    }
    fn space(&self) -> Space {
        self.0
    }
    fn metric(&self) -> Option<Metric> {
        Some(self.1)
    }
    fn keys(&self) -> Option<embed_core::KeyTable> {
        Vocab::from_keys(self.2).ok().map(Into::into)
    }
    fn embed_into(&self, _: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
        out[0] = 1.0;
        Ok(())
    }
}

#[test]
fn untrained_items_are_never_recommended() {
    let keys = Vocab::from_keys(["a", "b", "c"]).unwrap();
    // Scores below 0 for what was learned, 0 for what was not.
    let items = Embeddings::new(keys, array![[-1.0f32], [0.0], [-2.0]]).unwrap();
    let items = items.with_trained(RowMask::from_fn(3, |row| row != 1)).unwrap();
    let user = Meant(items.space(), Metric::InnerProduct, &["a", "b", "c"]);
    let histories = Csr::from_rows([[0u32], [2]]);
    let ip = Metric::InnerProduct;
    let scorer =
        EmbeddingScorer::from_histories(&user, &histories, &items, ip, ColdUsers::Refuse, Parallelism::All);
    let settings = FullRanking { seen_items: SeenItems::Keep, lists: true, ..FullRanking::at([3]) };
    let report = settings.evaluate(&scorer.unwrap(), &histories, &Csr::from_rows([[1u32], [0]]), &mut run());
    let report = report.unwrap();
    let lists = report.lists.as_ref().unwrap();
    assert_eq!((lists.row(0), lists.row(1)), (&[0, 2][..], &[0, 2][..]));
    assert_eq!((report.get("recall", 3), report.n_unreachable), (Some(0.5), 1));
}

#[test]
fn vectors_that_are_not_meant_for_the_items_are_refused() {
    let keys = Vocab::from_keys(["a", "b", "c"]).unwrap();
    let items = Embeddings::new(keys, array![[1.0f32], [0.0], [-2.0]]).unwrap();
    let histories = Csr::from_rows([[0u32]]);
    let error = |user: Meant, metric| {
        let (cold, all) = (ColdUsers::Refuse, Parallelism::All);
        EmbeddingScorer::from_histories(&user, &histories, &items, metric, cold, all).unwrap_err()
    };
    let (ip, same) = (Metric::InnerProduct, items.space());
    assert!(matches!(error(Meant(Space::from_id(7), ip, &[]), ip), EvalError::Space { .. }));
    let metric = error(Meant(same, ip, &[]), Metric::Cosine);
    assert_eq!(metric.to_string(), "the vectors are scored by ip, asked for was cosine");
    let keys = error(Meant(same, ip, &["a", "c", "b"]), ip);
    assert!(
        matches!(&keys, EvalError::Keys { id: 1, left, right, .. } if left == "c" && right == "b"),
        "{keys}"
    );
}

#[test]
fn histories_are_scored_as_users_are() {
    let histories = Csr::from_rows([vec![0u32], vec![], vec![1, 0]]);
    let truth = Csr::from_rows([vec![2u32], vec![0], vec![2]]);
    let popularity = PopularityScorer::new(&[9, 5, 4]);
    let by_id = FullRanking::at([1, 2]).evaluate(&popularity, &histories, &truth, &mut run()).unwrap();
    let scorer = HistoryScorer::new(&popularity, &histories, ColdUsers::RecommendNothing);
    assert_eq!(FullRanking::at([1, 2]).evaluate(&scorer, &histories, &truth, &mut run()).unwrap(), by_id);
}

#[test]
fn the_observer_sees_progress_and_can_stop() {
    let truth = random_rows(40_000, 2, 3, 1);
    let settings = FullRanking { seen_items: SeenItems::Keep, ..FullRanking::at([1]) };
    let scorer = PopularityScorer::new(&[1, 2, 3]);
    let mut seen = Vec::new();
    let mut watch = |p: &Progress<'_>| {
        seen.push(p.done);
        if p.done > 8000 { Flow::Stop } else { Flow::Continue }
    };
    let stopped = settings.evaluate(&scorer, &truth, &truth, &mut Run::default().observed(&mut watch));
    assert!(matches!(stopped, Err(EvalError::Stopped { done: 16_384, .. })));
    assert_eq!(seen, [0, 16_384]);
}

#[test]
fn the_report_serialises_in_order() {
    let truth = Csr::from_rows([vec![0]]);
    let settings = FullRanking {
        measures: vec![Measure::Recall, Measure::Coverage],
        seen_items: SeenItems::Keep,
        per_user: true,
        ..FullRanking::at([1, 20])
    };
    let report = settings.evaluate(&PopularityScorer::new(&[2, 1]), &truth, &truth, &mut run()).unwrap();
    let json = serde_json::to_string(&report).unwrap();
    let metrics = r#""metrics":{"recall@1":1.0,"recall@20":1.0,"coverage@1":0.5,"coverage@20":1.0}"#;
    assert!(json.contains(metrics), "{json}");
    assert!(json.contains(r#""columns":[{"name":"recall@1","values":[1.0]}"#), "{json}");
}
