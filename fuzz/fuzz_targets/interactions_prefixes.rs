//! Next-item tasks: never a panic; every id has a key.
#![no_main]

use embed_core::Vocab;
use interactions::{BadRows, ReadOptions, read_prefixes_from};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let options = ReadOptions {
        bad_rows: if data.len() % 2 == 0 { BadRows::SkipAndCount } else { BadRows::Refuse },
        max_record_bytes: 1 << 16,
        ..ReadOptions::default()
    };
    let items = Vocab::from_keys(["1", "2"]).unwrap();
    let Ok((tasks, report)) = read_prefixes_from(data, "tasks.txt", &options, items) else { return };
    assert_eq!(report.rows, tasks.len() as u64);
    let n_items = tasks.item_keys().len() as u32;
    assert!(tasks.targets().iter().chain(tasks.prefixes().rows().flatten()).all(|&id| id < n_items));
    assert!(tasks.prefixes().rows().all(|prefix| !prefix.is_empty()));
});
