//! Filters, sessions and splits against naive oracles.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "helpers of tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use embed_core::Vocab;
use interactions::{
    Interaction, Keep, Leakage, LeakageError, Log, LogBuilder, LogError, ParseSplitError, Split, SplitError,
};
use proptest::prelude::*;

fn log(rows: &[(u32, u32)], times: Option<&[i64]>) -> Log {
    let mut builder = LogBuilder::new();
    for (i, (user, item)) in rows.iter().enumerate() {
        let (user, item) = (format!("u{user}"), format!("i{item}"));
        let time = times.map(|times| times[i]);
        builder.push(&Interaction { user: &user, item: &item, time, weight: Some(i as f32) }).unwrap();
    }
    builder.build()
}

/// Interactions by their keys; the weight is the row, so that each is told from its repeats.
fn rows(log: &Log) -> Vec<(String, String, Option<i64>, usize)> {
    log.iter()
        .map(|row| (row.user.to_owned(), row.item.to_owned(), row.time, row.weight.unwrap() as usize))
        .collect()
}

fn numbers(log: &Log) -> Vec<usize> {
    rows(log).into_iter().map(|row| row.3).collect()
}

prop_compose! {
    fn some_log()(
        pairs in prop::collection::vec((0u32..12, 0u32..15, -3i64..4), 1..120),
        timed in any::<bool>(),
    ) -> Log {
        let times: Vec<i64> = pairs.iter().map(|p| p.2).collect();
        let rows: Vec<(u32, u32)> = pairs.iter().map(|p| (p.0, p.1)).collect();
        log(&rows, timed.then_some(&times))
    }
}

/// Takes users and items with fewer than k out, all at once, until nothing changes.
fn k_core_oracle(log: &Log, k: usize) -> Vec<usize> {
    let mut left = rows(log);
    loop {
        let mut users: BTreeMap<String, usize> = BTreeMap::new();
        let mut items: BTreeMap<String, usize> = BTreeMap::new();
        for (user, item, ..) in &left {
            *users.entry(user.clone()).or_default() += 1;
            *items.entry(item.clone()).or_default() += 1;
        }
        let before = left.len();
        left.retain(|(user, item, ..)| users[user] >= k && items[item] >= k);
        if left.len() == before {
            return left.into_iter().map(|row| row.3).collect();
        }
    }
}

