//! Graded and whole-ranking measures, kept lists, sampled rankings, comparison of runs, the verdict on popularity.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use embed_core::{Csr, Metric, Parallelism, Run, SeededRng, testkit};
use evalmetrics::beyond::{BeyondError, Catalogue, Resemblance, beyond_accuracy};
use evalmetrics::certainty::{CertaintyError, CompareParams, compare};
use evalmetrics::intrinsic::{InspectParams, IntrinsicError, inspect};
use evalmetrics::{
    EmbeddingScorer, EvalError, FnScorer, FullRanking, Gain, Labels, Measure, PerUser, PopularityScorer,
    RankingReport, SampledRanking, SeenItems,
};
use ndarray::Array2;

fn graded(rows: &[&[(u32, f32)]]) -> Csr {
    let mut ends = vec![0];
    rows.iter().for_each(|row| ends.push(ends[ends.len() - 1] + row.len()));
    let (items, values) = rows.concat().into_iter().unzip();
    Csr::new(ends, items, values).unwrap()
}

fn keep(measures: &[Measure], cutoffs: &[usize]) -> FullRanking {
    FullRanking { measures: measures.to_vec(), seen_items: SeenItems::Keep, ..FullRanking::at(cutoffs) }
}

#[test]
fn gains_come_from_the_truth_by_item_whatever_its_order() {
    // Scores fall with the id. The value of item 4 that counts is the larger.
    let scorer = FnScorer::new(6, |_, item| -(item as f32));
    let truth = graded(&[&[(4, 1.0), (1, 2.0), (4, 3.0)]]);
    let none = Csr::from_rows::<&[u32]>([]);
    let of = |gain| {
        let settings = FullRanking { gain, ..keep(&[Measure::GradedNdcg, Measure::Ndcg], &[6]) };
        settings.evaluate(&scorer, &none, &truth, &mut Run::default()).unwrap()
    };
    let expected =
        |two: f64, three: f64| (two / 3f64.log2() + three / 6f64.log2()) / (three + two / 3f64.log2());
    let got = of(Gain::Linear);
    assert!((got.get("graded_ndcg", 6).unwrap() - expected(2.0, 3.0)).abs() < 1e-15);
    assert!((got.get("ndcg", 6).unwrap() - expected(1.0, 1.0)).abs() < 1e-15);
    let got = of(Gain::Exponential);
    assert!((got.get("graded_ndcg", 6).unwrap() - expected(3.0, 7.0)).abs() < 1e-15);
    let lists = Csr::from_rows([[0u32, 1, 2, 3, 4, 5]]);
    let settings = FullRanking { gain: Gain::Exponential, ..keep(&[Measure::GradedNdcg], &[6]) };
    let of_lists = settings.evaluate_lists(&lists, &truth, 6, &mut Run::default()).unwrap();
    assert_eq!(of_lists.get("graded_ndcg", 6), got.get("graded_ndcg", 6));
    for (gain, bad) in [
        (Gain::Linear, f32::NAN),
        (Gain::Linear, -1.0),
        (Gain::Exponential, f32::INFINITY),
        (Gain::Exponential, 3000.0),
    ] {
        let settings = FullRanking { gain, ..keep(&[Measure::GradedNdcg], &[6]) };
        let truth = graded(&[&[(1, 1.0)], &[(2, bad)]]);
        let error = settings.evaluate(&scorer, &none, &truth, &mut Run::default()).unwrap_err();
        assert!(matches!(error, EvalError::BadGain { user: 1, item: 2, .. }), "{error}");
    }
    let worthless = graded(&[&[(1, 0.0)]]);
    let report = keep(&[Measure::GradedNdcg], &[3]).evaluate(&scorer, &none, &worthless, &mut Run::default());
    assert_eq!(report.unwrap().get("graded_ndcg", 3), Some(0.0));
}

