//! From files to what is learned from and what is measured against.

use std::path::Path;
use std::sync::Arc;

use embed_core::{Csr, ItemId, Sequences, Vocab};
use nearfield::interactions::{Format, Log, ReadOptions, ReadReport, Split, is_prefix_file, read_prefixes};
use nearfield::seqemb::{FitError, Params};

use super::facts::Facts;
use super::remarks::Remarks;
use crate::args::{InputArgs, Method, RunArgs, SessionGap};
use crate::error::CliError;
use crate::features::Frames;
use crate::model::Whom;
use crate::output::counted;

/// A log, cut into what is learned from and what is held out.
///
/// Items that can be learned have the first ids. Those that come in the test only, or in training but never
/// beside another where the method learns from company, have the last: nothing is learned about them, and they
/// are not recommended.
pub(super) struct Dataset {
    /// Keys of the items that can be learned.
    pub(super) items: Arc<Vocab>,
    /// Keys of all items of train ∪ test.
    pub(super) all_items: Arc<Vocab>,
    /// Items of train ∪ test.
    pub(super) n_items: usize,
    /// Keys of the users; sessions have none.
    pub(super) users: Option<Arc<Vocab>>,
    /// Users (or sessions) with an interaction in train ∪ test.
    pub(super) n_users: usize,
    pub(super) n_train: usize,
    pub(super) n_test: usize,
    /// What is learned from.
    pub(super) sequences: Sequences,
    /// Interactions of each item in training.
    pub(super) counts: Vec<u64>,
    /// What each user of the test has: a row a user, or a row a next-item task.
    pub(super) histories: Csr,
    /// What each of them is to be recommended.
    pub(super) truth: Csr,
    /// Whether the test is of next-item tasks, where what was seen may come again.
    pub(super) next_item: bool,
    pub(super) facts: Facts,
    /// What is known of users and items beside it.
    pub(super) frames: Frames,
}

impl Dataset {
    /// Reads what the arguments name; `train` is where the train file lies.
    pub(super) fn read(args: &RunArgs, train: &Path, remarks: &mut Remarks) -> Result<Self, CliError> {
        let frames = Frames::read(&args.features)?;
        let mut data = match &args.input.test {
            None => Self::cut(args, &frames, train, remarks),
            Some(test) if args.input.layout.format == Format::Sessions => {
                Self::tasks(args, &frames, train, test, remarks)
            }
            Some(test) => Self::given(args, &frames, train, test, remarks),
        }?;
        data.frames = frames;
        Ok(data)
    }

    /// One file, part of which is held out.
    fn cut(args: &RunArgs, frames: &Frames, train: &Path, remarks: &mut Remarks) -> Result<Self, CliError> {
        let input = &args.input;
        let log = core(input, read(train, &input.layout.options(), remarks)?, remarks)?;
        let split = input.split.unwrap_or(Split::LastOut);
        if split == Split::LastOut && log.times().is_none() && input.layout.format != Format::Sessions {
            remarks.note("the log has no times: a user's last item in the file is taken as the latest");
        }
        let (train, test) = split.apply(&log, args.learn.seed)?;
        drop(log);
        let users = (input.layout.format != Format::Sessions).then(|| Arc::clone(train.user_keys()));
        Self::of_users((args, frames), train, test, users)
    }

    /// A train and a test file with users in both.
    fn given(
        args: &RunArgs,
        frames: &Frames,
        train: &Path,
        test: &Path,
        remarks: &mut Remarks,
    ) -> Result<Self, CliError> {
        let input = &args.input;
        let [(train_log, train_report), (mut test_log, test_report)] =
            Log::read_train_test(train, test, &input.layout.options())?;
        remarks.read(train, &train_report);
        remarks.read(test, &test_report);
        let train_log = core(input, train_log, remarks)?;
        if input.k_core.is_some() {
            let (kept, dropped) = test_log.restricted_to(train_log.user_keys(), train_log.item_keys());
            if dropped > 0 {
                let dropped = counted(dropped, "test interaction");
                remarks.warn(format!("{dropped} outside the k-core left out"));
            }
            test_log = kept;
        }
        let users = Some(Arc::clone(train_log.user_keys()));
        Self::of_users((args, frames), train_log, test_log, users)
    }