/// A user's rows in the order of histories.
fn history_oracle(log: &Log, user: &str) -> Vec<(String, String, Option<i64>, usize)> {
    let mut own: Vec<_> = rows(log).into_iter().filter(|row| row.0 == user).collect();
    own.sort_by_key(|row| (row.2, row.3));
    own
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_k_core_is_that_of_the_definition(log in some_log(), k in 0usize..8) {
        let (core, dropped) = log.k_core(k);
        prop_assert_eq!(numbers(&core), k_core_oracle(&log, k));
        if k > 0 {
            prop_assert!(core.user_counts().iter().chain(&core.item_counts()).all(|&count| count >= k as u64));
        }
        prop_assert_eq!(dropped.interactions, log.len() - core.len());
        prop_assert_eq!(dropped.users, log.n_users() - core.n_users());
        prop_assert_eq!(dropped.items, log.n_items() - core.n_items());
        let by_number: BTreeMap<_, _> = rows(&log).into_iter().map(|row| (row.3, row)).collect();
        prop_assert!(rows(&core).iter().all(|row| by_number[&row.3] == *row), "keys, times and weights stay");
        let order: Vec<_> = core.item_keys().keys().map(|key| log.item_keys().get(key).unwrap()).collect();
        prop_assert!(order.is_sorted(), "what stays keeps its order");
    }

    #[test]
    fn one_of_each_pair_stays(log in some_log(), last in any::<bool>()) {
        let (kept, dropped) = log.dedup(if last { Keep::Last } else { Keep::First });
        let mut expected = BTreeMap::new();
        let mut sorted = rows(&log);
        sorted.sort_by_key(|row| (row.2, row.3));
        if last { sorted.reverse(); }
        for row in sorted {
            expected.entry((row.0, row.1)).or_insert(row.3);
        }
        let mut expected: Vec<usize> = expected.into_values().collect();
        expected.sort_unstable();
        prop_assert_eq!(numbers(&kept), expected);
        prop_assert_eq!(dropped.interactions, log.len() - kept.len());
        prop_assert_eq!((kept.n_users(), kept.n_items()), (log.n_users(), log.n_items()));
    }

    #[test]
    fn histories_and_sessions_are_in_time_order(log in some_log(), gap in 0u64..5) {
        let histories = log.histories();
        prop_assert_eq!(histories.n_rows(), log.n_users());
        let mut sessions = Vec::new();
        for (user, key) in log.user_keys().keys().enumerate() {
            let own = history_oracle(&log, key);
            let items: Vec<u32> = own.iter().map(|row| log.item_keys().get(&row.1).unwrap()).collect();
            prop_assert_eq!(histories.row(user), &items[..]);
            let mut before = None;
            for (row, item) in own.iter().zip(items) {
                if before.is_none_or(|before: i64| row.2.unwrap_or(0).abs_diff(before) > gap) {
                    sessions.push(Vec::new());
                }
                sessions.last_mut().unwrap().push(item);
                before = Some(row.2.unwrap_or(0));
            }
        }
        let whole = log.sequences();
        prop_assert!(whole.iter().eq(histories.rows()));
        match log.sessions(Duration::from_secs(gap)) {
            Ok(cut) => prop_assert_eq!(cut.iter().map(<[u32]>::to_vec).collect::<Vec<_>>(), sessions),
            Err(error) => {
                prop_assert!(log.times().is_none());
                prop_assert_eq!(error, LogError::NoTime { wanted: "sessions" });
            }
        }
    }

    #[test]
    fn a_split_loses_and_doubles_nothing(log in some_log(), rule in 0usize..5, share in 0.01f64..0.99, seed in 0u64..9) {
        let rules = [Split::LastOut, Split::Time(share), Split::Ratio(share), Split::ColdItems(share), Split::ColdUsers(share)];
        let split = rules[rule];
        let Ok((train, test)) = split.apply(&log, seed) else { return Ok(()) };
        prop_assert!(!test.is_empty());
        let mut all: Vec<usize> = numbers(&train).into_iter().chain(numbers(&test)).collect();
        prop_assert!(numbers(&train).is_sorted() && numbers(&test).is_sorted(), "the order stays");
        all.sort_unstable();
        prop_assert_eq!(all, numbers(&log));
        for part in [&train, &test] {
            prop_assert!(Arc::ptr_eq(part.user_keys(), log.user_keys()));
            prop_assert!(Arc::ptr_eq(part.item_keys(), log.item_keys()));
        }
        let (in_log, in_train, in_test) = (log.user_counts(), train.user_counts(), test.user_counts());
        match split {
            Split::LastOut => for (user, key) in log.user_keys().keys().enumerate() {
                prop_assert_eq!(in_test[user], u64::from(in_log[user] >= 2));
                if in_log[user] >= 2 {
                    let last = history_oracle(&log, key).pop().unwrap().3;
                    prop_assert!(numbers(&test).contains(&last));
                }
            },
            Split::Time(share) => {
                let (latest, earliest) = (train.times().unwrap().iter().max(), test.times().unwrap().iter().min());
                prop_assert!(latest < earliest, "equal times lie on one side");
                let off = |n: usize| (n as f64 - (log.len() as f64 * share).round()).abs();
                for &time in log.times().unwrap() {
                    let n = log.times().unwrap().iter().filter(|&&t| t >= time).count();
                    prop_assert!(n == log.len() || off(test.len()) <= off(n), "no boundary is nearer to the share");
                }
            }
            Split::ColdItems(share) | Split::ColdUsers(share) => {
                let counts = |log: &Log| if rule == 3 { log.item_counts() } else { log.user_counts() };
                let present = |log: &Log| counts(log).iter().filter(|&&count| count > 0).count();
                let (whole, trained, held) = (present(&log), present(&train), present(&test));
                prop_assert_eq!(trained + held, whole, "nothing is in both");
                prop_assert_eq!(held, ((whole as f64 * share).round() as usize).clamp(1, whole - 1));
            }
            _ => for user in 0..log.n_users() {
                let exact = in_log[user] as f64 * share;
                prop_assert!((in_test[user] as f64 - exact).abs() < 1.0 || in_train[user] == 1);
                prop_assert!(in_train[user] >= 1);
            },
        }
        let repeats = log.dedup(Keep::First).0.len() < log.len();
        prop_assert!(repeats || split.check(&train, &test).is_ok(), "{:?}", split.check(&train, &test));
        let again = split.apply(&log, seed).unwrap();
        prop_assert_eq!((again.0, again.1), (train, test));
    }
}

#[test]
fn a_ratio_holds_the_share_on_average_and_draws_by_the_seed() {
    let rows: Vec<(u32, u32)> = (0..30_000).map(|i| (i / 3, i % 7)).collect();
    let log = log(&rows, None);
    let (_, test) = Split::Ratio(0.2).apply(&log, 1).unwrap();
    assert!((5_800..6_200).contains(&test.len()), "{}", test.len());
    let mut places = [0; 3];
    for number in numbers(&test) {
        places[number % 3] += 1;
    }
    assert!(places.iter().all(|&n| (1_850..2_150).contains(&n)), "each place is as likely: {places:?}");
    assert_ne!(numbers(&test), numbers(&Split::Ratio(0.2).apply(&log, 2).unwrap().1));
    assert_eq!(numbers(&test)[..6], RATIO_DRAWS, "the draws of a seed never change");
}

