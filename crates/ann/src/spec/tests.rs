use proptest::prelude::*;

use super::*;

#[test]
fn names_are_read_and_printed() {
    let pq = |m| Coding::new(Codes::Pq { m });
    let fast = |refine, opq| Coding { codes: Codes::PqFast { m: 16 }, opq, refine };
    for (text, spec) in [
        ("Flat", IndexSpec::Flat),
        (" flat ", IndexSpec::Flat),
        ("HNSW", IndexSpec::Hnsw { m: 32 }),
        ("hnsw2", IndexSpec::Hnsw { m: 2 }),
        ("HNSW16, sq8", IndexSpec::HnswSq8 { m: 16 }),
        ("IVF,Flat", IndexSpec::Ivf { nlist: 0, coding: Coding::new(Codes::Flat) }),
        ("IVF1024,Flat", IndexSpec::Ivf { nlist: 1024, coding: Coding::new(Codes::Flat) }),
        ("IVF7,SQ8", IndexSpec::Ivf { nlist: 7, coding: Coding::new(Codes::Sq8) }),
        ("IVF1024,PQ16x8", IndexSpec::Ivf { nlist: 1024, coding: pq(16) }),
        ("IVF1024,PQ16x4fs,Refine(Flat)", IndexSpec::Ivf { nlist: 1024, coding: fast(Refine::Flat, false) }),
        ("OPQ16,IVF9,PQ16x4fs,Refine(SQ8)", IndexSpec::Ivf { nlist: 9, coding: fast(Refine::Sq8, true) }),
        ("OPQ16,PQ16x4fs", IndexSpec::Quantized { coding: fast(Refine::None, true) }),
        ("SQ8", IndexSpec::Quantized { coding: Coding::new(Codes::Sq8) }),
        ("pq8X8", IndexSpec::Quantized { coding: pq(8) }),
        ("RPForest100", IndexSpec::RpForest { trees: 100 }),
        ("rpforest", IndexSpec::RpForest { trees: 100 }),
    ] {
        assert_eq!(text.parse(), Ok(spec));
        assert_eq!(spec.to_string().parse(), Ok(spec));
        if text.contains(char::is_uppercase) && text.contains(char::is_numeric) && !text.contains(' ') {
            assert_eq!(spec.to_string().to_ascii_lowercase(), text.to_ascii_lowercase());
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    let message = |text: &str| text.parse::<IndexSpec>().unwrap_err().to_string();
    let unknown = |part: &str, nearest: &str| {
        assert_eq!(
            message(part),
            format!("unknown part {part:?} in index {part:?}; the nearest is {nearest:?}")
        );
    };
    unknown("Flta", "Flat");
    unknown("HNWS16", "HNSW16");
    unknown("IFV512", "IVF512");
    unknown("PQ16x4", "PQ16x4fs");
    unknown("PQ16x4s", "PQ16x4fs");
    unknown("SQ4", "SQ8");
    unknown("RPFores10", "RPForest10");
    unknown("Flat7", "Flat");
    unknown("PQ16", "PQ16x8");
    unknown("Annoy50", "RPForest50");
    unknown("", "Flat");
    assert!(message("IVF1024").starts_with("index \"IVF1024\" ends too early: expected [OPQm,]"));
    assert_eq!(
        message("IVF64,PQ8x8,Refine(Falt)"),
        r#"unknown part "Refine(Falt)" in index "IVF64,PQ8x8,Refine(Falt)"; the nearest is "Refine(Flat)""#
    );
    assert_eq!(message("HNSW1"), r#""HNSW1" in index "HNSW1": m is 1, expected 2 to 256"#);
    for text in ["HNSW0", "HNSW257", "HNSW99999999999999999999999", "IVF0,Flat", "PQ0x8", "RPForest0"] {
        assert!(matches!(text.parse::<IndexSpec>(), Err(ParseSpecError::Number { .. })), "{text}");
    }
    for text in [
        "Flat,Flat",
        "IVF8,HNSW8",
        "OPQ8,SQ8",
        "OPQ8,PQ4x8",
        "IVF8,Flat,Refine(Flat)",
        "SQ8,IVF8",
        "Refine(Flat)",
    ] {
        assert!(matches!(text.parse::<IndexSpec>(), Err(ParseSpecError::Misplaced { .. })), "{text}");
    }
    assert!(message("Flat,HNSW8").starts_with(r#""HNSW8" cannot stand here"#));
    assert!("".parse::<IndexSpec>().is_err());
    assert!("Flat,".parse::<IndexSpec>().is_err());
}

proptest! {
    #[test]
    fn any_text_has_an_answer(text in ".{0,40}") {
        if let Ok(spec) = text.parse::<IndexSpec>() {
            prop_assert_eq!(spec.to_string().parse(), Ok(spec));
        }
    }

    #[test]
    fn names_of_parts_in_any_order_have_an_answer(
        parts in proptest::collection::vec("(IVF[0-9]{0,3}|OPQ4|PQ[0-9]x(8|4fs)|SQ8|Flat|HNSW|Refine\\((Flat|SQ8)\\))", 1..6)
    ) {
        if let Ok(spec) = parts.join(",").parse::<IndexSpec>() {
            prop_assert_eq!(spec.to_string().parse(), Ok(spec));
        }
    }
}
