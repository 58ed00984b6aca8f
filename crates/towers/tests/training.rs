//! Training from end to end on a planted log.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod common;

use common::{GROUPS, ITEMS, USERS, bits, fit, in_batch, keys, log, models, params, shared, uniform};
use embed_core::{Csr, Embedder, Flow, Progress, Run, Sequences};
use negsample::Popularity;
use towers::layers::Module;
use towers::losses::Objective;
use towers::models::{Histories, MatrixFactorization, Pooling, TowersParams, Views, YouTubeDnn};
use towers::optim::{Decay, Optimizer, Schedule, TableOptimizer};
use towers::train::{CheckpointError, FitParams, Holdout, Negatives, Validation, hold_out};
use towers::{FitError, IdTowers, LayerError, Preset, UserInput};

/// The share of a user's ten nearest items that are of the user's group.
fn in_group(model: &IdTowers) -> f64 {
    let (sequences, mut hits) = (log(), 0.0);
    for (user, history) in (0..).zip(sequences.iter()) {
        let vector = model.embed(&UserInput { user: Some(user), history }).unwrap();
        let mut scores: Vec<(f32, u32)> = (0..)
            .zip(model.items().vectors().rows())
            .map(|(item, row)| (model.metric().score(&vector, row.to_slice().unwrap()), item))
            .collect();
        scores.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        hits += scores[..10]
            .iter()
            .map(|(_, item)| f64::from(u8::from(item % GROUPS == user % GROUPS)))
            .sum::<f64>();
    }
    hits / (10.0 * USERS as f64)
}

#[test]
fn every_model_finds_the_planted_groups() {
    for (name, towers) in models() {
        let fit_params = FitParams { epochs: 12, ..params() };
        let fitted = fit(&towers, &fit_params, in_batch().as_mut(), &mut Run::seeded(1)).unwrap();
        let losses: Vec<f64> = fitted.report().epochs.iter().map(|epoch| epoch.loss).collect();
        assert!(losses.last() < losses.first(), "{name}: {losses:?}");
        let share = in_group(&fitted);
        assert!(share > 0.7, "{name}: {share} of the ten nearest are of the group");
    }
}

