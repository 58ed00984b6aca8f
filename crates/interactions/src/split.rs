use std::fmt;
use std::str::FromStr;

use embed_core::SeededRng;

use crate::error::{ParseSplitError, SplitError};
use crate::log::Log;

/// The users or items of a log, of which some are held out with all they have.
type Ids = fn(&Log) -> (&[u32], usize);

/// How a part of a log is held out for testing.
///
/// | rule | text | held out | can leak |
/// |---|---|---|---|
/// | `LastOut` | `last` | the last interaction of each user that has at least two | other users' later interactions are in train |
/// | `Time(0.2)` | `time:0.2` | all interactions from a moment on, about this share of them | nothing: train lies before test |
/// | `Ratio(0.2)` | `ratio:0.2` | this share of each user's interactions, drawn at random | later interactions of the same user are in train |
/// | `ColdItems(0.1)` | `cold-items:0.1` | all interactions of this share of the items, drawn at random | other items' later interactions are in train |
/// | `ColdUsers(0.1)` | `cold-users:0.1` | all interactions of this share of the users, drawn at random | other users' later interactions are in train |
///
/// Both parts share the vocabularies of the log, hold each interaction once between them, and keep the order
/// of the log. Every user that has an interaction keeps one in train under `LastOut` and `Ratio`. An item may be
/// in test only. A pair of user and item that repeats may be in both parts: call [`Log::dedup`] first where that
/// would be a leak. [`Split::check`] tells of a train and a test log whether they are what a rule promises.
///
/// A cold user's interactions are all in test: split that part again, by `LastOut` or `Ratio`, into what is shown
/// to the model and what it is to find.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Split {
    /// The last interaction of each user with at least two: by time (of equal times the last in the file), or
    /// in file order where the log has no times.
    LastOut,
    /// The latest interactions of the log, as a share of all: the boundary is the time at which the share
    /// comes nearest to the one asked for, and interactions of equal time lie on the same side.
    Time(f64),
    /// A random share of each user's interactions: of `n`, `n × share` rounded up or down at random so that
    /// the mean is exact, and at most `n − 1`. The draws of a user depend only on the seed and the user's id.
    Ratio(f64),
    /// All interactions of a random share of the items that have any, at least one and not all of them: what a
    /// model does about items that it never saw.
    ColdItems(f64),
    /// All interactions of a random share of the users that have any, at least one and not all of them: what a
    /// model does about users that it never saw.
    ColdUsers(f64),
}

impl Split {
    /// The train and the test part of a log. `seed` matters where something is drawn.
    ///
    /// O(n log n) in the longest history; 9 bytes an interaction while it works.
    ///
    /// # Errors
    /// - [`SplitError::Share`] when a share is not above 0 and below 1.
    /// - [`SplitError::Empty`] when the log has no interactions.
    /// - [`SplitError::NoTime`], [`SplitError::OneTime`] when a split by time has no times, or one only.
    /// - [`SplitError::NothingHeldOut`] when no user has two interactions, or the share is too small for the log.
    /// - [`SplitError::One`] when the log has one item, or one user, and those are held out.
    pub fn apply(self, log: &Log, seed: u64) -> Result<(Log, Log), SplitError> {
        if let Self::Time(got) | Self::Ratio(got) | Self::ColdItems(got) | Self::ColdUsers(got) = self
            && !(got > 0.0 && got < 1.0)
        {
            return Err(SplitError::Share { got });
        }
        if log.is_empty() {
            return Err(SplitError::Empty);
        }
        let test = match self {
            Self::LastOut => last_out(log),
            Self::Time(share) => latest(log, share)?,
            Self::Ratio(share) => drawn(log, share, seed),
            Self::ColdItems(share) => cold("item", |log| (log.items(), log.n_items()), log, share, seed)?,
            Self::ColdUsers(share) => cold("user", |log| (log.users(), log.n_users()), log, share, seed)?,
        };
        if !test.contains(&true) {
            let reason = match self {
                Self::Ratio(_) => "the share is too small for users with so few interactions",
                _ => "no user has two interactions",
            };
            return Err(SplitError::NothingHeldOut { reason });
        }
        Ok((log.select(|row| !test[row]), log.select(|row| test[row])))
    }
}

/// Which interactions are the last of a user with at least two.
fn last_out(log: &Log) -> Vec<bool> {
    let mut test = vec![false; log.len()];
    for rows in log.rows_by_user().iter() {
        if let [_, .., last] = *rows {
            test[last] = true;
        }
    }
    test
}