#[test]
fn measures_of_the_whole_ranking_need_scores() {
    let truth = Csr::from_rows([[0u32]]);
    let lists = Csr::from_rows([[1u32, 0]]);
    let settings = keep(&[Measure::Auc], &[2]);
    let error = settings.evaluate_lists(&lists, &truth, 3, &mut Run::default()).unwrap_err();
    assert_eq!(error.to_string(), "auc is of the whole ranking: lists do not tell it, scores do");
    // Masked, tied, and beyond any cutoff: 0 is seen; of 1..=4 the positive 2 is above 4 and tied with 3.
    let scorer = FnScorer::new(5, |_, item| [9.0, 8.0, 5.0, 5.0, 1.0][item as usize]);
    let (seen, truth) = (Csr::from_rows([[0u32]]), Csr::from_rows([[2u32]]));
    let settings = FullRanking { measures: vec![Measure::Auc, Measure::RPrecision], ..FullRanking::at([1]) };
    let report = settings.evaluate(&scorer, &seen, &truth, &mut Run::default()).unwrap();
    assert_eq!((report.value("auc"), report.value("r_precision")), (Some(0.5), Some(0.0)));
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.contains(r#""metrics":{"auc":0.5,"r_precision":0.0}"#), "{json}");
}

#[test]
fn kept_lists_are_what_would_be_served() {
    let mut rng = SeededRng::new(1);
    let mut vectors = |rows: usize| Array2::from_shape_simple_fn((rows, 6), || rng.unit_f32() - 0.5);
    let (users, items) = (vectors(300), vectors(500));
    let truth = Csr::from_rows((0..300u32).map(|user| if user % 7 == 0 { vec![] } else { vec![user % 500] }));
    let seen = Csr::from_rows((0..300u32).map(|user| vec![(user * 3) % 500, (user * 5) % 500]));
    let scorer = EmbeddingScorer::new(users.view(), items.view(), Metric::InnerProduct).unwrap();
    let settings = FullRanking { lists: true, ..FullRanking::at([3, 10]) };
    let report = settings.evaluate(&scorer, &seen, &truth, &mut Run::default()).unwrap();
    let lists = report.lists.as_ref().unwrap();
    assert_eq!(lists.n_rows(), 300);
    for user in 0..300 {
        let denied: Vec<u32> = seen.to_sorted_sets().row(user).to_vec();
        let query = users.row(user).to_vec();
        let filter = embed_core::Filter::Deny(&denied);
        let exact = testkit::exact_top_k(items.view(), Metric::InnerProduct, &query, 10, filter);
        let exact: Vec<u32> = exact.iter().map(|n| n.id).collect();
        assert_eq!(lists.row(user), if user % 7 == 0 { &[][..] } else { &exact }, "user {user}");
    }
    let again = settings.evaluate_lists(lists, &truth, 500, &mut Run::default()).unwrap();
    for (name, value) in report.iter() {
        assert!((again.value(&name).unwrap() - value).abs() < 1e-12, "{name}");
    }
}

#[test]
fn sampled_figures_say_so_and_are_those_of_the_candidates() {
    // Scores rise with the id: of {4; 1, 7, 9} the positive 4 is third.
    let scorer = FnScorer::new(10, |_, item| item as f32);
    let (truth, negatives) = (Csr::from_rows([[4u32]]), Csr::from_rows([[9u32, 1, 7, 4]]));
    let settings = SampledRanking(keep(&[Measure::HitRate, Measure::Mrr, Measure::Auc], &[2, 3]));
    let report = settings.evaluate(&scorer, &negatives, &truth, &mut Run::default()).unwrap();
    let names: Vec<String> = report.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["sampled_hr@2", "sampled_hr@3", "sampled_mrr@2", "sampled_mrr@3", "sampled_auc"]);
    assert_eq!(report.value("sampled_hr@2"), Some(0.0));
    assert_eq!(report.value("sampled_mrr@3"), Some(1.0 / 3.0));
    assert!((report.value("sampled_auc").unwrap() - 1.0 / 3.0).abs() < 1e-15);
    assert_eq!(report.get("hr", 3), None, "it is not called what it is not");

    let constant = FnScorer::new(1000, |_, _| 1.0);
    let truth = Csr::from_rows((0..50u32).map(|user| vec![user]));
    let seen = Csr::from_rows((0..50u32).map(|user| vec![user + 100]));
    let settings = SampledRanking(FullRanking { per_user: true, ..keep(&[Measure::Recall], &[10]) });
    let drawn = |threads, seed| {
        let mut run = Run::seeded(seed).threads(threads);
        settings.evaluate_drawn(&constant, 99, &seen, &truth, &mut run).unwrap()
    };
    let one = drawn(1, 3);
    assert!((one.value("sampled_recall@10").unwrap() - 0.1).abs() < 1e-12);
    assert_eq!((drawn(2, 3), drawn(7, 3)), (one.clone(), one));
    let rising = FnScorer::new(1000, |_, item| item as f32);
    let of = |seed| {
        let mut run = Run::seeded(seed);
        settings.evaluate_drawn(&rising, 99, &seen, &truth, &mut run).unwrap()
    };
    assert_eq!(of(3), of(3));

    let fails = |settings: &SampledRanking, negatives: &Csr, truth: &Csr| {
        settings.evaluate(&scorer, negatives, truth, &mut Run::default()).unwrap_err()
    };
    let one = Csr::from_rows([[4u32]]);
    let covers = SampledRanking(keep(&[Measure::Coverage], &[2]));
    assert!(matches!(fails(&covers, &one, &one), EvalError::NeedsCatalogue { .. }));
    let far = Csr::from_rows([[10u32]]);
    assert!(matches!(
        fails(&SampledRanking(keep(&[Measure::Mrr], &[2])), &far, &one),
        EvalError::UnknownItem { user: 0, item: 10, n_items: 10 }
    ));
    let empty = Csr::from_rows([&[] as &[u32]]);
    assert!(matches!(
        fails(&SampledRanking(keep(&[Measure::Mrr], &[2])), &empty, &one),
        EvalError::NoNegatives
    ));
}

