//! A made-up log with a known truth: items come in groups of taste, and a few of each are far more popular
//! than the rest.

use embed_core::SeededRng;
use rand_distr::{Distribution, Exp, LogNormal};

const GROUPS: [&str; 40] = [
    "ambient",
    "blues",
    "bluegrass",
    "bossa",
    "chanson",
    "choral",
    "country",
    "cumbia",
    "dance",
    "disco",
    "drone",
    "dub",
    "fado",
    "flamenco",
    "folk",
    "funk",
    "gospel",
    "grunge",
    "hiphop",
    "house",
    "indie",
    "jazz",
    "klezmer",
    "latin",
    "metal",
    "opera",
    "polka",
    "pop",
    "punk",
    "raga",
    "ragtime",
    "reggae",
    "rock",
    "salsa",
    "samba",
    "ska",
    "soul",
    "swing",
    "techno",
    "waltz",
];
const ITEMS_A_GROUP: usize = 50;
const USERS: usize = 3_000;

/// Popularity of the r-th item of a group falls as 1/r (Zipf's law).
const ZIPF_EXPONENT: f64 = 1.0;
/// Share of clicks outside the user's tastes, on whatever is popular.
const NOISE: f64 = 0.15;
/// After so many draws in vain the user has seen what he likes.
const MOST_DRAWS: usize = 20;

const FIRST_SECOND: f64 = 1.7e9;
const SECONDS_A_YEAR: f64 = 3.15e7;
const MEAN_PAUSE_SECONDS: f64 = 20_000.0;

/// One click.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Click {
    pub(crate) user: String,
    pub(crate) item: String,
    /// Unix time in seconds.
    pub(crate) time: u64,
}

/// A log in time order within each user, and the group of each item.
#[derive(Debug, PartialEq)]
pub(crate) struct TasteLog {
    pub(crate) clicks: Vec<Click>,
    /// Item and group, one an item of the catalogue, clicked or not.
    pub(crate) groups: Vec<(String, &'static str)>,
}

impl TasteLog {
    /// The log of a seed: 3,000 users over 2,000 items in 40 groups, one to three tastes a user.
    pub(crate) fn generate(seed: u64) -> Self {
        let world = World::new(seed);
        let clicks = (0..USERS).flat_map(|user| world.history(seed, user)).collect();
        let groups = (0..GROUPS.len() * ITEMS_A_GROUP).map(|item| (key(item), GROUPS[item / ITEMS_A_GROUP]));
        Self { clicks, groups: groups.collect() }
    }

    /// Number of groups.
    pub(crate) fn n_groups() -> usize {
        GROUPS.len()
    }

    /// How likely another item, drawn at random, is of the same group.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    pub(crate) fn chance_of_same_group() -> f64 {
        (ITEMS_A_GROUP - 1) as f64 / (GROUPS.len() * ITEMS_A_GROUP - 1) as f64
    }
}

/// Group and number, as in jazz-017; 001 is the group's most popular.
fn key(item: usize) -> String {
    format!("{}-{:03}", GROUPS[item / ITEMS_A_GROUP], item % ITEMS_A_GROUP + 1)
}

/// How popular everything is.
struct World {
    groups: Cumulative,
    /// The same law in every group.
    ranks: Cumulative,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut order: Vec<usize> = (0..GROUPS.len()).collect();
        SeededRng::stream(seed, "demo groups", 0).shuffle(&mut order);
        Self {
            // Groups differ in size, but none is a corner nobody visits.
            groups: Cumulative::of(order.iter().map(|&place| zipf(place + 10))),
            ranks: Cumulative::of((0..ITEMS_A_GROUP).map(zipf)),
        }
    }

    fn history(&self, seed: u64, user: usize) -> Vec<Click> {
        let mut rng = SeededRng::stream(seed, "demo users", user as u64);
        let tastes = self.tastes(&mut rng);
        let length = history_length(&mut rng);
        let mut seen = Vec::with_capacity(length);
        let mut mood = tastes[0];
        for _ in 0..length {
            // A mood lasts for about four clicks.
            if rng.below(4) == 0 {
                mood = tastes[rng.below(u32::try_from(tastes.len()).unwrap_or(1)) as usize];
            }
            if let Some(item) = self.click(&mut rng, mood, &seen) {
                seen.push(item);
            }
        }
        timed(&mut rng, user, &seen)
    }

    fn tastes(&self, rng: &mut SeededRng) -> Vec<usize> {
        let wanted = 1 + rng.below(3) as usize;
        let mut tastes: Vec<usize> = (0..wanted).map(|_| self.groups.draw(rng)).collect();
        tastes.sort_unstable();
        tastes.dedup();
        rng.shuffle(&mut tastes);
        tastes
    }

    /// An item the user has not clicked yet.
    fn click(&self, rng: &mut SeededRng, mood: usize, seen: &[usize]) -> Option<usize> {
        (0..MOST_DRAWS)
            .map(|_| {
                let group = if rng.unit_f64() < NOISE { self.groups.draw(rng) } else { mood };
                group * ITEMS_A_GROUP + self.ranks.draw(rng)
            })
            .find(|item| !seen.contains(item))
    }
}

