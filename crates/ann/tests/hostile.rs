//! Files whose checksums are right and whose contents are not, as only a hostile writer makes them: any header, any
//! section. They give an error or harmless answers, and no allocation beyond their size.
//!
//! The tests run this very program again as a child with little memory, which an allocation as large as a header claims
//! would end.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::process::Command;

use ann::{Changed, Index, IndexSpec, Sample, TuneParams};
use embed_core::store::{Element, Kind, Reader, Writer};
use embed_core::testkit::clustered;
use embed_core::{
    AnnIndex, AnnIndexMut, Effort, Filter, Metric, Parallelism, RowMask, Run, SearchRequest, SeededRng, Vocab,
};
use ndarray::Array2;
use serde::ser::{Serialize, SerializeTuple, Serializer};

const KIND: Kind = Kind::new("index", 3);
const LIMITED: &str = "ANN_TEST_LIMITED";
/// Kilobytes of address space of the child; threads of a test take some hundred megabytes of it.
const LIMIT: u32 = 3_000_000;

/// With a star, over a table in which some rows were not trained; with a plus, with changes.
const SPECS: [&str; 14] = [
    "+Flat",
    "+*IVF4,PQ2x8",
    "*Flat",
    "*HNSW4",
    "*IVF4,SQ8",
    "Flat",
    "HNSW4",
    "HNSW4,SQ8",
    "IVF4,Flat",
    "IVF4,SQ8,Refine(Flat)",
    "PQ2x8",
    "OPQ2,IVF3,PQ2x4fs,Refine(SQ8)",
    "SQ8",
    "RPForest3",
];

/// Header bytes as they are.
struct Raw(Vec<u8>);

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|byte| tuple.serialize_element(byte))?;
        tuple.end()
    }
}

