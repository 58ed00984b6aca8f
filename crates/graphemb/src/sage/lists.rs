#![expect(clippy::cast_possible_truncation, reason = "a batch has fewer than 2³² nodes and neighbours")]

/// For each of some rows a list of other rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Lists {
    /// Invariant: one more than rows, from 0, ascending, to the number of ids.
    offsets: Vec<u32>,
    ids: Vec<u32>,
}

impl Lists {
    pub(super) fn clear(&mut self) {
        self.offsets.clear();
        self.offsets.push(0);
        self.ids.clear();
    }

    pub(super) fn push(&mut self, ids: impl Iterator<Item = u32>) {
        self.ids.extend(ids);
        self.offsets.push(self.ids.len() as u32);
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    #[inline]
    pub(super) fn get(&self, row: usize) -> &[u32] {
        &self.ids[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    /// For each of `n` rows the lists that it is in, ascending. O(n + ids).
    pub(super) fn transpose(&self, n: usize, out: &mut Self) {
        out.offsets.clear();
        out.offsets.resize(n + 1, 0);
        for &id in &self.ids {
            out.offsets[id as usize + 1] += 1;
        }
        for row in 0..n {
            out.offsets[row + 1] += out.offsets[row];
        }
        out.ids.clear();
        out.ids.resize(self.ids.len(), 0);
        let mut ends = out.offsets.clone();
        for row in 0..self.len() {
            for &id in self.get(row) {
                let at = &mut ends[id as usize];
                out.ids[*at as usize] = row as u32;
                *at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transpose_names_the_lists_of_each_row() {
        let mut lists = Lists::default();
        lists.clear();
        for list in [&[2, 0][..], &[], &[2]] {
            lists.push(list.iter().copied());
        }
        let mut back = Lists::default();
        lists.transpose(4, &mut back);
        assert_eq!((back.len(), lists.len()), (4, 3));
        assert_eq!([0, 1, 2, 3].map(|row| back.get(row)), [&[0][..], &[], &[0, 2], &[]]);
        back.transpose(3, &mut lists);
        assert_eq!(lists.get(0), [0, 2]);
    }
}
