//! Changes of every family pass the suite that `embed-core` demands of an index that changes.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Arc;

use ann::{Changed, IndexSpec, Vectors};
use embed_core::testkit::{AnnMutSuite, ann_index_mut};
use embed_core::{AnnIndexMut, Effort, Metric, Run, Vocab};
use ndarray::ArrayView2;

fn built(spec: &str, vectors: ArrayView2<'_, f32>, keys: Option<Arc<Vocab>>, metric: Metric) -> Changed {
    let family: IndexSpec = spec.parse().unwrap();
    let mut vectors = Vectors::from(vectors);
    if let Some(keys) = keys {
        vectors = vectors.keyed(keys);
    }
    family.build(vectors, metric, &mut Run::seeded(5)).unwrap().into()
}

fn check(spec: &'static str, suite: AnnMutSuite) {
    let make = |v: ArrayView2<'_, f32>, keys: Option<Arc<Vocab>>, metric| {
        Box::new(built(spec, v, keys, metric)) as Box<dyn AnnIndexMut>
    };
    ann_index_mut(make, &AnnMutSuite { name: spec, effort: Effort::Value(usize::MAX), ..suite });
}

#[test]
fn flat() {
    check("Flat", AnnMutSuite::exact(""));
}

#[test]
fn graphs() {
    check("HNSW8", AnnMutSuite::exact(""));
    check("HNSW8,SQ8", AnnMutSuite { changes: 60, ..AnnMutSuite::exact("") });
}

#[test]
fn lists_of_vectors() {
    check("IVF4,Flat", AnnMutSuite::exact(""));
    check("IVF,PQ2x4fs,Refine(Flat)", AnnMutSuite { changes: 60, ..AnnMutSuite::exact("") });
}

#[test]
fn codes() {
    for spec in ["SQ8", "PQ2x8", "IVF4,SQ8", "IVF3,PQ2x4fs", "OPQ2,IVF3,PQ2x8,Refine(SQ8)"] {
        check(spec, AnnMutSuite { changes: 50, ..AnnMutSuite::lossy("") });
    }
}

#[test]
fn forest() {
    check("RPForest5", AnnMutSuite::exact(""));
}

/// Every start goes through a file, once without and once with changes.
#[test]
fn opened_files() {
    for spec in ["Flat", "HNSW8", "IVF4,PQ2x8"] {
        let make = |v: ArrayView2<'_, f32>, keys: Option<Arc<Vocab>>, metric| {
            let mut index = Changed::from_bytes(&built(spec, v, keys, metric).to_bytes().unwrap()).unwrap();
            if v.nrows() > 3 {
                // Changes that leave all as it was.
                let row = v.row(3).to_vec();
                index.remove(3).unwrap();
                index.update(3, &row).unwrap();
            }
            let index = Changed::from_bytes(&index.to_bytes().unwrap()).unwrap();
            index.verify().unwrap();
            Box::new(index) as Box<dyn AnnIndexMut>
        };
        let suite = if spec.contains("PQ") { AnnMutSuite::lossy(spec) } else { AnnMutSuite::exact(spec) };
        ann_index_mut(make, &AnnMutSuite { effort: Effort::Value(usize::MAX), changes: 50, ..suite });
    }
}
