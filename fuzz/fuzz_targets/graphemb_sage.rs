//! Any bytes as a file of a GraphSAGE model, and a good one with its arrays overwritten, opened and used unverified.
#![no_main]

use std::sync::LazyLock;

use embed_core::{Embedder, Run};
use graphemb::{Aggregator, Graph, GraphOptions, GraphSage, NodeInput, SageLayer, SageParams};
use libfuzzer_sys::fuzz_target;
use ndarray::Array2;

static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let edges = (0..90u32).map(|i| (i * 7 % 31, i * i % 31));
    let graph = Graph::from_edges(31, edges, &GraphOptions::default()).expect("good edges");
    let features = Array2::from_shape_fn((31, 2), |(node, column)| (node * (column + 1) % 5) as f32);
    let model = |aggregator| {
        let layers = vec![SageLayer { width: 3, sample: 5 }, SageLayer { width: 2, sample: 4 }];
        let params = SageParams { aggregator, layers, id_dim: 1, epochs: 1, ..SageParams::items() };
        let model =
            GraphSage::fit(&params, &graph, features.view(), &mut Run::seeded(1)).expect("good input");
        model.to_bytes().expect("a small header")
    };
    vec![model(Aggregator::Mean), model(Aggregator::MaxPool { hidden: 4 })]
});

fn embed(model: &GraphSage) {
    let features = vec![0.5; model.n_features().min(64)];
    for neighbors in [&[0, 30][..], &[], &[u32::MAX]] {
        let _ = model.embed(&NodeInput::New { features: &features, neighbors });
    }
    let _ = model.embed(&NodeInput::Node(7));
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(model) = GraphSage::from_bytes(bytes) {
        embed(&model);
    }
    let [which, edits @ ..] = bytes else { return };
    let mut file = GOOD[usize::from(*which) % GOOD.len()].clone();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % file.len();
        file[at] = edit[2];
    }
    if let Ok(model) = GraphSage::from_bytes(&file) {
        embed(&model);
    }
});
