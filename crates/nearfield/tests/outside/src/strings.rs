//! From lists of strings, and from a file, to nearest strings.

use std::error::Error;
use std::sync::Arc;

use ann::Flat;
use embed_core::{AnnIndex, Embeddings, Filter, Metric, Run, SearchRequest, Sequences, Vocab};
use interactions::{Log, ReadOptions};
use nearfield::Recommender;
use seqemb::{ItemVectors, Params, Pooling, Scoring, SkipGram};

pub fn run() -> Result<(), Box<dyn Error>> {
    let visits = [["tent", "stove"], ["stove", "tent"], ["novel", "poems"], ["poems", "novel"]];
    let visits: Vec<Vec<String>> = visits.repeat(40).iter().map(|v| v.map(str::to_owned).to_vec()).collect();
    strings(&visits)?;
    let folder = std::env::temp_dir().join(format!("nearfield-outside-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = file(&folder);
    std::fs::remove_dir_all(&folder)?;
    done
}

/// What comes with a tent?
fn strings(visits: &[Vec<String>]) -> Result<(), Box<dyn Error>> {
    let mut keys = Vocab::new();
    let mut rows = Vec::new();
    for visit in visits {
        rows.push(visit.iter().map(|key| keys.intern(key)).collect::<Result<Vec<_>, _>>()?);
    }
    // A product that nobody has yet.
    keys.intern("kayak")?;
    let sequences = Sequences::from_rows(keys.len(), rows)?;
    let params = Params { dim: 8, epochs: 20, ..Params::default() };
    let items = SkipGram::fit(&params, &sequences, keys, &mut Run::seeded(1))?;
    assert_eq!(items.untrained().collect::<Vec<_>>(), ["kayak"]);

    let index = Flat::build(items.targets(Scoring::InOut), Metric::InnerProduct, &mut Run::default())?;
    let recommender = Recommender::new(items.pooled(Pooling::default(), Scoring::InOut), index)?;
    let best = recommender.recommend_keys(&["tent"], 9)?;
    assert_eq!((best[0].key.as_str(), best.len()), ("stove", 3), "without the tent and the kayak: {best:?}");
    Ok(())
}

/// A log from a file, a model to a file, and back.
fn file(folder: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let (csv, model, table) = (folder.join("log.csv"), folder.join("model.nf"), folder.join("items.nf"));
    let mut text = String::from("user,item\n");
    for user in 0..60 {
        let pair = if user % 2 == 0 { ["tent", "stove"] } else { ["novel", "poems"] };
        pair.iter().for_each(|item| text.push_str(&format!("{user},{item}\n")));
    }
    text.push_str("alone,anvil\n");
    std::fs::write(&csv, text)?;
    let (log, _) = Log::read(&csv, &ReadOptions::default())?;
    let params = Params { dim: 8, epochs: 20, ..Params::basket() };
    let items = SkipGram::fit(&params, &log.sequences(), log.item_keys().clone(), &mut Run::seeded(1))?;
    items.save(&model)?;
    let items = ItemVectors::open(&model)?;
    assert_eq!(items.untrained().collect::<Vec<_>>(), ["anvil"], "files keep what was not trained");
    items.targets(Scoring::InOut).save(&table)?;
    let targets = Embeddings::open(&table)?;
    assert_eq!(targets.n_trained(), 4);

    let index = Flat::build(&targets, Metric::InnerProduct, &mut Run::default())?;
    let tent = targets.vocab().get("tent").ok_or("no tent")?;
    let near = index.search_by_id(tent, &SearchRequest::k(9).filter(Filter::Deny(&[tent])))?;
    assert!(near.iter().all(|n| targets.vocab().key(n.id) != Some("anvil")), "{near:?}");
    let alone = targets.trained();
    assert_eq!((alone.len(), alone.vocab().get("anvil")), (4, None));
    assert!(Arc::ptr_eq(targets.vocab(), targets.clone().vocab()), "clones share the keys");
    Ok(())
}
