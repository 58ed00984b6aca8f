//! Every measure against a slow definition: all orders of the ties are gone through and averaged.

use embed_core::{Csr, Run};
use evalmetrics::{EmptyUsers, FnScorer, FullRanking, Measure, SeenItems};
use proptest::prelude::*;

/// The measure of one strict list.
fn plain(measure: Measure, k: usize, list: &[u32], truth: &[u32]) -> f64 {
    let hits: Vec<usize> = list
        .iter()
        .take(k)
        .enumerate()
        .filter(|(_, i)| truth.contains(i))
        .map(|(rank, _)| rank + 1)
        .collect();
    let n = hits.len() as f64;
    let ideal = k.min(truth.len());
    match measure {
        Measure::HitRate => f64::from(u8::from(!hits.is_empty())),
        Measure::Recall => n / truth.len() as f64,
        Measure::CappedRecall => n / ideal as f64,
        Measure::Precision => n / k as f64,
        Measure::Mrr => hits.first().map_or(0.0, |&rank| 1.0 / rank as f64),
        Measure::RPrecision => {
            list.iter().take(truth.len()).filter(|i| truth.contains(i)).count() as f64 / truth.len() as f64
        }
        Measure::Auc => {
            let negatives = list.iter().filter(|i| !truth.contains(i)).count();
            let below = |at: usize| list[at + 1..].iter().filter(|i| !truth.contains(i)).count();
            let won: usize = (0..list.len()).filter(|&at| truth.contains(&list[at])).map(below).sum();
            let found = list.iter().filter(|i| truth.contains(i)).count();
            if negatives == 0 {
                found as f64 / truth.len() as f64
            } else {
                won as f64 / (truth.len() * negatives) as f64
            }
        }
        // Without values in the truth every gain is 1.
        Measure::Ndcg | Measure::GradedNdcg => {
            let dcg = |ranks: &mut dyn Iterator<Item = usize>| {
                ranks.map(|p| 1.0 / (p as f64 + 1.0).log2()).sum::<f64>()
            };
            dcg(&mut hits.iter().copied()) / dcg(&mut (1..=ideal))
        }
        Measure::Map => {
            let precisions = hits.iter().enumerate().map(|(i, &rank)| (i + 1) as f64 / rank as f64);
            precisions.sum::<f64>() / ideal as f64
        }
        _ => unreachable!("not per user"),
    }
}

/// All orders of `items` that put larger scores first.
fn orders(items: &[u32], score: &dyn Fn(u32) -> i8) -> Vec<Vec<u32>> {
    let Some(best) = items.iter().map(|&i| score(i)).max() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for &first in items.iter().filter(|&&i| score(i) == best) {
        let rest: Vec<u32> = items.iter().copied().filter(|&i| i != first).collect();
        all.extend(orders(&rest, score).into_iter().map(|mut tail| {
            tail.insert(0, first);
            tail
        }));
    }
    all
}

