use embed_core::ItemId;

/// Where items stand among the candidates of a batch: an accidental hit is a candidate that is the row's own positive, or
/// another item that the user has.
///
/// 8 bytes a candidate.
#[derive(Debug, Clone, Default)]
pub struct Hits {
    /// (item, column), sorted.
    columns: Vec<(ItemId, u32)>,
}

impl Hits {
    /// Takes the candidates of a batch, in the order of their columns. O(n log n).
    pub fn set(&mut self, candidates: impl IntoIterator<Item = ItemId>) {
        self.columns.clear();
        self.columns.extend(candidates.into_iter().zip(0..));
        self.columns.sort_unstable();
    }

    /// The columns of an item. O(log n).
    pub fn of(&self, item: ItemId) -> impl Iterator<Item = usize> {
        let first = self.columns.partition_point(|(other, _)| *other < item);
        let rest = self.columns.get(first..).unwrap_or_default();
        rest.iter().take_while(move |(other, _)| *other == item).map(|(_, column)| *column as usize)
    }

    /// Masks the columns of each item in a row of scores.
    pub fn mask(&self, items: &[ItemId], scores: &mut [f32]) {
        for &item in items {
            for column in self.of(item) {
                scores[column] = f32::NEG_INFINITY;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_an_item_is_masked() {
        let mut hits = Hits::default();
        hits.set([5, 2, 5, 9]);
        let mut scores = [1.0; 4];
        hits.mask(&[5, 7], &mut scores);
        assert_eq!(scores, [f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY, 1.0]);
        assert_eq!(Hits::default().of(1).count(), 0);
    }
}