#[test]
fn every_loss_and_every_kind_of_negatives_finds_them_too() {
    let ccl = Objective::Contrastive { margin: 0.3, weight: 2.0 };
    let mixed = Negatives { in_batch: true, shared: 20, own: 0 };
    let own = Negatives { in_batch: false, shared: 0, own: 8 };
    let objectives =
        [(Objective::Softmax, 0.2), (Objective::Bpr, 0.2), (ccl, 1.0), (Objective::Logistic, 0.2)];
    for (objective, temperature) in objectives {
        for negatives in [shared(30), mixed, own] {
            if objective == Objective::Logistic && negatives == mixed {
                // A sum over 83 negatives drowns the positive: this loss is one of few negatives.
                continue;
            }
            let log_q = objective == Objective::Softmax;
            let views = (negatives == mixed).then(Views::default);
            let fit_params =
                FitParams { objective, temperature, negatives, log_q, views, epochs: 25, ..params() };
            let fitted = fit(&YouTubeDnn::mean(16), &fit_params, uniform().as_mut(), &mut Run::seeded(1));
            let share = in_group(&fitted.unwrap());
            assert!(share > 0.5, "{objective:?} {negatives:?}: {share}");
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let mixed = Negatives { in_batch: true, shared: 10, own: 0 };
    let own = Negatives { in_batch: false, shared: 0, own: 5 };
    for (name, towers) in models() {
        for negatives in [shared(40), mixed, own] {
            let fit_params = FitParams {
                epochs: 2,
                negatives,
                clip: Some(0.5),
                learn_temperature: true,
                table_optimizer: if negatives == own {
                    TableOptimizer::rms_prop()
                } else {
                    TableOptimizer::lazy_adam()
                },
                table_l2: 1e-4,
                views: (negatives == mixed).then(Views::default),
                ..params()
            };
            let run = |threads| {
                let run = &mut Run::seeded(4).threads(threads);
                bits(&fit(&towers, &fit_params, uniform().as_mut(), run).unwrap())
            };
            let one = run(1);
            for threads in [2, 7] {
                assert!(one == run(threads), "{name}, {negatives:?}, {threads} threads");
            }
        }
    }
}

#[test]
fn a_training_that_is_taken_up_again_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.nf");
    let (sequences, truth) = hold_out(&log(), Holdout::Share(0.2), 1);
    let histories = Histories::new(sequences);
    let fit = FitParams {
        epochs: 5,
        schedule: Schedule { warm_up: 5, decay: Decay::Cosine },
        validation: Some(Validation { k: 5, ..Validation::default() }),
        optimizer: Optimizer::Sgd { momentum: 0.9 },
        ..params()
    };
    let towers = YouTubeDnn::deep(8, Pooling::Query);
    let begin =
        |fit: &FitParams, seed| IdTowers::training((&towers, fit), (&histories, Some(&truth)), seed).unwrap();
    let mut sampler = in_batch();
    let mut whole = begin(&fit, 9);
    while whole.epoch(sampler.as_mut(), &mut Run::seeded(9)).unwrap() {}
    let mut first = begin(&fit, 9);
    for _ in 0..2 {
        first.epoch(sampler.as_mut(), &mut Run::seeded(9)).unwrap();
    }
    first.save(&path).unwrap();
    let mut second = begin(&fit, 9).resume(&path).unwrap();
    while second.epoch(sampler.as_mut(), &mut Run::seeded(9).threads(2)).unwrap() {}
    let ((a, one), (b, other)) = (whole.finish(), second.finish());
    assert_eq!(one, other);
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    a.tensors("", &mut of_a);
    b.tensors("", &mut of_b);
    assert!(of_a == of_b);
    let refused = |result: Result<_, CheckpointError>| {
        assert!(matches!(result.map(|_| ()), Err(CheckpointError::Other { .. })));
    };
    refused(begin(&fit, 8).resume(&path));
    refused(begin(&FitParams { batch: 65, ..fit.clone() }, 9).resume(&path));
    let mean = YouTubeDnn::mean(8);
    refused(IdTowers::training((&mean, &fit), (&histories, Some(&truth)), 9).unwrap().resume(&path));
}

#[test]
fn validation_keeps_the_best_model_and_stops_early() {
    let (sequences, truth) = hold_out(&log(), Holdout::Share(0.2), 1);
    let histories = Histories::new(sequences);
    let validation = Some(Validation { k: 10, patience: 2, ..Validation::default() });
    let fit = FitParams { epochs: 200, validation, table_rate: 0.5, ..params() };
    let towers = YouTubeDnn::mean(16);
    let (data, keys) = ((&histories, Some(&truth)), (keys(USERS), keys(ITEMS)));
    let model = IdTowers::fit((&towers, &fit), data, keys, in_batch().as_mut(), &mut Run::seeded(1)).unwrap();
    let report = model.report();
    assert!(report.stopped_early && report.epochs_done < 200, "{} passes", report.epochs_done);
    let figures: Vec<f64> = report.epochs.iter().map(|e| e.validation.unwrap().ndcg).collect();
    let best = figures.iter().copied().fold(0.0, f64::max);
    assert_eq!(figures[report.best_epoch.unwrap() as usize - 1], best);
    let without = IdTowers::training((&towers, &fit), (&histories, None), 1);
    assert!(matches!(without, Err(FitError::Layer(LayerError::Setting { .. }))));
    let other = Csr::from_rows([[1u32]]);
    let other = IdTowers::training((&towers, &fit), (&histories, Some(&other)), 1);
    assert!(matches!(other, Err(FitError::Catalogue { .. })));
}

#[test]
fn at_a_plateau_the_rates_fall_and_the_best_model_is_taken_up() {
    let (sequences, truth) = hold_out(&log(), Holdout::Share(0.2), 1);
    let histories = Histories::new(sequences);
    let fit = |plateau| FitParams {
        epochs: 40,
        validation: Some(Validation { k: 10, patience: 3, plateau, ..Validation::default() }),
        table_rate: 0.5,
        ..params()
    };
    let towers = YouTubeDnn::mean(16);
    let trained = |plateau| {
        let (data, keys) = ((&histories, Some(&truth)), (keys(USERS), keys(ITEMS)));
        let fit = fit(plateau);
        IdTowers::fit((&towers, &fit), data, keys, in_batch().as_mut(), &mut Run::seeded(1)).unwrap()
    };
    let (same, falling) = (trained(1.0), trained(1e-12));
    let figures = |model: &IdTowers| -> Vec<f64> {
        model.report().epochs.iter().map(|e| e.validation.unwrap().ndcg).collect()
    };
    let (same, falling) = (figures(&same), figures(&falling));
    let fall = (1..falling.len()).find(|&i| falling[i] <= falling[i - 1]).expect("a plateau");
    assert_eq!(same[..=fall], falling[..=fall], "nothing differs before it");
    // With next to no rate the best model stays what it is.
    assert!(falling[fall + 1..].iter().all(|&ndcg| ndcg == falling[fall - 1]), "{falling:?}");
}

#[test]
fn an_observer_sees_progress_and_stops() {
    let mut seen = Vec::new();
    let mut stop = |p: &Progress<'_>| {
        seen.push((p.done, p.total, p.loss.is_some()));
        if seen.len() == 2 { Flow::Stop } else { Flow::Continue }
    };
    let mut run = Run::seeded(1).observed(&mut stop);
    let fitted = fit(&YouTubeDnn::mean(8), &params(), in_batch().as_mut(), &mut run).unwrap();
    assert!(fitted.report().stopped && fitted.report().epochs_done == 2);
    assert!(seen[0].0 < seen[1].0 && seen[1].0 < seen[1].1 && seen[0].2);
}

