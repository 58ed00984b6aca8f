//! Vectors for items that nobody has had yet: GraphSAGE beside the averages of an item's genres and beside popularity, on a
//! tenth of the items, held out with all that was done with them. Recall and NDCG at 20 of what users did with these: among
//! these alone, and among all items that a user has not had.
//!
//! `cargo run --release --example cold_items_graphsage -- RATINGS MOVIES [SEEDS [tune]]`
//!
//! RATINGS is `user<TAB>movie<TAB>…`, MOVIES is `movie<TAB>title<TAB>genre|genre` (MovieLens 1M). With `tune` the tenth that
//! figures are reported on is left out altogether, and another tenth stands in for it.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "an example shows what it does, with counts"
)]

use std::collections::HashMap;

use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use nearfield::graphemb::{Aggregator, GraphSage, ItemGraphParams, NodeInput, SageParams, item_graph};
use nearfield::interactions::Format;
use nearfield::prelude::*;
use nearfield::seqemb::cold::CategoryMeans;
use nearfield::{embed_core::Sequences, evalmetrics::Measure};

/// Warm items that a new one is told to be like.
const ALIKE: usize = 20;
/// Items a genre needs to count for half.
const SHRINKAGE: f64 = 10.0;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ratings, movies, rest @ ..] = &arguments[..] else {
        println!("usage: cold_items_graphsage RATINGS MOVIES [SEEDS [tune]]");
        return Ok(());
    };
    let columns = "user=0,item=1".parse()?;
    let options = ReadOptions { format: Format::Tsv, header: false, columns, ..ReadOptions::default() };
    let (log, _) = Log::read(ratings, &options)?;
    let text = std::fs::read(movies)?;
    let genres = genres(&String::from_utf8_lossy(&text), log.item_keys());
    let seeds = rest.first().map_or(Ok(3), |n| n.parse())?;
    println!("{:31} {:>8} {:>8}   {:>8} {:>8}", "seed", "held-out", "NDCG", "all", "NDCG");
    for seed in 1..=seeds {
        Held::out(&log, &genres, seed, rest.len() > 1).methods(seed)?;
    }
    Ok(())
}

/// The genres of each item by number.
fn genres(movies: &str, items: &Vocab) -> Csr {
    let (mut names, mut of) = (HashMap::new(), vec![Vec::new(); items.len()]);
    for line in movies.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        if let [movie, _, genres, ..] = fields[..]
            && let Some(item) = items.get(movie)
        {
            for genre in genres.split('|') {
                let next = u32::try_from(names.len()).unwrap_or(u32::MAX);
                of[item as usize].push(*names.entry(genre).or_insert(next));
            }
        }
    }
    Csr::from_rows(of)
}

/// A log without some of its items, and those items: warm ones are numbered first, then cold ones.
struct Held {
    histories: Csr,
    /// What users did with cold items, by their number among these.
    truth: Csr,
    counts: Vec<u64>,
    warm: Csr,
    cold: Csr,
}

impl Held {
    fn out(log: &Log, genres: &Csr, seed: u64, tune: bool) -> Self {
        let mut order: Vec<ItemId> = (0..).take(log.n_items()).collect();
        SeededRng::stream(seed, "held-out items", 0).shuffle(&mut order);
        let tenth = order.len() / 10;
        let (last, rest) = order.split_at(tenth);
        let (cold, warm) = if tune { rest.split_at(tenth) } else { (last, rest) };
        let part = |items: &[ItemId]| {
            let mut numbers = vec![None; order.len()];
            items.iter().zip(0..).for_each(|(&item, n)| numbers[item as usize] = Some(n));
            let row = |items: &[ItemId]| items.iter().filter_map(|&i| numbers[i as usize]).collect();
            Csr::from_rows(log.histories().rows().map(row).collect::<Vec<Vec<ItemId>>>())
        };
        let of = |items: &[ItemId]| Csr::from_rows(items.iter().map(|&item| genres.row(item as usize)));
        let counts = log.item_counts();
        let counts = warm.iter().map(|&item| counts[item as usize]).collect();
        Self { histories: part(warm), truth: part(cold), counts, warm: of(warm), cold: of(cold) }
    }