#[expect(clippy::cast_precision_loss, reason = "ranks are small")]
fn zipf(rank: usize) -> f64 {
    (rank as f64 + 1.0).powf(-ZIPF_EXPONENT)
}

/// Most users click a dozen times, a few a hundred times.
fn history_length(rng: &mut SeededRng) -> usize {
    let length: f64 = LogNormal::new(2.8, 0.6).map_or(16.0, |law| law.sample(rng));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 5 and 120")]
    let length = length.clamp(5.0, 120.0) as usize;
    length
}

fn timed(rng: &mut SeededRng, user: usize, items: &[usize]) -> Vec<Click> {
    let mut time = FIRST_SECOND + SECONDS_A_YEAR * rng.unit_f64();
    let pause = Exp::new(1.0 / MEAN_PAUSE_SECONDS);
    let mut clicks = Vec::with_capacity(items.len());
    for &item in items {
        time += 1.0 + pause.map_or(MEAN_PAUSE_SECONDS, |law| law.sample(rng));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number of seconds"
        )]
        let second = time as u64;
        clicks.push(Click { user: format!("user-{:04}", user + 1), item: key(item), time: second });
    }
    clicks
}

/// A law over 0..n by running sums of weights.
struct Cumulative(Vec<f64>);

impl Cumulative {
    fn of(weights: impl Iterator<Item = f64>) -> Self {
        let mut total = 0.0;
        Self(
            weights
                .map(|weight| {
                    total += weight;
                    total
                })
                .collect(),
        )
    }

    fn draw(&self, rng: &mut SeededRng) -> usize {
        let total = self.0.last().copied().unwrap_or_default();
        let mark = total * rng.unit_f64();
        self.0.partition_point(|&sum| sum <= mark).min(self.0.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_log_of_a_seed_is_always_the_same() {
        let log = TasteLog::generate(1);
        assert_eq!(log, TasteLog::generate(1));
        assert_ne!(log, TasteLog::generate(2));
    }

    #[test]
    fn popularity_has_a_long_tail() {
        let log = TasteLog::generate(42);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for click in &log.clicks {
            *counts.entry(&click.item).or_default() += 1;
        }
        let mut counts: Vec<usize> = counts.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let (total, n) = (log.clicks.len(), log.groups.len());
        assert_eq!(n, 2000);
        assert!((40_000..80_000).contains(&total), "{total} clicks");
        assert!(counts.len() > n * 9 / 10, "{} of {n} items are clicked", counts.len());
        let head: usize = counts.iter().take(n / 10).sum();
        assert!(2 * head > total / 2, "a tenth of the items has {head} of {total} clicks");
    }

    #[test]
    fn users_stay_with_their_tastes_and_go_forward_in_time() {
        let log = TasteLog::generate(42);
        let mut users: BTreeMap<&str, Vec<&Click>> = BTreeMap::new();
        for click in &log.clicks {
            users.entry(&click.user).or_default().push(click);
        }
        assert_eq!(users.len(), USERS);
        let mut in_top_three = 0;
        for clicks in users.values() {
            assert!(clicks.windows(2).all(|pair| pair[0].time < pair[1].time));
            let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
            for click in clicks {
                *groups.entry(&click.item[..click.item.len() - 4]).or_default() += 1;
            }
            let mut counts: Vec<usize> = groups.into_values().collect();
            counts.sort_unstable_by(|a, b| b.cmp(a));
            in_top_three += counts.iter().take(3).sum::<usize>();
        }
        assert!(in_top_three * 10 > log.clicks.len() * 8, "{in_top_three} of {}", log.clicks.len());
    }
}
