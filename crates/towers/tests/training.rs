//! Training from end to end on a planted log.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod common;

use common::{GROUPS, ITEMS, USERS, bits, fit, in_batch, keys, log, mixed, models, own, params, shared};
use embed_core::{Csr, Embedder, Flow, Progress, Run, Sequences};
use negsample::Popularity;
use towers::layers::Module;
use towers::losses::Objective;
use towers::models::{Histories, MatrixFactorization, Pooling, TowersParams, Views, YouTubeDnn};
use towers::optim::{Decay, Optimizer, Schedule, TableOptimizer};
use towers::train::{
    CheckpointError, FitParams, Holdout, NegativeCounts, NegativeSampling, NegativesError, Validation,
    hold_out,
};
use towers::{FitError, IdTowers, LayerError, Preset, TwoTowerData, UserInput};

/// The share of a user's ten nearest items that are of the user's group.
fn in_group(model: &IdTowers) -> f64 {
    let (sequences, mut hits) = (log(), 0.0);
    for (user, history) in (0..).zip(sequences.iter()) {
        let vector = model.user_embedder().embed(&UserInput { user: Some(user), history }).unwrap();
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
        let fitted = fit(&towers, &fit_params, in_batch(), &mut Run::seeded(1)).unwrap();
        let losses: Vec<f64> = fitted.report().epochs.iter().map(|epoch| epoch.loss).collect();
        assert!(losses.last() < losses.first(), "{name}: {losses:?}");
        let share = in_group(&fitted);
        assert!(share > 0.7, "{name}: {share} of the ten nearest are of the group");
    }
}