const RATIO_DRAWS: [usize; 6] = [0, 4, 13, 21, 29, 37];

#[test]
fn a_user_with_one_interaction_stays_in_train() {
    let log = log(&[(0, 0), (1, 0), (1, 1)], None);
    for split in [Split::LastOut, Split::Ratio(0.9)] {
        let (train, test) = split.apply(&log, 3).unwrap();
        assert_eq!((train.user_counts(), test.user_counts()), (vec![1, 1], vec![0, 1]));
    }
}

#[test]
fn a_split_that_cannot_be_says_why() {
    let single = log(&[(0, 0), (1, 1)], Some(&[5, 5]));
    for share in [0.0, 1.0, -0.5, f64::NAN, f64::INFINITY] {
        assert!(matches!(Split::Time(share).apply(&single, 0), Err(SplitError::Share { .. })));
        assert!(matches!(Split::Ratio(share).apply(&single, 0), Err(SplitError::Share { .. })));
    }
    assert_eq!(Split::Time(0.5).apply(&single, 0), Err(SplitError::OneTime { interactions: 2, time: 5 }));
    assert_eq!(Split::Time(0.5).apply(&log(&[(0, 0)], None), 0), Err(SplitError::NoTime));
    assert!(matches!(Split::LastOut.apply(&single, 0), Err(SplitError::NothingHeldOut { .. })));
    assert!(matches!(Split::Ratio(0.5).apply(&single, 0), Err(SplitError::NothingHeldOut { .. })));
    assert_eq!(Split::LastOut.apply(&LogBuilder::new().build(), 0), Err(SplitError::Empty));
    let one = log(&[(0, 0), (1, 0)], None);
    assert_eq!(Split::ColdItems(0.5).apply(&one, 0), Err(SplitError::One { what: "item" }));
    assert!(Split::ColdUsers(0.5).apply(&one, 0).is_ok());
}

/// Each check finds what it is for, counts it, and names the first.
#[test]
fn leaks_are_found_counted_and_named() {
    let whole = log(&[(0, 0), (0, 1), (1, 1), (1, 2), (2, 3), (0, 1)], Some(&[1, 5, 2, 3, 9, 7]));
    let all = numbers(&whole);
    assert_eq!(all, [0, 1, 2, 3, 4, 5]);
    let part = |rows: &[usize]| {
        let mut users = Vec::new();
        let mut items = Vec::new();
        for &row in rows {
            users.push(whole.users()[row]);
            items.push(whole.items()[row]);
        }
        let times = rows.iter().map(|&row| whole.times().unwrap()[row]).collect();
        let keys = (Arc::clone(whole.user_keys()), Arc::clone(whole.item_keys()));
        Log::new(users, items, Some(times), None, keys.0, keys.1).unwrap()
    };
    // User 0 has item 1 in both; its test at 5 is before its train at 7.
    let (train, test) = (part(&[0, 2, 5]), part(&[1, 3]));
    let leakage = Leakage::new(&train, &test).unwrap();
    let named = |user: &str| user.to_owned();
    assert_eq!(
        leakage.no_shared_pairs(),
        Err(LeakageError::SharedPairs { count: 1, of: 2, user: named("u0"), item: named("i1") })
    );
    assert_eq!(leakage.no_future(), Err(LeakageError::Future { count: 1, of: 3, begins: 3, last: 7 }));
    assert_eq!(leakage.no_own_future(), Err(LeakageError::OwnFuture { count: 1, of: 3, user: named("u0") }));
    assert_eq!(
        leakage.only_cold_items(),
        Err(LeakageError::NotCold { what: "item", count: 1, of: 2, key: named("i1") })
    );
    assert_eq!(
        leakage.only_cold_users(),
        Err(LeakageError::NotCold { what: "user", count: 2, of: 2, key: named("u0") })
    );
    for split in
        [Split::LastOut, Split::Time(0.5), Split::Ratio(0.5), Split::ColdItems(0.5), Split::ColdUsers(0.5)]
    {
        assert!(matches!(split.check(&train, &test), Err(LeakageError::SharedPairs { .. })), "{split}");
    }
    let (train, test) = (part(&[0, 2]), part(&[4]));
    for split in
        [Split::LastOut, Split::Time(0.5), Split::Ratio(0.5), Split::ColdItems(0.5), Split::ColdUsers(0.5)]
    {
        assert_eq!(split.check(&train, &test), Ok(()), "{split}");
    }
    let untimed = log(&[(0, 0), (0, 1)], None);
    let leakage = Leakage::new(&untimed, &untimed).unwrap();
    assert_eq!(leakage.no_future(), Err(LeakageError::NoTime { log: "train" }));
    let other = log(&[(7, 7)], None);
    assert_eq!(Leakage::new(&untimed, &other).unwrap_err(), LeakageError::Vocabularies { column: "user" });
}

