//! What implementations of `AnnIndex` share.

/// For an index that is searched with memory that it keeps: it has `dim`, `metric`, `space` and `scratch`, and the
/// methods `stored` and `search_with`.
macro_rules! walks {
    ($index:ty) => {
        impl embed_core::AnnIndex for $index {
            fn dim(&self) -> usize {
                self.dim
            }

            fn len(&self) -> usize {
                self.stored().len()
            }

            fn metric(&self) -> embed_core::Metric {
                self.metric
            }

            fn space(&self) -> embed_core::Space {
                self.space
            }

            fn keys(&self) -> Result<Option<embed_core::KeyTable>, embed_core::SearchError> {
                $crate::keys::table(&self.keys)
            }

            fn vector_into(
                &self,
                id: embed_core::ItemId,
                out: &mut [f32],
            ) -> Result<(), embed_core::SearchError> {
                $crate::flat::copy_row(&self.stored(), id, out)
            }

            fn search_into(
                &self,
                query: &[f32],
                request: &embed_core::SearchRequest<'_>,
                out: &mut Vec<embed_core::Neighbor>,
            ) -> Result<(), embed_core::SearchError> {
                self.scratch.with(|scratch| self.search_with(scratch, query, request, out))
            }

            fn search_batch(
                &self,
                queries: ndarray::ArrayView2<'_, f32>,
                requests: &[embed_core::SearchRequest<'_>],
                parallelism: embed_core::Parallelism,
            ) -> Result<Vec<Vec<embed_core::Neighbor>>, embed_core::SearchError> {
                $crate::batch::batch(self.dim, queries, requests, parallelism, |one| {
                    self.scratch.with(|scratch| {
                        one(&mut |query, request, out| self.search_with(scratch, query, request, out));
                    });
                })
            }
        }
    };
}

/// For an index that answers as another does: `$of` gives the other from the one.
macro_rules! answers_as {
    ($(#[$doc:meta])* $index:ty, $of:expr) => {
        $(#[$doc])*
        impl embed_core::AnnIndex for $index {
            fn dim(&self) -> usize {
                $of(self).dim()
            }

            fn len(&self) -> usize {
                $of(self).len()
            }

            fn metric(&self) -> embed_core::Metric {
                $of(self).metric()
            }

            fn space(&self) -> embed_core::Space {
                $of(self).space()
            }

            fn id_bound(&self) -> usize {
                $of(self).id_bound()
            }

            fn keys(&self) -> Result<Option<embed_core::KeyTable>, embed_core::SearchError> {
                embed_core::AnnIndex::keys(&*$of(self))
            }

            fn vector_into(
                &self,
                id: embed_core::ItemId,
                out: &mut [f32],
            ) -> Result<(), embed_core::SearchError> {
                $of(self).vector_into(id, out)
            }

            fn search_into(
                &self,
                query: &[f32],
                request: &embed_core::SearchRequest<'_>,
                out: &mut Vec<embed_core::Neighbor>,
            ) -> Result<(), embed_core::SearchError> {
                $of(self).search_into(query, request, out)
            }

            fn search_batch(
                &self,
                queries: ndarray::ArrayView2<'_, f32>,
                requests: &[embed_core::SearchRequest<'_>],
                parallelism: embed_core::Parallelism,
            ) -> Result<Vec<Vec<embed_core::Neighbor>>, embed_core::SearchError> {
                $of(self).search_batch(queries, requests, parallelism)
            }

            fn search_by_id(
                &self,
                id: embed_core::ItemId,
                request: &embed_core::SearchRequest<'_>,
            ) -> Result<Vec<embed_core::Neighbor>, embed_core::SearchError> {
                $of(self).search_by_id(id, request)
            }
        }
    };
}

pub(crate) use {answers_as, walks};
