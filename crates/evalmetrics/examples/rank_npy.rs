//! Full ranking of a catalogue by user and item vectors: all usual measures at 10, 20 and 50, and users a second.
//!
//!     cargo run --release -p evalmetrics --example rank_npy -- [USERS ITEMS TRAIN TEST [THREADS [REPEATS]]]
//!
//! Vectors in any format that `embed_core::formats` reads, row `u` of user `u`; TRAIN and TEST hold lines of
//! `user item item …`. Without them, seeded vectors in the shape of Gowalla, with a tenth of its users.
#![allow(clippy::print_stdout, reason = "an example prints what it found")]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use embed_core::{Csr, Metric, Run, SeededRng, formats};
use evalmetrics::{EmbeddingScorer, FullRanking, Measure};
use ndarray::Array2;

type Data = (Array2<f32>, Array2<f32>, Csr, Csr);

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (users, items, train, test) = match &args[..] {
        [users, items, train, test, ..] => read(users, items, train, test)?,
        _ => made_up(),
    };
    let threads = args.get(4).map_or(Ok(0), |word| word.parse())?;
    let repeats = args.get(5).map_or(Ok(1), |word| word.parse())?;
    let scorer = EmbeddingScorer::new(users.view(), items.view(), Metric::InnerProduct)?;
    let mut settings = FullRanking::at([10, 20, 50]);
    if let Some(more) = args.get(6) {
        settings.measures.extend(more.split(',').map(str::parse).collect::<Result<Vec<Measure>, _>>()?);
    }
    for _ in 0..repeats {
        let start = Instant::now();
        let report = settings.evaluate(&scorer, &train, &test, &mut Run::default().threads(threads))?;
        let rate = report.n_evaluated as f64 / start.elapsed().as_secs_f64();
        let metrics: Vec<String> =
            report.iter().map(|(name, value)| format!("\"{name}\": {value:.6}")).collect();
        println!("{{\"users_per_s\": {rate:.0}, {}}}", metrics.join(", "));
    }
    Ok(())
}

fn read(users: &str, items: &str, train: &str, test: &str) -> Result<Data, Box<dyn Error>> {
    let users = formats::read_vectors(users)?.into_parts().1;
    let items = formats::read_vectors(items)?.into_parts().1;
    let rows = |path: &str| -> Result<Csr, Box<dyn Error>> {
        let mut of_users = BTreeMap::new();
        for line in std::fs::read_to_string(path)?.lines() {
            let mut ids = line.split_ascii_whitespace().map(str::parse);
            if let Some(user) = ids.next() {
                of_users.insert(user? as usize, ids.collect::<Result<Vec<u32>, _>>()?);
            }
        }
        Ok(Csr::from_rows((0..users.nrows()).map(|user| of_users.remove(&user).unwrap_or_default())))
    };
    let (train, test) = (rows(train)?, rows(test)?);
    Ok((users, items, train, test))
}

fn made_up() -> Data {
    let (n_users, n_items, dim) = (2986, 40_981u32, 64);
    let mut rng = SeededRng::new(1);
    let mut vectors = |rows| Array2::from_shape_simple_fn((rows, dim), || rng.unit_f32() - 0.5);
    let (users, items) = (vectors(n_users), vectors(n_items as usize));
    let mut rows = |most: u32| {
        let mut row = || (0..=rng.below(2 * most)).map(|_| rng.below(n_items)).collect::<Vec<u32>>();
        Csr::from_rows((0..n_users).map(|_| row()))
    };
    let (train, test) = (rows(27), rows(7));
    (users, items, train, test)
}
