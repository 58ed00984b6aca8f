//! Two towers over ids and content beside ids alone, on the last item of every user, and on a tenth of the items that training
//! does not see: the content places those, popularity cannot.
//!
//! `cargo run --release -p towers --example cold_items_dssm -- RATINGS MOVIES [SEEDS [tune]] [name=value …]`
//!
//! RATINGS is a log in the order of time (TSV, no header: user, movie), MOVIES is CSV with a header: `movie,year,genres,title:token_seq`.
//! With `tune` the last item is left out altogether and the one before it stands in for it; so does another tenth of the items.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::cast_precision_loss, reason = "counts")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use embed_core::{Csr, FeatureFrame, FeatureType, ItemId, Run, SeededRng, Sequences, Vocab, kernel};
use interactions::{FeatureOptions, Log, ReadOptions, read_features};
use towers::features::{Feature, HistoryFeature, IdFeature, Schema, SideSchema};
use towers::losses::Objective;
use towers::models::{DssmParams, Histories, HistoryView, Pooling};
use towers::optim::{Decay, Schedule};
use towers::train::{FitParams, NegativeCounts};
use towers::{Dssm, DssmData, UserRecord, Who};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let (settings, arguments): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word.contains('='));
    let [ratings, movies, rest @ ..] = &arguments[..] else {
        println!("usage: cold_items_dssm RATINGS MOVIES [SEEDS [tune]] [name=value ...]");
        return Ok(());
    };
    let options = ReadOptions { header: false, columns: "user=0,item=1".parse()?, ..ReadOptions::default() };
    let (log, _) = Log::read(ratings, &options)?;
    let types =
        [("year", FeatureType::Category), ("genres", FeatureType::List), ("title", FeatureType::List)];
    let types = types.map(|(name, kind)| (name.to_owned(), kind)).to_vec();
    let features = read_features(movies, &FeatureOptions { types, ..FeatureOptions::default() })?;
    let seeds = rest.first().map_or(Ok(1), |n| n.parse())?;
    let tune = rest.len() > 1;
    let mut settings = Settings::of(&settings)?;
    println!(
        "seed model        warm Hit@10 Hit@100 NDCG@10 | cold among all Hit@100 | cold among cold Recall@20 NDCG@20 | s"
    );
    for seed in 1..=seeds {
        for cold_items in [false, true] {
            if settings.only.as_ref().is_some_and(|only| (only == "cold") != cold_items) {
                continue;
            }
            let world = World::cut(&log, cold_items, tune, seed)?;
            if cold_items {
                world.popularity(&features, seed);
            }
            for content in [false, true] {
                settings.content = content;
                let start = Instant::now();
                let model = world.train(&features, &settings, seed)?;
                let seconds = start.elapsed().as_secs_f64();
                let name = if content { "id + content" } else { "id" };
                let name = format!("{name}{}", if cold_items { ", cold" } else { "" });
                let factors = if content && cold_items { &settings.unseen[..] } else { &[1.0] };
                for &factor in factors {
                    let figures = world.figures(&model, content, factor);
                    println!("{seed} {name:18} x {factor:.3} {figures} | {seconds:.0}");
                }
            }
        }
    }
    Ok(())
}

/// What can be changed on the command line.
#[derive(Debug, Clone)]
struct Settings {
    content: bool,
    deep: bool,
    dim: usize,
    most: usize,
    epochs: u32,
    rate: f32,
    layer_rate: f32,
    temperature: f32,
    batch: usize,
    sampled: usize,
    log_q: bool,
    dropout: f32,
    columns: bool,
    places: bool,
    title: bool,
    /// What scores of unseen items are multiplied by, in serving.
    unseen: Vec<f32>,
    only: Option<String>,
}

