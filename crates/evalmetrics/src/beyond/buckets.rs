use embed_core::Csr;
use serde::Serialize;

use super::BeyondError;
use super::catalogue::cut;
use crate::number::float;

/// Items, or users, of about the same number of interactions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Bucket {
    /// The fewest interactions of a member.
    pub from: u64,
    /// The most.
    pub to: u64,
    /// Members.
    pub n: usize,
    /// What the value is a mean over: positives of items, values of users.
    pub weight: usize,
    /// The value; none where there is nothing to take a mean over.
    pub value: Option<f64>,
}

/// Recall by how popular the wanted item is: the share of all positives of such items that are among the first
/// `cutoff` of their user's list.
///
/// Items fall into at most `n_buckets` buckets by interactions in training, each with about as many
/// interactions, rare ones first; items of the same number stay together.
///
/// O(n log n + places + positives).
///
/// # Errors
/// [`BeyondError::NoBuckets`], [`BeyondError::Users`], and those of [`super::exposure`].
pub fn recall_by_popularity(
    lists: &Csr,
    truth: &Csr,
    cutoff: usize,
    counts: &[u64],
    n_buckets: usize,
) -> Result<Vec<Bucket>, BeyondError> {
    if lists.n_rows() != truth.n_rows() {
        return Err(BeyondError::Users { what: "truth", expected: lists.n_rows(), got: truth.n_rows() });
    }
    if counts.is_empty() {
        return Err(BeyondError::NoItems);
    }
    let lists = cut(lists, cutoff, counts.len())?;
    let (mut buckets, bucket_of) = divide(counts, n_buckets)?;
    let mut hits = vec![0; buckets.len()];
    let truth = crate::ranking::sorted_sets(truth);
    for (list, positives) in lists.iter().zip(truth.rows()) {
        for &item in positives {
            if let Some(&bucket) = bucket_of.get(item as usize) {
                buckets[bucket].weight += 1;
                hits[bucket] += usize::from(list.contains(&item));
            }
        }
    }
    for (bucket, &hits) in buckets.iter_mut().zip(&hits) {
        bucket.value = (bucket.weight > 0).then(|| float(hits) / float(bucket.weight));
    }
    Ok(buckets)
}

/// The mean of users' `values` by how much history they have: `activity` holds the interactions of each in
/// training. At most `n_buckets` buckets, each with about as many users, the least active first; users of the same
/// number stay together.
///
/// O(n log n).
///
/// # Errors
/// [`BeyondError::NoBuckets`]; [`BeyondError::Users`] when the two differ in length;
/// [`BeyondError::BadValue`] for a value that is no number; [`BeyondError::NoLists`] without users.
pub fn values_by_activity(
    values: &[f64],
    activity: &[u64],
    n_buckets: usize,
) -> Result<Vec<Bucket>, BeyondError> {
    if values.len() != activity.len() {
        return Err(BeyondError::Users { what: "activity", expected: values.len(), got: activity.len() });
    }
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        return Err(BeyondError::BadValue { at, value: values[at] });
    }
    if values.is_empty() {
        return Err(BeyondError::NoLists { users: 0 });
    }
    // As many users a bucket, not as much activity: every user weighs the same here.
    let (mut buckets, bucket_of) = divide_by(activity, n_buckets, |_| 1.0)?;
    let mut sums = vec![0.0; buckets.len()];
    for (&bucket, &value) in bucket_of.iter().zip(values) {
        buckets[bucket].weight += 1;
        sums[bucket] += value;
    }
    for (bucket, sum) in buckets.iter_mut().zip(sums) {
        bucket.value = (bucket.weight > 0).then(|| sum / float(bucket.weight));
    }
    Ok(buckets)
}

fn divide(counts: &[u64], n_buckets: usize) -> Result<(Vec<Bucket>, Vec<usize>), BeyondError> {
    #[expect(clippy::cast_precision_loss, reason = "about as many")]
    let weight = |count: u64| count as f64;
    divide_by(counts, n_buckets, weight)
}

