//! What side information inside the training is worth (Wang et al. 2018, "EGES"): item vectors learned with genres beside
//! item vectors learned without, for items that training has seen, and for a tenth of the items that it has not.
//!
//! `cargo run --release --example side_information -- RATINGS MOVIES [negatives=10] [epochs=20] [seed=1]`
//!
//! A ninth of each user's items is held out to be found among the items with data; then the held-out items without any are
//! ranked among themselves. A user is the mean of the input vectors of what is left.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::HashMap;
use std::error::Error;

use ndarray::Array2;
use nearfield::embed_core::{Csr, EmbedError, SeededRng, Sequences, Space};
use nearfield::prelude::*;
use nearfield::seqemb::cold::CategoryMeans;
use nearfield::seqemb::{ItemVectors, SideInformation, SideVectors, Training};

mod movielens;

/// Items a genre needs to count for half in an average.
const SHRINKAGE: f64 = 10.0;

fn main() -> Result<(), Box<dyn Error>> {
    let mut params = ItemToVec { negatives: 10, epochs: 20, ..ItemToVec::basket() };
    let (mut seed, mut files) = (1, Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("negatives", value)) => params.negatives = value.parse()?,
            Some(("epochs", value)) => params.epochs = value.parse()?,
            Some(("seed", value)) => seed = value.parse()?,
            _ => files.push(argument),
        }
    }
    let [ratings, movies] = &files[..] else {
        println!("usage: side_information RATINGS MOVIES [negatives=10] [epochs=20] [seed=1]");
        return Ok(());
    };
    let (log, names) = movielens::read(ratings, movies)?;
    let task = Task::cut(&log, &names, seed)?;
    println!("{} items with data, {} without", task.warm.n_rows(), task.cold.n_rows());

    let plain = task.train(&params, false, seed)?.0;
    let (with_side, side) = task.train(&params, true, seed)?;
    println!("{:42} {:>9} {:>8}", "", "recall@20", "ndcg@20");
    for scoring in [Scoring::InOut, Scoring::InIn] {
        for (name, items) in [("Item2Vec", &plain), ("with side information", &with_side)] {
            let targets = items.targets(scoring);
            task.rank(&format!("warm, {scoring:?}, {name}"), items, scoring, targets, true)?;
        }
    }
    for scoring in [Scoring::InOut, Scoring::InIn] {
        for (name, items) in [("Item2Vec", &plain), ("with side information", &with_side)] {
            let means = CategoryMeans::fit(&task.warm, items.targets(scoring).vectors(), SHRINKAGE)?;
            let targets = without_data(means.predict(&task.cold))?;
            let name = format!("cold, {scoring:?}, {name}, means of genres");
            task.rank(&name, items, scoring, &targets, false)?;
        }
    }
    let side = side.ok_or("no vectors of genres")?;
    let mut vectors = Array2::zeros((task.cold.n_rows(), params.dim));
    for (genres, mut row) in task.cold.rows().zip(vectors.rows_mut()) {
        if let Some(vector) = side.cold(&[genres])? {
            row.assign(&ndarray::ArrayView1::from(&vector));
        }
    }
    let (name, targets) = ("cold, InIn, vectors of genres from training", without_data(vectors)?);
    task.rank(name, &with_side, Scoring::InIn, &targets, false)
}

/// Vectors of the items without data, under keys of their own.
fn without_data(vectors: Array2<f32>) -> Result<Embeddings, Box<dyn Error>> {
    let keys = Vocab::from_keys((0..vectors.nrows()).map(|item| format!("without data {item}")))?;
    Ok(Embeddings::new(keys, vectors)?)
}

/// The user side for items that training did not see: they are of no space, and have other keys than the items of the histories.
struct Users(Pooled);

impl Embedder<[ItemId]> for Users {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn space(&self) -> Space {
        Space::ANY
    }

    fn metric(&self) -> Option<Metric> {
        self.0.metric()
    }

    fn embed_into(&self, history: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
        self.0.embed_into(history, out)
    }
}

/// A log cut up; items with and without data are numbered apart.
struct Task {
    histories: Csr,
    warm_truth: Csr,
    cold_truth: Csr,
    /// Genres of the items.
    warm: Csr,
    cold: Csr,
    n_genres: usize,
}

