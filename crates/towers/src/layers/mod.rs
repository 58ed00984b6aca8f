//! Layers with an explicit forward and backward pass.
//!
//! A layer holds its parameters, not its inputs: whoever calls keeps what `backward` needs and hands it back.
//! `forward` is training, `infer` is serving; `infer` takes `&self` and many rows, `apply` one row without
//! allocating. `backward` adds to the gradients of the parameters and writes that of the input. Rows are examples.
//! Each gradient is tested against finite differences of an f64 oracle.
//!
//! | to | use |
//! |---|---|
//! | multiply by a matrix | [`Linear`] |
//! | bend | [`Activation`]: ReLU, GELU, PReLU, Dice |
//! | keep a scale | [`BatchNorm`], [`LayerNorm`], [`normalize_rows`] |
//! | regularise | [`Dropout`] |
//! | stack these | [`Mlp`] |
//! | look rows up | [`Table`] |
//! | pool ragged rows | [`pool_rows`], [`Bag`], [`Distinct`] |
//! | weigh ragged rows | [`SelfAttention`], [`QueryAttention`], [`TargetAttention`] |

mod activation;
mod attention;
mod bag;
mod batch_norm;
mod distinct;
mod dropout;
mod layer_norm;
mod linear;
mod mlp;
mod module;
mod normalize;
mod pooling;
mod query_attention;
mod segments;
mod table;
mod target_attention;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod weighing;

pub use activation::{Activation, ActivationKind, ActivationTape};
pub use attention::{SelfAttention, SelfAttentionTape};
pub use bag::{Bag, BagPool};
pub use batch_norm::{BatchNorm, BatchNormTape};
pub use distinct::Distinct;
pub use dropout::Dropout;
pub use layer_norm::{LayerNorm, LayerNormTape};
pub use linear::Linear;
pub use mlp::{Mlp, MlpParams, MlpScratch, MlpTape};
pub use module::{Module, Param, Slot, Tensor};
pub use normalize::{normalize_rows, normalize_rows_backward};
pub use pooling::{Pool, PoolTape, pool_rows, pool_rows_backward};
pub use query_attention::{QueryAttention, QueryAttentionTape};
pub use segments::Segments;
pub use table::{RowGradients, Table};
pub use target_attention::{TargetAttention, TargetAttentionTape};
