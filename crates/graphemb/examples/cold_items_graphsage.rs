//! Vectors for items that nobody has had yet: GraphSAGE beside the average of an item's genres and beside popularity, on a
//! tenth of the items, held out with all that was done with them. Recall and NDCG at 20 of what users did with these: among
//! these alone, and among all items that a user has not had.
//!
//! `cargo run --release -p graphemb --example cold_items_graphsage -- RATINGS.gz MOVIES [SEEDS [tune]]`
//!
//! RATINGS is `user<TAB>movie<TAB>…`, MOVIES is `movie<TAB>title<TAB>genre|genre` (MovieLens 1M). With `tune` the tenth that
//! figures are reported on is left out altogether, and another tenth stands in for it.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::cast_precision_loss, reason = "counts")]

use std::collections::HashMap;
use std::error::Error;
use std::io::Read;

use embed_core::{Csr, Embedder, ItemId, Run, SeededRng, Sequences, Vocab, kernel};
use graphemb::{Aggregator, GraphSage, ItemGraphParams, NodeInput, SageParams, item_graph};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use rayon::prelude::*;
use seqemb::cold::CategoryMeans;
use seqemb::{Params, Pooled, Pooling, Scoring, SkipGram};

/// Components of what is learned of an item.
const DIM: usize = 64;
/// Warm items that a new one is told to be like.
const ALIKE: usize = 20;
/// Items a genre needs to count for half.
const SHRINKAGE: f64 = 10.0;
const K: usize = 20;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ratings, movies, rest @ ..] = &arguments[..] else {
        println!("usage: cold_items_graphsage RATINGS.gz MOVIES [SEEDS [tune]]");
        return Ok(());
    };
    let log = Log::read(ratings, movies)?;
    let seeds = rest.first().map_or(Ok(3), |n| n.parse())?;
    println!("{:34} {:>8} {:>8}   {:>8} {:>8}", "seed", "held-out", "NDCG", "all", "NDCG");
    for seed in 1..=seeds {
        let held = Held::out(&log, seed, rest.len() > 1);
        for (name, scores) in methods(&held, seed)? {
            let [a, b] = held.figures(&scores);
            println!("{seed} {name:32} {:8.4} {:8.4}   {:8.4} {:8.4}", a[0], a[1], b[0], b[1]);
        }
    }
    Ok(())
}

/// What each user had, and the genres of each item, all by number.
struct Log {
    users: Vec<Vec<ItemId>>,
    genres: Vec<Vec<u32>>,
    n_genres: usize,
}

impl Log {
    fn read(ratings: &str, movies: &str) -> Result<Self> {
        let mut text = String::new();
        flate2::read::GzDecoder::new(std::fs::File::open(ratings)?).read_to_string(&mut text)?;
        let (mut users, mut items) = (HashMap::new(), HashMap::new());
        let mut histories: Vec<Vec<ItemId>> = Vec::new();
        for line in text.lines() {
            let mut fields = line.split('\t');
            let (Some(user), Some(item)) = (fields.next(), fields.next()) else { continue };
            let (user, item) = (number(&mut users, user), number(&mut items, item));
            histories.resize(histories.len().max(user as usize + 1), Vec::new());
            histories[user as usize].push(item);
        }
        let movies = std::fs::read(movies)?;
        let movies = String::from_utf8_lossy(&movies);
        let (mut names, mut genres) = (HashMap::new(), vec![Vec::new(); items.len()]);
        for line in movies.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            if let ([_, _, of, ..], Some(&item)) = (&fields[..], items.get(fields[0])) {
                genres[item as usize] = of.split('|').map(|name| number(&mut names, name)).collect();
            }
        }
        Ok(Self { users: histories, genres, n_genres: names.len() })
    }
}

/// The number of a name, from 0 in the order of their appearance.
fn number<'a>(numbers: &mut HashMap<&'a str, u32>, name: &'a str) -> u32 {
    let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    *numbers.entry(name).or_insert(next)
}

