//! A small seeded log with planted taste groups and a long tail, shared by the examples.

use nearfield::interactions::{Interaction, Log, LogBuilder, LogError};
use nearfield::prelude::*;

/// Items of group g are called `g<group>-<rank>`; a small rank is popular. Users take most from one group.
pub(crate) fn log(n_users: u64, n_items: u32, n_groups: u32, seed: u64) -> Result<Log, LogError> {
    let mut builder = LogBuilder::new();
    for user in 0..n_users {
        let mut rng = SeededRng::stream(seed, "user", user);
        let own = rng.below(n_groups);
        let mut taken: Vec<String> = Vec::new();
        while taken.len() < 16 {
            let shelf = f64::from(n_items / n_groups);
            // Ranks fall off as a power: the long tail.
            let rank = (shelf.powf(rng.unit_f64()) - 1.0).floor();
            let group = if rng.below(10) < 8 { own } else { rng.below(n_groups) };
            let item = format!("g{group}-{rank}");
            if !taken.contains(&item) {
                taken.push(item);
            }
        }
        for (time, item) in (0..).zip(&taken) {
            let user = format!("user-{user}");
            builder.push(&Interaction { user: &user, item, time: Some(60 * time), weight: None })?;
        }
    }
    Ok(builder.build())
}
