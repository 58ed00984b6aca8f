use std::path::Path;
use std::sync::Arc;

use embed_core::{Csr, ItemId, Vocab};
use nearfield::interactions::{Format, Log, ReadOptions, ReadReport, is_prefix_file, read_prefixes};

use crate::args::EvalArgs;
use crate::error::CliError;
use crate::output::{self, counted};

/// Keys that are named where many are unknown.
const NAMED: usize = 3;

/// What is asked: who has what, and what is to be found.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) users: Vocab,
    /// All items; those that can be recommended have the first ids.
    pub(super) items: Vocab,
    /// Items that can be recommended.
    pub(super) n_known: usize,
    /// Interactions of each of them in training.
    pub(super) counts: Vec<u64>,
    /// What each user has, of the items that can be recommended.
    pub(super) histories: Csr,
    pub(super) truth: Csr,
    pub(super) n_train: usize,
    pub(super) n_test: usize,
    /// Items of the logs that cannot be recommended.
    pub(super) n_unknown_items: usize,
    /// Test interactions with them.
    pub(super) n_unreachable: usize,
    /// Whether what a user has is not recommended again.
    pub(super) masked: bool,
}

/// What the files hold, by the ids of one vocabulary.
struct Logs {
    train: Option<Log>,
    /// Whom each row of the test asks for: users, or next-item tasks by their number in the file, from 1.
    users: Vocab,
    items: Arc<Vocab>,
    histories: Csr,
    truth: Csr,
    n_test: usize,
    /// Whether the test is of next-item tasks, where what was seen may come again.
    next_item: bool,
}

impl Logs {
    fn users(args: &EvalArgs) -> Result<Self, CliError> {
        let options = args.layout.options();
        let (train, test) = match &args.train {
            Some(path) => {
                let [(train, report), (test, test_report)] =
                    Log::read_train_test(path, &args.test, &options)?;
                say(path, &report);
                say(&args.test, &test_report);
                (Some(train), test)
            }
            None => {
                let (test, report) = Log::read(&args.test, &options)?;
                say(&args.test, &report);
                (None, test)
            }
        };
        let nothing = || Csr::from_rows(vec![Vec::new(); test.n_users()]);
        Ok(Self {
            users: Vocab::clone(test.user_keys()),
            items: Arc::clone(test.item_keys()),
            histories: train.as_ref().map_or_else(nothing, Log::histories),
            truth: test.histories(),
            n_test: test.len(),
            next_item: false,
            train,
        })
    }

    fn tasks(args: &EvalArgs) -> Result<Self, CliError> {
        let options = args.layout.options();
        let of_test = ReadOptions { format: Format::Auto, ..options.clone() };
        if !is_prefix_file(&args.test, &of_test)? {
            return Err(CliError::NotPrefixes { path: args.test.clone() });
        }
        let train = match &args.train {
            Some(path) => {
                let (train, report) = Log::read(path, &options)?;
                say(path, &report);
                Some(train)
            }
            None => None,
        };
        let keys = train.as_ref().map(|train| Vocab::clone(train.item_keys())).unwrap_or_default();
        let (tasks, report) = read_prefixes(&args.test, &of_test, keys)?;
        say(&args.test, &report);
        Ok(Self {
            users: Vocab::from_keys((1..=tasks.len()).map(|task| task.to_string()))?,
            items: Arc::clone(tasks.item_keys()),
            histories: tasks.prefixes().clone(),
            truth: Csr::from_rows(tasks.targets().iter().map(std::slice::from_ref)),
            n_test: tasks.len(),
            next_item: true,
            train,
        })
    }
}

impl Question {
    /// Reads the logs; `known` are the items that can be recommended, or none where all can.
    ///
    /// # Errors
    /// [`CliError::ReadLog`]; [`CliError::NotPrefixes`] for sessions with a test that is not of next-item tasks.
    pub(super) fn read(args: &EvalArgs, known: Option<&Vocab>) -> Result<Self, CliError> {
        let logs =
            if args.layout.format == Format::Sessions { Logs::tasks(args)? } else { Logs::users(args)? };
        let mut items = known.cloned().unwrap_or_default();
        let ids: Vec<ItemId> = logs.items.keys().map(|key| items.intern(key)).collect::<Result<_, _>>()?;
        let n_known = known.map_or(items.len(), Vocab::len);
        let can = |id: ItemId| (id as usize) < n_known;
        let of = |rows: &Csr, all: bool| {
            let row = |row: &[ItemId]| -> Vec<ItemId> {
                row.iter().map(|&item| ids[item as usize]).filter(|&id| all || can(id)).collect()
            };
            Csr::from_rows(rows.rows().map(row))
        };
        let mut counts = vec![0; n_known];
        for &item in logs.train.as_ref().map(Log::items).unwrap_or_default() {
            if let Some(count) = counts.get_mut(ids[item as usize] as usize) {
                *count += 1;
            }
        }
        let truth = of(&logs.truth, true);
        Ok(Self {
            n_unknown_items: items.len() - n_known,
            n_unreachable: truth.rows().flatten().filter(|&&id| !can(id)).count(),
            items,
            n_known,
            counts,
            histories: of(&logs.histories, false),
            truth,
            n_train: logs.train.as_ref().map_or(0, Log::len),
            n_test: logs.n_test,
            masked: !args.keep_seen.unwrap_or(logs.next_item),
            users: logs.users,
        })
    }

    /// Says which items of the logs `path` does not have.
    ///
    /// # Errors
    /// [`CliError::NoCommonItems`] when it has none of them.
    pub(super) fn remark_unknown(&self, path: &Path) -> Result<(), CliError> {
        let wanted = self.truth.rows().flatten().count();
        if self.n_unreachable == wanted {
            return Err(CliError::NoCommonItems { path: path.to_owned() });
        }
        if self.n_unknown_items > 0 {
            let unknown = self.items.keys().skip(self.n_known);
            output::warning(&format!(
                "{} has nothing for {} of the logs ({}): {} with them count as misses",
                path.display(),
                counted(self.n_unknown_items, "item"),
                names(unknown, self.n_unknown_items),
                counted(self.n_unreachable, "test interaction"),
            ));
        }
        Ok(())
    }
}

/// The first few of many keys.
pub(super) fn names<'k>(keys: impl Iterator<Item = &'k str>, n: usize) -> String {
    let named: Vec<String> = keys.take(NAMED).map(|key| format!("{key:?}")).collect();
    format!("{}{}", named.join(", "), if n > named.len() { ", …" } else { "" })
}

fn say(path: &Path, report: &ReadReport) {
    if report.bad_rows > 0 {
        let first = report.first_bad.first().map(ToString::to_string).unwrap_or_default();
        let rows = counted(report.bad_rows, "bad row");
        output::warning(&format!("{}: {rows} skipped; the first: {first}", path.display()));
    }
}