#[derive(Clone)]
enum Values {
    U8(Vec<u8>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    F32(Vec<f32>),
}

/// A container taken apart.
#[derive(Clone)]
struct Parts {
    version: u32,
    header: Vec<u8>,
    sections: Vec<(String, Values)>,
}

impl Parts {
    fn of(bytes: &[u8]) -> Self {
        let reader = Reader::from_bytes(bytes, KIND).unwrap();
        let header = u32::from_le_bytes(bytes[40..44].try_into().unwrap()) as usize;
        let names: Vec<String> = reader.sections().map(|(name, _, _)| name.to_owned()).collect();
        let values = |name: &str| {
            reader
                .section::<u8>(name)
                .map(|v| Values::U8(v.to_vec()))
                .or_else(|_| reader.section::<u32>(name).map(|v| Values::U32(v.to_vec())))
                .or_else(|_| reader.section::<u64>(name).map(|v| Values::U64(v.to_vec())))
                .or_else(|_| reader.section::<f32>(name).map(|v| Values::F32(v.to_vec())))
                .unwrap()
        };
        let sections = names.iter().map(|name| (name.clone(), values(name))).collect();
        Self { version: reader.kind_version(), header: bytes[64..64 + header].to_vec(), sections }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut writer = Writer::in_memory(KIND.at_version(self.version), &Raw(self.header.clone())).unwrap();
        for (name, values) in &self.sections {
            match values {
                Values::U8(values) => writer.section(name, values).unwrap(),
                Values::U32(values) => writer.section(name, values).unwrap(),
                Values::U64(values) => writer.section(name, values).unwrap(),
                Values::F32(values) => writer.section(name, values).unwrap(),
            };
        }
        writer.into_bytes().unwrap()
    }
}

/// Other lengths, extremes, and noise.
fn changed<T: Element>(values: &[T], extremes: &[T], rng: &mut SeededRng) -> Vec<Vec<T>> {
    let n = values.len();
    let mut all = vec![Vec::new(), values[..n / 2].to_vec(), values[..n.saturating_sub(1)].to_vec()];
    all.push(values.iter().chain(&extremes[..1]).copied().collect());
    all.extend(extremes.iter().map(|&extreme| vec![extreme; n]));
    for _ in 0..12 {
        let mut noisy = values.to_vec();
        for _ in 0..=rng.below(3) {
            if let Some(at) = u32::try_from(n).ok().filter(|&n| n > 0).map(|n| rng.below(n) as usize) {
                noisy[at] = extremes[rng.below(u32::try_from(extremes.len()).unwrap()) as usize];
            }
        }
        all.push(noisy);
    }
    all
}

fn good(spec: &str) -> Vec<u8> {
    let mut vectors = clustered(70, 5, 4, 1);
    let copy = vectors.row(3).to_owned();
    vectors.row_mut(60).assign(&copy);
    let keys = Vocab::from_keys((0..70).map(|i| i.to_string())).unwrap();
    let mut keyed = ann::Vectors::from(&vectors).keyed(keys);
    if spec.contains('*') {
        keyed = keyed.with_trained(&RowMask::from_fn(70, |row| row % 5 != 2)).unwrap();
    }
    let changes = spec.starts_with('+');
    let spec: IndexSpec = spec.trim_start_matches(['+', '*']).parse().unwrap();
    let mut index = spec.build(keyed, Metric::L2, &mut Run::seeded(1)).unwrap();
    let queries = clustered(20, 5, 4, 2);
    let sample = Sample::new(queries.view()).against(vectors.view());
    index.tune(sample, &TuneParams { recall: 0.1, k: 5 }, &mut Run::default()).unwrap();
    if !changes {
        return index.to_bytes().unwrap();
    }
    let mut index = Changed::from(index);
    index.upsert("new", &[0.5; 5]).unwrap();
    index.upsert("3", &[0.25; 5]).unwrap();
    index.remove(9).unwrap();
    index.remove(11).unwrap();
    index.to_bytes().unwrap()
}

/// Whether it was opened; everything that can be done with it is done.
fn used(bytes: &[u8]) -> bool {
    let Ok(index) = Changed::from_bytes(bytes) else { return false };
    let _ = index.verify();
    let _ = index.keys();
    let _ = (index.base().spec(), index.base().efforts(), index.base().effort_ladder(10), index.pending());
    if index.dim() > 1 << 16 {
        return true;
    }
    let mut query = vec![0.2; index.dim()];
    let odd = |id: u32| id % 2 == 1;
    for id in [0, 69, u32::MAX] {
        let _ = index.vector_into(id, &mut query);
        query.iter_mut().filter(|x| !x.is_finite()).for_each(|x| *x = 0.0);
        for filter in [Filter::All, Filter::Where(&odd), Filter::Allow(&[0, 7, 69])] {
            for request in [SearchRequest::k(5), SearchRequest::k(200), SearchRequest::radius(1.0)] {
                for effort in [Effort::Value(8), Effort::Recall(0.1)] {
                    let _ = index.search(&query, &request.filter(filter).effort(effort));
                }
            }
        }
    }
    let queries = Array2::from_elem((4, index.dim()), 0.2);
    let _ = index.search_batch(queries.view(), &[SearchRequest::k(3)], Parallelism::Sequential);
    let _ = index.nearest(&vec![0.1; index.dim()], 3);
    true
}

fn in_a_child_with_little_memory(test: &str) {
    let program = std::env::current_exe().unwrap();
    let script =
        format!("ulimit -v {LIMIT}; exec \"$0\" --exact {test} --ignored --nocapture --test-threads 1");
    let child = Command::new("sh").arg("-c").arg(script).arg(program).env(LIMITED, "1").output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
}

#[test]
fn no_header_field_is_believed() {
    in_a_child_with_little_memory("child_with_headers");
}

#[test]
#[ignore = "the child of the test above"]
fn child_with_headers() {
    if std::env::var_os(LIMITED).is_none() {
        return;
    }
    for spec in SPECS {
        let whole = Parts::of(&good(spec));
        assert!(used(&whole.bytes()), "{spec}");
        let mut refused = 0;
        for at in 0..whole.header.len() {
            for value in [0, 1, 2, 3, 0x10, 0x7f, 0x80, 0xff] {
                let mut parts = whole.clone();
                parts.header[at] = value;
                refused += usize::from(!used(&parts.bytes()));
            }
            // All of a field of eight bytes, wherever it begins.
            for value in [u64::MAX, 1 << 40, i64::MAX as u64] {
                let mut parts = whole.clone();
                let end = (at + 8).min(parts.header.len());
                parts.header[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
                refused += usize::from(!used(&parts.bytes()));
            }
        }
        assert!(refused > whole.header.len(), "{spec}: {refused} refused");
        for len in 0..whole.header.len() {
            let parts = Parts { header: whole.header[..len].to_vec(), ..whole.clone() };
            assert!(!used(&parts.bytes()), "{spec}: a header of {len} bytes");
        }
    }
}

#[test]
fn no_section_is_believed() {
    in_a_child_with_little_memory("child_with_sections");
}

#[test]
#[ignore = "the child of the test above"]
fn child_with_sections() {
    if std::env::var_os(LIMITED).is_none() {
        return;
    }
    let mut rng = SeededRng::new(4);
    for spec in SPECS {
        let whole = Parts::of(&good(spec));
        let n = whole.sections.len();
        for (at, (name, values)) in whole.sections.iter().enumerate() {
            let mut without = whole.clone();
            without.sections.remove(at);
            assert!(!used(&without.bytes()) || name.starts_with("keys"), "{spec}: no section {name}");
            let others: Vec<Values> = match values {
                Values::U8(v) => {
                    changed(v, &[0, 0xff, 0x7f, 0x80, 9], &mut rng).into_iter().map(Values::U8).collect()
                }
                Values::U32(v) => changed(v, &[u32::MAX, 0, 1 << 31, 70, 1], &mut rng)
                    .into_iter()
                    .map(Values::U32)
                    .collect(),
                Values::U64(v) => {
                    changed(v, &[u64::MAX, 0, 1 << 40, 70], &mut rng).into_iter().map(Values::U64).collect()
                }
                Values::F32(v) => changed(v, &[f32::NAN, f32::INFINITY, -f32::MAX, 0.0, 1e-38], &mut rng)
                    .into_iter()
                    .map(Values::F32)
                    .collect(),
            };
            for other in others.into_iter().chain([Values::U64(vec![1; 4]), Values::U8(vec![1; 4])]) {
                let mut parts = whole.clone();
                parts.sections[at].1 = other;
                used(&parts.bytes());
            }
            for other in 0..n {
                let mut swapped = whole.clone();
                let (a, b) = (swapped.sections[at].1.clone(), swapped.sections[other].1.clone());
                (swapped.sections[at].1, swapped.sections[other].1) = (b, a);
                used(&swapped.bytes());
            }
        }
    }
}

#[test]
fn a_file_cut_at_any_border_is_refused() {
    for spec in SPECS {
        let whole = good(spec);
        let table = whole.len() - 64 * Parts::of(&whole).sections.len();
        let mut borders = vec![0, 8, 64, whole.len()];
        borders.extend((table..=whole.len()).step_by(64));
        for entry in whole[table..].chunks_exact(64) {
            let field = |at: usize| u64::from_le_bytes(entry[at..at + 8].try_into().unwrap());
            let (start, len) = (field(40), field(48));
            borders.extend([start, start + len].map(|border| usize::try_from(border).unwrap()));
        }
        for border in borders {
            for len in
                [border.saturating_sub(1), border, border + 1].into_iter().filter(|&len| len < whole.len())
            {
                assert!(Index::from_bytes(&whole[..len]).is_err(), "{spec}: {len} of {} bytes", whole.len());
            }
        }
    }
}
