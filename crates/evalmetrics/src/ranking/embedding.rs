use std::ops::Range;
use std::sync::Arc;

use embed_core::{
    Csr, EmbedError, Embedder, Embeddings, ItemId, KeyTable, Metric, Parallelism, RowMask, ScoreError,
    Scorer, Space, gemm, kernel,
};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, CowArray, Ix2, Slice};
use rayon::prelude::*;

use crate::EvalError;

/// Scores by the product of user vectors `[n_users, dim]` and item vectors `[n_items, dim]`. Items whose rows were not
/// trained ([`Embeddings::untrained`]) score -inf: they are never recommended.
///
/// A tile of scores is one matrix product: O(users · items · dim). Memory: what is borrowed, and under
/// [`Metric::Cosine`] a normalised copy of both. Squared distances are taken as `2 x·y − |x|² − |y|²`, exact to the rounding of the
/// largest of the three.
#[derive(Debug, Clone)]
pub struct EmbeddingScorer<'a> {
    users: CowArray<'a, f32, Ix2>,
    items: CowArray<'a, f32, Ix2>,
    /// Under L2: |y|² of each item.
    item_norms: Option<Array1<f32>>,
    /// Invariant: empty, or one flag a user: no vector, so nothing is recommended.
    cold: Vec<bool>,
    metric: Metric,
    /// The space of the items, where it is known.
    space: Space,
    keys: Option<KeyTable>,
    /// The items that may be recommended, where not all may.
    trained: Option<Arc<RowMask>>,
}

/// What becomes of users whose history gives no vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColdUsers {
    /// An error that names the first.
    #[default]
    Refuse,
    /// They are recommended nothing: all their scores are -inf, and they earn 0.
    RecommendNothing,
}

impl<'a> EmbeddingScorer<'a> {
    /// From vectors of users `[n_users, dim]` and of items `[n_items, dim]`, owned or views; of tables that say more than
    /// an array does, [`EmbeddingScorer::from_users`].
    ///
    /// # Errors
    /// - [`EvalError::Dimension`] when the two differ in `dim`.
    /// - [`EvalError::NotFinite`] names the first NaN or infinite component.
    pub fn new(
        users: impl Into<CowArray<'a, f32, Ix2>>,
        items: impl Into<CowArray<'a, f32, Ix2>>,
        metric: Metric,
    ) -> Result<Self, EvalError> {
        let (mut users, mut items) = (users.into(), items.into());
        if users.ncols() != items.ncols() {
            return Err(EvalError::Dimension { expected: items.ncols(), got: users.ncols() });
        }
        check_finite("user", &users.view())?;
        check_finite("item", &items.view())?;
        if metric == Metric::Cosine {
            users = normalized(&users.view()).into();
            items = normalized(&items.view()).into();
        }
        Ok(Self::of_finite(users, items, metric))
    }

    /// From vectors of one dimension, finite and under [`Metric::Cosine`] of length 1.
    pub(crate) fn of_finite(
        users: impl Into<CowArray<'a, f32, Ix2>>,
        items: impl Into<CowArray<'a, f32, Ix2>>,
        metric: Metric,
    ) -> Self {
        let items = items.into();
        let item_norms =
            (metric == Metric::L2).then(|| items.rows().into_iter().map(|row| row.dot(&row)).collect());
        let (space, keys, trained) = (Space::ANY, None, None);
        Self { users: users.into(), items, item_norms, cold: Vec::new(), metric, space, keys, trained }
    }

    /// From vectors of users `[n_users, dim]` that are to be scored against `items` by `metric`.
    ///
    /// # Errors
    /// As [`EmbeddingScorer::new`]; [`EvalError::Space`] when `users` are of another space than the items.
    pub fn from_users(
        users: &'a Embeddings,
        items: &'a Embeddings,
        metric: Metric,
    ) -> Result<Self, EvalError> {
        if !users.space().accepts(items.space()) {
            return Err(EvalError::Space { users: users.space(), items: items.space() });
        }
        Ok(Self::new(users.vectors(), items.vectors(), metric)?.of(items))
    }

