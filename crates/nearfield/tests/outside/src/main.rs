//! Programs of a stranger, who has the crates and their docs: each asserts what it shows. Run it.

mod live;
mod own;
mod pipeline;
mod pointers;
mod strings;
mod two_towers;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    pipeline::run()?;
    println!("a trainer and a user side of one's own, with samplers, indexes and metrics: ok");
    strings::run()?;
    println!("strings in, nearest strings out; a file in, recommendations out: ok");
    live::run()?;
    println!("an index that changes by key, saved, opened, compacted under changes: ok");
    two_towers::run()?;
    println!("two towers, trained, indexed, served: ok");
    own::run()?;
    println!("own implementations of every trait, with their suites: ok");
    pointers::run()?;
    println!("every trait behind a box, an Arc and a reference: ok");
    Ok(())
}
