//! Lists and codes pass the suite that `embed-core` demands of an index.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use ann::{Index, IndexSpec};
use embed_core::testkit::{AnnSuite, ann_index};
use embed_core::{AnnIndex, Effort, Run};
use ndarray::ArrayView2;

/// Builds by name, through a file.
fn check(spec: &str, suite: &AnnSuite) {
    let family: IndexSpec = spec.parse().unwrap();
    let make = |v: ArrayView2<'_, f32>, m| {
        let bytes = family.build(v, m, &mut Run::seeded(5)).unwrap().to_bytes().unwrap();
        let index = Index::from_bytes(&bytes).unwrap();
        index.verify().unwrap();
        Box::new(index) as Box<dyn AnnIndex>
    };
    ann_index(make, suite);
}

/// A family that scores codes.
fn lossy(name: &'static str, recall: f64, effort: usize) -> AnnSuite {
    AnnSuite {
        lossy: true,
        tolerance: f32::INFINITY,
        effort: Effort::Value(effort),
        ..AnnSuite::approximate(name, recall)
    }
}

/// A family that scores vectors in the end.
fn refined(name: &'static str, recall: f64, effort: usize) -> AnnSuite {
    AnnSuite { effort: Effort::Value(effort), ..AnnSuite::approximate(name, recall) }
}

#[test]
fn all_lists_of_vectors_are_exact() {
    let suite = AnnSuite { effort: Effort::Value(usize::MAX), ..AnnSuite::exact("IVF9,Flat") };
    // Fewer lists are no exact search, and k of more than the lists hold goes on to others.
    check("IVF9,Flat", &AnnSuite { exact: false, ..suite });
}

#[test]
fn some_lists_of_vectors() {
    check("IVF,Flat", &refined("IVF,Flat", 0.9, 18));
}

#[test]
fn bytes() {
    check("SQ8", &lossy("SQ8", 0.9, 1));
}

#[test]
fn lists_of_bytes() {
    check("IVF8,SQ8", &lossy("IVF8,SQ8", 0.85, 6));
}

#[test]
fn lists_of_refined_bytes() {
    check("IVF8,SQ8,Refine(Flat)", &refined("IVF8,SQ8,Refine(Flat)", 0.9, 7));
}

#[test]
fn refined_product_codes() {
    check("PQ7x8,Refine(Flat)", &refined("PQ7x8,Refine(Flat)", 0.95, 16));
    check("PQ11x4fs,Refine(Flat)", &refined("PQ11x4fs,Refine(Flat)", 0.9, 16));
}

#[test]
fn lists_of_refined_product_codes() {
    check("IVF8,PQ7x8,Refine(Flat)", &refined("IVF8,PQ7x8,Refine(Flat)", 0.9, 8));
    check("IVF8,PQ11x4fs,Refine(Flat)", &refined("IVF8,PQ11x4fs,Refine(Flat)", 0.9, 8));
}

#[test]
fn rotated_lists_refined_by_bytes() {
    let suite = lossy("OPQ11,IVF8,PQ11x4fs,Refine(SQ8)", 0.8, 8);
    check("OPQ11,IVF8,PQ11x4fs,Refine(SQ8)", &suite);
}

#[test]
fn product_codes_alone() {
    check("PQ10x8", &lossy("PQ10x8", 0.4, 1));
    check("IVF4,PQ20x4fs", &lossy("IVF4,PQ20x4fs", 0.4, 4));
    check("OPQ10,PQ10x4fs", &lossy("OPQ10,PQ10x4fs", 0.2, 1));
}