    /// The same, knowing the table that the items are of.
    fn of(self, items: &Embeddings) -> Self {
        let keys = Some(Arc::clone(items.vocab()).into());
        Self { space: items.space(), keys, trained: items.trained_rows().cloned(), ..self }
    }

    /// From users' histories, one a row, made into vectors by `embedder`, and the items that these are scored against.
    /// Memory: `4 · dim` bytes a user.
    ///
    /// # Errors
    /// As [`EmbeddingScorer::from_inputs`].
    pub fn from_histories<E: Embedder<[ItemId]> + ?Sized>(
        embedder: &E,
        histories: &Csr,
        items: &'a Embeddings,
        metric: Metric,
        cold_users: ColdUsers,
        parallelism: Parallelism,
    ) -> Result<Self, EvalError> {
        let row = |user| histories.row(user);
        Self::embedded(embedder, histories.n_rows(), row, items, metric, cold_users, parallelism)
    }

    /// From one input a user, of whatever kind `embedder` takes, and the items that its vectors are scored against.
    /// Memory: `4 · dim` bytes a user.
    ///
    /// # Errors
    /// - [`EvalError::Space`], [`EvalError::Metric`], [`EvalError::Keys`] when the embedder's vectors are not meant for these
    ///   items, or for this metric.
    /// - [`EvalError::Embed`] names the first user without a vector; [`ColdUsers::RecommendNothing`] excuses
    ///   those whose input is empty, and those of whose items the embedder knows none.
    /// - As [`EmbeddingScorer::new`].
    pub fn from_inputs<In: Sync, E: Embedder<In> + ?Sized>(
        embedder: &E,
        inputs: &[In],
        items: &'a Embeddings,
        metric: Metric,
        cold_users: ColdUsers,
        parallelism: Parallelism,
    ) -> Result<Self, EvalError> {
        let row = |user: usize| &inputs[user];
        Self::embedded(embedder, inputs.len(), row, items, metric, cold_users, parallelism)
    }

    fn embedded<'i, In: ?Sized + 'i, E: Embedder<In> + ?Sized>(
        embedder: &E,
        n_users: usize,
        input: impl Fn(usize) -> &'i In + Sync,
        items: &'a Embeddings,
        metric: Metric,
        cold_users: ColdUsers,
        parallelism: Parallelism,
    ) -> Result<Self, EvalError> {
        if embedder.dim() != items.dim() {
            return Err(EvalError::Dimension { expected: items.dim(), got: embedder.dim() });
        }
        if !embedder.space().accepts(items.space()) {
            return Err(EvalError::Space { users: embedder.space(), items: items.space() });
        }
        if let Some(expected) = embedder.metric().filter(|&expected| expected != metric) {
            return Err(EvalError::Metric { expected, got: metric });
        }
        if let Some(keys) = embedder.keys() {
            EvalError::check_keys("embedder", &keys, &KeyTable::from(Arc::clone(items.vocab())))?;
        }
        let limit = u32::MAX as usize;
        if n_users > limit {
            return Err(EvalError::TooManyUsers { got: n_users, limit });
        }
        let mut users = Array2::<f32>::zeros((n_users, embedder.dim()));
        let cold: Vec<Result<bool, EmbedError>> = parallelism.install(|| {
            users
                .axis_iter_mut(Axis(0))
                .into_par_iter()
                .enumerate()
                .map(|(user, mut row)| {
                    let out = row.as_slice_mut().unwrap_or_default();
                    match embedder.embed_into(input(user), out) {
                        Ok(()) => Ok(false),
                        Err(EmbedError::Empty { .. } | EmbedError::UnknownItem { .. })
                            if cold_users == ColdUsers::RecommendNothing =>
                        {
                            out.fill(0.0);
                            Ok(true)
                        }
                        Err(source) => Err(source),
                    }
                })
                .collect()
        })?;
        let cold = (0u32..)
            .zip(cold)
            .map(|(user, flag)| flag.map_err(|source| EvalError::Embed { user, source }))
            .collect::<Result<Vec<bool>, _>>()?;
        Ok(Self { cold, ..Self::new(users, items.vectors(), metric)?.of(items) })
    }

