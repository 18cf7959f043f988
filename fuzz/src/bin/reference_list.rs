//! Reference lists as TOML and CSV: what reads is written and reads back the same in both, and as people would type it.
#![no_main]

use fuzz::reference::difference::Difference;
use fuzz::reference::typed::Typed;
use fuzz::reference::{ReferenceError, ReferenceList};
use fuzz::table::misleads;
use libfuzzer_sys::fuzz_target;

// The first byte chooses the form.
fuzz_target!(|bytes: &[u8]| {
    let Some((form, rest)) = bytes.split_first() else { return };
    let Ok(text) = str::from_utf8(rest) else { return };
    let read = match form % 2 {
        0 => ReferenceList::from_toml_named(text, ""),
        _ => ReferenceList::from_csv(text, "a list"),
    };
    let list = match read {
        Ok(list) => list,
        Err(ReferenceError::Reference { line, .. } | ReferenceError::Date { line, .. }) => {
            let lines = text.bytes().filter(|byte| *byte == b'\n').count() as u64 + 1;
            assert!((1..=lines).contains(&line), "line {line} of {lines}");
            return;
        }
        Err(_) => return,
    };
    let written = list.to_toml().expect("what was read can be written");
    assert_eq!(ReferenceList::from_toml(&written).expect("what was written can be read"), list, "{written}");
    let written = list.to_csv().expect("what was read can be written");
    assert_eq!(ReferenceList::from_csv(&written, &list.name).expect("what was written can be read"), list, "{written}");
    assert_eq!(Difference::between(&list.references, &list.references), Difference::default());
    for reference in &list.references {
        assert_eq!(Typed::of(reference).read().as_ref(), Ok(reference));
        assert!(!reference.columns().iter().any(|(_, value)| value.contains(misleads)), "{reference:?}");
    }
});
