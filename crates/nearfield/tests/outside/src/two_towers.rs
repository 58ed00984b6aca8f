//! Two towers over ids and histories, with the standard negatives, served.

use std::error::Error;
use std::sync::Arc;

use ann::Flat;
use embed_core::{Csr, ItemId, Parallelism, Run, SeededRng, Sequences, Vocab};
use evalmetrics::{ColdUsers, EmbeddingScorer, FullRanking, PopularityScorer};
use nearfield::Recommender;
use towers::models::{Histories, YouTubeDnn};
use towers::train::{FitParams, NegativeSampling};
use towers::{IdTowers, TwoTowerData};

pub fn run() -> Result<(), Box<dyn Error>> {
    // Users of four tastes; the last item of each is held out.
    let (mut rows, mut truth) = (Vec::new(), Vec::new());
    for user in 0..400u32 {
        let mut rng = SeededRng::stream(1, "taste", user.into());
        let mut row: Vec<ItemId> = Vec::new();
        while row.len() < 8 {
            let item = 4 * rng.below(20).min(rng.below(20)) + user % 4;
            if !row.contains(&item) {
                row.push(item);
            }
        }
        truth.push(row.split_off(7));
        rows.push(row);
    }
    let items = Arc::new(Vocab::from_keys((0..80).map(|i| format!("item-{i}")))?);
    let users = Arc::new(Vocab::from_keys((0..400).map(|i| format!("user-{i}")))?);
    let histories = Histories::new(Sequences::from_rows(80, &rows)?);
    let fit = FitParams { epochs: 20, batch: 128, temperature: 0.1, ..FitParams::default() };
    let data = TwoTowerData::new(&histories, &users, &items);
    let model =
        IdTowers::fit(&YouTubeDnn::mean(16), &fit, data, NegativeSampling::in_batch(), &mut Run::seeded(1))?;

    let (seen, truth) = (Csr::from_rows(&rows), Csr::from_rows(&truth));
    let (user_side, metric) = (model.history_embedder(), model.metric());
    let scorer = EmbeddingScorer::from_histories(
        &user_side,
        &seen,
        model.items(),
        metric,
        ColdUsers::Refuse,
        Parallelism::All,
    )?;
    let settings = FullRanking::at([10]);
    let ours = settings.evaluate(&scorer, &seen, &truth, &mut Run::default())?;
    let counts = histories.sequences().counts();
    let popular = settings.evaluate(&PopularityScorer::new(&counts), &seen, &truth, &mut Run::default())?;
    let recall = |report: &evalmetrics::RankingReport| report.get("recall", 10).unwrap_or_default();
    assert!(recall(&ours) > 1.5 * recall(&popular), "{} for {}", recall(&ours), recall(&popular));

    let index = Flat::build(model.items(), metric, &mut Run::default())?;
    let recommender = Recommender::new(model.user_embedder(), index)?;
    let user = towers::UserInput { user: Some(3), history: &rows[3] };
    let found = recommender.recommend_for(&user, &rows[3], 5, &Default::default())?;
    assert!(found.iter().all(|item| item.key.starts_with("item-") && item.id % 4 == 3), "{found:?}");
    Ok(())
}