impl Task {
    fn cut(
        log: &nearfield::interactions::Log,
        names: &[Vec<String>],
        seed: u64,
    ) -> Result<Self, Box<dyn Error>> {
        let (train, held_out) = Split::Ratio(0.11).apply(log, seed)?;
        let mut order: Vec<u32> = (0..).take(log.n_items()).collect();
        SeededRng::stream(seed, "items without data", 0).shuffle(&mut order);
        let (cold, warm) = order.split_at(order.len() / 10);
        let mut numbers = HashMap::new();
        let mut genres = |items: &[u32]| {
            let mut number = |name: &String| {
                let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                *numbers.entry(name.clone()).or_insert(next)
            };
            Csr::from_rows(
                items.iter().map(|&item| names[item as usize].iter().map(&mut number).collect::<Vec<_>>()),
            )
        };
        let (warm_genres, cold_genres) = (genres(warm), genres(cold));
        let n_genres = numbers.len();
        let part = |histories: [&Csr; 2], items: &[u32]| {
            let mut number = vec![None; log.n_items()];
            items.iter().zip(0u32..).for_each(|(&item, n)| number[item as usize] = Some(n));
            let row = |user: usize| {
                let items = histories.iter().flat_map(|part| part.row(user));
                let mut row: Vec<u32> = items.filter_map(|&item| number[item as usize]).collect();
                row.sort_unstable();
                row
            };
            Csr::from_rows((0..histories[0].n_rows()).map(row))
        };
        let (train, held_out) = (train.histories(), held_out.histories());
        let none = Csr::from_rows((0..train.n_rows()).map(|_| [0u32; 0]));
        Ok(Self {
            histories: part([&train, &none], warm),
            warm_truth: part([&held_out, &none], warm),
            cold_truth: part([&train, &held_out], cold),
            warm: warm_genres,
            cold: cold_genres,
            n_genres,
        })
    }

    fn train(
        &self,
        params: &ItemToVec,
        with_side: bool,
        seed: u64,
    ) -> Result<(ItemVectors, Option<SideVectors>), Box<dyn Error>> {
        let n_items = self.warm.n_rows();
        let keys = Vocab::from_keys((0..n_items).map(|item| item.to_string()))?;
        let sequences = Sequences::from_rows(n_items, self.histories.rows())?;
        let mut training = if with_side {
            let genres = SideInformation::new(n_items).with("genre", self.n_genres, self.warm.clone())?;
            Training::with_side(params, &sequences, keys, genres, seed)?
        } else {
            Training::new(params, &sequences, keys, seed)?
        };
        while training.epoch(&sequences, &mut Run::seeded(seed))? {}
        Ok(training.finish_with_side()?)
    }

    /// Ranks `targets` for each user: those with data, without what the user has, or those without.
    fn rank(
        &self,
        name: &str,
        items: &ItemVectors,
        scoring: Scoring,
        targets: &Embeddings,
        warm: bool,
    ) -> Result<(), Box<dyn Error>> {
        let metric = if scoring == Scoring::InOut { Metric::InnerProduct } else { Metric::Cosine };
        let users = items.pooled(Pooling::default(), scoring);
        let users: Box<dyn Embedder<[ItemId]>> = if warm { Box::new(users) } else { Box::new(Users(users)) };
        let scorer = EmbeddingScorer::from_histories(
            &users,
            &self.histories,
            targets,
            metric,
            ColdUsers::RecommendNothing,
            Parallelism::All,
        )?;
        let none = Csr::from_rows((0..self.histories.n_rows()).map(|_| [0u32; 0]));
        let (seen, truth) =
            if warm { (&self.histories, &self.warm_truth) } else { (&none, &self.cold_truth) };
        let report = FullRanking::at([20]).evaluate(&scorer, seen, truth, &mut Run::default())?;
        let [recall, ndcg] = ["recall", "ndcg"].map(|measure| report.get(measure, 20).unwrap_or(0.0));
        println!("{name:42} {recall:9.4} {ndcg:8.4}");
        Ok(())
    }
}
