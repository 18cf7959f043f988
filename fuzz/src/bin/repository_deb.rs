//! Packages: the order of its paragraphs does not matter, nor does saying them twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use report::package::Packager;
use report::version::deb::compare;

fuzz_target!(|text: &str| {
    let Some(newest) = fuzz::newest(text.as_bytes()) else { return };
    if newest.packager() != Packager::Dpkg {
        return;
    }
    let mut paragraphs: Vec<String> = vec![String::new()];
    for line in text.split_inclusive('\n') {
        match line {
            "\n" | "\r\n" => paragraphs.push(String::new()),
            line => paragraphs.last_mut().expect("one").push_str(line),
        }
    }
    paragraphs.reverse();
    let turned = paragraphs.join("\n") + "\n" + &paragraphs.join("\n");
    // What begins like XML is taken for it.
    if turned.trim_start_matches('\u{feff}').trim_ascii_start().starts_with('<') {
        return;
    }
    let again = fuzz::newest(turned.as_bytes()).expect("it was read before");
    assert_eq!(again.packages(), 2 * newest.packages());
    assert!(again.versions().keys().eq(newest.versions().keys()));
    for (left, right) in newest.versions().values().zip(again.versions().values()) {
        assert!(compare(left, right).is_eq(), "{left:?} {right:?}");
    }
});
