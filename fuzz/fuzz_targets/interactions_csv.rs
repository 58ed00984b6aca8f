//! Delimited text, with and without a header: never a panic; what is read can be written and read again.
#![no_main]

use interactions::{BadRows, Log, ReadOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&flags, text)) = data.split_first() else { return };
    let name = ["log.csv", "log.tsv", "log.csv.gz"][usize::from(flags & 3).min(2)];
    let options = ReadOptions {
        header: flags & 4 != 0,
        quoting: flags & 8 != 0,
        bad_rows: if flags & 16 != 0 { BadRows::SkipAndCount } else { BadRows::Refuse },
        columns: if flags & 32 != 0 {
            "user=0,item=1,time=2,weight=3".parse().unwrap()
        } else {
            Default::default()
        },
        max_record_bytes: 1 << 16,
        ..ReadOptions::default()
    };
    let Ok((log, report)) = Log::read_from(text, name, &options) else { return };
    assert_eq!(report.rows, log.len() as u64);
    let mut written = Vec::new();
    log.write_csv(&mut written).unwrap();
    let (back, _) = Log::read_from(&written[..], "log.csv", &ReadOptions::default()).unwrap();
    assert_eq!(back, log);
});
