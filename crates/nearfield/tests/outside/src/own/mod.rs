//! Implementations of one's own of every trait, each with the suite of its trait.

mod embedder;
mod encoder;
mod index;
mod sampler;
mod scorer;
mod source;

use std::error::Error;

pub fn run() -> Result<(), Box<dyn Error>> {
    embedder::keeps_the_contract()?;
    sampler::keep_the_contract()?;
    index::keeps_the_contract();
    source::keeps_the_contract()?;
    scorer::keeps_the_contract_and_serves()?;
    encoder::is_trained_served_saved_and_exported()
}
