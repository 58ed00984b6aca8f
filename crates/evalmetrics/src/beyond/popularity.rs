use embed_core::ItemId;
use serde::Serialize;

use super::exposure::shown;
use crate::number::float;
use crate::statistics::spearman;

/// How much lists resemble the bestsellers. A user's bestsellers are as many items as their list has: those
/// with the most interactions in training that the user does not have yet, ties by ascending id.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PopularityBias {
    /// Interactions of an item of a list: the mean over each list, then over lists.
    pub average: f64,
    /// The same of the users' bestsellers: the most it could be.
    pub average_of_bestsellers: f64,
    /// `−log₂ (c / Σ c)`, bits, of an item with `c` interactions, taken as 1 where there are none: mean over
    /// each list, then over lists (Castells, Vargas & Wang 2011).
    pub novelty: f64,
    /// Share of a list that is among the user's bestsellers, mean over lists.
    pub overlap: f64,
    /// Share of all places that go to the 1 % of the catalogue with the most interactions (rounded up).
    pub head_share: f64,
    /// Spearman's correlation of interactions and exposure over the catalogue; none where one of them does not
    /// vary.
    pub correlation: Option<f64>,
    /// What that amounts to.
    pub resemblance: Resemblance,
}

/// Whether lists are anything but the bestsellers.
///
/// The first of these that holds: [`Resemblance::Popularity`] for an overlap of at least ½;
/// [`Resemblance::OneForAll`] for a personalisation below 0.2; [`Resemblance::Leaning`] for an overlap of at
/// least 0.2, or an average popularity of at least ¾ of the bestsellers' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resemblance {
    /// The popularity baseline in disguise.
    Popularity,
    /// Not the bestsellers, but nearly the same for everybody.
    OneForAll,
    /// Its own lists, with many bestsellers.
    Leaning,
    /// Its own lists.
    Personal,
}

const DISGUISE: f64 = 0.5;
const LEANING: f64 = 0.2;
const LEANING_AVERAGE: f64 = 0.75;
const ONE_FOR_ALL: f64 = 0.2;

impl PopularityBias {
    /// A line for a report.
    #[must_use]
    pub fn line(&self) -> String {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let overlap = percent(self.overlap);
        match self.resemblance {
            Resemblance::Popularity => format!(
                "a popularity baseline in disguise: {overlap} of a list are the bestsellers that the user does not have yet"
            ),
            Resemblance::OneForAll => {
                "nearly the same list for everybody, though not the bestsellers".to_owned()
            }
            Resemblance::Leaning => format!(
                "leans on popularity: {overlap} of a list are bestsellers, and its items are {} as popular as they",
                percent(self.average / self.average_of_bestsellers)
            ),
            Resemblance::Personal => {
                format!("no popularity baseline in disguise: {overlap} of a list are bestsellers")
            }
        }
    }
}

/// The items by falling number of interactions.
pub(super) struct Bestsellers {
    order: Vec<ItemId>,
}

impl Bestsellers {
    pub(super) fn new(counts: &[u64]) -> Self {
        let mut order: Vec<ItemId> = (0..).zip(counts).map(|(item, _)| item).collect();
        order.sort_by_key(|&item| std::cmp::Reverse(counts[item as usize]));
        Self { order }
    }

    /// The first `k` that are not in `seen` (ascending).
    pub(super) fn of(&self, seen: &[ItemId], k: usize) -> impl Iterator<Item = ItemId> {
        self.order.iter().copied().filter(|item| seen.binary_search(item).is_err()).take(k)
    }

    pub(super) fn head(&self) -> &[ItemId] {
        &self.order[..self.order.len().div_ceil(100)]
    }
}

/// `lists` are of one user each; `bestsellers` those of the same user, ascending.
pub(super) fn bias(
    lists: &[&[ItemId]],
    bestsellers: &[Vec<ItemId>],
    counts: &[u64],
    head: &[ItemId],
    personalisation: Option<f64>,
) -> PopularityBias {
    let total = counts.iter().map(|&c| count(c)).sum::<f64>().max(1.0);
    let mut sums = [0.0; 4];
    for (list, bestsellers) in lists.iter().zip(bestsellers) {
        let interactions = |items: &[ItemId]| items.iter().map(|&i| count(counts[i as usize])).sum::<f64>();
        let novelty = |&item: &ItemId| -(count(counts[item as usize].max(1)) / total).log2();
        let both = list.iter().filter(|item| bestsellers.binary_search(item).is_ok()).count();
        let of_list = [
            interactions(list) / float(list.len()),
            interactions(bestsellers) / float(bestsellers.len().max(1)),
            list.iter().map(novelty).sum::<f64>() / float(list.len()),
            float(both) / float(list.len()),
        ];
        sums.iter_mut().zip(of_list).for_each(|(sum, value)| *sum += value);
    }
    let [average, average_of_bestsellers, novelty, overlap] = sums.map(|sum| sum / float(lists.len()));
    let shown = shown(lists, counts.len());
    let places: usize = shown.iter().sum();
    let popularity: Vec<f64> = counts.iter().map(|&c| count(c)).collect();
    let exposure: Vec<f64> = shown.iter().map(|&e| float(e)).collect();
    let resemblance = if overlap >= DISGUISE {
        Resemblance::Popularity
    } else if personalisation.is_some_and(|p| p < ONE_FOR_ALL) {
        Resemblance::OneForAll
    } else if overlap >= LEANING || average >= LEANING_AVERAGE * average_of_bestsellers {
        Resemblance::Leaning
    } else {
        Resemblance::Personal
    };
    PopularityBias {
        average,
        average_of_bestsellers,
        novelty,
        overlap,
        head_share: float(head.iter().map(|&item| shown[item as usize]).sum()) / float(places),
        correlation: spearman(&popularity, &exposure),
        resemblance,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a mean needs no more digits")]
fn count(count: u64) -> f64 {
    count as f64
}
