use std::ops::Range;

use embed_core::{Csr, EmbedError, Embedder, ItemId, Metric, Parallelism, gemm, kernel};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, CowArray, Ix2, Slice};
use rayon::prelude::*;

use crate::EvalError;

/// Scores by the product of user vectors `[n_users, dim]` and item vectors `[n_items, dim]`.
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
    /// From vectors of users `[n_users, dim]` and of items `[n_items, dim]`, owned or views.
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
        Self { users: users.into(), items, item_norms, cold: Vec::new() }
    }

    /// From users' histories, one a row, made into vectors by `embedder`, and item vectors `[n_items, dim]`.
    /// Memory: `4 · dim` bytes a user.
    ///
    /// # Errors
    /// As [`EmbeddingScorer::from_inputs`].
    pub fn from_histories<E: Embedder<[ItemId]> + ?Sized>(
        embedder: &E,
        histories: &Csr,
        items: impl Into<CowArray<'a, f32, Ix2>>,
        metric: Metric,
        cold_users: ColdUsers,
        parallelism: Parallelism,
    ) -> Result<Self, EvalError> {
        let row = |user| histories.row(user);
        Self::embedded(embedder, histories.n_rows(), row, items.into(), metric, cold_users, parallelism)
    }

    /// From one input a user, of whatever kind `embedder` takes, and item vectors `[n_items, dim]`.
    /// Memory: `4 · dim` bytes a user.
    ///
    /// # Errors
    /// - [`EvalError::Embed`] names the first user without a vector; [`ColdUsers::RecommendNothing`] excuses
    ///   those whose input is empty, and those of whose items the embedder knows none.
    /// - As [`EmbeddingScorer::new`].
    pub fn from_inputs<In: Sync, E: Embedder<In> + ?Sized>(
        embedder: &E,
        inputs: &[In],
        items: impl Into<CowArray<'a, f32, Ix2>>,
        metric: Metric,
        cold_users: ColdUsers,
        parallelism: Parallelism,
    ) -> Result<Self, EvalError> {
        let row = |user: usize| &inputs[user];
        Self::embedded(embedder, inputs.len(), row, items.into(), metric, cold_users, parallelism)
    }

    fn embedded<'i, In: ?Sized + 'i, E: Embedder<In> + ?Sized>(
        embedder: &E,
        n_users: usize,
        input: impl Fn(usize) -> &'i In + Sync,
        items: CowArray<'a, f32, Ix2>,
        metric: Metric,
        cold_users: ColdUsers,
        parallelism: Parallelism,
    ) -> Result<Self, EvalError> {
        if embedder.dim() != items.ncols() {
            return Err(EvalError::Dimension { expected: items.ncols(), got: embedder.dim() });
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
        Ok(Self { cold, ..Self::new(users, items, metric)? })
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

    /// The user vectors `[n_users, dim]`, of length 1 under [`Metric::Cosine`].
    #[must_use]
    pub fn users(&self) -> ArrayView2<'_, f32> {
        self.users.view()
    }
}

impl crate::Scorer for EmbeddingScorer<'_> {
    fn n_items(&self) -> usize {
        self.items.nrows()
    }

    fn scores_into(&self, users: &[u32], items: Range<usize>, out: &mut [f32]) -> Result<(), EvalError> {
        let n_users = self.users.nrows();
        if let Some(&user) = users.iter().find(|&&user| user as usize >= n_users) {
            return Err(EvalError::UnknownUser { user, n_users });
        }
        let expected = users.len() * items.len();
        if out.len() != expected {
            return Err(EvalError::Dimension { expected, got: out.len() });
        }
        self.products_into(users, items, out);
        if !self.cold.is_empty() {
            for (scores, &user) in out.chunks_exact_mut(out.len() / users.len().max(1)).zip(users) {
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
