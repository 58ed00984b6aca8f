//! Every sampler, every user side and every index there is, put together on one planted log: each line has to work, and
//! the lines that are meant for recommendation have to beat popularity.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use nearfield::embed_core::Neighbor;
use nearfield::negsample::{ExcludePositives, Popularity, RefreshableSampler, Uniform};
use nearfield::prelude::*;
use nearfield::seqemb::Exclude;

#[path = "../examples/planted/mod.rs"]
mod planted;

const K: usize = 10;

struct Data {
    train: Log,
    seen: Csr,
    truth: Csr,
    popularity: f64,
    chance: f64,
}

fn data() -> Data {
    let log = planted::log(400, 160, 8, 7).unwrap();
    let (train, test) = Split::Ratio(0.2).apply(&log, 7).unwrap();
    let (seen, truth) = (train.histories(), test.histories());
    let recall = |scorer: &dyn Scorer<u32>| {
        let report = FullRanking::at([K]).evaluate(scorer, &seen, &truth, &mut Run::default()).unwrap();
        report.get("recall", K).unwrap()
    };
    let popularity = recall(&PopularityScorer::new(&train.item_counts()));
    let chance = recall(&nearfield::evalmetrics::FnScorer::new(train.n_items(), |_, _| 0.0));
    Data { popularity, chance, train, seen, truth }
}

type Sampler = (&'static str, Exclude, Box<dyn RefreshableSampler>);

fn samplers(train: &Log) -> Vec<Sampler> {
    let counts = train.item_counts();
    let uniform = || Uniform::new(train.n_items()).unwrap();
    let popularity = || Popularity::new(&counts, 0.75).unwrap();
    vec![
        ("uniform", Exclude::Context, Box::new(uniform())),
        ("popularity", Exclude::Context, Box::new(popularity())),
        ("uniform without positives", Exclude::Sequence, Box::new(ExcludePositives::new(uniform()))),
        ("popularity without positives", Exclude::Sequence, Box::new(ExcludePositives::new(popularity()))),
    ]
}

/// The quality of an index's lists, after checking that a recommender over the same parts serves the same.
fn serve<I: AnnIndex>(name: &str, data: &Data, user_side: &Pooled, index: I, items: &Embeddings) -> f64 {
    let Data { seen, truth, .. } = data;
    let histories: Vec<&[ItemId]> = seen.rows().collect();
    let recommender = Recommender::new(user_side, index).unwrap();
    let served = recommender.recommend_batch(&histories, K, &Options::default(), Parallelism::All).unwrap();
    let lists = Csr::from_rows(served.iter().map(|list| list.iter().map(|r| r.id).collect::<Vec<_>>()));
    let settings = FullRanking::at([K]);
    let of_lists = settings.evaluate_lists(&lists, truth, items.len(), &mut Run::default()).unwrap();

    let metric = recommender.index().metric();
    let scorer =
        EmbeddingScorer::from_histories(user_side, seen, items, metric, ColdUsers::Refuse, Parallelism::All)
            .unwrap();
    let index = recommender.index();
    let of_index =
        settings.evaluate_index(index, &scorer, Effort::Default, seen, truth, &mut Run::default()).unwrap();
    let of_scores = settings.evaluate(&scorer, seen, truth, &mut Run::default()).unwrap();

    let recall = |report: &RankingReport| report.get("recall", K).unwrap();
    assert!((recall(&of_lists) - recall(&of_index)).abs() < 0.01, "{name}: {of_lists:?} {of_index:?}");
    assert!((recall(&of_scores) - recall(&of_index)).abs() < 0.02, "{name}: {of_scores:?} {of_index:?}");
    for (history, list) in histories.iter().zip(&served).step_by(37) {
        assert_eq!(list.len(), K, "{name}");
        assert!(list.iter().all(|r| !history.contains(&r.id)), "{name}: {list:?} for {history:?}");
        assert_eq!(*list, recommender.recommend(history, K).unwrap(), "{name}");
        let neighbors: Vec<Neighbor> = list.iter().map(|r| Neighbor::new(r.id, r.score)).collect();
        assert!(neighbors.is_sorted_by(|a, b| a.nearest_first(b).is_le()), "{name}: {neighbors:?}");
    }
    recall(&of_index)
}

#[test]
fn every_line_works() {
    let data = data();
    assert!(data.popularity > 2.0 * data.chance, "the log has a long tail");
    let sequences = data.train.sequences();
    for (sampler_name, exclude, sampler) in samplers(&data.train) {
        let params = ItemToVec { dim: 16, epochs: 12, exclude, ..ItemToVec::basket() };
        let keys = data.train.item_keys().clone();
        let mut run = Run::seeded(3);
        let vectors = SkipGram::fit_with(&params, &sequences, keys, sampler, &mut run).unwrap();
        for scoring in [Scoring::InOut, Scoring::InIn] {
            for normalize in [false, true] {
                let user_side = vectors.pooled(Pooling { normalize, ..Pooling::default() }, scoring);
                let items = vectors.targets(scoring);
                for metric in Metric::ALL {
                    let name = format!("{sampler_name}, {scoring:?}, normalize {normalize}, {metric}");
                    let user_side = user_side.clone().scored_by(metric);
                    for spec in ["Flat", "HNSW16"] {
                        let name = format!("{name}, {spec}");
                        let index =
                            spec.parse::<IndexSpec>().unwrap().build(items, metric, &mut run).unwrap();
                        let recall = serve(&name, &data, &user_side, index, items);
                        assert!(
                            recall > data.popularity,
                            "{name}: {recall:.4}, popularity {:.4}",
                            data.popularity
                        );
                        // The two ways the vectors are meant to be scored.
                        let meant = matches!(
                            (scoring, metric),
                            (Scoring::InOut, Metric::InnerProduct) | (Scoring::InIn, Metric::Cosine)
                        );
                        assert!(!meant || recall > 2.5 * data.popularity, "{name}: {recall:.4}");
                    }
                }
            }
        }
    }
}
