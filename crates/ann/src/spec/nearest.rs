//! What a part of a name may have been meant to be.

/// The parts there are: letters before the number, an example of a number, what follows it.
const PARTS: [(&str, &str, &str); 8] = [
    ("Flat", "", ""),
    ("HNSW", "32", ""),
    ("IVF", "1024", ""),
    ("PQ", "16", "x8"),
    ("PQ", "16", "x4fs"),
    ("OPQ", "16", ""),
    ("RPForest", "100", ""),
    ("SQ8", "", ""),
];
const REFINE: [&str; 2] = ["Refine(Flat)", "Refine(SQ8)"];
/// What others call it.
const ANNOY: &str = "ANNOY";

/// The valid part with the fewest differing letters; the number is kept where there is one.
pub(super) fn nearest(part: &str) -> String {
    // A long text is like none of them, and comparing costs its length.
    let part = part.chars().take(32).collect::<String>().to_ascii_uppercase().replace(ANNOY, "RPFOREST");
    let digits: String =
        part.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).take(4).collect();
    let digits = digits.trim_start_matches('0');
    let with_number = |(letters, example, rest): (&str, &str, &str)| {
        let number = if example.is_empty() || digits.is_empty() { example } else { digits };
        format!("{letters}{number}{rest}")
    };
    let parts = PARTS.into_iter().map(with_number).chain(REFINE.map(str::to_owned));
    let unlike = |valid: &String| {
        let valid = valid.to_ascii_uppercase();
        // Whoever left out the end meant what begins so.
        (!valid.starts_with(&part), edits(&part, &valid))
    };
    if part.is_empty() { "Flat".to_owned() } else { parts.min_by_key(unlike).unwrap_or_default() }
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