impl Settings {
    fn of(given: &[String]) -> Result<Self> {
        let mut settings = Self {
            content: true,
            deep: false,
            dim: 64,
            most: 50,
            epochs: 6,
            rate: 0.5,
            layer_rate: 1e-3,
            temperature: 0.1,
            batch: 1024,
            sampled: 0,
            log_q: true,
            dropout: 0.1,
            columns: true,
            places: true,
            title: true,
            unseen: vec![1.0],
            only: None,
        };
        for word in given {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            match name {
                "deep" => settings.deep = value.parse()?,
                "dim" => settings.dim = value.parse()?,
                "most" => settings.most = value.parse()?,
                "epochs" => settings.epochs = value.parse()?,
                "rate" => settings.rate = value.parse()?,
                "layer_rate" => settings.layer_rate = value.parse()?,
                "temperature" => settings.temperature = value.parse()?,
                "batch" => settings.batch = value.parse()?,
                "sampled" => settings.sampled = value.parse()?,
                "log_q" => settings.log_q = value.parse()?,
                "dropout" => settings.dropout = value.parse()?,
                "columns" => settings.columns = value.parse()?,
                "places" => settings.places = value.parse()?,
                "title" => settings.title = value.parse()?,
                "unseen" => {
                    settings.unseen =
                        value.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?;
                }
                "only" => settings.only = Some(value.to_owned()),
                _ => return Err(format!("unknown setting {name}").into()),
            }
        }
        Ok(settings)
    }

    fn params(&self) -> DssmParams {
        let mut features =
            vec![Feature::new("year", FeatureType::Category), Feature::new("genres", FeatureType::List)];
        if self.title {
            let mut title = Feature::new("title", FeatureType::List);
            title.coding = towers::features::Coding::Vocabulary { least: 2 };
            features.push(title);
        }
        let columns = features.iter().map(|feature| feature.column.clone()).collect();
        let content = self.content;
        let id = IdFeature::new("items").dropped(if content { self.dropout } else { 0.0 });
        let history = HistoryFeature {
            pooling: if self.places { Pooling::Places } else { Pooling::Mean },
            most: self.most,
            view: HistoryView::Before,
            columns: if content && self.columns { columns } else { Vec::new() },
        };
        let schema = Schema {
            user: SideSchema::default(),
            history: Some(history),
            item: SideSchema { id: Some(id), features: if content { features } else { Vec::new() } },
        };
        let base = if self.deep { DssmParams::deep(schema) } else { DssmParams::sum(schema) };
        DssmParams { dim: self.dim, ..base }
    }

    fn fit(&self) -> FitParams {
        FitParams {
            epochs: self.epochs,
            batch: self.batch,
            objective: Objective::Softmax,
            temperature: self.temperature,
            rate: self.layer_rate,
            table_rate: self.rate,
            schedule: Schedule { warm_up: 0, decay: Decay::Linear },
            ..FitParams::default()
        }
    }

    fn negatives(&self) -> NegativeCounts {
        let in_batch = self.sampled == 0;
        NegativeCounts {
            in_batch,
            per_batch: self.sampled,
            per_example: 0,
            corrected: self.log_q && in_batch,
        }
    }
}

/// A log without what is asked about.
struct World {
    histories: Histories,
    users: Arc<Vocab>,
    items: Arc<Vocab>,
    /// Items that training does not see.
    is_cold: Vec<bool>,
    /// Items of the reported tenth while settings are chosen: nobody is asked about them.
    is_absent: Vec<bool>,
    /// The last item of each user, of those that training sees.
    warm: Csr,
    /// The cold items of each user.
    cold: Csr,
}

impl World {
    fn cut(log: &Log, cold_items: bool, tune: bool, seed: u64) -> Result<Self> {
        let n_items = log.n_items();
        let mut order: Vec<ItemId> = (0..).take(n_items).collect();
        SeededRng::stream(seed, "cold items", 0).shuffle(&mut order);
        let tenth = n_items / 10;
        // Of a tuning run the tenth that is reported on is left out altogether.
        let (absent, cold) = match (cold_items, tune) {
            (false, _) => (&[][..], &[][..]),
            (true, false) => (&[][..], &order[..tenth]),
            (true, true) => (&order[..tenth], &order[tenth..2 * tenth]),
        };
        let mark = |of: &[ItemId]| {
            let mut marks = vec![false; n_items];
            of.iter().for_each(|&item| marks[item as usize] = true);
            marks
        };
        let (is_absent, is_cold) = (mark(absent), mark(cold));
        let (mut train, mut warm, mut held) = (Sequences::new(n_items), Vec::new(), Vec::new());
        for row in log.histories().rows() {
            let mut seen: Vec<ItemId> = row
                .iter()
                .copied()
                .filter(|&item| !is_cold[item as usize] && !is_absent[item as usize])
                .collect();
            if tune {
                seen.pop();
            }
            warm.push(seen.pop().into_iter().collect::<Vec<ItemId>>());
            train.push(&seen)?;
            held.push(row.iter().copied().filter(|&item| is_cold[item as usize]).collect::<Vec<ItemId>>());
        }
        Ok(Self {
            histories: Histories::new(train),
            users: Arc::clone(log.user_keys()),
            items: Arc::clone(log.item_keys()),
            is_cold,
            is_absent,
            warm: Csr::from_rows(warm),
            cold: Csr::from_rows(held),
        })
    }

