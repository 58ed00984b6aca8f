use embed_core::{Csr, ItemId, Parallelism};
use rayon::prelude::*;
use serde::Serialize;

use super::catalogue::cut;
use super::content::{Freshness, calibration, diversity, freshness};
use super::exposure::{Exposure, of_counts, of_lists, shown};
use super::popularity::{Bestsellers, PopularityBias, bias};
use super::surprise::serendipity;
use super::{BeyondError, Catalogue};
use crate::ranking::sorted_sets;

/// What lists are like, at one cutoff.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BeyondReport {
    /// Places of a list that are looked at.
    pub cutoff: usize,
    /// Users that have a list: what all means are over.
    pub n_users: usize,
    /// Users that have none.
    pub n_without_list: usize,
    /// Items of the catalogue.
    pub n_items: usize,
    /// How the places are shared among the items.
    pub exposure: Exposure,
    /// How much the lists resemble the bestsellers.
    pub popularity: PopularityBias,
    /// How different the lists of two users are, from 0 to 1; none with fewer than two lists.
    pub personalisation: Option<f64>,
    /// How different the items of a list are: 1 less their mean cosine, from 0 to 2 (Ziegler et al. 2005). Needs vectors, and lists of
    /// two items.
    pub intra_list_diversity: Option<f64>,
    /// Mean over users of `|(L ∖ P) ∩ R| / |L|`: unexpected, for not among the user's bestsellers `P`, and
    /// relevant, for the user took it (`R`) (Ge, Delgado-Battenfeld & Jannach 2010). Needs the truth.
    pub serendipity: Option<f64>,
    /// How old what is shown is. Needs times.
    pub freshness: Option<Freshness>,
    /// How far the categories of lists are from those of histories, a divergence in nats: 0 is as they were
    /// (Steck 2018, α = 0.01). Needs categories and histories.
    pub calibration: Option<f64>,
}

/// What the first `cutoff` places of `lists` are like: row `u` is shown to user `u`, best first, and may be
/// shorter or empty.
///
/// # Errors
/// - [`BeyondError::ZeroCutoff`], [`BeyondError::NoItems`], [`BeyondError::NoLists`].
/// - [`BeyondError::Items`], [`BeyondError::Users`] when parts of the catalogue are of another size.
/// - [`BeyondError::UnknownItem`], [`BeyondError::DuplicateItem`] name the first list that cannot be one.
/// - [`BeyondError::NotFinite`] names the first vector that is none.
/// - [`BeyondError::Parallelism`] when the threads cannot be started.
///
/// # Complexity
/// O(places · dim + histories + n_items log n_items). Memory: 50 bytes an item, 4 a place.
///
/// # Determinism
/// The same bits on any number of threads.
pub fn beyond_accuracy(
    lists: &Csr,
    cutoff: usize,
    catalogue: &Catalogue<'_>,
    parallelism: Parallelism,
) -> Result<BeyondReport, BeyondError> {
    catalogue.check(lists)?;
    let n_items = catalogue.n_items();
    let all = cut(lists, cutoff, n_items)?;
    let of_users: Vec<(usize, &[ItemId])> =
        all.iter().copied().enumerate().filter(|(_, list)| !list.is_empty()).collect();
    let only: Vec<&[ItemId]> = of_users.iter().map(|&(_, list)| list).collect();
    let histories = catalogue.histories.map(sorted_sets);
    let order = Bestsellers::new(catalogue.counts);
    let bestsellers: Vec<Vec<ItemId>> = parallelism.install(|| {
        let of_user = |&(user, list): &(usize, &[ItemId])| {
            let seen = histories.as_ref().map_or(&[][..], |histories| histories.row(user));
            let mut items: Vec<ItemId> = order.of(seen, list.len()).collect();
            items.sort_unstable();
            items
        };
        of_users.par_iter().map(of_user).collect()
    })?;
    let personalisation = of_lists(&only, n_items);
    let calibration = match (catalogue.histories, catalogue.categories) {
        (Some(histories), Some(categories)) => calibration(&of_users, histories, categories, parallelism)?,
        _ => None,
    };
    Ok(BeyondReport {
        cutoff,
        n_users: only.len(),
        n_without_list: all.len() - only.len(),
        n_items,
        exposure: of_counts(&shown(&only, n_items)),
        popularity: bias(&only, &bestsellers, catalogue.counts, order.head(), personalisation),
        personalisation,
        intra_list_diversity: match catalogue.vectors {
            Some(vectors) => diversity(&only, vectors, parallelism)?,
            None => None,
        },
        serendipity: catalogue.truth.and_then(|truth| serendipity(&of_users, &bestsellers, truth)),
        freshness: catalogue.first_seen.and_then(|times| freshness(&only, times, catalogue.now)),
        calibration,
    })
}
