//! Every family passes the suite that `embed-core` demands of an index over some of the rows of a table.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use ann::{Index, IndexSpec, Vectors};
use embed_core::testkit::{AnnSuite, ann_index_with_holes};
use embed_core::{AnnIndex, AnnIndexMut, Effort, Metric, RowMask, Run};
use ndarray::ArrayView2;

/// Built by name, then through a file.
fn opened(spec: &str, vectors: ArrayView2<'_, f32>, rows: &RowMask, metric: Metric) -> Index {
    let family: IndexSpec = spec.parse().unwrap();
    let vectors = Vectors::from(vectors).with_trained(rows).unwrap();
    let bytes = family.build(vectors, metric, &mut Run::seeded(5)).unwrap().to_bytes().unwrap();
    let index = Index::from_bytes(&bytes).unwrap();
    index.verify().unwrap();
    index
}

fn check(spec: &'static str, effort: Effort, suite: AnnSuite) {
    let make =
        |v: ArrayView2<'_, f32>, rows: &RowMask, m| Box::new(opened(spec, v, rows, m)) as Box<dyn AnnIndex>;
    ann_index_with_holes(make, &AnnSuite { name: spec, effort, ..suite });
}

#[test]
fn flat() {
    check("Flat", Effort::Default, AnnSuite::exact(""));
}

#[test]
fn graphs() {
    let suite = AnnSuite { n: 1200, ..AnnSuite::approximate("", 0.95) };
    check("HNSW16", Effort::Value(60), suite);
    check("HNSW16,SQ8", Effort::Value(60), suite);
}

#[test]
fn lists() {
    check("IVF,Flat", Effort::Value(18), AnnSuite::approximate("", 0.9));
    check("IVF8,PQ7x8,Refine(Flat)", Effort::Value(8), AnnSuite::approximate("", 0.9));
}

#[test]
fn codes() {
    let lossy = AnnSuite { lossy: true, tolerance: f32::INFINITY, ..AnnSuite::approximate("", 0.4) };
    check("SQ8", Effort::Value(1), AnnSuite { recall: 0.9, ..lossy });
    check("PQ10x8", Effort::Value(1), lossy);
}

#[test]
fn forest() {
    check("RPForest40", Effort::Value(1000), AnnSuite { n: 1200, ..AnnSuite::approximate("", 0.9) });
}

/// What removals and a compaction leave is an index with holes too.
#[test]
fn compacted() {
    for (spec, suite) in [
        ("Flat", AnnSuite::exact("Flat, compacted")),
        (
            "HNSW16",
            AnnSuite { effort: Effort::Value(60), ..AnnSuite::approximate("HNSW16, compacted", 0.95) },
        ),
    ] {
        for compacts in [false, true] {
            let make = |v: ArrayView2<'_, f32>, rows: &RowMask, m| {
                let family: IndexSpec = spec.parse().unwrap();
                let mut index = ann::Changed::from(family.build(v, m, &mut Run::seeded(5)).unwrap());
                let removed = (0..).zip(0..v.nrows()).filter(|&(_, row)| !rows.contains(row));
                removed.for_each(|(id, _)| assert!(index.remove(id).unwrap()));
                if compacts {
                    index.compact(&mut Run::seeded(5)).unwrap();
                }
                Box::new(index) as Box<dyn AnnIndex>
            };
            ann_index_with_holes(make, &suite);
        }
    }
}
