use embed_core::ItemId;

use crate::SettingsError;

/// The last positives of earlier batches with their vectors and log Q: negatives that cost no forward pass.
///
/// A ring of fixed size: the oldest make way. Vectors are as they were when pushed, so a queue helps once they change
/// slowly (start it after a warm-up). Columns of a batch's logits may be followed by those of the queue, under the same
/// rule: `s / τ − log Q`, accidental hits masked.
///
/// Memory: `capacity · (4 · dim + 8)` bytes.
///
/// Wang, Zhu & He 2021, "Cross-batch negative sampling for training two-tower recommenders".
///
/// ```
/// use negsample::CrossBatchQueue;
///
/// let mut queue = CrossBatchQueue::new(2, 3)?;
/// queue.push(&[7, 8, 9], &[-1.0, -2.0, -3.0], &[1.0, 1.0, 2.0, 2.0, 3.0, 3.0])?;
/// queue.push(&[5], &[-4.0], &[5.0, 5.0])?;
/// assert_eq!(queue.len(), 3);
/// let mut items = queue.items().to_vec();
/// items.sort();
/// assert_eq!(items, [5, 8, 9]);
/// # Ok::<(), negsample::SettingsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CrossBatchQueue {
    dim: usize,
    capacity: usize,
    /// Where the next one goes once the ring is full.
    next: usize,
    items: Vec<ItemId>,
    log_q: Vec<f32>,
    vectors: Vec<f32>,
}

impl CrossBatchQueue {
    /// An empty queue of vectors `[dim]`. Memory is taken as it fills.
    ///
    /// # Errors
    /// [`SettingsError::Setting`] when a size is 0, or both together are beyond 2⁴⁰ components.
    #[expect(clippy::cast_precision_loss, reason = "for a message")]
    pub fn new(dim: usize, capacity: usize) -> Result<Self, SettingsError> {
        let most = 1usize << 40;
        for (name, got) in [("dim", dim), ("capacity", capacity), ("queue", dim.saturating_mul(capacity))] {
            if got == 0 || got > most {
                let (got, least, most) = (got as f64, 1.0, most as f64);
                return Err(SettingsError::Setting { name, got, least, most });
            }
        }
        Ok(Self { dim, capacity, next: 0, items: Vec::new(), log_q: Vec::new(), vectors: Vec::new() })
    }

    /// Takes a batch: items `[n]`, their log Q `[n]` at that time, their vectors `[n, dim]` row after row. Of more than
    /// `capacity`, the last ones stay.
    ///
    /// # Errors
    /// [`SettingsError::Length`] when the three do not fit together; nothing is taken then.
    pub fn push(&mut self, items: &[ItemId], log_q: &[f32], vectors: &[f32]) -> Result<(), SettingsError> {
        let n = items.len();
        for (what, expected, got) in
            [("values of log Q", n, log_q.len()), ("components", n.saturating_mul(self.dim), vectors.len())]
        {
            if expected != got {
                return Err(SettingsError::Length { what, expected, got });
            }
        }
        for ((&item, &log_q), vector) in items.iter().zip(log_q).zip(vectors.chunks_exact(self.dim)) {
            if self.items.len() < self.capacity {
                self.items.push(item);
                self.log_q.push(log_q);
                self.vectors.extend_from_slice(vector);
            } else {
                self.items[self.next] = item;
                self.log_q[self.next] = log_q;
                self.vectors[self.next * self.dim..][..self.dim].copy_from_slice(vector);
                self.next = (self.next + 1) % self.capacity;
            }
        }
        Ok(())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Their items, in the order of the ring (not of time).
    #[must_use]
    pub fn items(&self) -> &[ItemId] {
        &self.items
    }

    /// Their log Q, in the same order.
    #[must_use]
    pub fn log_q(&self) -> &[f32] {
        &self.log_q
    }

    /// Their vectors `[len, dim]`, in the same order.
    #[must_use]
    pub fn vectors(&self) -> &[f32] {
        &self.vectors
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.next = 0;
        self.items.clear();
        self.log_q.clear();
        self.vectors.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        #[test]
        fn it_holds_what_a_plain_queue_holds(
            capacity in 1usize..20, batches in proptest::collection::vec(0u32..30, 0..12)
        ) {
            let mut queue = CrossBatchQueue::new(2, capacity).unwrap();
            let mut plain = VecDeque::new();
            let mut item = 0;
            for n in batches {
                let items: Vec<u32> = (item..item + n).collect();
                item += n;
                let log_q: Vec<f32> = items.iter().map(|&i| -(i as f32)).collect();
                let vectors: Vec<f32> = items.iter().flat_map(|&i| [i as f32, 2.0 * i as f32]).collect();
                queue.push(&items, &log_q, &vectors).unwrap();
                plain.extend(items);
                while plain.len() > capacity {
                    plain.pop_front();
                }
                let mut got = queue.items().to_vec();
                got.sort_unstable();
                prop_assert_eq!(got, plain.iter().copied().collect::<Vec<_>>());
                for ((&item, &log_q), vector) in queue.items().iter().zip(queue.log_q()).zip(queue.vectors().chunks(2)) {
                    prop_assert_eq!((log_q, vector[0], vector[1]), (-(item as f32), item as f32, 2.0 * item as f32));
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut queue = CrossBatchQueue::new(2, 4).unwrap();
        assert!(matches!(queue.push(&[1], &[], &[0.0; 2]), Err(SettingsError::Length { .. })));
        assert!(matches!(queue.push(&[1], &[0.0], &[0.0; 3]), Err(SettingsError::Length { .. })));
        assert!(queue.is_empty());
        assert!(CrossBatchQueue::new(0, 4).is_err() && CrossBatchQueue::new(usize::MAX, 4).is_err());
    }
}