/// One user: scores of up to seven items, what is seen, what is true (also beyond the catalogue).
fn user() -> impl Strategy<Value = (Vec<i8>, Vec<u32>, Vec<u32>)> {
    (
        prop_oneof![
            Just(vec![0i8; 7]),
            proptest::collection::vec(0i8..3, 7),
            proptest::collection::vec(0i8..9, 7)
        ],
        proptest::collection::vec(0u32..7, 0..3),
        proptest::collection::vec(0u32..9, 1..6),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn ties_earn_the_mean_over_all_orders(users in proptest::collection::vec(user(), 1..4), keep in any::<bool>()) {
        let cutoffs = vec![1, 2, 3, 5, 7, 12];
        let settings = FullRanking {
            cutoffs: cutoffs.clone(),
            measures: Measure::ALL.to_vec(),
            seen_items: if keep { SeenItems::Keep } else { SeenItems::Mask },
            per_user: true,
            ..FullRanking::default()
        };
        let scorer = FnScorer::new(7, |user, item| f32::from(users[user as usize].0[item as usize]));
        let seen = Csr::from_rows(users.iter().map(|u| &u.1));
        let truth = Csr::from_rows(users.iter().map(|u| &u.2));
        let report = settings.evaluate(&scorer, &seen, &truth, &mut Run::default()).unwrap();
        let per_user = report.per_user.as_ref().unwrap();
        for (place, (scores, seen, truth)) in users.iter().enumerate() {
            let mut truth = truth.clone();
            truth.sort_unstable();
            truth.dedup();
            let candidates: Vec<u32> = (0..7).filter(|i| keep || !seen.contains(i)).collect();
            let all = orders(&candidates, &|i| scores[i as usize]);
            for measure in Measure::ALL.into_iter().filter(|m| m.is_per_user()) {
                for column in per_user.columns.iter().filter(|column| column.measure == measure) {
                    let k = column.cutoff.unwrap_or(0);
                    let mean = all.iter().map(|list| plain(measure, k, list, &truth)).sum::<f64>() / all.len() as f64;
                    let got = column.values[place];
                    prop_assert!((got - mean).abs() < 1e-12, "{}@{}: {} is not {}", measure, k, got, mean);
                }
            }
        }
        // Coverage: ties by ascending id.
        for &k in &cutoffs {
            let mut covered = std::collections::BTreeSet::new();
            for (scores, seen, _) in &users {
                let mut list: Vec<u32> = (0..7).filter(|i| keep || !seen.contains(i)).collect();
                list.sort_by_key(|&i| (-scores[i as usize], i));
                covered.extend(list.into_iter().take(k));
            }
            prop_assert_eq!(report.get("coverage", k).unwrap(), covered.len() as f64 / 7.0);
        }
        for measure in Measure::ALL.into_iter().filter(|m| m.is_per_user()) {
            let name = if measure.has_cutoff() { format!("{measure}@3") } else { measure.to_string() };
            let column = per_user.columns.iter().find(|column| column.name() == name).unwrap();
            let mean = column.values.iter().sum::<f64>() / column.values.len() as f64;
            prop_assert!((report.value(&name).unwrap() - mean).abs() < 1e-12);
        }
    }

    #[test]
    fn long_rankings_agree_with_a_sort(
        seed in 0u32..1000, n_items in 1u32..3000, levels in prop_oneof![Just(7u32), Just(1 << 22)],
        truth in proptest::collection::vec(0u32..3000, 1..30), seen in proptest::collection::vec(0u32..3000, 0..40),
    ) {
        // Strict orders only, so that one sort is the definition: equal scores are parted by the id.
        let score = |item: u32| {
            let level = (item ^ seed).wrapping_mul(2_654_435_761) % levels;
            level as f32 - item as f32 / 8192.0 * f32::from(u8::from(levels == 7))
        };
        let mut list: Vec<u32> = (0..n_items).filter(|i| !seen.contains(i)).collect();
        list.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
        let distinct = list.windows(2).all(|pair| score(pair[0]) != score(pair[1]));
        prop_assume!(distinct);
        let mut set = truth.clone();
        set.sort_unstable();
        set.dedup();
        let settings = FullRanking { cutoffs: vec![1, 10, 50, 700], measures: Measure::ALL.to_vec(), ..FullRanking::default() };
        let (seen, truth) = (Csr::from_rows([&seen]), Csr::from_rows([&truth]));
        let scorer = FnScorer::new(n_items as usize, |_, item| score(item));
        let report = settings.evaluate(&scorer, &seen, &truth, &mut Run::default()).unwrap();
        let of_lists = FullRanking {
            measures: settings.measures.iter().copied().filter(|&measure| measure != Measure::Auc).collect(),
            ..settings.clone()
        };
        let from_lists = of_lists.evaluate_lists(&Csr::from_rows([&list]), &truth, n_items as usize, &mut Run::default()).unwrap();
        for figure in &report.metrics {
            if figure.measure != Measure::Auc {
                let value = from_lists.value(&figure.name()).unwrap();
                prop_assert!((figure.value - value).abs() < 1e-12, "{}", figure.name());
            }
            if figure.measure.is_per_user() {
                let slow = plain(figure.measure, figure.cutoff.unwrap_or(0), &list, &set);
                prop_assert!((figure.value - slow).abs() < 1e-12, "{}", figure.name());
            }
        }
    }

    #[test]
    fn a_constant_scorer_earns_chance(n_items in 1u32..500, k in 1usize..60, n_truth in 1u32..5) {
        let truth = Csr::from_rows([(0..n_truth.min(n_items)).collect::<Vec<_>>(), vec![]]);
        let settings = FullRanking { cutoffs: vec![k], empty_users: EmptyUsers::CountAsZero, ..FullRanking::default() };
        let seen = Csr::from_rows([vec![], vec![]] as [Vec<u32>; 2]);
        let report = settings.evaluate(&FnScorer::new(n_items as usize, |_, _| 0.25), &seen, &truth, &mut Run::default()).unwrap();
        let chance = k.min(n_items as usize) as f64 / f64::from(n_items);
        prop_assert!((report.get("recall", k).unwrap() - chance / 2.0).abs() < 1e-12);
        prop_assert_eq!((report.n_evaluated, report.n_empty), (2, 1));
    }
}
