mod adjacent;
mod alias;
mod block;
mod error;
mod first_order;
mod law;
mod params;
mod plan;
mod second_order;
mod stream;

pub use error::WalkError;
pub use params::WalkParams;
pub use plan::{WalkMemory, Walks};
pub use stream::WalkIter;
