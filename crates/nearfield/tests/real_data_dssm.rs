//! Two towers over features on real data, when `NEARFIELD_DATA` names the folder that holds it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the test, and its figures are for the eye"
)]

use std::error::Error;
use std::path::Path;

use nearfield::embed_core::testkit::real_data;
use nearfield::interactions::{FeatureOptions, Format, read_features};
use nearfield::prelude::*;
use nearfield::towers::models::Histories;
use nearfield::towers::{Dssm, DssmData, UserRecord, Who};

/// From three files to a figure, as a user would write it: HR@10 of the last item of each user, all items ranked but those seen.
fn last_item(folder: &Path, seed: u64) -> Result<f64, Box<dyn Error>> {
    let (log, _) = Log::read(folder.join("ml-100k.inter.gz"), &ReadOptions::default())?;
    let layout = ReadOptions { format: Format::Tsv, ..ReadOptions::default() };
    let typed = FeatureOptions { layout, ..FeatureOptions::default() };
    let users = read_features(folder.join("ml-100k.user"), &typed)?;
    let items = read_features(folder.join("ml-100k.item"), &typed)?;
    let (train, test) = Split::LastOut.apply(&log, seed)?;

    let log = Histories::new(train.sequences());
    let data = DssmData::new(&log, train.user_keys(), train.item_keys());
    let data = data.user_features(&users).item_features(&items);
    let model = Dssm::preset(data.schema(), 64).fit(data, &mut Run::seeded(seed))?;

    let seen = train.histories();
    let whom = |(user, history)| UserRecord { who: Who::Known(user), history };
    let whom: Vec<UserRecord<'_>> = (0..).zip(seen.rows()).map(whom).collect();
    let (side, cold) = (model.user_embedder(), ColdUsers::RecommendNothing);
    let scorer =
        EmbeddingScorer::from_inputs(&side, &whom, model.items(), model.metric(), cold, Parallelism::All)?;
    let report = FullRanking::at([10]).evaluate(&scorer, &seen, &test.histories(), &mut Run::default())?;
    Ok(report.get("hr", 10).unwrap_or_default())
}

/// What `nearfield run --method dssm` reaches is reached through the library alone.
#[test]
fn two_towers_over_features_on_movielens() {
    let Some(folder) = real_data("ml-100k") else { return };
    for seed in [42, 1] {
        let hit = last_item(&folder, seed).unwrap();
        println!("seed {seed}: HR@10 {hit:.4}");
        assert!(hit >= 0.165, "{hit} with seed {seed}");
    }
}
