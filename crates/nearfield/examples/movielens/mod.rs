//! MovieLens 1M: who rated what, and the genres of the films.

use std::collections::HashMap;
use std::error::Error;

use nearfield::interactions::{Format, Log};
use nearfield::prelude::*;

/// A log, and the genres of each item.
type Movies = (Log, Vec<Vec<String>>);

/// The ratings `user<TAB>movie<TAB>…`, users together, and for each movie of theirs its genres, from
/// `movie<TAB>title<TAB>genre|genre`.
pub(crate) fn read(ratings: &str, movies: &str) -> Result<Movies, Box<dyn Error>> {
    let options = ReadOptions {
        format: Format::Tsv,
        header: false,
        columns: "user=0,item=1".parse()?,
        ..ReadOptions::default()
    };
    let (log, _) = Log::read(ratings, &options)?;
    let text = std::fs::read(movies)?;
    let text = String::from_utf8_lossy(&text);
    let mut genres: HashMap<&str, Vec<String>> = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split('\t');
        if let (Some(movie), Some(names)) = (fields.next(), fields.nth(1)) {
            genres.insert(movie, names.split('|').map(str::to_owned).collect());
        }
    }
    let of = log.item_keys().keys().map(|key| genres.remove(key).unwrap_or_default()).collect();
    Ok((log, of))
}
