use std::sync::Arc;

use crate::error::LeakageError;
use crate::log::Log;
use crate::split::Split;

/// What a train and a test log have in common that they may not have, by the rule they are to follow.
///
/// ```
/// use interactions::{Leakage, Log, ReadOptions, Split};
///
/// let file = "user,item,time\nann,tent,10\nann,stove,20\nbob,tent,15\nbob,novel,5\n";
/// let (log, _) = Log::read_from(file.as_bytes(), "visits.csv", &ReadOptions::default())?;
/// let (train, test) = Split::LastOut.apply(&log, 0)?;
/// Split::LastOut.check(&train, &test)?;
/// let leakage = Leakage::new(&train, &test)?;
/// assert!(leakage.no_own_future().is_ok() && leakage.no_future().is_ok());
/// let warm = leakage.only_cold_items().unwrap_err();
/// assert_eq!(warm.to_string(), "1 of 2 test interactions have items that are in train, as \"tent\"");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Leakage<'l> {
    train: &'l Log,
    test: &'l Log,
}

impl Split {
    /// Whether two logs are what this rule promises; the first promise that is broken is the error.
    ///
    /// | rule | promises |
    /// |---|---|
    /// | all | no interaction of test is in train: [`Leakage::no_shared_pairs`] |
    /// | `Time` | train lies before test: [`Leakage::no_future`] |
    /// | `LastOut` | a user's train lies before its test, where there are times: [`Leakage::no_own_future`] |
    /// | `ColdItems` | no item of test is in train: [`Leakage::only_cold_items`] |
    /// | `ColdUsers` | no user of test is in train: [`Leakage::only_cold_users`] |
    ///
    /// Where a user takes an item again and that is to be predicted, the single checks are the ones to call.
    ///
    /// O(n log n). Memory: 8 bytes an interaction of train.
    ///
    /// # Errors
    /// [`LeakageError`], with how many interactions there are and the first of them.
    pub fn check(self, train: &Log, test: &Log) -> Result<(), LeakageError> {
        let leakage = Leakage::new(train, test)?;
        leakage.no_shared_pairs()?;
        match self {
            Self::Time(_) => leakage.no_future(),
            Self::LastOut if train.times().is_some() && test.times().is_some() => leakage.no_own_future(),
            Self::LastOut | Self::Ratio(_) => Ok(()),
            Self::ColdItems(_) => leakage.only_cold_items(),
            Self::ColdUsers(_) => leakage.only_cold_users(),
        }
    }
}

impl<'l> Leakage<'l> {
    /// Over two logs of the same vocabularies.
    ///
    /// # Errors
    /// [`LeakageError::Vocabularies`] when they are others.
    pub fn new(train: &'l Log, test: &'l Log) -> Result<Self, LeakageError> {
        for (column, a, b) in
            [("user", train.user_keys(), test.user_keys()), ("item", train.item_keys(), test.item_keys())]
        {
            if !Arc::ptr_eq(a, b) && a != b {
                return Err(LeakageError::Vocabularies { column });
            }
        }
        Ok(Self { train, test })
    }

    /// No user and item of test are together in train.
    ///
    /// # Errors
    /// [`LeakageError::SharedPairs`].
    pub fn no_shared_pairs(&self) -> Result<(), LeakageError> {
        let pair = |log: &Log, row: usize| u64::from(log.users()[row]) << 32 | u64::from(log.items()[row]);
        let mut known: Vec<u64> = (0..self.train.len()).map(|row| pair(self.train, row)).collect();
        known.sort_unstable();
        let shared = |row: &usize| known.binary_search(&pair(self.test, *row)).is_ok();
        match first_and_count((0..self.test.len()).filter(shared)) {
            None => Ok(()),
            Some((row, count)) => Err(LeakageError::SharedPairs {
                count,
                of: self.test.len(),
                user: key(self.test.user_keys().key(self.test.users()[row])),
                item: key(self.test.item_keys().key(self.test.items()[row])),
            }),
        }
    }

    /// All of train lies before all of test.
    ///
    /// # Errors
    /// [`LeakageError::Future`]; [`LeakageError::NoTime`].
    pub fn no_future(&self) -> Result<(), LeakageError> {
        let (train, test) = self.times()?;
        let (Some(&last), Some(&begins)) = (train.iter().max(), test.iter().min()) else { return Ok(()) };
        let count = train.iter().filter(|&&time| time >= begins).count();
        if count > 0 {
            return Err(LeakageError::Future { count, of: train.len(), begins, last });
        }
        Ok(())
    }

    /// No user has an interaction in train that is later than its first in test; at the same time is allowed,
    /// for the order of equal times is that of the file.
    ///
    /// # Errors
    /// [`LeakageError::OwnFuture`]; [`LeakageError::NoTime`].
    pub fn no_own_future(&self) -> Result<(), LeakageError> {
        let (train, test) = self.times()?;
        let mut begins = vec![i64::MAX; self.test.n_users()];
        for (&user, &time) in self.test.users().iter().zip(test) {
            let first = &mut begins[user as usize];
            *first = time.min(*first);
        }
        let late = |row: &usize| train[*row] > begins[self.train.users()[*row] as usize];
        match first_and_count((0..self.train.len()).filter(late)) {
            None => Ok(()),
            Some((row, count)) => Err(LeakageError::OwnFuture {
                count,
                of: self.train.len(),
                user: key(self.train.user_keys().key(self.train.users()[row])),
            }),
        }
    }

    /// No item of test is in train.
    ///
    /// # Errors
    /// [`LeakageError::NotCold`].
    pub fn only_cold_items(&self) -> Result<(), LeakageError> {
        let known = self.train.item_counts();
        self.only_cold("item", self.test.items(), &known, |id| self.test.item_keys().key(id))
    }

    /// No user of test is in train.
    ///
    /// # Errors
    /// [`LeakageError::NotCold`].
    pub fn only_cold_users(&self) -> Result<(), LeakageError> {
        let known = self.train.user_counts();
        self.only_cold("user", self.test.users(), &known, |id| self.test.user_keys().key(id))
    }

    fn only_cold<'k>(
        &self,
        what: &'static str,
        ids: &[u32],
        known: &[u64],
        key_of: impl Fn(u32) -> Option<&'k str>,
    ) -> Result<(), LeakageError> {
        match first_and_count(ids.iter().copied().filter(|&id| known[id as usize] > 0)) {
            None => Ok(()),
            Some((id, count)) => {
                Err(LeakageError::NotCold { what, count, of: ids.len(), key: key(key_of(id)) })
            }
        }
    }

    fn times(&self) -> Result<(&'l [i64], &'l [i64]), LeakageError> {
        let train = self.train.times().ok_or(LeakageError::NoTime { log: "train" })?;
        Ok((train, self.test.times().ok_or(LeakageError::NoTime { log: "test" })?))
    }
}

fn key(key: Option<&str>) -> String {
    key.unwrap_or_default().to_owned()
}

fn first_and_count<T>(mut found: impl Iterator<Item = T>) -> Option<(T, usize)> {
    let first = found.next()?;
    Some((first, 1 + found.count()))
}
