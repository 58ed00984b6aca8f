//! Two towers over features: [`DssmUser`] and [`DssmItem`] are the sides of a [`TwoTower`](super::TwoTower).

mod history;
mod item;
mod params;
mod side;
#[cfg(test)]
mod tests;
mod user;

pub use history::{HistoryTape, HistoryTower};
pub use item::DssmItem;
pub use params::DssmParams;
pub use side::{SideTape, SideTower};
pub use user::{DssmUser, DssmUserTape};

use std::sync::Arc;

use embed_core::SeededRng;

use super::TwoTower;
use crate::LayerError;
use crate::features::{Coder, Records};
use crate::layers::{Param, Table};

impl TwoTower<DssmUser, DssmItem> {
    /// A model over features, untrained: records hold a row a user and a row an item.
    ///
    /// # Errors
    /// [`LayerError::Setting`] for a setting out of its range.
    pub fn over_features(
        params: &DssmParams,
        coder: &Coder,
        (users, items): (Arc<Records>, Arc<Records>),
        temperature: f32,
        seed: u64,
    ) -> Result<Self, LayerError> {
        params.validate()?;
        let tables = coder.tables().iter().enumerate().map(|(number, codes)| {
            let rng = &mut SeededRng::stream(seed, "features", number as u64);
            let mut table = Table::normal(codes.rows(), params.dim, params.deviation, rng);
            // The unknown says nothing until it is trained.
            table.value.row_mut(0).fill(0.0);
            table
        });
        let tables = tables.collect();
        let rng = &mut SeededRng::stream(seed, "layers", 0);
        let mut log_scale = Param::offsets(1, 0.0);
        log_scale.value[[0, 0]] = -temperature.ln();
        Ok(Self {
            tables,
            user: DssmUser::new(params, coder, (users, Arc::clone(&items)), rng)?,
            item: DssmItem::new(params, coder, items, rng)?,
            similarity: params.similarity,
            log_scale,
        })
    }
}