    fn of_users(
        (args, frames): (&RunArgs, &Frames),
        train: Log,
        test: Log,
        users: Option<Arc<Vocab>>,
    ) -> Result<Self, CliError> {
        let gap = args.input.session_gap;
        let order = Order::of(args.learn.method, &train, gap, frames)?;
        let n_known = order.n_known;
        let (train, test) = (order.apply(train)?, order.apply(test)?);
        let (histories, truth) = (train.histories(), test.histories());
        let n_users = histories.rows().zip(truth.rows()).filter(|(a, b)| !(a.is_empty() && b.is_empty()));
        let sequences = sequences(&train, n_known, gap)?;
        Ok(Self {
            facts: Facts::of(&train, Some(&test), sequences.len(), train.n_items()),
            items: first_keys(train.item_keys(), n_known)?,
            all_items: Arc::clone(train.item_keys()),
            n_items: train.n_items(),
            users,
            n_users: n_users.count(),
            n_train: train.len(),
            n_test: test.len(),
            sequences,
            counts: train.item_counts()[..n_known].to_vec(),
            histories: only_known(&histories, n_known),
            truth,
            next_item: false,
            frames: Frames::default(),
        })
    }

    /// A file of sessions and one of next-item tasks.
    fn tasks(
        args: &RunArgs,
        frames: &Frames,
        train: &Path,
        test: &Path,
        remarks: &mut Remarks,
    ) -> Result<Self, CliError> {
        let input = &args.input;
        let options = input.layout.options();
        if !is_prefix_file(test, &ReadOptions { format: Format::Auto, ..options.clone() })? {
            return Err(CliError::NotPrefixes { path: test.to_owned() });
        }
        let log = core(input, read(train, &options, remarks)?, remarks)?;
        let gap = input.session_gap;
        let order = Order::of(args.learn.method, &log, gap, frames)?;
        let n_known = order.n_known;
        let log = order.apply(log)?;
        let test_options = ReadOptions { format: Format::Auto, ..options };
        let (tasks, report) = read_prefixes(test, &test_options, Vocab::clone(log.item_keys()))?;
        remarks.read(test, &report);
        let sequences = sequences(&log, n_known, gap)?;
        Ok(Self {
            facts: Facts::of(&log, None, sequences.len(), tasks.item_keys().len()),
            items: first_keys(log.item_keys(), n_known)?,
            all_items: Arc::clone(tasks.item_keys()),
            n_items: tasks.item_keys().len(),
            users: None,
            n_users: log.user_counts().iter().filter(|&&count| count > 0).count(),
            n_train: log.len(),
            n_test: tasks.len(),
            sequences,
            counts: log.item_counts()[..n_known].to_vec(),
            histories: only_known(tasks.prefixes(), n_known),
            truth: Csr::from_rows(tasks.targets().iter().map(std::slice::from_ref)),
            next_item: true,
            frames: Frames::default(),
        })
    }

    /// Whom each row of the test recommends to.
    pub(super) fn whom(&self) -> impl Iterator<Item = Whom<'_>> {
        let known = self.users.is_some();
        (0..).zip(self.histories.rows()).map(move |(row, history)| Whom {
            user: known.then_some(row),
            history,
            features: None,
        })
    }

    /// Test rows with something to find and nothing to recommend from.
    pub(super) fn n_cold(&self) -> usize {
        let pairs = self.histories.rows().zip(self.truth.rows());
        pairs.filter(|(history, truth)| history.is_empty() && !truth.is_empty()).count()
    }

    /// What is to be found, without the rows that have nothing to recommend from.
    pub(super) fn warm_truth(&self) -> Csr {
        let pairs = self.histories.rows().zip(self.truth.rows());
        Csr::from_rows(pairs.map(|(history, truth)| if history.is_empty() { &[] } else { truth }))
    }

    /// Test interactions with items about which nothing could be learned.
    pub(super) fn n_unseen(&self) -> usize {
        let known = self.items.len();
        self.truth.rows().flatten().filter(|&&item| item as usize >= known).count()
    }

    /// Test interactions with an item that the same user has in training.
    pub(super) fn n_repeated(&self) -> usize {
        let seen = self.histories.to_sorted_sets();
        let pairs = seen.rows().zip(self.truth.rows());
        pairs.map(|(seen, truth)| truth.iter().filter(|item| seen.binary_search(item).is_ok()).count()).sum()
    }
}