    /// Each method's figures.
    fn methods(&self, seed: u64) -> Result<()> {
        let (n_warm, n_cold) = (self.warm.n_rows(), self.cold.n_rows());
        let one = Array2::ones((self.histories.n_rows(), 1));
        let counts = Array2::from_shape_fn((n_warm, 1), |(item, _)| self.counts[item] as f32);
        self.print(seed, "popularity", &one, counts.view(), Array2::zeros((n_cold, 1)))?;
        self.print(seed, "popularity, genres' average", &one, counts.view(), self.averages(counts.view())?)?;

        let sequences = Sequences::from_rows(n_warm, self.histories.rows())?;
        let keys = Vocab::from_keys((0..n_warm).map(|item| item.to_string()))?;
        let params = ItemToVec { epochs: 20, ..ItemToVec::basket() };
        let items = SkipGram::fit(&params, &sequences, keys, &mut Run::seeded(seed))?;
        let users = self.users(&items.pooled(Pooling::default(), Scoring::InOut))?;
        let warm = items.output.vectors();
        self.print(seed, "Item2Vec, genres' average", &users, warm, self.averages(warm)?)?;

        let params = ItemGraphParams::default();
        let (graph, _) = item_graph(&self.histories, n_warm, &params, &mut Run::seeded(seed))?;
        let features = self.features();
        let (warm_features, cold_features) = features.view().split_at(Axis(0), n_warm);
        for (name, aggregator) in [("mean", Aggregator::Mean), ("max", Aggregator::MaxPool { hidden: 128 })] {
            let params = SageParams { aggregator, id_dim: 64, id_dropout: 0.5, ..SageParams::items() };
            let model = GraphSage::fit(&params, &graph, warm_features, &mut Run::seeded(seed))?;
            let mut cold = Array2::zeros((n_cold, model.nodes().dim()));
            for (item, mut vector) in cold.rows_mut().into_iter().enumerate() {
                let neighbors = self.alike(self.cold.row(item));
                let features = cold_features.row(item);
                let features = features.as_slice().unwrap_or_default();
                vector
                    .assign(&Array1::from(model.embed(&NodeInput::New { features, neighbors: &neighbors })?));
            }
            let warm = model.nodes().vectors();
            let users = self.users(&Pooled::new(model.nodes(), model.space(), Pooling::default()))?;
            self.print(
                seed,
                &format!("GraphSAGE {name}, genres' average"),
                &users,
                warm,
                self.averages(warm)?,
            )?;
            self.print(seed, &format!("GraphSAGE {name}"), &users, warm, cold)?;
        }
        Ok(())
    }

    /// Ranks by products of user vectors with those of warm and cold items.
    fn print(
        &self,
        seed: u64,
        name: &str,
        users: &Array2<f32>,
        warm: ArrayView2<'_, f32>,
        cold: Array2<f32>,
    ) -> Result<()> {
        let n_warm = u32::try_from(warm.nrows())?;
        let after_warm = |row: &[ItemId]| row.iter().map(|item| item + n_warm).collect::<Vec<_>>();
        let all_truth = Csr::from_rows(self.truth.rows().map(after_warm));
        let nothing = Csr::from_rows(vec![Vec::new(); self.truth.n_rows()]);
        let all = concatenate![Axis(0), warm, cold];
        print!("{seed} {name:29}");
        for (items, seen, truth) in [(cold, &nothing, &self.truth), (all, &self.histories, &all_truth)] {
            let scorer = EmbeddingScorer::new(users.view(), items, Metric::InnerProduct)?;
            let ranking =
                FullRanking { measures: vec![Measure::Recall, Measure::Ndcg], ..FullRanking::at([20]) };
            let report = ranking.evaluate(&scorer, seen, truth, &mut Run::default())?;
            let figure = |name| report.get(name, 20).unwrap_or(0.0);
            print!(" {:8.4} {:8.4}  ", figure("recall"), figure("ndcg"));
        }
        println!();
        Ok(())
    }

    /// For the cold items the averages of what the warm ones of their genres have.
    fn averages(&self, warm: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        Ok(CategoryMeans::fit(&self.warm, warm, SHRINKAGE)?.predict(&self.cold))
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

    /// The warm items whose genres are most like an item's, the more popular first among equals.
    fn alike(&self, genres: &[u32]) -> Vec<ItemId> {
        let rated = (0..).zip(self.warm.rows()).map(|(item, other)| {
            let both = other.iter().filter(|genre| genres.contains(genre)).count();
            let either = genres.len() + other.len() - both;
            (both as f64 / either.max(1) as f64, self.counts[item as usize], item)
        });
        let mut near: Vec<(f64, u64, ItemId)> = rated.collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)));
        near.into_iter().take(ALIKE).map(|(_, _, item)| item).collect()
    }

    /// One column a genre, the warm items first.
    fn features(&self) -> Array2<f32> {
        let rows: Vec<&[u32]> = self.warm.rows().chain(self.cold.rows()).collect();
        let n_genres = rows.iter().copied().flatten().max().map_or(0, |&last| last as usize + 1);
        let mut features = Array2::zeros((rows.len(), n_genres));
        for (row, genres) in rows.iter().enumerate() {
            genres.iter().for_each(|&genre| features[[row, genre as usize]] = 1.0);
        }
        features
    }
}
