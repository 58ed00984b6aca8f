use embed_core::{Filter, ItemId, Neighbor};

/// A list, and whether it was made for the asker.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// By what is known of the asker.
    Personal(Vec<Neighbor>),
    /// Nothing is known: what is popular, with counts as scores. The same for everyone.
    Popular(Vec<Neighbor>),
}

impl Answer {
    /// The list.
    #[must_use]
    pub fn neighbors(&self) -> &[Neighbor] {
        match self {
            Self::Personal(list) | Self::Popular(list) => list,
        }
    }

    /// Whether it was made for the asker.
    #[must_use]
    pub fn is_personal(&self) -> bool {
        matches!(self, Self::Personal(_))
    }
}

/// What to recommend where nothing is known: the most popular items, and an answer that says so.
///
/// 4 bytes an item and 8 for its count.
///
/// ```
/// use embed_core::Filter;
/// use seqemb::cold::PopularityFallback;
///
/// let fallback = PopularityFallback::new(&[3, 9, 0, 5]);
/// let answer = fallback.answer(None, 2, Filter::Deny(&[1]));
/// assert!(!answer.is_personal());
/// assert_eq!(answer.neighbors().iter().map(|n| n.id).collect::<Vec<_>>(), [3, 0]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PopularityFallback {
    /// Items with a count, the most popular first, equal ones by id.
    ranking: Vec<(ItemId, u64)>,
}

impl PopularityFallback {
    /// From one count an item. An item that nobody had is never an answer. O(n log n).
    #[must_use]
    pub fn new(counts: &[u64]) -> Self {
        let mut ranking: Vec<(ItemId, u64)> = (0..=ItemId::MAX)
            .zip(counts)
            .filter(|(_, count)| **count > 0)
            .map(|(id, count)| (id, *count))
            .collect();
        ranking.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        Self { ranking }
    }

    /// The personal list where there is one with anything in it, else the `k` most popular items that the filter allows.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a score; the order is that of the counts")]
    pub fn answer(&self, personal: Option<Vec<Neighbor>>, k: usize, filter: Filter<'_>) -> Answer {
        if let Some(list) = personal.filter(|list| !list.is_empty()) {
            return Answer::Personal(list);
        }
        let allowed = self.ranking.iter().filter(|(id, _)| filter.allows(*id));
        Answer::Popular(allowed.take(k).map(|&(id, count)| Neighbor::new(id, count as f32)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_personal() {
        let fallback = PopularityFallback::new(&[2, 7, 7, 0]);
        let list = vec![Neighbor::new(3, 0.5)];
        assert_eq!(fallback.answer(Some(list.clone()), 5, Filter::All), Answer::Personal(list));
        for nothing in [None, Some(Vec::new())] {
            let answer = fallback.answer(nothing, 9, Filter::All);
            assert!(!answer.is_personal());
            let ids: Vec<ItemId> = answer.neighbors().iter().map(|n| n.id).collect();
            assert_eq!(ids, [1, 2, 0], "ties by id, nothing that nobody had");
        }
    }
}
