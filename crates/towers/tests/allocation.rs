//! A user that is served without attention allocates nothing, once the memory of the thread has grown.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::{fit, in_batch, models, params};
use embed_core::{Embedder, Run};
use towers::models::Pooling;
use towers::train::FitParams;
use towers::{IdTowers, UserInput};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting.
struct Counting;

// SAFETY: every call is handed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn a_served_user_allocates_nothing() {
    assert!(allocations(|| drop(vec![1u8; 10])) > 0, "it counts");
    // Attention is made of products of matrices, which pack them.
    let plain = |pooling| matches!(pooling, None | Some(Pooling::Mean));
    for (name, towers) in models().into_iter().filter(|(_, towers)| plain(towers.pooling)) {
        let fit_params = FitParams { epochs: 1, ..params() };
        let model: IdTowers = fit(&towers, &fit_params, in_batch(), &mut Run::seeded(1)).unwrap();
        let mut out = vec![0.0; towers.dim];
        let long: Vec<u32> = (0..60).collect();
        let side = model.user_embedder();
        let mut serve = |user, history: &[u32]| {
            side.embed_into(&UserInput { user: Some(user), history }, &mut out).unwrap();
        };
        serve(0, &long);
        let counted = allocations(|| (0..100).for_each(|user| serve(user, &long[..1 + user as usize % 60])));
        assert_eq!(counted, 0, "{name}");
    }
}