/// A log without some of its items, and those items, each numbered from 0.
struct Held {
    histories: Csr,
    truth: Csr,
    counts: Vec<u64>,
    warm: Csr,
    cold: Csr,
    n_genres: usize,
}

impl Held {
    fn out(log: &Log, seed: u64, tune: bool) -> Self {
        let mut order: Vec<ItemId> = (0..).take(log.genres.len()).collect();
        SeededRng::stream(seed, "held-out items", 0).shuffle(&mut order);
        let tenth = order.len() / 10;
        let (last, rest) = order.split_at(tenth);
        let (cold, warm) = if tune { rest.split_at(tenth) } else { (last, rest) };
        let part = |items: &[ItemId]| {
            let mut numbers = vec![None; order.len()];
            items.iter().zip(0..).for_each(|(&item, n)| numbers[item as usize] = Some(n));
            let row = |items: &Vec<ItemId>| {
                items.iter().filter_map(|&item| numbers[item as usize]).collect::<Vec<ItemId>>()
            };
            Csr::from_rows(log.users.iter().map(row))
        };
        let (histories, truth) = (part(warm), part(cold));
        let mut counts = vec![0; warm.len()];
        histories.rows().flatten().for_each(|&item| counts[item as usize] += 1);
        let of = |items: &[ItemId]| Csr::from_rows(items.iter().map(|&item| &log.genres[item as usize]));
        Self { histories, truth, counts, warm: of(warm), cold: of(cold), n_genres: log.n_genres }
    }

    /// Recall and NDCG, among the held-out items and among all. Ties fall in the order of a shuffle.
    fn figures(&self, scores: &Scores) -> [[f64; 2]; 2] {
        let n_warm = self.counts.len();
        let n_items = n_warm + self.cold.n_rows();
        let users: Vec<usize> =
            (0..self.truth.n_rows()).filter(|&user| !self.truth.row(user).is_empty()).collect();
        let of_user = |&user: &usize| {
            let score = |item: usize| match scores {
                Scores::Counts(counts) => counts[item],
                Scores::Vectors(users, items) => kernel::dot(row(users, user), row(items, item)),
            };
            let mut had = vec![false; n_items];
            self.histories.row(user).iter().for_each(|&item| had[item as usize] = true);
            let mut scored: Vec<(f32, usize)> =
                (0..n_items).filter(|&item| !had[item]).map(|item| (score(item), item)).collect();
            scored.sort_by(|a, b| b.0.total_cmp(&a.0));
            let truth = self.truth.row(user);
            [n_warm, 0].map(|first| {
                let list = scored.iter().filter(|(_, item)| *item >= first).take(K);
                let hits = list.map(|(_, item)| truth.iter().any(|&t| t as usize + n_warm == *item));
                let gain = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
                let (mut recall, mut dcg) = (0.0, 0.0);
                for (rank, _) in hits.enumerate().filter(|(_, hit)| *hit) {
                    recall += 1.0 / truth.len() as f64;
                    dcg += gain(rank);
                }
                [recall, dcg / (0..truth.len().min(K)).map(gain).sum::<f64>()]
            })
        };
        let figures: Vec<[[f64; 2]; 2]> = users.par_iter().map(of_user).collect();
        [0, 1].map(|i| [0, 1].map(|j| figures.iter().map(|f| f[i][j]).sum::<f64>() / users.len() as f64))
    }

