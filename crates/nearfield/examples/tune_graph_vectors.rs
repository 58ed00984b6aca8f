//! Compares settings of walks on a graph of a log, on a validation part cut from it, by full ranking, under each way to
//! score. `docs/graphs.md` was made with it.
//!
//! `cargo run --release --example tune_graph_vectors -- [FILE] [test=FILE] [holdout=0.11] [SETTING,SETTING…]…`
//!
//! Each group of settings is one training. `graph` is bipartite or a similarity (jaccard, cosine, pmi …). Without a file it
//! compares two on a planted log. A test file is for the final figure: nothing is held out then.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Instant;

use nearfield::graphemb::{
    Graph, ItemGraphParams, Node2Vec, NodeParams, Similarity, UserItemGraph, WalkParams, item_graph,
};
use nearfield::interactions::{Log, ReadOptions};
use nearfield::prelude::*;
use nearfield::seqemb::{ItemVectors, Window};

mod planted;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut file, mut test, mut holdout, mut groups) = (None, None, 0.11, Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("test", path)) => test = Some(path.to_owned()),
            Some(("holdout", share)) => holdout = share.parse()?,
            None if file.is_none() => file = Some(argument),
            _ => groups.push(argument),
        }
    }
    if groups.is_empty() {
        groups = vec!["graph=bipartite".to_owned(), "graph=jaccard".to_owned()];
    }
    let options = ReadOptions::default();
    let (train, held_out) = match (file, test) {
        (None, _) => Split::Ratio(holdout).apply(&planted::log(2000, 400, 8, 42)?, 7)?,
        (Some(file), None) => Split::Ratio(holdout).apply(&Log::read(file, &options)?.0, 7)?,
        (Some(file), Some(test)) => {
            let [(train, _), (test, _)] = Log::read_train_test(file, test, &options)?;
            (train, test)
        }
    };
    println!("{} users, {} items, {} + {}", train.n_users(), train.n_items(), train.len(), held_out.len());
    println!("recall@20 / ndcg@20 by: user | history, in x out | history, in x in, cosine");
    for group in groups {
        let settings = Settings::parse(&group)?;
        let start = Instant::now();
        let (users, items) = settings.fit(&train)?;
        print!("{group:70} {:6.1} s", start.elapsed().as_secs_f64());
        if let Some(users) = users {
            let targets = items.targets(Scoring::InOut);
            let scorer = EmbeddingScorer::from_users(&users, targets, Metric::InnerProduct)?;
            print!(" | {}", measure(&scorer, &train, &held_out)?);
        }
        for (scoring, metric) in [(Scoring::InOut, Metric::InnerProduct), (Scoring::InIn, Metric::Cosine)] {
            let pooled = items.pooled(Pooling::default(), scoring);
            let (seen, targets) = (train.histories(), items.targets(scoring));
            let nothing = ColdUsers::RecommendNothing;
            let scorer =
                EmbeddingScorer::from_histories(&pooled, &seen, targets, metric, nothing, Parallelism::All)?;
            print!(" | {}", measure(&scorer, &train, &held_out)?);
        }
        println!(" | loss {:.3}", items.report.final_loss());
    }
    Ok(())
}

fn measure(scorer: &EmbeddingScorer<'_>, train: &Log, held_out: &Log) -> Result<String, Box<dyn Error>> {
    let (seen, truth) = (train.histories(), held_out.histories());
    let report = FullRanking::at([20]).evaluate(scorer, &seen, &truth, &mut Run::default())?;
    let figure = |name| report.get(name, 20).unwrap_or(0.0);
    Ok(format!("{:.4} / {:.4}", figure("recall"), figure("ndcg")))
}

/// One training.
struct Settings {
    /// The similarity; none for users and items.
    similarity: Option<Similarity>,
    top_k: usize,
    params: NodeParams,
    seed: u64,
}

impl Settings {
    fn parse(group: &str) -> Result<Self, Box<dyn Error>> {
        let walks = WalkParams { walks: 10, length: 40, ..WalkParams::default() };
        let mut params = NodeParams { walks, ..NodeParams::default() };
        params.train.dim = 64;
        let (mut similarity, mut top_k, mut seed, mut size, mut dynamic) = (None, 50, 1, 2, true);
        for setting in group.split(',') {
            let (name, value) = setting.split_once('=').ok_or_else(|| format!("{setting} has no value"))?;
            match name {
                "graph" => {
                    similarity = match value {
                        "bipartite" => None,
                        "jaccard" => Some(Similarity::Jaccard),
                        "cosine" => Some(Similarity::Cosine),
                        "co-count" => Some(Similarity::CoCount),
                        "lift" => Some(Similarity::Lift),
                        "pmi" => Some(Similarity::Pmi),
                        _ => return Err(format!("no graph {value}").into()),
                    }
                }
                "top" => top_k = value.parse()?,
                "weighted" => params.walks.weighted = value.parse()?,
                "walks" => params.walks.walks = value.parse()?,
                "length" => params.walks.length = value.parse()?,
                "p" => params.walks.p = value.parse()?,
                "q" => params.walks.q = value.parse()?,
                "window" => size = value.parse()?,
                "dynamic" => dynamic = value.parse()?,
                "dim" => params.train.dim = value.parse()?,
                "negatives" => params.train.negatives = value.parse()?,
                "exponent" => params.train.exponent = value.parse()?,
                "rate" => params.train.rate = value.parse()?,
                "epochs" => params.train.epochs = value.parse()?,
                "seed" => seed = value.parse()?,
                _ => return Err(format!("no setting {name}").into()),
            }
        }
        params.train.window = Window::Sliding { size, dynamic };
        Ok(Self { similarity, top_k, params, seed })
    }

    /// Vectors of users, where they are nodes, and of items.
    fn fit(&self, train: &Log) -> Result<(Option<Embeddings>, ItemVectors), Box<dyn Error>> {
        let (histories, n_items) = (train.histories(), train.n_items());
        let (mut run, keys) = (Run::seeded(self.seed), train.item_keys().clone());
        let fit = |graph: &Graph, run: &mut Run<'_>| Node2Vec::fit(&self.params, graph, run);
        match self.similarity {
            Some(similarity) => {
                let params = ItemGraphParams { similarity, top_k: self.top_k, ..ItemGraphParams::default() };
                let (graph, _) = item_graph(&histories, n_items, &params, &mut run)?;
                Ok((None, fit(&graph.with_keys(keys)?, &mut run)?.vectors))
            }
            None => {
                let bipartite = UserItemGraph::build(&histories, n_items, false)?;
                let nodes = fit(&bipartite.graph, &mut run)?.vectors;
                let both = bipartite.split(&nodes, train.user_keys().clone(), keys)?;
                Ok((Some(both.users), both.items))
            }
        }
    }
}
