//! Ids of the rows of an index, where they are not the numbers of the rows: rows without a trained vector and removed
//! rows have ids and no row.
//!
//! A family knows rows by number, 0 to n. What goes in and out of it is translated here. The ids ascend with the
//! numbers, so what is in order by one is in order by the other, ties included.

use embed_core::store::{Fault, Reader, StoreError};
use embed_core::{Bitmap, Filter, ItemId, KeyTable, Neighbor, SearchError, SearchRequest};

use crate::aligned::Aligned;
use crate::keys::Keys;

/// Row numbers ↔ ids. Values of an unverified file may be in no order, and out of range.
#[derive(Debug, Clone)]
pub(crate) struct IdMap {
    /// The id of each row, ascending, below `bound`.
    ids: Aligned<ItemId>,
    /// All ids are below it.
    bound: u32,
}

/// A bitmap of so small a share of the rows is cheaper as a list.
const SPARSE: usize = 16;

impl IdMap {
    /// Ascending ids below `bound`; those of a damaged file may be in no order, as in one that is read.
    pub(crate) fn new(ids: &[ItemId], bound: u32) -> Self {
        Self { ids: Aligned::copy(ids), bound }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn bound(&self) -> u32 {
        self.bound
    }

    pub(crate) fn ids(&self) -> &[ItemId] {
        &self.ids
    }

    /// The number of the row with this id. O(log n).
    pub(crate) fn row(&self, id: ItemId) -> Option<u32> {
        self.ids.binary_search(&id).ok().and_then(|row| u32::try_from(row).ok())
    }

    /// The section of [`IdMap::read`].
    pub(crate) const SECTION: &str = "row-ids";

    /// The map of a file over `n` rows.
    pub(crate) fn read(reader: &Reader, n: usize, bound: u64) -> Result<Self, StoreError> {
        let bound = u32::try_from(bound).ok().filter(|&bound| bound as usize >= n).ok_or_else(|| {
            reader.malformed(Fault::Field {
                field: "bound of the ids".to_owned(),
                expected: n as u64,
                got: bound,
            })
        })?;
        Ok(Self { ids: reader.section_of_len::<u32>(Self::SECTION, n)?.into(), bound })
    }

    pub(crate) fn verify(&self, reader: &Reader) -> Result<(), StoreError> {
        let mut least = 0u64;
        for (row, &id) in self.ids.iter().enumerate() {
            if u64::from(id) < least || id >= self.bound {
                let expected = least.min(u64::from(self.bound));
                return Err(reader.malformed(Fault::Field {
                    field: format!("id of row {row}"),
                    expected,
                    got: id.into(),
                }));
            }
            least = u64::from(id) + 1;
        }
        Ok(())
    }

    /// Numbers of the rows in an ascending list of ids.
    fn rows_of(&self, list: &[ItemId]) -> Vec<ItemId> {
        let (mut rows, mut from) = (Vec::with_capacity(list.len().min(self.len())), 0);
        for id in list {
            match self.ids[from..].binary_search(id) {
                Ok(place) => {
                    rows.extend(u32::try_from(from + place));
                    from += place + 1;
                }
                Err(place) => from += place,
            }
        }
        rows
    }

    /// The filter by row numbers.
    fn inward<'f>(&'f self, filter: Filter<'f>) -> Inward<'f> {
        match filter {
            Filter::All => Inward::Same(filter),
            // The search refuses it and names it by id.
            Filter::Deny(ids) | Filter::Allow(ids) if !ids.is_sorted_by(|a, b| a < b) => Inward::Same(filter),
            Filter::Deny(ids) => Inward::Deny(self.rows_of(ids)),
            Filter::Allow(ids) => Inward::Allow(self.rows_of(ids)),
            Filter::Bitmap(Bitmap(words)) if filter.at_most(self.bound as usize) * SPARSE <= self.len() => {
                let set = words.iter().zip(0u32..).flat_map(|(&word, at)| {
                    (0..64)
                        .filter(move |bit| word >> bit & 1 == 1)
                        .filter_map(move |bit| at.checked_mul(64)?.checked_add(bit))
                });
                Inward::Allow(self.rows_of(&set.collect::<Vec<_>>()))
            }
            _ => Inward::Where(Box::new(move |row| {
                self.ids.get(row as usize).is_some_and(|&id| filter.allows(id))
            })),
        }
    }

    /// Names answers by id.
    fn outward(&self, answers: &mut Vec<Neighbor>) {
        let mut damaged = false;
        for answer in &mut *answers {
            answer.id = self.ids.get(answer.id as usize).copied().unwrap_or(u32::MAX);
            damaged |= answer.id >= self.bound;
        }
        if damaged {
            answers.retain(|answer| answer.id < self.bound);
        }
    }
}

/// A filter by row numbers.
enum Inward<'f> {
    Same(Filter<'f>),
    Deny(Vec<ItemId>),
    Allow(Vec<ItemId>),
    Where(Box<dyn Fn(ItemId) -> bool + Sync + 'f>),
}

impl Inward<'_> {
    fn filter(&self) -> Filter<'_> {
        match self {
            Self::Same(filter) => *filter,
            Self::Deny(rows) => Filter::Deny(rows),
            Self::Allow(rows) => Filter::Allow(rows),
            Self::Where(holds) => Filter::Where(&**holds),
        }
    }
}

