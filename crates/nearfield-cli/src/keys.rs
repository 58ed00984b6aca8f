//! Keys as people type them.

use embed_core::{ItemId, Vocab};

use crate::error::CliError;

/// Most keys suggested in place of an unknown one.
const SUGGESTIONS: usize = 3;

/// The id of a key.
///
/// # Errors
/// [`CliError::UnknownKey`] names the key and up to three that look like it.
pub(crate) fn find(vocab: &Vocab, what: &'static str, key: &str) -> Result<ItemId, CliError> {
    vocab.get(key).ok_or_else(|| CliError::UnknownKey {
        what,
        key: key.to_owned(),
        known: vocab.len(),
        near: nearest(vocab, key),
    })
}

/// Up to three keys that differ from `key` in few letters, nearest first. O(keys · letters²).
fn nearest(vocab: &Vocab, key: &str) -> Vec<String> {
    let wanted: Vec<char> = key.to_lowercase().chars().collect();
    let allowed = (wanted.len() / 3).clamp(1, 4);
    let mut found: Vec<(usize, &str)> = Vec::new();
    for candidate in vocab.keys() {
        if candidate.len().abs_diff(key.len()) > 4 * allowed {
            continue;
        }
        let letters: Vec<char> = candidate.to_lowercase().chars().collect();
        if let Some(distance) = edits_within(&wanted, &letters, allowed) {
            found.push((distance, candidate));
        }
    }
    found.sort_unstable();
    found.into_iter().take(SUGGESTIONS).map(|(_, key)| key.to_owned()).collect()
}

/// How many letters must be put in, taken out or changed, if not more than `allowed` (Levenshtein 1966).
fn edits_within(a: &[char], b: &[char], allowed: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > allowed {
        return None;
    }
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut row = vec![0; b.len() + 1];
    for (i, x) in a.iter().enumerate() {
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            row[j + 1] = (above[j] + usize::from(x != y)).min(above[j + 1] + 1).min(row[j] + 1);
        }
        if row.iter().all(|&edits| edits > allowed) {
            return None;
        }
        std::mem::swap(&mut above, &mut row);
    }
    Some(above[b.len()]).filter(|&edits| edits <= allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted_up_to_a_limit() {
        let edits = |a: &str, b: &str, allowed| {
            edits_within(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>(), allowed)
        };
        assert_eq!(edits("kitten", "sitting", 3), Some(3));
        assert_eq!(edits("kitten", "sitting", 2), None);
        assert_eq!(edits("", "ab", 2), Some(2));
        assert_eq!(edits("same", "same", 1), Some(0));
    }

    #[test]
    fn an_unknown_key_is_named_with_near_ones() {
        let vocab = Vocab::from_keys(["jazz-001", "jazz-002", "jazz-011", "jazz-012", "rock-001"]).unwrap();
        assert_eq!(find(&vocab, "item", "jazz-002").unwrap(), 1);
        let error = find(&vocab, "item", "Jazz-01").unwrap_err().to_string();
        assert_eq!(error, "unknown item \"Jazz-01\"; did you mean jazz-001, jazz-011 or jazz-012?");
        let error = find(&vocab, "item", "opera").unwrap_err().to_string();
        assert_eq!(error, "unknown item \"opera\" (5 are known)");
    }
}
