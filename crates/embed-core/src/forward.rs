//! The traits for references and shared or boxed values: every method is forwarded, the provided ones as well, so that
//! what an implementation does faster than the default stays fast behind a pointer.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::{
    AnnIndex, AnnIndexMut, ChangeError, EmbedError, Embedder, ItemId, KeyTable, Metric, NegativeContext,
    NegativeSampler, Neighbor, Parallelism, Run, SampleError, ScoreError, Scorer, SearchError, SearchRequest,
    SeededRng, SequenceSource, SourceError, Space,
};

#[cfg(test)]
mod tests;

macro_rules! forward_embedder {
    ($($pointer:ty),*) => {$(
        impl<In: ?Sized, T: Embedder<In> + ?Sized> Embedder<In> for $pointer {
            fn dim(&self) -> usize {
                (**self).dim()
            }

            fn space(&self) -> Space {
                (**self).space()
            }

            fn metric(&self) -> Option<Metric> {
                (**self).metric()
            }

            fn keys(&self) -> Option<KeyTable> {
                (**self).keys()
            }

            fn embed_into(&self, input: &In, out: &mut [f32]) -> Result<(), EmbedError> {
                (**self).embed_into(input, out)
            }

            fn embed(&self, input: &In) -> Result<Vec<f32>, EmbedError> {
                (**self).embed(input)
            }

            fn embed_batch_into(
                &self,
                inputs: &[&In],
                parallelism: Parallelism,
                out: ArrayViewMut2<'_, f32>,
            ) -> Result<(), EmbedError>
            where
                In: Sync,
            {
                (**self).embed_batch_into(inputs, parallelism, out)
            }
        }
    )*};
}

macro_rules! forward_index {
    ($($pointer:ty),*) => {$(
        impl<T: AnnIndex + ?Sized> AnnIndex for $pointer {
            fn dim(&self) -> usize {
                (**self).dim()
            }

            fn len(&self) -> usize {
                (**self).len()
            }

            fn is_empty(&self) -> bool {
                (**self).is_empty()
            }

            fn metric(&self) -> Metric {
                (**self).metric()
            }

            fn space(&self) -> Space {
                (**self).space()
            }

            fn keys(&self) -> Result<Option<KeyTable>, SearchError> {
                (**self).keys()
            }

            fn id_bound(&self) -> usize {
                (**self).id_bound()
            }

            fn vector_into(&self, id: ItemId, out: &mut [f32]) -> Result<(), SearchError> {
                (**self).vector_into(id, out)
            }

            fn search_into(
                &self,
                query: &[f32],
                request: &SearchRequest<'_>,
                out: &mut Vec<Neighbor>,
            ) -> Result<(), SearchError> {
                (**self).search_into(query, request, out)
            }

            fn search(&self, query: &[f32], request: &SearchRequest<'_>) -> Result<Vec<Neighbor>, SearchError> {
                (**self).search(query, request)
            }

            fn search_batch(
                &self,
                queries: ArrayView2<'_, f32>,
                requests: &[SearchRequest<'_>],
                parallelism: Parallelism,
            ) -> Result<Vec<Vec<Neighbor>>, SearchError> {
                (**self).search_batch(queries, requests, parallelism)
            }

            fn search_by_id(
                &self,
                id: ItemId,
                request: &SearchRequest<'_>,
            ) -> Result<Vec<Neighbor>, SearchError> {
                (**self).search_by_id(id, request)
            }
        }
    )*};
}

macro_rules! forward_index_mut {
    ($($pointer:ty),*) => {$(
        impl<T: AnnIndexMut + ?Sized> AnnIndexMut for $pointer {
            fn add(&mut self, vector: &[f32]) -> Result<ItemId, ChangeError> {
                (**self).add(vector)
            }

            fn add_batch(&mut self, vectors: ArrayView2<'_, f32>) -> Result<Range<ItemId>, ChangeError> {
                (**self).add_batch(vectors)
            }

            fn upsert(&mut self, key: &str, vector: &[f32]) -> Result<ItemId, ChangeError> {
                (**self).upsert(key, vector)
            }

            fn update(&mut self, id: ItemId, vector: &[f32]) -> Result<(), ChangeError> {
                (**self).update(id, vector)
            }

            fn remove(&mut self, id: ItemId) -> Result<bool, ChangeError> {
                (**self).remove(id)
            }

            fn remove_key(&mut self, key: &str) -> Result<bool, ChangeError> {
                (**self).remove_key(key)
            }

            fn compact(&mut self, run: &mut Run<'_>) -> Result<(), ChangeError> {
                (**self).compact(run)
            }
        }
    )*};
}

macro_rules! forward_sampler {
    ($($pointer:ty),*) => {$(
        impl<T: NegativeSampler + ?Sized> NegativeSampler for $pointer {
            fn n_items(&self) -> usize {
                (**self).n_items()
            }

            fn sample_into(
                &self,
                cx: &NegativeContext<'_>,
                rng: &mut SeededRng,
                out: &mut [ItemId],
            ) -> Result<usize, SampleError> {
                (**self).sample_into(cx, rng, out)
            }

            fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
                (**self).log_expected_count(cx, item)
            }

            fn log_expected_counts_into(
                &self,
                cx: &NegativeContext<'_>,
                items: &[ItemId],
                out: &mut [f32],
            ) -> Result<(), SampleError> {
                (**self).log_expected_counts_into(cx, items, out)
            }
        }
    )*};
}

macro_rules! forward_source {
    ($($pointer:ty),*) => {$(
        impl<T: SequenceSource + ?Sized> SequenceSource for $pointer {
            fn n_items(&self) -> usize {
                (**self).n_items()
            }

            fn size_hint(&self) -> Option<(u64, u64)> {
                (**self).size_hint()
            }

            fn for_each_sequence(
                &self,
                epoch: u32,
                visit: &mut dyn FnMut(&[ItemId]) -> ControlFlow<()>,
            ) -> Result<(), SourceError> {
                (**self).for_each_sequence(epoch, visit)
            }
        }
    )*};
}

macro_rules! forward_scorer {
    ($($pointer:ty),*) => {$(
        impl<In: ?Sized, T: Scorer<In> + ?Sized> Scorer<In> for $pointer {
            fn n_items(&self) -> usize {
                (**self).n_items()
            }

            fn scores_into(&self, inputs: &[&In], items: Range<usize>, out: &mut [f32]) -> Result<(), ScoreError> {
                (**self).scores_into(inputs, items, out)
            }

            fn items_at_once(&self) -> usize {
                (**self).items_at_once()
            }

            fn keys(&self) -> Option<KeyTable> {
                (**self).keys()
            }
        }
    )*};
}

forward_embedder!(&T, Box<T>, Arc<T>);
forward_index!(&T, &mut T, Box<T>, Arc<T>);
forward_index_mut!(&mut T, Box<T>);
forward_sampler!(&T, &mut T, Box<T>, Arc<T>);
forward_source!(&T, Box<T>, Arc<T>);
forward_scorer!(&T, Box<T>, Arc<T>);
