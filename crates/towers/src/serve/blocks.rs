use std::cell::RefCell;
use std::thread::LocalKey;

use embed_core::{EmbedError, Parallelism, kernel};
use ndarray::{ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::matrix::Buffer;
use crate::models::Similarity;

/// Users whose vectors are made together.
const AT_ONCE: usize = 512;

/// What a thread keeps from request to request: rows of a block, and the tape of a user side.
pub(super) type Kept<T> = RefCell<(Buffer, T)>;

/// A row of `out` for each input, in blocks, in parallel. `check` says what an input is, or why it has no vector; `infer` writes the rows of a
/// block.
pub(super) fn embed_blocks<I: Copy + Sync, C: Send + Sync, T: Default>(
    inputs: &[I],
    (dim, similarity): (usize, Similarity),
    (parallelism, mut out): (Parallelism, ArrayViewMut2<'_, f32>),
    kept: &'static LocalKey<Kept<T>>,
    check: impl Fn(I) -> Result<C, EmbedError>,
    infer: impl Fn((&[I], &[C]), ArrayViewMut2<'_, f32>, &mut T) + Sync,
) -> Result<(), EmbedError> {
    if out.dim() != (inputs.len(), dim) {
        return Err(EmbedError::Shape { expected: (inputs.len(), dim), got: out.dim() });
    }
    let checked = inputs.iter().map(|input| check(*input)).collect::<Result<Vec<C>, _>>()?;
    parallelism.install(|| {
        (out.axis_chunks_iter_mut(Axis(0), AT_ONCE).into_par_iter())
            .zip(inputs.par_chunks(AT_ONCE))
            .zip(checked.par_chunks(AT_ONCE))
            .for_each(|((mut out, inputs), checked)| {
                // A task of the same thread may come in between, where this one waits for others.
                let (mut rows, mut tape) = kept.take();
                rows.resize(inputs.len(), dim);
                infer((inputs, checked), rows.view_mut(), &mut tape);
                if similarity == Similarity::Cosine {
                    rows.as_slice_mut().chunks_exact_mut(dim).for_each(|row| _ = kernel::normalize(row));
                }
                out.assign(&rows.view());
                kept.set((rows, tape));
            });
    })?;
    Ok(())
}
