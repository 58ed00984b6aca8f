use embed_core::{Csr, ItemId, SeededRng, Sequences};

/// What is held out of each user's sequence to choose settings by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Holdout {
    /// The last item of users with at least three.
    Last,
    /// Each item with this probability, drawn by the seed; a user keeps at least one.
    Share(f64),
    /// The last share of each sequence, rounded; a user keeps at least one.
    End(f64),
}

/// Cuts sequences into what is trained on and what is ranked: two structures over the same users and items.
#[must_use]
pub fn hold_out(sequences: &Sequences, holdout: Holdout, seed: u64) -> (Sequences, Csr) {
    let n_items = embed_core::SequenceSource::n_items(sequences);
    let mut train = Sequences::new(n_items);
    let mut truth: Vec<Vec<ItemId>> = Vec::with_capacity(sequences.len());
    for (user, sequence) in sequences.iter().enumerate() {
        let mut kept = Vec::with_capacity(sequence.len());
        let mut held = Vec::new();
        match holdout {
            Holdout::Last if sequence.len() >= 3 => {
                kept.extend_from_slice(&sequence[..sequence.len() - 1]);
                // What the user did before is masked in a ranking.
                held.extend(sequence.last().filter(|last| !kept.contains(last)));
            }
            Holdout::Last => kept.extend_from_slice(sequence),
            Holdout::End(share) => {
                #[expect(
                    clippy::cast_precision_loss,
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a share of a length"
                )]
                let n_held = (sequence.len() as f64 * share).round().max(0.0) as usize;
                let n_kept = (sequence.len() - n_held.min(sequence.len())).max(sequence.len().min(1));
                kept.extend_from_slice(&sequence[..n_kept]);
                held.extend(sequence[n_kept..].iter().filter(|item| !kept.contains(item)));
            }
            Holdout::Share(share) => {
                let mut rng = SeededRng::stream(seed, "hold out", user as u64);
                for (at, &item) in sequence.iter().enumerate() {
                    let must_stay = kept.is_empty() && at + 1 == sequence.len();
                    if rng.unit_f64() < share && !must_stay { held.push(item) } else { kept.push(item) }
                }
                held.retain(|item| !kept.contains(item));
            }
        }
        // The items are those of `sequences`.
        let _ = train.push(&kept);
        truth.push(held);
    }
    (train, Csr::from_rows(truth))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_out_is_not_trained_on() {
        let rows: Vec<Vec<ItemId>> =
            (0..200).map(|u| (0..u % 9).map(|i| (u * 7 + i * i) % 40).collect()).collect();
        let sequences = Sequences::from_rows(40, &rows).unwrap();
        for holdout in [Holdout::Last, Holdout::Share(0.3), Holdout::End(0.3)] {
            let (train, truth) = hold_out(&sequences, holdout, 1);
            assert_eq!((train.len(), truth.n_rows()), (200, 200));
            for user in 0..200 {
                let kept = train.get(user);
                assert!(truth.row(user).iter().all(|item| !kept.contains(item)));
                assert!(!kept.is_empty() || rows[user].is_empty());
                assert!(kept.len() + truth.row(user).len() <= rows[user].len());
            }
            assert!(truth.n_entries() > 80 && truth == hold_out(&sequences, holdout, 1).1);
        }
        assert_eq!(hold_out(&sequences, Holdout::Last, 1).0.get(5), &rows[5][..4]);
        assert_eq!(hold_out(&sequences, Holdout::End(0.25), 1).0.get(8), &rows[8][..6]);
        assert_eq!(hold_out(&sequences, Holdout::End(1.0), 1).0.get(8), &rows[8][..1]);
    }
}
