//! A recommender that is none of nearfield's, composed with its samplers, index and metrics. The trainer and the
//! user side are this file's own: the trainer meets the sampler, and the metrics meet the user side, through the
//! traits of embed-core.

use std::error::Error;

use ann::{Flat, Hnsw, HnswParams};
use embed_core::{
    AnnIndex, Csr, Effort, EmbedError, Embedder, Embeddings, ItemId, Metric, NegativeContext,
    NegativeSampler, Parallelism, Run, SearchRequest, SeededRng, Space, Vocab, kernel,
};
use evalmetrics::{ColdUsers, EmbeddingScorer, FullRanking, PopularityScorer};
use ndarray::{Array2, ArrayView1, ArrayViewMut1};
use negsample::{ExcludePositives, Popularity};

const N_USERS: u32 = 600;
const N_ITEMS: u32 = 120;
const GROUPS: u32 = 6;
const DIM: usize = 16;

/// Learns, indexes and measures; asserts that the result beats popularity.
pub fn run() -> Result<(), Box<dyn Error>> {
    let (train, test) = planted_log(1);
    let mut counts = vec![0u64; N_ITEMS as usize];
    train.rows().flatten().for_each(|&item| counts[item as usize] += 1);
    let sampler = ExcludePositives::new(Popularity::new(&counts, 0.5)?);
    let (input, output) = fit(&train, &sampler, 30, 2)?;

    let vocab = Vocab::from_keys((0..N_ITEMS).map(|item| format!("item-{item}")))?;
    let items = Embeddings::new(vocab, output)?;
    let user_side = Decaying { input, half_life: 8.0, space: items.space() };
    let mut run = Run::seeded(3).threads(2);
    let index = Flat::build(&items, Metric::InnerProduct, &mut run)?;

    let settings = FullRanking::at([10]);
    let metric = Metric::InnerProduct;
    let users = EmbeddingScorer::from_histories(
        &user_side,
        &train,
        &items,
        metric,
        ColdUsers::Refuse,
        Parallelism::All,
    )?;
    let ours = settings.evaluate(&users, &train, &test, &mut run)?;
    let served = settings.evaluate_index(&index, &users, Effort::Default, &train, &test, &mut run)?;
    let popular = settings.evaluate(&PopularityScorer::new(&counts), &train, &test, &mut run)?;
    for ((name, ours), (_, popular)) in ours.iter().zip(popular.iter()) {
        println!("{name:14} {ours:.4}   popularity {popular:.4}");
    }
    assert!(ours.get("recall", 10) > popular.get("recall", 10).map(|recall| 2.0 * recall));
    for ((name, a), (_, b)) in ours.iter().zip(served.iter()) {
        assert!((a - b).abs() < 1e-6, "an exact index serves what was scored: {name} {a} {b}");
    }
    let graph = Hnsw::build(&items, metric, &HnswParams::with_m(8), &mut run)?;
    let found = settings.evaluate_index(&graph, &users, Effort::Value(64), &train, &test, &mut run)?;
    assert!(found.get("recall", 10) > ours.get("recall", 10).map(|recall| 0.95 * recall));
    let near = index.search(&user_side.embed(&[0][..])?, &SearchRequest::k(5))?;
    assert!(near.iter().filter(|n| n.id % GROUPS == 0).count() >= 4, "item 0 is of group 0: {near:?}");
    Ok(())
}

/// Users of group g take mostly items of group g, early items more often; the last two are held out.
fn planted_log(seed: u64) -> (Csr, Csr) {
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for user in 0..N_USERS {
        let mut rng = SeededRng::stream(seed, "log", u64::from(user));
        let mut taken: Vec<ItemId> = Vec::new();
        while taken.len() < 12 {
            let shelf = rng.below(N_ITEMS / GROUPS).min(rng.below(N_ITEMS / GROUPS));
            let group = if rng.below(10) < 8 { user % GROUPS } else { rng.below(GROUPS) };
            let item = shelf * GROUPS + group;
            if !taken.contains(&item) {
                taken.push(item);
            }
        }
        test.push(taken.split_off(10));
        train.push(taken);
    }
    (Csr::from_rows(train), Csr::from_rows(test))
}

/// Logistic loss of each item against the mean of the others in its history; two tables `[N_ITEMS, DIM]`.
fn fit(
    log: &Csr,
    sampler: &dyn NegativeSampler,
    epochs: u32,
    seed: u64,
) -> Result<(Array2<f32>, Array2<f32>), Box<dyn Error>> {
    let mut rng = SeededRng::new(seed);
    let shape = (sampler.n_items(), DIM);
    let mut input = Array2::from_shape_fn(shape, |_| (rng.unit_f32() - 0.5) / DIM as f32);
    let mut output = Array2::<f32>::zeros(shape);
    let mut drawn = [0; 5];
    for epoch in 0..epochs {
        let rate = 0.2 * (1.0 - epoch as f32 / epochs as f32);
        for history in log.rows() {
            let mut positives = history.to_vec();
            positives.sort_unstable();
            for &target in history {
                let others: Vec<usize> =
                    history.iter().filter(|&&item| item != target).map(|&item| item as usize).collect();
                let share = 1.0 / others.len() as f32;
                let mut mean = vec![0.0; DIM];
                others.iter().for_each(|&item| kernel::axpy(share, row(input.row(item)), &mut mean));
                let cx = NegativeContext::draws(drawn.len()).positives(&positives).at(0, epoch);
                let n = sampler.sample_into(&cx, &mut rng, &mut drawn)?;
                let mut back = vec![0.0; DIM];
                for (&item, label) in
                    std::iter::once(&target).zip([1.0]).chain(drawn[..n].iter().zip([0.0; 5]))
                {
                    let mut out = output.row_mut(item as usize);
                    let step = rate * (label - 1.0 / (1.0 + (-kernel::dot(&mean, row(out.view()))).exp()));
                    kernel::axpy(step, row(out.view()), &mut back);
                    kernel::axpy(step, &mean, row_mut(&mut out));
                }
                others.iter().for_each(|&item| kernel::axpy(1.0, &back, row_mut(&mut input.row_mut(item))));
            }
        }
    }
    Ok((input, output))
}

fn row<'v>(view: ArrayView1<'v, f32>) -> &'v [f32] {
    view.to_slice().expect("rows of a standard array lie back to back")
}

fn row_mut<'v>(view: &'v mut ArrayViewMut1<'_, f32>) -> &'v mut [f32] {
    view.as_slice_mut().expect("rows of a standard array lie back to back")
}

/// A user is the mean of their history, recent items counting more.
struct Decaying {
    input: Array2<f32>,
    half_life: f32,
    /// That of the vectors it is scored against.
    space: Space,
}

impl Embedder<[ItemId]> for Decaying {
    fn dim(&self) -> usize {
        self.input.ncols()
    }

    fn space(&self) -> Space {
        self.space
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::InnerProduct)
    }

    fn embed_into(&self, history: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
        if history.is_empty() {
            return Err(EmbedError::Empty { what: "history" });
        }
        if out.len() != self.dim() {
            return Err(EmbedError::Dimension { expected: self.dim(), got: out.len() });
        }
        out.fill(0.0);
        let mut total = 0.0;
        for (age, &item) in history.iter().rev().enumerate() {
            let n_items = self.input.nrows();
            if item as usize >= n_items {
                return Err(EmbedError::UnknownItem { item, n_items });
            }
            let weight = (-(age as f32) / self.half_life).exp2();
            kernel::axpy(weight, row(self.input.row(item as usize)), out);
            total += weight;
        }
        out.iter_mut().for_each(|x| *x /= total);
        Ok(())
    }
}