/// Names of the rows of an index: their ids, and their keys by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) keys: Keys,
    /// `None` where the ids are the row numbers.
    pub(crate) ids: Option<std::sync::Arc<IdMap>>,
}

impl Names {
    /// Bound of the ids of an index of `n` rows.
    pub(crate) fn bound(&self, n: usize) -> usize {
        self.ids.as_ref().map_or(n, |ids| ids.bound as usize)
    }

    /// Presence of this id among the `n` rows.
    pub(crate) fn has(&self, id: ItemId, n: usize) -> bool {
        match &self.ids {
            None => (id as usize) < n,
            Some(ids) => ids.row(id).is_some(),
        }
    }

    /// For `AnnIndex::keys`.
    pub(crate) fn table(&self) -> Result<Option<KeyTable>, SearchError> {
        match self.keys.get() {
            Ok(keys) => Ok(keys.map(|keys| KeyTable::from(std::sync::Arc::clone(keys)))),
            Err(e) => Err(SearchError::Implementation { source: Box::new(e) }),
        }
    }

    /// For `AnnIndex::vector_into`, by one that takes row numbers.
    #[inline]
    pub(crate) fn vector(
        &self,
        (id, n): (ItemId, usize),
        by_row: impl FnOnce(ItemId) -> Result<(), SearchError>,
    ) -> Result<(), SearchError> {
        match &self.ids {
            None => by_row(id),
            Some(ids) => match ids.row(id) {
                Some(row) => by_row(row),
                None => Err(SearchError::UnknownId { id, len: n }),
            },
        }
    }

    /// For `AnnIndex::search_into`, by one that knows rows by number.
    #[inline]
    pub(crate) fn search(
        &self,
        request: &SearchRequest<'_>,
        out: &mut Vec<Neighbor>,
        by_row: impl FnOnce(&SearchRequest<'_>, &mut Vec<Neighbor>) -> Result<(), SearchError>,
    ) -> Result<(), SearchError> {
        let Some(ids) = &self.ids else { return by_row(request, out) };
        let filter = ids.inward(request.filter);
        by_row(&request.filter(filter.filter()), out)?;
        ids.outward(out);
        Ok(())
    }

    /// For `AnnIndex::search_batch`, likewise.
    #[inline]
    pub(crate) fn batch(
        &self,
        requests: &[SearchRequest<'_>],
        by_row: impl FnOnce(&[SearchRequest<'_>]) -> Result<Vec<Vec<Neighbor>>, SearchError>,
    ) -> Result<Vec<Vec<Neighbor>>, SearchError> {
        let Some(ids) = &self.ids else { return by_row(requests) };
        let filters: Vec<Inward<'_>> = requests.iter().map(|request| ids.inward(request.filter)).collect();
        let inward: Vec<SearchRequest<'_>> =
            requests.iter().zip(&filters).map(|(request, filter)| request.filter(filter.filter())).collect();
        let mut answers = by_row(&inward)?;
        answers.iter_mut().for_each(|answers| ids.outward(answers));
        Ok(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_allows_the_same_rows() {
        let (ids, bound) = ([1, 2, 5, 9, 64, 130, 131], 200);
        let map = IdMap::new(&ids, bound);
        let odd = |id: u32| id % 2 == 1;
        let words = |list: &[u32]| {
            let mut words = vec![0u64; 4];
            list.iter().for_each(|&id| words[id as usize / 64] |= 1 << (id % 64));
            words
        };
        let (one, many) = (words(&[130]), words(&[0, 1, 5, 9, 64, 131, 199]));
        let list = [0, 2, 3, 9, 130, 198, 4_000_000_000];
        for filter in [
            Filter::All,
            Filter::Deny(&list),
            Filter::Allow(&list),
            Filter::Allow(&[]),
            Filter::Bitmap(Bitmap(&one)),
            Filter::Bitmap(Bitmap(&many)),
            Filter::Bitmap(Bitmap(&many[..1])),
            Filter::Where(&odd),
        ] {
            let inward = map.inward(filter);
            for (row, &id) in (0..).zip(&ids) {
                assert_eq!(inward.filter().allows(row), filter.allows(id), "{filter:?}: id {id}");
            }
        }
        let big = IdMap::new(&(0..300).map(|i| 2 * i + 1).collect::<Vec<_>>(), 700);
        assert!(matches!(big.inward(Filter::Bitmap(Bitmap(&one))), Inward::Allow(rows) if rows.is_empty()));
        assert!(
            matches!(big.inward(Filter::Bitmap(Bitmap(&words(&[131])))), Inward::Allow(rows) if rows == [65])
        );
    }
}