    fn train(&self, features: &FeatureFrame, settings: &Settings, seed: u64) -> Result<Dssm> {
        let data = DssmData::new(&self.histories, &self.users, &self.items).item_features(features);
        let run = &mut Run::seeded(seed);
        Ok(Dssm::fit(&settings.params(), &settings.fit(), data, settings.negatives(), run)?)
    }

    /// Scores without what the user has or what the data do not have.
    fn open_to(&self, user: usize, mut scores: Vec<f32>) -> Vec<f32> {
        let own = u32::try_from(user).unwrap_or(u32::MAX);
        self.histories.set(own).iter().for_each(|&item| scores[item as usize] = f32::NEG_INFINITY);
        let absent = scores.iter_mut().zip(&self.is_absent).filter(|(_, absent)| **absent);
        absent.for_each(|(score, _)| *score = f32::NEG_INFINITY);
        scores
    }

    /// Ranks of the truth of each user, from 0, among the items that `candidate` allows and the user does not have.
    fn ranks(
        &self,
        scores: &dyn Fn(usize) -> Vec<f32>,
        truth: &Csr,
        candidate: &dyn Fn(usize) -> bool,
    ) -> Vec<Vec<usize>> {
        let mut ranks = Vec::new();
        for user in 0..truth.n_rows() {
            if truth.row(user).is_empty() {
                continue;
            }
            let scores = self.open_to(user, scores(user));
            let allowed: Vec<(usize, f32)> =
                scores.iter().copied().enumerate().filter(|(item, _)| candidate(*item)).collect();
            // Ties go to the smaller number, as in a search.
            let rank = |truth: &ItemId| {
                let (own, score) = (*truth as usize, scores[*truth as usize]);
                allowed
                    .iter()
                    .filter(|(item, other)| *other > score || *other == score && *item < own)
                    .count()
            };
            ranks.push(truth.row(user).iter().map(rank).collect());
        }
        ranks
    }

    fn figures(&self, model: &Dssm, content: bool, factor: f32) -> String {
        let mut vector = vec![0.0; model.params().dim];
        let mut tape = towers::models::DssmUserTape::default();
        let users: Vec<Vec<f32>> = (0..self.histories.n_users())
            .map(|user| {
                let row = u32::try_from(user).unwrap_or(u32::MAX);
                let history = self.histories.sequence(row);
                let input = UserRecord { who: Who::Nobody, history };
                vector.fill(0.0);
                // A user without a history has a vector of zeros.
                let _ = model.embed_with(&input, &mut tape, &mut vector);
                vector.clone()
            })
            .collect();
        let scores = |user: usize| -> Vec<f32> {
            let rows = model.items().vectors();
            (rows.rows().into_iter().zip(&self.is_cold))
                .map(|(row, cold)| {
                    let score = kernel::dot(&users[user], row.to_slice().unwrap_or_default());
                    if *cold { factor * score } else { score }
                })
                .collect()
        };
        // A model of ids alone cannot place what it has not seen.
        let placed = |item: usize| content || !self.is_cold[item];
        let warm = self.ranks(&scores, &self.warm, &placed);
        let mut text = format!("{:.4} {:.4} {:.4}", hit(&warm, 10), hit(&warm, 100), ndcg(&warm, 10));
        if self.cold.n_entries() > 0 && content {
            text.push_str(&self.of_cold(&scores));
            let among = self.ranks(&scores, &self.warm, &|item| !self.is_cold[item]);
            let share = self.share_of_cold(&scores, 100);
            text.push_str(&format!(
                " | warm among warm {:.4}, unseen in the best 100 {share:.3}",
                hit(&among, 100)
            ));
        }
        text
    }