/// Which interactions lie on or after the boundary whose share is nearest to the one asked for.
fn latest(log: &Log, share: f64) -> Result<Vec<bool>, SplitError> {
    let times = log.times().ok_or(SplitError::NoTime)?;
    let n = times.len();
    let wanted = nearest_count(n, share).clamp(1, n);
    let mut order = times.to_vec();
    let (_, &mut middle, _) = order.select_nth_unstable(n - wanted);
    // The interactions at the middle time go to test or to train, all of them.
    let with = times.iter().filter(|&&time| time >= middle).count();
    let without = times.iter().filter(|&&time| time > middle).count();
    let fits = |count: usize| count > 0 && count < n;
    let keep_middle_out = fits(without) && (!fits(with) || wanted - without < with - wanted);
    match (keep_middle_out, fits(with)) {
        (true, _) => Ok(times.iter().map(|&time| time > middle).collect()),
        (false, true) => Ok(times.iter().map(|&time| time >= middle).collect()),
        (false, false) => Err(SplitError::OneTime { interactions: n, time: middle }),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and n")]
#[expect(clippy::cast_precision_loss, reason = "a share is not exact")]
fn nearest_count(n: usize, share: f64) -> usize {
    (n as f64 * share).round() as usize
}

/// Which interactions are drawn, each user from a stream of its own.
fn drawn(log: &Log, share: f64, seed: u64) -> Vec<bool> {
    let mut test = vec![false; log.len()];
    for (user, rows) in (0u64..).zip(log.rows_by_user().iter()) {
        if rows.len() < 2 {
            continue;
        }
        let mut rng = SeededRng::stream(seed, "split/ratio", user);
        let mut wanted = drawn_count(rows.len(), share, rng.unit_f64());
        // Selection sampling: Knuth, The Art of Computer Programming 2, algorithm 3.4.2 S.
        for (done, &row) in rows.iter().enumerate() {
            let left = u32::try_from(rows.len() - done).unwrap_or(u32::MAX);
            if (rng.below(left) as usize) < wanted {
                test[row] = true;
                wanted -= 1;
            }
        }
    }
    test
}

/// Which interactions are those of drawn users or items: of the `n` that have any, the nearest number to `n × share`.
fn cold(what: &'static str, ids: Ids, log: &Log, share: f64, seed: u64) -> Result<Vec<bool>, SplitError> {
    let (ids, n) = ids(log);
    let counts = crate::group::counts(n, ids);
    let mut present: Vec<usize> = (0..n).filter(|&id| counts[id] > 0).collect();
    if present.len() < 2 {
        return Err(SplitError::One { what });
    }
    let wanted = nearest_count(present.len(), share).clamp(1, present.len() - 1);
    let mut rng = SeededRng::stream(seed, "split/cold", 0);
    let mut held_out = vec![false; n];
    for front in 0..wanted {
        let left = u32::try_from(present.len() - front).unwrap_or(u32::MAX);
        present.swap(front, front + rng.below(left) as usize);
        held_out[present[front]] = true;
    }
    Ok(ids.iter().map(|&id| held_out[id as usize]).collect())
}

/// `n × share`, rounded down, or up with the probability of its fraction; at most `n − 1`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and n")]
#[expect(clippy::cast_precision_loss, reason = "a share is not exact")]
fn drawn_count(n: usize, share: f64, unit: f64) -> usize {
    ((n as f64 * share + unit).floor() as usize).min(n - 1)
}

impl FromStr for Split {
    type Err = ParseSplitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || ParseSplitError::Rule { got: text.to_owned() };
        if text == "last" {
            return Ok(Self::LastOut);
        }
        let (rule, got) = text.split_once(':').ok_or_else(unknown)?;
        let rule = match rule {
            "time" => Self::Time,
            "ratio" => Self::Ratio,
            "cold-items" => Self::ColdItems,
            "cold-users" => Self::ColdUsers,
            _ => return Err(unknown()),
        };
        let share = got.parse().ok().filter(|&share: &f64| share > 0.0 && share < 1.0);
        let bad = || ParseSplitError::Share { got: got.to_owned(), text: text.to_owned() };
        share.map(rule).ok_or_else(bad)
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LastOut => f.write_str("last"),
            Self::Time(share) => write!(f, "time:{share}"),
            Self::Ratio(share) => write!(f, "ratio:{share}"),
            Self::ColdItems(share) => write!(f, "cold-items:{share}"),
            Self::ColdUsers(share) => write!(f, "cold-users:{share}"),
        }
    }
}
