//! Any bytes as an index file, and a good index with any of its arrays overwritten, opened and used unverified.
#![no_main]

use std::sync::LazyLock;

use ann::{Index, IndexSpec, Sample, TuneParams};
use embed_core::testkit::clustered;
use embed_core::{AnnIndex, Effort, Filter, Metric, Parallelism, Run, SearchRequest, Vocab};
use libfuzzer_sys::fuzz_target;
use ndarray::Array2;

/// A file of each family: 120 rows, some of them copies.
static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut vectors = clustered(120, 5, 4, 1);
    for row in 90..120 {
        let copy = vectors.row(row % 9).to_owned();
        vectors.row_mut(row).assign(&copy);
    }
    let keys = || Vocab::from_keys((0..120).map(|i| i.to_string())).expect("distinct");
    let build = |(spec, metric): (IndexSpec, Metric)| {
        let source = ann::Vectors::from(&vectors).keyed(keys());
        let mut index = spec.build(source, metric, &mut Run::seeded(1)).expect("good vectors");
        let sample = Sample::new(vectors.view()).against(vectors.view());
        index.tune(sample, &TuneParams { recall: 0.01, k: 3 }, &mut Run::default()).expect("a low recall");
        index.to_bytes().expect("good keys")
    };
    FAMILIES
        .into_iter()
        .map(|(name, metric)| build((name.parse().expect("a known family"), metric)))
        .collect()
});

/// Every family; the first byte of the input chooses one.
const FAMILIES: [(&str, Metric); 11] = [
    ("Flat", Metric::L2),
    ("HNSW4", Metric::L2),
    ("HNSW2", Metric::InnerProduct),
    ("HNSW4,SQ8", Metric::Cosine),
    ("RPForest3", Metric::L2),
    ("SQ8", Metric::L2),
    ("IVF3,Flat", Metric::Cosine),
    ("IVF3,SQ8", Metric::L2),
    ("PQ2x8", Metric::InnerProduct),
    ("IVF3,PQ3x4fs,Refine(Flat)", Metric::L2),
    ("OPQ2,PQ2x4fs,Refine(SQ8)", Metric::L2),
];

fn walk(index: &Index) {
    let _ = index.verify();
    let _ = index.keys().map(|keys| keys.map(|keys| keys.len()));
    let mut query = vec![0.5; index.dim()];
    let odd = |id: u32| id % 2 == 1;
    for id in [0, 7, u32::MAX] {
        let _ = index.vector_into(id, &mut query);
        query.iter_mut().filter(|x| !x.is_finite()).for_each(|x| *x = 1.0);
        for filter in [Filter::All, Filter::Where(&odd), Filter::Allow(&[0, 7, 100])] {
            for request in [SearchRequest::k(9), SearchRequest::k(usize::MAX), SearchRequest::radius(1.0)] {
                let request = request.effort(Effort::Value(8)).filter(filter);
                let found = index.search(&query, &request).expect("a good request");
                assert!(found.iter().all(|n| (n.id as usize) < index.id_bound()));
            }
        }
    }
    let tuned = SearchRequest::k(3).effort(Effort::Recall(0.01));
    let _ = index.search(&query, &tuned);
    let queries = Array2::from_elem((5, index.dim()), 0.5);
    let _ = index.search_batch(queries.view(), &[SearchRequest::k(3)], Parallelism::Sequential);
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(index) = Index::from_bytes(bytes) {
        walk(&index);
    }
    let [family, edits @ ..] = bytes else { return };
    let mut file = GOOD[usize::from(*family) % GOOD.len()].clone();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % file.len();
        file[at] = edit[2];
    }
    if let Ok(index) = Index::from_bytes(&file) {
        walk(&index);
    }
});