fn per_user(scorer: &dyn evalmetrics::Scorer<u32>, truth: &Csr) -> PerUser {
    let settings =
        FullRanking { per_user: true, ..keep(&[Measure::Recall, Measure::Ndcg, Measure::Auc], &[5]) };
    let none = Csr::from_rows::<&[u32]>([]);
    let report = settings.evaluate(scorer, &none, truth, &mut Run::default()).unwrap();
    report.per_user.unwrap()
}

#[test]
fn two_runs_are_compared_over_the_same_users() {
    let mut rng = SeededRng::new(5);
    let truth = Csr::from_rows((0..200).map(|_| vec![rng.below(20)]));
    let good = per_user(&FnScorer::new(100, |_, item| -(item as f32)), &truth);
    let poor = per_user(&FnScorer::new(100, |user, item| ((item * 7919 + user * 31) % 101) as f32), &truth);
    // What a folder of a run keeps is read back.
    let text = serde_json::to_string(&good).unwrap();
    assert!(text.contains(r#"{"name":"recall@5","values":["#), "{}", &text[..200]);
    let back = serde_json::from_str::<PerUser>(&text).unwrap();
    assert_eq!(back.users, good.users);
    for (back, kept) in back.columns.iter().zip(&good.columns) {
        assert_eq!(back.name(), kept.name());
        // The reader of JSON may be off by the last bit.
        assert!(back.values.iter().zip(&kept.values).all(|(a, b)| (a - b).abs() < 1e-15));
    }
    assert!(serde_json::from_str::<PerUser>(&text.replace("recall@5", "recall")).is_err());

    let compared = compare(&good, &poor, &CompareParams::default(), &mut Run::seeded(1)).unwrap();
    let names: Vec<&str> = compared.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["recall@5", "ndcg@5", "auc"]);
    for c in &compared {
        assert!((c.difference.mean - (c.a - c.b)).abs() < 1e-12 && c.difference.low > 0.0, "{c:?}");
        assert!(c.p < 0.01 && c.p_adjusted >= c.p && c.wins > c.losses, "{c:?}");
        assert_eq!(c.wins + c.ties + c.losses, 200);
    }
    let same = compare(&good, &good, &CompareParams::default(), &mut Run::seeded(1)).unwrap();
    assert!(same.iter().all(|c| c.p_adjusted == 1.0 && c.difference.mean == 0.0 && c.ties == 200));

    let fewer = per_user(&FnScorer::new(100, |_, item| item as f32), &Csr::from_rows([[1u32], [2]]));
    let error = compare(&good, &fewer, &CompareParams::default(), &mut Run::default()).unwrap_err();
    assert!(matches!(error, CertaintyError::Length { expected: 200, got: 2 }));
    let mut shifted = good.clone();
    shifted.users[9] += 1000;
    let error = compare(&good, &shifted, &CompareParams::default(), &mut Run::default()).unwrap_err();
    assert!(matches!(error, CertaintyError::OtherUsers { at: 9, .. }));
    let mut other = good.clone();
    other.columns.clear();
    let error = compare(&good, &other, &CompareParams::default(), &mut Run::default()).unwrap_err();
    assert!(matches!(error, CertaintyError::NothingInCommon));
}

fn ranked(scorer: &dyn evalmetrics::Scorer<u32>, seen: &Csr, truth: &Csr) -> RankingReport {
    let settings = FullRanking { lists: true, ..FullRanking::at([10]) };
    settings.evaluate(scorer, seen, truth, &mut Run::default()).unwrap()
}

#[test]
fn a_popularity_baseline_is_found_in_its_disguise() {
    let mut rng = SeededRng::new(8);
    let counts: Vec<u64> = (0..400).map(|item| 4000 / (item + 1)).collect();
    let mut rows = |n| Csr::from_rows((0..200).map(|_| (0..n).map(|_| rng.below(400)).collect::<Vec<_>>()));
    let (seen, truth) = (rows(6), rows(3));
    let verdict = |scorer: &dyn evalmetrics::Scorer<u32>| {
        let lists = ranked(scorer, &seen, &truth).lists.unwrap();
        let catalogue = Catalogue { histories: Some(&seen), truth: Some(&truth), ..Catalogue::new(&counts) };
        beyond_accuracy(&lists, 10, &catalogue, Parallelism::All).unwrap()
    };
    let popular = PopularityScorer::new(&counts);
    let plain = verdict(&popular);
    assert_eq!((plain.popularity.resemblance, plain.popularity.overlap), (Resemblance::Popularity, 1.0));
    assert_eq!(plain.popularity.average, plain.popularity.average_of_bestsellers);
    assert_eq!(plain.serendipity, Some(0.0), "nothing of it is unexpected");
    // Popularity with a little noise of its own for each user.
    let disguised = FnScorer::new(400, |user, item| -(item as f32) + ((user * 31 + item * 17) % 7) as f32);
    let disguised = verdict(&disguised);
    assert_eq!(disguised.popularity.resemblance, Resemblance::Popularity);
    let line = disguised.popularity.line();
    assert!(line.starts_with("a popularity baseline in disguise: "), "{line}");
    // The same for everybody, but not what sells.
    let odd = verdict(&FnScorer::new(400, |_, item| item as f32));
    assert_eq!(odd.popularity.resemblance, Resemblance::OneForAll);
    let own = verdict(&FnScorer::new(400, |user, item| ((item * 7919 + user * 104_729) % 1009) as f32));
    assert_eq!(own.popularity.resemblance, Resemblance::Personal);
    assert!(own.exposure.coverage > 0.9 && own.exposure.gini < plain.exposure.gini);
    assert!(own.popularity.novelty > plain.popularity.novelty);
    assert!(own.personalisation > plain.personalisation);
    let json = serde_json::to_string(&own).unwrap();
    assert!(json.contains(r#""resemblance":"personal""#), "{json}");
}

#[test]
fn catalogues_that_do_not_fit_are_refused() {
    let lists = Csr::from_rows([[0u32, 1]]);
    let counts = [3u64, 2, 1];
    let fails =
        |catalogue: Catalogue<'_>| beyond_accuracy(&lists, 2, &catalogue, Parallelism::All).unwrap_err();
    let two = Csr::from_rows([[0u32], [1]]);
    let plain = Catalogue::new(&counts);
    assert!(matches!(
        fails(Catalogue { histories: Some(&two), ..plain }),
        BeyondError::Users { what: "histories", expected: 1, got: 2 }
    ));
    let vectors = Array2::<f32>::zeros((2, 1));
    assert!(matches!(
        fails(Catalogue { vectors: Some(vectors.view()), ..plain }),
        BeyondError::Items { what: "vectors", expected: 3, got: 2 }
    ));
    let nan = Array2::from_elem((3, 1), f32::NAN);
    assert!(matches!(
        fails(Catalogue { vectors: Some(nan.view()), ..plain }),
        BeyondError::NotFinite { item: 0, column: 0, .. }
    ));
    let labels = Labels::single([Some(1)]);
    assert!(matches!(
        fails(Catalogue { categories: Some(&labels), ..plain }),
        BeyondError::Items { what: "categories", expected: 3, got: 1 }
    ));
    assert!(matches!(fails(Catalogue::new(&[])), BeyondError::NoItems));
}

#[test]
fn an_inspection_has_what_the_labels_allow() {
    let vectors = testkit::clustered(600, 8, 4, 2);
    let counts: Vec<u64> = (0..600).collect();
    let labels = Labels::single((0..600).map(|item| Some(item % 3)));
    let params = InspectParams { sample: 200, pairs: 5000, ..InspectParams::default() };
    let of = |threads| {
        let mut run = Run::seeded(4).threads(threads);
        inspect(vectors.view(), Some(&counts), Some(&labels), &params, &mut run).unwrap()
    };
    let one = of(1);
    assert_eq!((of(2), of(7)), (one.clone(), one.clone()));
    let found = one.labels.unwrap();
    assert!(found.silhouette.is_some() && found.clusters.is_some() && found.davies_bouldin.is_some());
    assert!((found.alignment.unwrap() - (2.0 - 2.0 * found.coherence.unwrap().within)).abs() < 1e-12);
    let several = Labels::several(&Csr::from_rows((0..600u32).map(|item| [item % 3, 3 + item % 2])));
    let mixed = inspect(vectors.view(), None, Some(&several), &params, &mut Run::default()).unwrap();
    let mixed = mixed.labels.unwrap();
    assert!(mixed.silhouette.is_none() && mixed.coherence.is_some() && mixed.agreement.is_some());
    assert!(inspect(vectors.view(), None, None, &params, &mut Run::default()).unwrap().labels.is_none());
    let wrong = inspect(vectors.view(), Some(&counts[1..]), None, &params, &mut Run::default()).unwrap_err();
    assert!(matches!(wrong, IntrinsicError::Items { what: "counts", expected: 600, got: 599 }));
}