    /// The scores of users that are there: `out` is `[users.len(), items.len()]`.
    pub(crate) fn products_into(&self, users: &[u32], items: Range<usize>, out: &mut [f32]) {
        let Ok(mut tile) = ArrayViewMut2::from_shape((users.len(), items.len()), out) else { return };
        let rows = gather(&self.users, users);
        let columns = self.items.slice_axis(Axis(0), Slice::from(items.clone()));
        match &self.item_norms {
            None => gemm::gemm(1.0, rows.view(), columns.t(), 0.0, tile.view_mut()),
            Some(norms) => {
                let norms = norms.slice_axis(Axis(0), Slice::from(items));
                for (mut scores, user) in tile.rows_mut().into_iter().zip(rows.rows()) {
                    let own = user.dot(&user);
                    scores.zip_mut_with(&norms, |score, norm| *score = -own - norm);
                }
                gemm::gemm(2.0, rows.view(), columns.t(), 1.0, tile.view_mut());
            }
        }
    }

    /// How many users are recommended nothing for want of a history.
    #[must_use]
    pub fn n_cold(&self) -> usize {
        self.cold.iter().filter(|&&cold| cold).count()
    }

    /// Absence of a history, for want of which the user is recommended nothing.
    #[must_use]
    pub fn is_cold(&self, user: u32) -> bool {
        self.cold.get(user as usize).copied().unwrap_or(false)
    }

    /// The metric of the scores.
    #[must_use]
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// The space of the item vectors; [`Space::ANY`] where they came as an array.
    #[must_use]
    pub fn space(&self) -> Space {
        self.space
    }

    /// The user vectors `[n_users, dim]`, of length 1 under [`Metric::Cosine`].
    #[must_use]
    pub fn users(&self) -> ArrayView2<'_, f32> {
        self.users.view()
    }
}

impl Scorer<u32> for EmbeddingScorer<'_> {
    fn n_items(&self) -> usize {
        self.items.nrows()
    }

    fn keys(&self) -> Option<KeyTable> {
        self.keys.clone()
    }

    fn scores_into(&self, users: &[&u32], items: Range<usize>, out: &mut [f32]) -> Result<(), ScoreError> {
        ScoreError::check(users.len(), &items, self.items.nrows(), out.len())?;
        let n_users = self.users.nrows();
        let users: Vec<u32> = users.iter().map(|&&user| user).collect();
        if let Some(&user) = users.iter().find(|&&user| user as usize >= n_users) {
            return Err(ScoreError::UnknownUser { user, n_users });
        }
        self.products_into(&users, items.clone(), out);
        if let Some(trained) = &self.trained {
            let untrained: Vec<usize> = items.clone().filter(|&item| !trained.contains(item)).collect();
            for scores in out.chunks_exact_mut(items.len().max(1)) {
                untrained.iter().for_each(|item| scores[item - items.start] = f32::NEG_INFINITY);
            }
        }
        if !self.cold.is_empty() {
            for (scores, &user) in out.chunks_exact_mut(items.len().max(1)).zip(&users) {
                if self.cold[user as usize] {
                    scores.fill(f32::NEG_INFINITY);
                }
            }
        }
        Ok(())
    }
}

/// The rows of `users`: a view where they lie back to back.
fn gather<'v>(vectors: &'v CowArray<'_, f32, Ix2>, users: &[u32]) -> CowArray<'v, f32, Ix2> {
    match users {
        [first, .., last] if (last - first) as usize + 1 == users.len() && users.is_sorted() => {
            vectors.slice_axis(Axis(0), Slice::from(*first as usize..=*last as usize)).into()
        }
        _ => vectors.select(Axis(0), &users.iter().map(|&user| user as usize).collect::<Vec<_>>()).into(),
    }
}

fn check_finite(what: &'static str, vectors: &ArrayView2<'_, f32>) -> Result<(), EvalError> {
    match vectors.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), &value)) => Err(EvalError::NotFinite { what, row, column, value }),
        None => Ok(()),
    }
}

fn normalized(vectors: &ArrayView2<'_, f32>) -> Array2<f32> {
    let mut copy = vectors.as_standard_layout().into_owned();
    for mut row in copy.rows_mut() {
        if let Some(row) = row.as_slice_mut() {
            kernel::normalize(row);
        }
    }
    copy
}