pub(crate) fn read(path: &Path, options: &ReadOptions, remarks: &mut Remarks) -> Result<Log, CliError> {
    let (log, report): (Log, ReadReport) = Log::read(path, options)?;
    remarks.read(path, &report);
    Ok(log)
}

fn core(input: &InputArgs, log: Log, remarks: &mut Remarks) -> Result<Log, CliError> {
    let Some(k) = input.k_core else { return Ok(log) };
    let (kept, dropped) = log.k_core(k);
    if kept.is_empty() {
        return Err(CliError::EmptyCore { k });
    }
    remarks.note(format!(
        "the {k}-core leaves out {}, {} and {}",
        counted(dropped.interactions, "interaction"),
        counted(dropped.users, "user"),
        counted(dropped.items, "item")
    ));
    Ok(kept)
}

/// What is learned from: each user's history, or what lies between two gaps of it; of the first items only.
pub(crate) fn sequences(train: &Log, n_known: usize, gap: Option<SessionGap>) -> Result<Sequences, CliError> {
    let rows = match gap {
        None => train.histories(),
        Some(gap) => Csr::from_rows(train.sessions(gap.duration())?.iter()),
    };
    Ok(Sequences::from_rows(n_known, only_known(&rows, n_known).rows())?)
}

fn only_known(rows: &Csr, n_known: usize) -> Csr {
    let known = |row: &[ItemId]| -> Vec<ItemId> {
        row.iter().copied().filter(|&item| (item as usize) < n_known).collect()
    };
    Csr::from_rows(rows.rows().map(known))
}

/// Other ids for the items of a log: those that can be learned first, otherwise as they were.
struct Order {
    n_known: usize,
    ids: Vec<ItemId>,
    keys: Arc<Vocab>,
}

impl Order {
    fn of(method: Method, train: &Log, gap: Option<SessionGap>, frames: &Frames) -> Result<Self, CliError> {
        let keys = train.item_keys();
        let sequences = sequences(train, train.n_items(), gap)?;
        let (together, report) = Params::basket().preparation.counts(&sequences)?;
        if report.keys_kept == 0 {
            return Err(FitError::Empty { preparation: Box::new(report) }.into());
        }
        let counts = if method.needs_company() { together } else { train.item_counts() };
        let mut ordered = Vocab::new();
        for (key, _) in keys.keys().zip(&counts).filter(|(_, count)| **count > 0) {
            ordered.intern(key)?;
        }
        // What has features can be recommended, though training may not have seen it.
        for key in frames.items.iter().flat_map(|frame| frame.keys().keys()) {
            ordered.intern(key)?;
        }
        let n_known = ordered.len();
        let ids = keys.keys().map(|key| ordered.intern(key)).collect::<Result<_, _>>()?;
        Ok(Self { n_known, ids, keys: Arc::new(ordered) })
    }

    fn apply(&self, log: Log) -> Result<Log, CliError> {
        let items = log.items().iter().map(|&item| self.ids[item as usize]).collect();
        let (times, users) = (log.times().map(<[i64]>::to_vec), log.users().to_vec());
        Ok(Log::new(users, items, times, None, Arc::clone(log.user_keys()), Arc::clone(&self.keys))?)
    }
}

fn first_keys(keys: &Arc<Vocab>, n: usize) -> Result<Arc<Vocab>, CliError> {
    if n == keys.len() {
        return Ok(Arc::clone(keys));
    }
    Ok(Arc::new(Vocab::from_keys(keys.keys().take(n))?))
}
