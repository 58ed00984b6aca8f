//! The suite of [`AnnIndexMut`](crate::AnnIndexMut).

mod model;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, s};

use self::model::Model;
use super::{clustered, must};
use crate::{AnnIndexMut, ChangeError, Effort, Flow, ItemId, Metric, Progress, Run, SeededRng, Vocab};

/// Promises of an index that changes, as demanded by [`ann_index_mut`].
///
/// ```
/// use embed_core::{Effort, testkit::AnnMutSuite};
///
/// let graph = AnnMutSuite { effort: Effort::Value(1000), ..AnnMutSuite::exact("graph") };
/// assert!(!graph.lossy);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct AnnMutSuite {
    /// Name of the family in messages.
    pub name: &'static str,
    /// The effort at which every answer is exact, up to rounding.
    pub effort: Effort,
    /// Lossiness: true where the family scores and gives back codes; then answers are held to the right rows, not to the nearest.
    pub lossy: bool,
    /// The metrics of the family.
    pub metrics: &'static [Metric],
    /// Number of random changes of each run.
    pub changes: usize,
}

impl AnnMutSuite {
    /// A family that answers exactly.
    #[must_use]
    pub fn exact(name: &'static str) -> Self {
        Self { name, effort: Effort::Default, lossy: false, metrics: &Metric::ALL, changes: 120 }
    }

    /// A family that keeps codes.
    #[must_use]
    pub fn lossy(name: &'static str) -> Self {
        Self { lossy: true, ..Self::exact(name) }
    }
}

/// Makes an index over vectors `[n, dim]`, of which there may be none, with a key for each or without keys.
type Make<'m> = dyn Fn(ArrayView2<'_, f32>, Option<Arc<Vocab>>, Metric) -> Box<dyn AnnIndexMut> + 'm;

const DIM: usize = 5;

/// Tests an index that changes, with keys and without; `make` builds one over vectors `[n, dim]`.
///
/// After every few changes, all of length, bound of ids, keys, vectors, searches under filters and batches is compared
/// with a plain list of optional rows. It looks at ids that must not move, come twice or be given to another row, at
/// keys that come back, at batches that are added whole or not at all, at each error, at compactions of all sorts, also
/// stopped ones; behind a `Box` and behind a `&mut`.
///
/// # Panics
/// When the index breaks the contract; the message says how.
pub fn ann_index_mut(
    make: impl Fn(ArrayView2<'_, f32>, Option<Arc<Vocab>>, Metric) -> Box<dyn AnnIndexMut>,
    suite: &AnnMutSuite,
) {
    for &metric in suite.metrics {
        for keyed in [false, true] {
            let start = |n: usize| start(&make, suite, (n, keyed, metric));
            let (index, model) = start(60);
            random(index, model, suite, 1);
            let (mut index, model) = start(40);
            random(&mut *index, model, suite, 2);
            let (index, model) = start(0);
            random(index, model, suite, 3);
            for n in [0, 20] {
                let (index, model) = start(n);
                errors(index, model);
            }
            let (index, model) = start(30);
            all_removed(index, model);
            let (index, model) = start(50);
            stopped(index, model);
        }
    }
}

/// An index, and the list that it is to be like.
fn start<'s>(
    make: &Make<'_>,
    suite: &'s AnnMutSuite,
    (n, keyed, metric): (usize, bool, Metric),
) -> (Box<dyn AnnIndexMut>, Model<'s>) {
    let vectors = if n == 0 { Array2::zeros((0, DIM)) } else { clustered(n, DIM, 4, 9) };
    let keys =
        keyed.then(|| Arc::new(must(Vocab::from_keys((0..n).map(|i| format!("key {i}"))), "distinct keys")));
    let model = Model::new(suite, metric, &vectors, keyed);
    let index = make(vectors.view(), keys, metric);
    model.check(&*index, "as built");
    (index, model)
}

/// Any changes in any order.
fn random<T: AnnIndexMut>(mut index: T, mut model: Model<'_>, suite: &AnnMutSuite, seed: u64) {
    let mut rng = SeededRng::stream(seed, "testkit changes", 0);
    let pool = clustered(400, DIM, 6, 10);
    for step in 0..suite.changes {
        let what = format!("change {step}");
        let at = rng.below(380) as usize;
        let vector = pool.row(at).to_vec();
        let bound = u32::try_from(model.rows.len()).unwrap_or(u32::MAX);
        let id = rng.below(bound.max(1));
        match rng.below(10) {
            0..=2 if model.keys.is_some() => {
                model.upsert(&mut index, &format!("key {}", rng.below(90)), &vector);
            }
            0..=1 => model.add(&mut index, &vector),
            2 => model.add_batch(&mut index, pool.slice(s![at..at + rng.below(6) as usize, ..])),
            3..=4 if bound > 0 => model.update(&mut index, id, &vector),
            5..=6 if bound > 0 => model.remove(&mut index, id),
            7 if model.keys.is_some() => model.remove_key(&mut index, &format!("key {}", rng.below(90))),
            8 => {
                must(index.compact(&mut Run::seeded(seed)), model.what(&format!("{what}: compact")));
                model.check(&index, "after a compaction");
            }
            _ => {}
        }
        if step % 7 == 0 {
            model.check(&index, &what);
        }
    }
    model.check(&index, "after all changes");
    must(index.compact(&mut Run::seeded(seed)), model.what("compact"));
    model.check(&index, "after the last compaction");
}

