use embed_core::Vocab;
use serde::{Deserialize, Serialize};

use super::Coding;

/// The categories of a table, and their codes: 0 is the unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CodeTable {
    /// Its name.
    pub name: String,
    /// How categories become codes.
    pub coding: Coding,
    /// The known ones, of a vocabulary; code − 1 is the id.
    #[serde(skip)]
    pub vocab: Vocab,
}

impl CodeTable {
    /// The code of a category.
    #[must_use]
    pub fn code(&self, category: &str) -> u32 {
        match self.coding {
            _ if category.is_empty() => 0,
            Coding::Vocabulary { .. } => self.vocab.get(category).map_or(0, |id| id + 1),
            Coding::Hashed { buckets } => {
                #[expect(clippy::cast_possible_truncation, reason = "below a number of 32 bits")]
                let bucket = (hash(category) % u64::from(buckets.max(1))) as u32;
                1 + bucket
            }
        }
    }

    /// Rows of the table.
    #[must_use]
    pub fn rows(&self) -> usize {
        1 + match self.coding {
            Coding::Vocabulary { .. } => self.vocab.len(),
            Coding::Hashed { buckets } => buckets.max(1) as usize,
        }
    }
}

/// FNV-1a, and a last mixing of the bits: part of the format of files.
fn hash(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ hash >> 29
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_known_unknown_or_hashed() {
        let vocab = Vocab::from_keys(["a", "b"]).unwrap();
        let table = CodeTable { name: "t".to_owned(), coding: Coding::default(), vocab };
        assert_eq!(["a", "b", "c", ""].map(|text| table.code(text)), [1, 2, 0, 0]);
        assert_eq!(table.rows(), 3);
        let hashed = CodeTable { coding: Coding::Hashed { buckets: 50 }, vocab: Vocab::new(), ..table };
        let mut counts = vec![0u32; hashed.rows()];
        for number in 0..5000 {
            counts[hashed.code(&number.to_string()) as usize] += 1;
        }
        assert_eq!((counts[0], hashed.code("")), (0, 0));
        assert!(counts[1..].iter().all(|n| (50..170).contains(n)), "{counts:?}");
        assert_eq!(hashed.code("tent"), hashed.code("tent"));
        assert_eq!(hash("tent"), 0xf0a9_a986_9078_1973, "a part of the format");
    }
}
