//! Any text as the name of an index family: what is read prints to a name of the same family.
#![no_main]

use ann::IndexSpec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(spec) = text.parse::<IndexSpec>() {
        assert_eq!(spec.to_string().parse(), Ok(spec));
    }
});