    /// The warm items whose genres are most like an item's, the more popular first among equals.
    fn alike(&self, genres: &[u32]) -> Vec<ItemId> {
        let mut near: Vec<(f64, u64, ItemId)> = (0..)
            .zip(self.warm.rows())
            .map(|(item, other)| {
                let both = other.iter().filter(|genre| genres.contains(genre)).count();
                let either = genres.len() + other.len() - both;
                (both as f64 / either.max(1) as f64, self.counts[item as usize], item)
            })
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)));
        near.into_iter().take(ALIKE).map(|(_, _, item)| item).collect()
    }

    /// One column a genre.
    fn features(&self, rows: &Csr) -> Array2<f32> {
        Array2::from_shape_fn((rows.n_rows(), self.n_genres), |(item, genre)| {
            if rows.row(item).iter().any(|&g| g as usize == genre) { 1.0 } else { 0.0 }
        })
    }

    /// Means of what users had.
    fn users(&self, items: &Pooled) -> Result<Array2<f32>> {
        let mut users = Array2::zeros((self.histories.n_rows(), items.dim()));
        for (history, mut user) in self.histories.rows().zip(users.rows_mut()) {
            if !history.is_empty() {
                user.assign(&Array1::from(items.embed(history)?));
            }
        }
        Ok(users)
    }

    /// Vectors of the warm items, then the averages of the genres of the cold ones.
    fn with_averages(&self, warm: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let cold = CategoryMeans::fit(&self.warm, warm, SHRINKAGE)?.predict(&self.cold);
        Ok(concatenate![Axis(0), warm, cold])
    }
}

/// What ranks items: user vectors against those of the warm items and then the cold ones, or one score for everyone.
enum Scores {
    Vectors(Array2<f32>, Array2<f32>),
    Counts(Vec<f32>),
}

fn row(matrix: &Array2<f32>, row: usize) -> &[f32] {
    &matrix.as_slice().unwrap_or_default()[row * matrix.ncols()..][..matrix.ncols()]
}

/// Each method with what it ranks by.
fn methods(held: &Held, seed: u64) -> Result<Vec<(&'static str, Scores)>> {
    let (n_warm, n_cold) = (held.warm.n_rows(), held.cold.n_rows());
    let counts = Array2::from_shape_fn((n_warm, 1), |(item, _)| held.counts[item] as f32);
    let popularity = counts.iter().copied().chain(vec![0.0; n_cold]).collect();
    let by_genre = held.with_averages(counts.view())?.into_iter().collect();
    let mut out = vec![
        ("popularity", Scores::Counts(popularity)),
        ("popularity, genres' average", Scores::Counts(by_genre)),
    ];

    let sequences = Sequences::from_rows(n_warm, held.histories.rows())?;
    let keys = Vocab::from_keys((0..n_warm).map(|item| item.to_string()))?;
    let params = Params { dim: DIM, epochs: 20, ..Params::basket() };
    let items = SkipGram::fit(&params, &sequences, keys, &mut Run::seeded(seed))?;
    let side = items.pooled(Pooling::default(), Scoring::InOut);
    let averages = held.with_averages(items.output.vectors())?;
    out.push(("Item2Vec, genres' average", Scores::Vectors(held.users(&side)?, averages)));

    let params = ItemGraphParams::default();
    let (graph, _) = item_graph(&held.histories, n_warm, &params, &mut Run::seeded(seed))?;
    let cold_features = held.features(&held.cold);
    for (name, average, aggregator) in [
        ("GraphSAGE, mean", "  its warm vectors, genres' average", Aggregator::Mean),
        ("GraphSAGE, max", "  its warm vectors, genres' average", Aggregator::MaxPool { hidden: 128 }),
    ] {
        let params = SageParams { aggregator, id_dim: DIM, id_dropout: 0.5, ..SageParams::items() };
        let features = held.features(&held.warm);
        let model = GraphSage::fit(&params, &graph, features.view(), &mut Run::seeded(seed))?;
        let mut cold = Array2::zeros((n_cold, model.nodes().dim()));
        for (item, mut vector) in cold.rows_mut().into_iter().enumerate() {
            let neighbors = held.alike(held.cold.row(item));
            let input = NodeInput::New { features: row(&cold_features, item), neighbors: &neighbors };
            vector.assign(&Array1::from(model.embed(&input)?));
        }
        let warm = model.nodes().vectors();
        let side = Pooled::new(model.nodes(), model.space(), Pooling::default());
        let users = held.users(&side)?;
        out.push((average, Scores::Vectors(users.clone(), held.with_averages(warm)?)));
        out.push((name, Scores::Vectors(users, concatenate![Axis(0), warm, cold])));
    }
    Ok(out)
}