#[test]
fn what_diverges_keeps_the_last_good_model_and_says_where() {
    // The rate rises until products overflow, in the second pass at the earliest.
    let runaway = FitParams {
        epochs: 50,
        table_rate: 1e30,
        table_optimizer: TableOptimizer::Sgd,
        objective: Objective::Logistic,
        negatives: shared(20),
        temperature: 1.0,
        log_q: false,
        schedule: Schedule { warm_up: u64::MAX / 2, decay: Decay::Constant },
        ..params()
    };
    let rate_at = |table_rate| FitParams { table_rate, ..runaway.clone() };
    let towers = MatrixFactorization::params(8);
    let mut later = 0;
    for exponent in 18..34 {
        let fit_params = rate_at(10f32.powi(exponent));
        match fit(&towers, &fit_params, uniform().as_mut(), &mut Run::seeded(1)) {
            Err(FitError::Diverged { rate, .. }) => assert_eq!(rate, fit_params.table_rate),
            Ok(model) => {
                later += u32::from(model.report().diverged_at.is_some());
                assert!(model.tensors().iter().all(|t| t.values.iter().all(|x| x.is_finite())));
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(later > 0, "no rate of these diverged after the first pass");
}

#[test]
fn every_preset_can_be_trained() {
    for preset in [
        Preset::matrix_factorization,
        Preset::youtube_dnn,
        Preset::places,
        Preset::near,
        Preset::query,
        Preset::simplex,
        Preset::self_attention,
        Preset::contrastive,
    ] {
        let contrasted = preset(8).contrasted();
        for Preset { towers, fit: params } in [preset(8), contrasted] {
            let params = FitParams { max_steps: 3, ..params };
            let model = fit(&towers, &params, uniform().as_mut(), &mut Run::seeded(1)).unwrap();
            let report = model.report();
            assert!(report.epochs[0].loss.is_finite() && report.diverged_at.is_none(), "{params:?}");
        }
    }
}

#[test]
fn bad_settings_and_catalogues_are_named() {
    let run = &mut Run::seeded(1);
    let attention = Some(Pooling::SelfAttention { heads: 3 });
    for bad in [
        TowersParams { dim: 0, ..YouTubeDnn::mean(8) },
        TowersParams { pooling: Some(Pooling::Near { power: -1.0 }), ..YouTubeDnn::mean(8) },
        TowersParams { user_id: true, ..YouTubeDnn::mean(8) },
        TowersParams { pooling: None, ..YouTubeDnn::mean(8) },
        TowersParams { pooling: attention, ..YouTubeDnn::mean(8) },
    ] {
        assert!(matches!(fit(&bad, &params(), uniform().as_mut(), run), Err(FitError::Layer(_))), "{bad:?}");
    }
    let mut small = Popularity::new(&[1, 2], 1.0).unwrap();
    assert!(matches!(fit(&YouTubeDnn::mean(8), &params(), &mut small, run), Err(FitError::Catalogue { .. })));
    let lonely = Histories::new(Sequences::from_rows(ITEMS, [[1u32], [2]]).unwrap());
    let result = IdTowers::training((&YouTubeDnn::mean(8), &params()), (&lonely, None), 1);
    assert!(matches!(result, Err(FitError::Empty { users: 2, interactions: 2 })));
    let one = FitParams { batch: 1, negatives: shared(0), ..params() };
    assert!(matches!(one.validate(), Err(LayerError::Setting { .. })));
    let one = FitParams { batch: 1, ..params() };
    let result = fit(&YouTubeDnn::deep(8, Pooling::Mean), &one, uniform().as_mut(), run);
    assert!(matches!(result, Err(FitError::Layer(LayerError::BatchOfOne { rows: 1 }))), "{result:?}");
}
