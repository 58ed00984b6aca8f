//! Lines of words, plain or gzip: never a panic; filters and splits hold what they promise.
#![no_main]

use interactions::{BadRows, Format, Keep, Log, ReadOptions, Split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&flags, text)) = data.split_first() else { return };
    let options = ReadOptions {
        format: if flags & 1 != 0 { Format::Sessions } else { Format::UserItems },
        bad_rows: if flags & 2 != 0 { BadRows::SkipAndCount } else { BadRows::Refuse },
        max_record_bytes: 1 << 16,
        ..ReadOptions::default()
    };
    let Ok((log, report)) = Log::read_from(text, "log.txt", &options) else { return };
    assert_eq!(report.rows, log.len() as u64);
    assert_eq!(log.histories().n_entries(), log.len());
    let (core, _) = log.k_core(usize::from(flags >> 4));
    assert!(core.item_counts().iter().all(|&count| count >= u64::from(flags >> 4)));
    let (once, dropped) = log.dedup(Keep::First);
    assert_eq!(once.len() + dropped.interactions, log.len());
    if let Ok((train, test)) = Split::LastOut.apply(&log, 0) {
        assert_eq!(train.len() + test.len(), log.len());
    }
});
