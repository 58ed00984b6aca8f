//! What implementations of `AnnIndex` share.

/// For a family: it has `dim`, `metric`, `space` and `names`, and the methods `n_rows`, `row_into`, `search_rows` and
/// `search_rows_batch`, which know rows by number.
macro_rules! by_row {
    ($(#[$doc:meta])* $index:ty) => {
        $(#[$doc])*
        impl embed_core::AnnIndex for $index {
            fn dim(&self) -> usize {
                self.dim
            }

            fn len(&self) -> usize {
                self.n_rows()
            }

            fn id_bound(&self) -> usize {
                self.names.bound(self.n_rows())
            }

            fn metric(&self) -> embed_core::Metric {
                self.metric
            }

            fn space(&self) -> embed_core::Space {
                self.space
            }

            fn keys(&self) -> Result<Option<embed_core::KeyTable>, embed_core::SearchError> {
                self.names.table()
            }

            fn vector_into(
                &self,
                id: embed_core::ItemId,
                out: &mut [f32],
            ) -> Result<(), embed_core::SearchError> {
                if out.len() != self.dim {
                    return Err(embed_core::SearchError::Dimension { expected: self.dim, got: out.len() });
                }
                self.names.vector((id, self.n_rows()), |row| self.row_into(row, out))
            }

            fn search_into(
                &self,
                query: &[f32],
                request: &embed_core::SearchRequest<'_>,
                out: &mut Vec<embed_core::Neighbor>,
            ) -> Result<(), embed_core::SearchError> {
                out.clear();
                self.names.search(request, out, |request, out| self.search_rows(query, request, out))
            }

            fn search_batch(
                &self,
                queries: ndarray::ArrayView2<'_, f32>,
                requests: &[embed_core::SearchRequest<'_>],
                parallelism: embed_core::Parallelism,
            ) -> Result<Vec<Vec<embed_core::Neighbor>>, embed_core::SearchError> {
                self.names.batch(requests, |requests| self.search_rows_batch(queries, requests, parallelism))
            }
        }
    };
}

/// The methods of [`by_row`] for an index that is searched with memory that it keeps: it has `scratch`, and the methods
/// `stored` and `search_with`.
macro_rules! walks {
    ($index:ty) => {
        $crate::implement::by_row!($index);

        impl $index {
            fn n_rows(&self) -> usize {
                self.stored().len()
            }

            fn row_into(
                &self,
                row: embed_core::ItemId,
                out: &mut [f32],
            ) -> Result<(), embed_core::SearchError> {
                $crate::flat::copy_row(&self.stored(), row, out)
            }

            fn search_rows(
                &self,
                query: &[f32],
                request: &embed_core::SearchRequest<'_>,
                out: &mut Vec<embed_core::Neighbor>,
            ) -> Result<(), embed_core::SearchError> {
                self.scratch.with(|scratch| self.search_with(scratch, query, request, out))
            }

            fn search_rows_batch(
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
                $of(self).keys()
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

pub(crate) use {answers_as, by_row, walks};
