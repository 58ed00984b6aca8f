use std::borrow::Cow;
use std::path::Path;

use super::error::LineProblem;
use super::options::Fields;

/// Longest piece of a line in an error.
const SHOWN: usize = 60;

impl Fields {
    /// What parts the fields, with the file's name asked where need be.
    pub(crate) fn resolve(self, file: &Path) -> Self {
        if self != Self::Auto {
            return self;
        }
        let name =
            file.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("csv") => Self::Byte(b','),
            Some("tsv") => Self::Byte(b'\t'),
            _ => Self::Whitespace,
        }
    }
}

/// The fields of a line into `out`.
pub(crate) fn split<'t>(
    line: &'t str,
    fields: Fields,
    out: &mut Vec<Cow<'t, str>>,
) -> Result<(), LineProblem> {
    out.clear();
    let Fields::Byte(delimiter) = fields else {
        out.extend(line.split([' ', '\t']).filter(|word| !word.is_empty()).map(Cow::Borrowed));
        return Ok(());
    };
    let delimiter = char::from(delimiter);
    if !line.contains('"') {
        out.extend(line.split(delimiter).map(|field| Cow::Borrowed(field.trim())));
        return Ok(());
    }
    let mut rest = line;
    loop {
        let (field, after) =
            next_field(rest, delimiter).ok_or_else(|| LineProblem::Quote { found: shown(line) })?;
        out.push(field);
        match after {
            Some(after) => rest = after,
            None => return Ok(()),
        }
    }
}

/// The first field, and what is after its delimiter; nothing for a bad quote.
fn next_field(text: &str, delimiter: char) -> Option<(Cow<'_, str>, Option<&str>)> {
    let Some(quoted) = text.trim_start_matches(' ').strip_prefix('"') else {
        return Some(match text.split_once(delimiter) {
            Some((field, after)) => (Cow::Borrowed(field.trim()), Some(after)),
            None => (Cow::Borrowed(text.trim()), None),
        });
    };
    let mut field = String::new();
    let mut rest = quoted;
    loop {
        let (before, after) = rest.split_once('"')?;
        field.push_str(before);
        if let Some(doubled) = after.strip_prefix('"') {
            field.push('"');
            rest = doubled;
        } else if after.trim().is_empty() && delimiter != '\t' || after.is_empty() {
            return Some((Cow::Owned(field), None));
        } else {
            return Some((Cow::Owned(field), Some(after.strip_prefix(delimiter)?)));
        }
    }
}

/// The start of a text, for an error.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_as_asked() {
        let split = |line, fields| {
            let mut out = Vec::new();
            super::split(line, fields, &mut out)
                .map(|()| out.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let comma = Fields::Byte(b',');
        assert_eq!(split(" a\t b  c ", Fields::Whitespace).unwrap(), ["a", "b", "c"]);
        assert_eq!(split("a, b c,,d", comma).unwrap(), ["a", "b c", "", "d"]);
        assert_eq!(split(r#""a, ""b""",c"#, comma).unwrap(), [r#"a, "b""#, "c"]);
        assert_eq!(split(r#"x,"y""#, comma).unwrap(), ["x", "y"]);
        assert_eq!(split("\"a\tb\"\tc", Fields::Byte(b'\t')).unwrap(), ["a\tb", "c"]);
        for bad in [r#"a,"b"#, r#""a"b,c"#, r#"""#] {
            assert!(matches!(split(bad, comma), Err(LineProblem::Quote { .. })), "{bad}");
        }
    }

    #[test]
    fn the_name_says_what_parts_the_fields() {
        let of = |name: &str| Fields::Auto.resolve(Path::new(name));
        assert_eq!(of("x/edges.csv"), Fields::Byte(b','));
        assert_eq!(of("edges.CSV.gz"), Fields::Byte(b','));
        assert_eq!(of("edges.tsv"), Fields::Byte(b'\t'));
        assert_eq!((of("edges"), of("edges.txt.gz")), (Fields::Whitespace, Fields::Whitespace));
        assert_eq!(Fields::Byte(b';').resolve(Path::new("a.csv")), Fields::Byte(b';'));
    }
}