#[test]
fn every_loss_and_every_kind_of_negatives_finds_them_too() {
    let ccl = Objective::Contrastive { margin: 0.3, weight: 2.0 };
    let objectives =
        [(Objective::Softmax, 0.2), (Objective::Bpr, 0.2), (ccl, 1.0), (Objective::Logistic, 0.2)];
    for (objective, temperature) in objectives {
        for negatives in [shared(30), mixed(20), own(8)] {
            if objective == Objective::Logistic && negatives == mixed(20) {
                // A sum over 83 negatives drowns the positive: this loss is one of few negatives.
                continue;
            }
            let corrected = objective == Objective::Softmax;
            let views = (negatives == mixed(20)).then(Views::default);
            let fit_params = FitParams { objective, temperature, views, epochs: 25, ..params() };
            let negatives = NegativeCounts { corrected, ..negatives };
            let fitted = fit(&YouTubeDnn::mean(16), &fit_params, negatives, &mut Run::seeded(1));
            let share = in_group(&fitted.unwrap());
            assert!(share > 0.5, "{objective:?} {negatives:?}: {share}");
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    for (name, towers) in models() {
        for negatives in [shared(40), mixed(10), own(5)] {
            let fit_params = FitParams {
                epochs: 2,
                clip: Some(0.5),
                learn_temperature: true,
                table_optimizer: if negatives == own(5) {
                    TableOptimizer::rms_prop()
                } else {
                    TableOptimizer::lazy_adam()
                },
                table_l2: 1e-4,
                views: (negatives == mixed(10)).then(Views::default),
                ..params()
            };
            let run = |threads| {
                let run = &mut Run::seeded(4).threads(threads);
                bits(&fit(&towers, &fit_params, negatives, run).unwrap())
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
    let (users, items) = (keys(USERS), keys(ITEMS));
    let data = TwoTowerData::new(&histories, &users, &items).held_out(&truth);
    let begin = |fit: &FitParams, seed| IdTowers::training(&towers, fit, data, in_batch(), seed).unwrap();
    let mut whole = begin(&fit, 9);
    while whole.epoch(&mut Run::seeded(9)).unwrap() {}
    let mut first = begin(&fit, 9);
    for _ in 0..2 {
        first.epoch(&mut Run::seeded(9)).unwrap();
    }
    first.save(&path).unwrap();
    let mut second = begin(&fit, 9).resume(&path).unwrap();
    while second.epoch(&mut Run::seeded(9).threads(2)).unwrap() {}
    let (a, b) = (whole.finish(), second.finish());
    assert_eq!((&a.report, &a.record, &a.items, &a.users), (&b.report, &b.record, &b.items, &b.users));
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    a.model.tensors("", &mut of_a);
    b.model.tensors("", &mut of_b);
    assert!(of_a == of_b);
    let refused = |result: Result<_, CheckpointError>| {
        assert!(matches!(result.map(|_| ()), Err(CheckpointError::Other { .. })));
    };
    refused(begin(&fit, 8).resume(&path));
    refused(begin(&FitParams { batch: 65, ..fit.clone() }, 9).resume(&path));
    let mean = YouTubeDnn::mean(8);
    refused(IdTowers::training(&mean, &fit, data, in_batch(), 9).unwrap().resume(&path));
    refused(IdTowers::training(&towers, &fit, data, shared(9), 9).unwrap().resume(&path));
}

#[test]
fn validation_keeps_the_best_model_and_stops_early() {
    let (sequences, truth) = hold_out(&log(), Holdout::Share(0.2), 1);
    let histories = Histories::new(sequences);
    let validation = Some(Validation { k: 10, patience: 2, ..Validation::default() });
    let fit = FitParams { epochs: 200, validation, table_rate: 0.5, ..params() };
    let towers = YouTubeDnn::mean(16);
    let (users, items) = (keys(USERS), keys(ITEMS));
    let bare = TwoTowerData::new(&histories, &users, &items);
    let model = IdTowers::fit(&towers, &fit, bare.held_out(&truth), in_batch(), &mut Run::seeded(1)).unwrap();
    let report = model.report();
    assert!(report.stopped_early && report.epochs_done < 200, "{} passes", report.epochs_done);
    let figures: Vec<f64> = report.epochs.iter().map(|e| e.validation.unwrap().ndcg).collect();
    let best = figures.iter().copied().fold(0.0, f64::max);
    assert_eq!(figures[report.best_epoch.unwrap() as usize - 1], best);
    let without = IdTowers::training(&towers, &fit, bare, in_batch(), 1);
    assert!(matches!(without, Err(FitError::NothingHeldOut)));
    let other = Csr::from_rows([[1u32]]);
    let other = IdTowers::training(&towers, &fit, bare.held_out(&other), in_batch(), 1);
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
        let (users, items) = (keys(USERS), keys(ITEMS));
        let data = TwoTowerData::new(&histories, &users, &items).held_out(&truth);
        IdTowers::fit(&towers, &fit(plateau), data, in_batch(), &mut Run::seeded(1)).unwrap()
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
fn a_stopped_training_is_an_error_and_its_model_is_there_for_who_asks() {
    let (histories, users, items) = (Histories::new(log()), keys(USERS), keys(ITEMS));
    let data = TwoTowerData::new(&histories, &users, &items);
    let towers = MatrixFactorization::params(8);
    let stop_after = |n: usize, seen: &mut Vec<(u64, u64, bool)>| {
        let mut stop = |p: &Progress<'_>| {
            seen.push((p.done, p.total, p.loss.is_some()));
            if seen.len() == n { Flow::Stop } else { Flow::Continue }
        };
        let mut run = Run::seeded(1).observed(&mut stop);
        IdTowers::fit_until_stopped(&towers, &params(), data, in_batch(), &mut run).unwrap()
    };
    let mut seen = Vec::new();
    let model = stop_after(2, &mut seen);
    assert!(model.report().stopped && model.report().epochs_done == 2 && model.items().n_trained() > 0);
    assert!(seen[0].0 < seen[1].0 && seen[1].0 < seen[1].1 && seen[0].2);

    let mut stop = |_: &Progress<'_>| Flow::Stop;
    let mut run = Run::seeded(1).observed(&mut stop);
    let refused = IdTowers::fit(&towers, &params(), data, in_batch(), &mut run).map(drop);
    let Err(FitError::Stopped { epochs_done: 1, step, steps }) = refused else { panic!("{refused:?}") };
    assert!(0 < step && step < steps);
    // At the last report there is nothing left to stop.
    let mut count = 0;
    let mut late = |p: &Progress<'_>| {
        count += 1;
        if p.done == p.total { Flow::Stop } else { Flow::Continue }
    };
    let mut run = Run::seeded(1).observed(&mut late);
    assert!(!IdTowers::fit(&towers, &params(), data, in_batch(), &mut run).unwrap().report().stopped);
    assert_eq!(count, params().epochs);
}

/// In-batch log Q is of the data, whatever else could draw: without it popular items are behind.
#[test]
fn negatives_of_the_batch_are_corrected_by_the_data() {
    let model = |negatives: NegativeSampling<'static>| {
        bits(&fit(&YouTubeDnn::mean(8), &params(), negatives, &mut Run::seeded(3)).unwrap())
    };
    let in_batch = model(NegativeSampling::in_batch());
    assert!(in_batch == model(NegativeCounts::default().into()));
    assert!(in_batch == model(NegativeSampling::in_batch().uncorrected().corrected()));
    assert!(in_batch != model(NegativeSampling::in_batch().uncorrected()));
    // The standard sampler, where every item has an interaction, is the uniform one.
    let uniform = || negsample::Uniform::new(ITEMS).unwrap();
    let standard = model(NegativeSampling::in_batch().and_per_batch(7));
    assert!(standard == model(NegativeSampling::in_batch().and_per_batch_from(7, uniform())));
    let standard = model(NegativeSampling::per_example(7));
    let mut sampler = uniform();
    let lent = NegativeSampling::per_example_from(7, &mut sampler);
    assert!(standard == bits(&fit(&YouTubeDnn::mean(8), &params(), lent, &mut Run::seeded(3)).unwrap()));
}

#[test]
fn items_that_were_no_positive_and_users_without_one_are_untrained() {
    let rows: Vec<Vec<u32>> =
        log().iter().map(|row| row.iter().copied().filter(|i| *i < 50).collect()).collect();
    let mut sequences = Sequences::from_rows(ITEMS, rows).unwrap();
    sequences.push(&[]).unwrap();
    let (histories, users, items) = (Histories::new(sequences), keys(USERS + 1), keys(ITEMS));
    let data = TwoTowerData::new(&histories, &users, &items);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.nf");
    for (name, towers) in models() {
        let fit = FitParams { epochs: 1, ..params() };
        let model = IdTowers::fit(&towers, &fit, data, mixed(4), &mut Run::seeded(1)).unwrap();
        let ids: Vec<&str> = model.items().untrained().collect();
        assert_eq!(ids, (50..ITEMS).map(|i| i.to_string()).collect::<Vec<_>>(), "{name}");
        model.save(&path).unwrap();
        let opened = IdTowers::open(&path).unwrap();
        assert_eq!(opened.items(), model.items());
        for model in [model, opened] {
            let user = u32::try_from(USERS).unwrap();
            let embed = |user, history| model.user_embedder().embed(&UserInput { user: Some(user), history });
            assert!(embed(0, &[1]).is_ok());
            let stranger = embed(user, &[1]);
            assert_eq!(stranger.is_err(), towers.user_id, "{name}: {stranger:?}");
            if towers.user_id && towers.pooling.is_none() {
                assert!(embed(0, &[]).is_ok(), "an id that was trained is enough");
            }
        }
    }
    // Within the first pass, only what was met is trained.
    let fit = FitParams { max_steps: 1, batch: 20, ..params() };
    let model = IdTowers::fit(&MatrixFactorization::params(4), &fit, data, in_batch(), &mut Run::seeded(1));
    assert!((1..=20).contains(&model.unwrap().items().n_trained()));
}

#[test]
fn what_diverges_keeps_the_last_good_model_and_says_where() {
    // The rate rises until products overflow, in the second pass at the earliest.
    let runaway = FitParams {
        epochs: 50,
        table_rate: 1e30,
        table_optimizer: TableOptimizer::Sgd,
        objective: Objective::Logistic,
        temperature: 1.0,
        schedule: Schedule { warm_up: u64::MAX / 2, decay: Decay::Constant },
        ..params()
    };
    let rate_at = |table_rate| FitParams { table_rate, ..runaway.clone() };
    let towers = MatrixFactorization::params(8);
    let mut later = 0;
    for exponent in 18..34 {
        let fit_params = rate_at(10f32.powi(exponent));
        match fit(&towers, &fit_params, NegativeSampling::per_batch(20).uncorrected(), &mut Run::seeded(1)) {
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
        Preset::self_attention,
        Preset::contrastive,
    ] {
        let contrasted = preset(8).contrasted();
        for Preset { towers, fit: params, negatives } in [preset(8), contrasted] {
            let params = FitParams { max_steps: 3, ..params };
            let model = fit(&towers, &params, negatives, &mut Run::seeded(1)).unwrap();
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
        assert!(matches!(fit(&bad, &params(), shared(5), run), Err(FitError::Layer(_))), "{bad:?}");
    }
    let small = NegativeSampling::per_batch_from(3, Popularity::new(&[1, 2], 1.0).unwrap());
    assert!(matches!(fit(&YouTubeDnn::mean(8), &params(), small, run), Err(FitError::Catalogue { .. })));
    let lonely = Histories::new(Sequences::from_rows(ITEMS, [[1u32], [2]]).unwrap());
    let (users, items) = (keys(2), keys(ITEMS));
    let data = TwoTowerData::new(&lonely, &users, &items);
    let result = IdTowers::training(&YouTubeDnn::mean(8), &params(), data, in_batch(), 1);
    assert!(matches!(result, Err(FitError::Empty { users: 2, interactions: 2 })));
    let nothing = fit(&YouTubeDnn::mean(8), &params(), shared(0), run);
    assert!(matches!(nothing, Err(FitError::Negatives(NegativesError::None))));
    let one = FitParams { batch: 1, ..params() };
    let result = fit(&YouTubeDnn::deep(8, Pooling::Mean), &one, shared(5), run);
    assert!(matches!(result, Err(FitError::Layer(LayerError::BatchOfOne { rows: 1 }))), "{result:?}");
}
