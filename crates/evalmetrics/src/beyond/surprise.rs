use embed_core::{Csr, ItemId};

use crate::number::float;

/// The mean over users of `|(L ∖ P) ∩ R| / |L|`: what of a list `L` is unexpected, for it is not among the
/// user's bestsellers `P`, and relevant, for the user took it (`R`). None where no user has anything to find.
pub(super) fn serendipity(
    lists: &[(usize, &[ItemId])],
    bestsellers: &[Vec<ItemId>],
    truth: &Csr,
) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0);
    for (&(user, list), bestsellers) in lists.iter().zip(bestsellers) {
        let relevant = truth.row(user);
        if relevant.is_empty() {
            continue;
        }
        n += 1;
        let surprises = |item: &&ItemId| relevant.contains(item) && bestsellers.binary_search(item).is_err();
        sum += float(list.iter().filter(surprises).count()) / float(list.len());
    }
    (n > 0).then(|| sum / float(n))
}