    /// The share of unseen items in users' best `k`.
    fn share_of_cold(&self, scores: &dyn Fn(usize) -> Vec<f32>, k: usize) -> f64 {
        let mut unseen = 0;
        let users = (0..self.histories.n_users()).step_by(10);
        let n = users.len();
        for user in users {
            let scores = self.open_to(user, scores(user));
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_unstable_by(|a, b| scores[*b].total_cmp(&scores[*a]));
            unseen += order.iter().take(k).filter(|item| self.is_cold[**item]).count();
        }
        unseen as f64 / (n * k) as f64
    }

    fn of_cold(&self, scores: &dyn Fn(usize) -> Vec<f32>) -> String {
        let all = self.ranks(scores, &self.cold, &|_| true);
        let among = self.ranks(scores, &self.cold, &|item| self.is_cold[item]);
        format!(" | {:.4} | {:.4} {:.4}", hit(&all, 100), recall(&among, 20), ndcg(&among, 20))
    }

    /// What popularity makes of the cold items: nothing is known of them but the mean count of their genres.
    fn popularity(&self, features: &FeatureFrame, seed: u64) {
        let counts = self.histories.sequences().counts();
        let plain: Vec<f32> = counts.iter().map(|&count| count as f32).collect();
        let genres = |item: usize| -> Vec<String> {
            let row = u32::try_from(item)
                .ok()
                .and_then(|item| self.items.key(item))
                .and_then(|key| features.keys().get(key));
            match (row, features.column("genres").map(|column| &column.values)) {
                (Some(row), Some(embed_core::FeatureValues::Lists(lists))) => {
                    lists.get(row as usize).map(str::to_owned).collect()
                }
                _ => Vec::new(),
            }
        };
        let mut sums: std::collections::BTreeMap<String, (f64, f64)> = std::collections::BTreeMap::new();
        for item in (0..counts.len()).filter(|&item| !self.is_cold[item]) {
            for genre in genres(item) {
                let entry = sums.entry(genre).or_default();
                *entry = (entry.0 + counts[item] as f64, entry.1 + 1.0);
            }
        }
        let by_genre: Vec<f32> = (0..counts.len())
            .map(|item| {
                if !self.is_cold[item] {
                    return plain[item];
                }
                let own = genres(item);
                let means = own.iter().filter_map(|genre| sums.get(genre)).map(|(sum, n)| sum / n);
                #[expect(clippy::cast_possible_truncation, reason = "a score")]
                let mean = (means.sum::<f64>() / own.len().max(1) as f64) as f32;
                mean
            })
            .collect();
        let warm = self.ranks(&|_| plain.clone(), &self.warm, &|_| true);
        println!(
            "{seed} popularity   {:.4} {:.4} {:.4}{}",
            hit(&warm, 10),
            hit(&warm, 100),
            ndcg(&warm, 10),
            self.of_cold(&|_| by_genre.clone())
        );
    }
}

fn mean(ranks: &[Vec<usize>], of: impl Fn(&[usize]) -> f64) -> f64 {
    ranks.iter().map(|row| of(row)).sum::<f64>() / ranks.len().max(1) as f64
}

/// The share of users with a hit.
fn hit(ranks: &[Vec<usize>], k: usize) -> f64 {
    mean(ranks, |row| f64::from(u8::from(row.iter().any(|rank| *rank < k))))
}

fn recall(ranks: &[Vec<usize>], k: usize) -> f64 {
    mean(ranks, |row| row.iter().filter(|rank| **rank < k).count() as f64 / row.len() as f64)
}

fn ndcg(ranks: &[Vec<usize>], k: usize) -> f64 {
    let gain = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
    mean(ranks, |row| {
        let dcg: f64 = row.iter().filter(|rank| **rank < k).map(|rank| gain(*rank)).sum();
        dcg / (0..row.len().min(k)).map(gain).sum::<f64>()
    })
}