#[test]
fn splits_are_read_from_text_and_written_back() {
    for (text, split) in [
        ("last", Split::LastOut),
        ("time:0.2", Split::Time(0.2)),
        ("ratio:0.05", Split::Ratio(0.05)),
        ("cold-items:0.1", Split::ColdItems(0.1)),
        ("cold-users:0.25", Split::ColdUsers(0.25)),
    ] {
        assert_eq!((text.parse(), split.to_string()), (Ok(split), text.to_owned()));
    }
    for text in ["", "Last", "time", "half:0.5", "last:1"] {
        assert!(matches!(text.parse::<Split>(), Err(ParseSplitError::Rule { .. })), "{text}");
    }
    for text in ["time:", "time:x", "ratio:0", "ratio:1", "ratio:NaN", "time:-0.1"] {
        assert!(matches!(text.parse::<Split>(), Err(ParseSplitError::Share { .. })), "{text}");
    }
}

#[test]
fn a_long_chain_falls_apart_in_linear_time() {
    // u0-i0-u1-i1-…: taking out one end lays bare the next, a round an interaction for a naive k-core.
    let rows: Vec<(u32, u32)> = (0..200_000).map(|i: u32| (i.div_ceil(2), i / 2)).collect();
    let chain = log(&rows, None);
    let (core, dropped) = chain.k_core(2);
    assert!(core.is_empty());
    assert_eq!((dropped.interactions, core.n_users(), core.n_items()), (200_000, 0, 0));
}

#[test]
fn columns_that_lie_are_refused() {
    let keys = || Arc::new(Vocab::from_keys(["a", "b"]).unwrap());
    let new =
        |users, items, times, weights| Log::new(users, items, times, weights, keys(), keys()).unwrap_err();
    assert_eq!(new(vec![0], vec![], None, None), LogError::Length { column: "item", expected: 1, got: 0 });
    assert_eq!(
        new(vec![0], vec![0], Some(vec![1, 2]), None),
        LogError::Length { column: "time", expected: 1, got: 2 }
    );
    assert_eq!(
        new(vec![0, 2], vec![0, 0], None, None),
        LogError::UnknownId { column: "user", row: 1, id: 2, n: 2 }
    );
    assert!(matches!(new(vec![0], vec![0], None, Some(vec![f32::NAN])), LogError::Weight { row: 0, .. }));
    let mut builder = LogBuilder::new();
    builder.push(&Interaction { user: "a", item: "b", time: None, weight: None }).unwrap();
    let timed = Interaction { user: "x", item: "y", time: Some(1), weight: None };
    let error = builder.push(&timed).unwrap_err();
    assert_eq!(error.to_string(), "interaction 1 has a time, unlike those before");
    let infinite = Interaction { weight: Some(f32::INFINITY), ..timed };
    assert!(builder.push(&infinite).is_err());
    assert_eq!((builder.len(), builder.user_keys().len()), (1, 1), "nothing is added on an error");
}

#[test]
fn vocabularies_grow_and_shrink_by_key() {
    let small = log(&[(0, 0), (1, 1)], None);
    let larger = |keys: &[&str]| Arc::new(Vocab::from_keys(keys).unwrap());
    let users = larger(&["u0", "u1", "u2"]);
    let grown = small.clone().with_vocabularies(users.clone(), larger(&["i0", "i1", "i2", "i3"])).unwrap();
    assert_eq!((grown.n_users(), grown.n_items(), grown.items()), (3, 4, &[0, 1][..]));
    let error = small.clone().with_vocabularies(users.clone(), larger(&["i1", "i0"])).unwrap_err();
    assert_eq!(error, LogError::NotAnExtension { column: "item", expected: 2 });

    let (rest, dropped) = small.restricted_to(&larger(&["u1", "u0"]), &larger(&["i1"]));
    assert_eq!((rest.users(), rest.items(), dropped), (&[0][..], &[0][..], 1));
    assert_eq!(numbers(&rest), [1], "the weight goes along");
}

#[test]
fn sessions_break_only_beyond_the_gap_also_at_the_ends_of_time() {
    let log = log(&[(0, 0), (0, 1), (0, 2), (0, 3)], Some(&[i64::MAX, i64::MIN, 10, 40]));
    let cut = log.sessions(Duration::from_secs(30)).unwrap();
    assert_eq!(cut.iter().collect::<Vec<_>>(), [&[1][..], &[2, 3], &[0]]);
    assert_eq!(log.sessions(Duration::MAX).unwrap().len(), 1);
    let users: BTreeSet<_> = log.users().iter().collect();
    assert_eq!(users.len(), 1);
}
