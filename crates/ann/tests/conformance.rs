//! Every family passes the suite that `embed-core` demands of an index.

use ann::{Flat, ForestParams, Hnsw, HnswParams, Index, IndexSpec, RpForest};
use embed_core::testkit::{AnnSuite, ann_index};
use embed_core::{Effort, Run};

#[test]
fn flat() {
    ann_index(|v, m| Box::new(Flat::build(v, m, &mut Run::default()).unwrap()), &AnnSuite::exact("Flat"));
}

/// The effort is small, so that the graph answers and not the scan that small sets get.
#[test]
fn hnsw() {
    let params = HnswParams::with_m(16);
    let suite = AnnSuite { effort: Effort::Value(60), n: 1200, ..AnnSuite::approximate("HNSW16", 0.95) };
    ann_index(|v, m| Box::new(Hnsw::build(v, m, &params, &mut Run::seeded(3)).unwrap()), &suite);
}

/// The same graph walked over byte codes: exact scores, and the same recall.
#[test]
fn hnsw_over_codes() {
    let params = HnswParams { sq8: true, ..HnswParams::with_m(16) };
    let suite = AnnSuite { effort: Effort::Value(60), n: 1200, ..AnnSuite::approximate("HNSW16,SQ8", 0.95) };
    ann_index(|v, m| Box::new(Hnsw::build(v, m, &params, &mut Run::seeded(3)).unwrap()), &suite);
}

#[test]
fn forest() {
    let params = ForestParams { leaf: 16, ..ForestParams::with_trees(40) };
    let suite = AnnSuite { effort: Effort::Value(1000), n: 1200, ..AnnSuite::approximate("RPForest40", 0.9) };
    ann_index(|v, m| Box::new(RpForest::build(v, m, &params, &mut Run::seeded(3)).unwrap()), &suite);
}

#[test]
fn hnsw_of_few_links() {
    let params = HnswParams { ef_construction: 40, ..HnswParams::with_m(4) };
    let suite = AnnSuite { effort: Effort::Value(60), dim: 6, ..AnnSuite::approximate("HNSW4", 0.9) };
    ann_index(|v, m| Box::new(Hnsw::build(v, m, &params, &mut Run::seeded(4)).unwrap()), &suite);
}

#[test]
fn an_opened_file() {
    let folder = tempfile::tempdir().unwrap();
    for (spec, suite) in [
        (IndexSpec::Flat, AnnSuite::exact("Flat")),
        (
            IndexSpec::Hnsw { m: 16 },
            AnnSuite { effort: Effort::Value(40), ..AnnSuite::approximate("HNSW16", 0.95) },
        ),
        (
            IndexSpec::HnswSq8 { m: 16 },
            AnnSuite { effort: Effort::Value(40), ..AnnSuite::approximate("HNSW16,SQ8", 0.95) },
        ),
        (
            IndexSpec::RpForest { trees: 20 },
            AnnSuite { effort: Effort::Value(500), ..AnnSuite::approximate("RPForest20", 0.9) },
        ),
    ] {
        let count = std::cell::Cell::new(0);
        let make = |v: ndarray::ArrayView2<'_, f32>, m| {
            count.set(count.get() + 1);
            let path = folder.path().join(format!("{}.nf", count.get()));
            spec.build(v, m, &mut Run::seeded(5)).unwrap().save(&path).unwrap();
            Box::new(Index::open_verified(&path).unwrap()) as Box<dyn embed_core::AnnIndex>
        };
        ann_index(make, &suite);
    }
}
