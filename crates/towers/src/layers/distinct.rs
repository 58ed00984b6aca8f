use embed_core::{ItemId, kernel};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::Bag;
use crate::matrix::{each_row_mut, row};

/// The ids that a bag holds, each once, and where its entries are among them: what an item comes to is worked out once, however many of a
/// batch's histories hold it.
///
/// 16 bytes an entry, and 4 an id of the catalogue.
#[derive(Debug, Clone, Default)]
pub struct Distinct {
    ids: Vec<ItemId>,
    /// The place in `ids` of each entry.
    places: Vec<u32>,
    /// The place of an id, if `ids` holds it there (Briggs & Torczon 1993).
    slots: Vec<u32>,
    /// Where the entries of an id begin.
    starts: Vec<usize>,
    /// Entries and the list of each, by id, ascending.
    entries: Vec<(u32, u32)>,
}

impl Distinct {
    /// Each id once, in the order they come; of one list alone the entries as they are. O(entries).
    #[expect(clippy::cast_possible_truncation, reason = "a batch has fewer than 2³² entries")]
    pub fn set(&mut self, bag: &Bag) {
        if bag.len() <= 1 {
            return self.set_apart(bag);
        }
        let Self { ids, places, slots, .. } = self;
        ids.clear();
        places.clear();
        let needed = bag.ids().iter().max().map_or(0, |&most| most as usize + 1);
        slots.resize(slots.len().max(needed), 0);
        for &id in bag.ids() {
            let slot = &mut slots[id as usize];
            if ids.get(*slot as usize) != Some(&id) {
                *slot = ids.len() as u32;
                ids.push(id);
            }
            places.push(*slot);
        }
        self.sort(bag);
    }

    /// Every entry for itself. O(entries).
    #[expect(clippy::cast_possible_truncation, reason = "a batch has fewer than 2³² entries")]
    pub fn set_apart(&mut self, bag: &Bag) {
        self.ids.clear();
        self.ids.extend_from_slice(bag.ids());
        self.places.clear();
        self.places.extend(0..bag.ids().len() as u32);
        self.sort(bag);
    }

    /// Sorts the entries by id, by counting them.
    #[expect(clippy::cast_possible_truncation, reason = "a batch has fewer than 2³² entries")]
    fn sort(&mut self, bag: &Bag) {
        let Self { ids, places, starts, entries, .. } = self;
        starts.clear();
        starts.resize(ids.len() + 2, 0);
        places.iter().for_each(|&place| starts[place as usize + 2] += 1);
        for place in 2..starts.len() {
            starts[place] += starts[place - 1];
        }
        entries.resize(places.len(), (0, 0));
        for (list, ends) in bag.offsets().windows(2).enumerate() {
            for entry in ends[0]..ends[1] {
                let at = &mut starts[places[entry] as usize + 1];
                entries[*at] = (entry as u32, list as u32);
                *at += 1;
            }
        }
        starts.truncate(ids.len() + 1);
    }

    /// The ids.
    #[must_use]
    pub fn ids(&self) -> &[ItemId] {
        &self.ids
    }

    /// The place among [`Distinct::ids`] of each entry of the bag.
    #[must_use]
    pub fn places(&self) -> &[u32] {
        &self.places
    }

    /// For each id the sum over its entries of `weights[entry] · lists[list of the entry]`, added to its row of `to`. O(entries · dim).
    pub(crate) fn add_lists(&self, weights: &[f32], lists: ArrayView2<'_, f32>, to: ArrayViewMut2<'_, f32>) {
        self.add(to, |(entry, list), to| {
            kernel::axpy(weights[entry as usize], row(&lists, list as usize), to);
        });
    }

    /// For each id the sum of the rows of its entries, added to its row of `to`. O(entries · dim).
    pub(crate) fn add_entries(&self, entries: ArrayView2<'_, f32>, to: ArrayViewMut2<'_, f32>) {
        self.add(to, |(entry, _), to| kernel::axpy(1.0, row(&entries, entry as usize), to));
    }

    fn add(&self, to: ArrayViewMut2<'_, f32>, add: impl Fn((u32, u32), &mut [f32]) + Sync) {
        each_row_mut(to, |place, to| {
            let entries = &self.entries[self.starts[place]..self.starts[place + 1]];
            entries.iter().for_each(|&entry| add(entry, to));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn entries_find_their_ids_and_ids_their_entries() {
        let mut distinct = Distinct::default();
        for lists in [vec![vec![7, 2, 7], vec![], vec![2, 9]], vec![vec![9], vec![9, 1]], vec![]] {
            let mut bag = Bag::new();
            lists.iter().for_each(|list| bag.push(list));
            distinct.set(&bag);
            let found: Vec<ItemId> =
                distinct.places().iter().map(|&at| distinct.ids()[at as usize]).collect();
            assert_eq!(found, bag.ids());
            let mut ids = distinct.ids().to_vec();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), distinct.ids().len());
            distinct.set_apart(&bag);
            assert_eq!(distinct.ids(), bag.ids());
        }
        let mut bag = Bag::new();
        [&[7, 2, 7][..], &[], &[2, 9]].iter().for_each(|list| bag.push(list));
        distinct.set(&bag);
        assert_eq!(distinct.ids(), [7, 2, 9]);
        let lists = array![[1.0], [100.0], [10.0]];
        let mut to = Array2::ones((3, 1));
        distinct.add_lists(&[0.5, 2.0, 3.0, 4.0, 5.0], lists.view(), to.view_mut());
        assert_eq!(to, array![[1.0 + 3.5], [1.0 + 2.0 + 40.0], [1.0 + 50.0]]);
        to.fill(0.0);
        distinct.add_entries(array![[1.0], [2.0], [4.0], [8.0], [16.0]].view(), to.view_mut());
        assert_eq!(to, array![[5.0], [10.0], [16.0]]);
    }
}
