use std::path::Path;

use embed_core::{Csr, ItemId, Vocab};
use nearfield::interactions::{Log, ReadReport};

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
}

impl Question {
    /// Reads the logs; `known` are the items that can be recommended, or none where all can.
    ///
    /// # Errors
    /// [`CliError::ReadLog`].
    pub(super) fn read(args: &EvalArgs, known: Option<&Vocab>) -> Result<Self, CliError> {
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
        let mut items = known.cloned().unwrap_or_default();
        let ids: Vec<ItemId> =
            test.item_keys().keys().map(|key| items.intern(key)).collect::<Result<_, _>>()?;
        let n_known = known.map_or(items.len(), Vocab::len);
        let can = |id: ItemId| (id as usize) < n_known;
        let of = |rows: &Csr, all: bool| {
            let row = |row: &[ItemId]| -> Vec<ItemId> {
                row.iter().map(|&item| ids[item as usize]).filter(|&id| all || can(id)).collect()
            };
            Csr::from_rows(rows.rows().map(row))
        };
        let mut counts = vec![0; n_known];
        for &item in train.as_ref().map(Log::items).unwrap_or_default() {
            if let Some(count) = counts.get_mut(ids[item as usize] as usize) {
                *count += 1;
            }
        }
        let truth = of(&test.histories(), true);
        let histories = train.as_ref().map_or_else(
            || Csr::from_rows(vec![Vec::new(); test.n_users()]),
            |train| of(&train.histories(), false),
        );
        Ok(Self {
            users: Vocab::clone(test.user_keys()),
            n_unknown_items: items.len() - n_known,
            n_unreachable: truth.rows().flatten().filter(|&&id| !can(id)).count(),
            items,
            n_known,
            counts,
            histories,
            truth,
            n_train: train.as_ref().map_or(0, Log::len),
            n_test: test.len(),
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