/// What cannot be done is an error of its kind, and changes nothing.
fn errors<T: AnnIndexMut>(mut index: T, mut model: Model<'_>) {
    let bound = u32::try_from(model.rows.len()).unwrap_or(u32::MAX);
    let (short, mut bad) = ([1.0; DIM - 1], [1.0; DIM]);
    bad[3] = f32::NAN;
    let keyed = model.keys.is_some();
    macro_rules! refused {
        ($what:literal, $result:expr, $error:pat) => {
            let result = $result;
            assert!(
                matches!(result, Err($error)),
                "{}: must be {}, got {result:?}",
                model.what($what),
                stringify!($error)
            );
        };
    }
    for id in [bound, bound.saturating_add(7), ItemId::MAX] {
        refused!("remove of an id that was never given", index.remove(id), ChangeError::UnknownId { .. });
        refused!(
            "update of an id that was never given",
            index.update(id, &[0.5; DIM]),
            ChangeError::UnknownId { .. }
        );
    }
    let mut batch = Array2::from_elem((3, DIM), 0.5);
    batch[[2, 4]] = f32::INFINITY;
    let narrow = Array2::from_elem((3, DIM - 1), 0.5);
    if keyed {
        refused!("add to an index with keys", index.add(&[0.5; DIM]), ChangeError::KeyNeeded);
        refused!("add_batch to an index with keys", index.add_batch(narrow.view()), ChangeError::KeyNeeded);
        refused!(
            "upsert of a short vector",
            index.upsert("new", &short),
            ChangeError::Dimension { expected: DIM, .. }
        );
        refused!("upsert of NaN", index.upsert("new", &bad), ChangeError::NotFinite { column: 3, .. });
        let unknown =
            must(index.remove_key("never there"), model.what("remove_key of a key that was never there"));
        assert!(!unknown, "{}", model.what("remove_key of a key that was never there is false"));
    } else {
        refused!("add of a short vector", index.add(&short), ChangeError::Dimension { expected: DIM, .. });
        refused!("add of NaN", index.add(&bad), ChangeError::NotFinite { column: 3, .. });
        refused!("add_batch of short vectors", index.add_batch(narrow.view()), ChangeError::Dimension { .. });
        refused!(
            "add_batch of infinity",
            index.add_batch(batch.view()),
            ChangeError::NotFinite { column: 4, .. }
        );
        refused!("upsert without keys", index.upsert("new", &[0.5; DIM]), ChangeError::Unkeyed { .. });
        refused!("remove_key without keys", index.remove_key("key 0"), ChangeError::Unkeyed { .. });
    }
    if bound > 0 {
        refused!("update by a short vector", index.update(0, &short), ChangeError::Dimension { .. });
        refused!("update by NaN", index.update(0, &bad), ChangeError::NotFinite { column: 3, .. });
    }
    model.check(&index, "after errors, which change nothing");
    // The ids go on as if there had been no error.
    if keyed {
        model.upsert(&mut index, "new", &[0.5; DIM]);
    } else {
        model.add(&mut index, &[0.5; DIM]);
        model.add_batch(&mut index, batch.slice(s![..2, ..]));
        model.add_batch(&mut index, batch.slice(s![..0, ..]));
    }
    model.check(&index, "after errors and an addition");
}

/// Nothing is left, and all comes back.
fn all_removed<T: AnnIndexMut>(mut index: T, mut model: Model<'_>) {
    let n = u32::try_from(model.rows.len()).unwrap_or(u32::MAX);
    for id in 0..n {
        model.remove(&mut index, id);
        model.remove(&mut index, id);
    }
    model.check(&index, "all rows removed");
    must(index.compact(&mut Run::seeded(1)), model.what("compact, all rows removed"));
    model.check(&index, "all rows removed, compacted");
    let vectors = clustered(30, DIM, 4, 12);
    for id in (0..n).rev().step_by(2) {
        let vector = vectors.row(id as usize).to_vec();
        if model.keys.is_some() {
            model.upsert(&mut index, &format!("key {id}"), &vector);
        } else {
            model.update(&mut index, id, &vector);
        }
    }
    model.check(&index, "half of them back");
    must(index.compact(&mut Run::seeded(1)), model.what("compact, half of the rows back"));
    model.check(&index, "half of them back, compacted");
}

/// A compaction that is stopped changes nothing.
fn stopped<T: AnnIndexMut>(mut index: T, mut model: Model<'_>) {
    model.remove(&mut index, 3);
    model.update(&mut index, 7, &[0.25; DIM]);
    let mut stop = |_: &Progress<'_>| Flow::Stop;
    // One that reports nothing cannot be stopped.
    let _ = index.compact(&mut Run::seeded(1).observed(&mut stop));
    model.check(&index, "a compaction was stopped");
    must(index.compact(&mut Run::seeded(1)), model.what("compact after one that was stopped"));
    model.check(&index, "compacted after one that was stopped");
}