/// Buckets of about equal weight by ascending count, and the bucket of each member.
fn divide_by(
    counts: &[u64],
    n_buckets: usize,
    weight: impl Fn(u64) -> f64,
) -> Result<(Vec<Bucket>, Vec<usize>), BeyondError> {
    if n_buckets == 0 {
        return Err(BeyondError::NoBuckets);
    }
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&member| counts[member]);
    let total: f64 = counts.iter().map(|&count| weight(count)).sum();
    let mut buckets: Vec<Bucket> = Vec::new();
    let mut bucket_of = vec![0; counts.len()];
    let mut passed = 0.0;
    // How many shares of the whole had passed when the last bucket was opened.
    let mut opened = 0.0;
    for &member in &order {
        let count = counts[member];
        let share = if total > 0.0 { (passed / total * float(n_buckets)).floor() } else { 0.0 };
        let goes_on = |last: &Bucket| last.to == count || share <= opened || buckets.len() >= n_buckets;
        if !buckets.last().is_some_and(goes_on) {
            opened = share;
            buckets.push(Bucket { from: count, to: count, n: 0, weight: 0, value: None });
        }
        let at = buckets.len() - 1;
        buckets[at].to = count;
        buckets[at].n += 1;
        bucket_of[member] = at;
        passed += weight(count);
    }
    Ok((buckets, bucket_of))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(buckets: &[Bucket]) -> Vec<(u64, u64, usize)> {
        buckets.iter().map(|b| (b.from, b.to, b.n)).collect()
    }

    #[test]
    fn buckets_have_equal_shares_and_keep_equals_together() {
        let counts = [1, 1, 1, 1, 2, 2, 8, 8];
        let (buckets, of) = divide(&counts, 3).unwrap();
        assert_eq!(spans(&buckets), [(1, 2, 6), (8, 8, 2)]);
        assert_eq!(of, [0, 0, 0, 0, 0, 0, 1, 1]);
        let (buckets, _) = divide_by(&[3, 1, 2, 4], 2, |_| 1.0).unwrap();
        assert_eq!(spans(&buckets), [(1, 2, 2), (3, 4, 2)]);
        let (buckets, _) = divide(&[0, 0], 4).unwrap();
        assert_eq!(spans(&buckets), [(0, 0, 2)]);
        let (buckets, _) = divide_by(&[5, 6, 7], 9, |_| 1.0).unwrap();
        assert_eq!(spans(&buckets), [(5, 5, 1), (6, 6, 1), (7, 7, 1)]);
    }

    #[test]
    fn recall_by_popularity_by_hand() {
        // Item 2 is as popular as all others together.
        let counts = [1, 2, 3];
        let lists = Csr::from_rows([vec![2, 0], vec![2, 1], vec![]]);
        let truth = Csr::from_rows([vec![2, 1], vec![1, 0], vec![2, 9]]);
        let buckets = recall_by_popularity(&lists, &truth, 2, &counts, 2).unwrap();
        assert_eq!(spans(&buckets), [(1, 2, 2), (3, 3, 1)]);
        assert_eq!((buckets[0].weight, buckets[0].value), (3, Some(1.0 / 3.0)));
        assert_eq!((buckets[1].weight, buckets[1].value), (2, Some(0.5)));
        assert!(matches!(recall_by_popularity(&lists, &truth, 2, &counts, 0), Err(BeyondError::NoBuckets)));
        let short = Csr::from_rows([[1]]);
        assert!(matches!(
            recall_by_popularity(&lists, &short, 2, &counts, 2),
            Err(BeyondError::Users { expected: 3, got: 1, .. })
        ));
    }

    #[test]
    fn values_by_activity_by_hand() {
        let buckets = values_by_activity(&[0.0, 1.0, 0.5, 1.0], &[1, 9, 2, 9], 2).unwrap();
        assert_eq!(spans(&buckets), [(1, 2, 2), (9, 9, 2)]);
        assert_eq!((buckets[0].value, buckets[1].value), (Some(0.25), Some(1.0)));
        assert!(matches!(values_by_activity(&[f64::NAN], &[1], 2), Err(BeyondError::BadValue { at: 0, .. })));
    }
}
