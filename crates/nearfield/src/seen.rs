use embed_core::{Filter, ItemId};

/// A filter with some more items denied.
pub(crate) enum Denying<'a> {
    Deny(Vec<ItemId>),
    Allow(Vec<ItemId>),
    Where(Box<dyn Fn(ItemId) -> bool + Sync + Send + 'a>),
}

impl<'a> Denying<'a> {
    /// What `filter` allows, without `denied` (in any order). Lists of the filter must ascend.
    pub(crate) fn new(filter: Filter<'a>, denied: &[ItemId]) -> Self {
        let mut denied = denied.to_vec();
        denied.sort_unstable();
        denied.dedup();
        match filter {
            Filter::All => Self::Deny(denied),
            Filter::Deny(ids) => Self::Deny(merged(ids, &denied)),
            Filter::Allow(ids) => {
                Self::Allow(ids.iter().copied().filter(|id| denied.binary_search(id).is_err()).collect())
            }
            other => Self::Where(Box::new(move |id| denied.binary_search(&id).is_err() && other.allows(id))),
        }
    }

    pub(crate) fn filter(&self) -> Filter<'_> {
        match self {
            Self::Deny(ids) => Filter::Deny(ids),
            Self::Allow(ids) => Filter::Allow(ids),
            Self::Where(holds) => Filter::Where(holds),
        }
    }
}

/// Two ascending lists as one: few ids go into many at the cost of one copy.
fn merged(many: &[ItemId], few: &[ItemId]) -> Vec<ItemId> {
    let mut all = Vec::with_capacity(many.len() + few.len());
    let mut rest = many;
    for &id in few {
        let (before, after) = rest.split_at(rest.partition_point(|&other| other < id));
        all.extend_from_slice(before);
        all.push(id);
        rest = after.strip_prefix(&[id]).unwrap_or(after);
    }
    all.extend_from_slice(rest);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::Bitmap;

    #[test]
    fn every_filter_loses_what_is_denied() {
        let even = |id: ItemId| id.is_multiple_of(2);
        let cases: [(Filter<'_>, &[ItemId]); 5] = [
            (Filter::All, &[0, 1, 3, 5, 6, 7]),
            (Filter::Deny(&[1, 4]), &[0, 3, 5, 6, 7]),
            (Filter::Allow(&[2, 3, 6]), &[3, 6]),
            (Filter::Bitmap(Bitmap(&[0b0001_1110])), &[1, 3]),
            (Filter::Where(&even), &[0, 6]),
        ];
        for (filter, expected) in cases {
            let denying = Denying::new(filter, &[4, 2, 4]);
            let allowed: Vec<ItemId> = (0..8).filter(|&id| denying.filter().allows(id)).collect();
            assert_eq!(allowed, expected, "{filter:?}");
        }
    }
}
