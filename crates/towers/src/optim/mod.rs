//! Optimisers: what a gradient does to a parameter.
//!
//! | for | use |
//! |---|---|
//! | matrices and offsets | [`Optimizer`]: SGD with momentum, Adam, AdamW, Adagrad |
//! | rows of tables, touched ones only | [`TableOptimizer`]: SGD, row-wise Adagrad, Adagrad, lazy Adam, RMSProp |
//! | the rate over time | [`Schedule`]: warm-up, then constant, linear or cosine |
//! | steps that are too long | [`clip_factor`] |
//!
//! Weight decay is decoupled from the gradient (Loshchilov & Hutter 2019): each step multiplies by `1 − rate · decay`, for
//! matrices only; for tables, touched rows only.

mod dense;
mod schedule;
mod tables;

pub use dense::Optimizer;
pub use schedule::{Decay, Schedule};
pub use tables::{TableOptimizer, clip_factor, squared_norm};

/// What a step is told, apart from the gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Learning rate of this step.
    pub rate: f32,
    /// Number of the step, from 1.
    pub number: u64,
    /// What gradients are multiplied by first: below 1 when they are clipped.
    pub scale: f32,
    /// Weight decay.
    pub decay: f32,
    /// λ of `λ w`, which is added to the gradient of touched rows.
    pub l2: f32,
}

impl Step {
    /// A step of this rate, unclipped and without decay.
    #[must_use]
    pub fn new(rate: f32, number: u64) -> Self {
        Self { rate, number, scale: 1.0, decay: 0.0, l2: 0.0 }
    }
}
