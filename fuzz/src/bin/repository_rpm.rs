//! primary.xml: packed or not it says the same, its versions are whole, and half of it is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use report::package::Packager;

fuzz_target!(|bytes: &[u8]| {
    let Some(newest) = fuzz::newest(bytes) else { return };
    if newest.packager() != Packager::Rpm {
        return;
    }
    for version in newest.versions().values() {
        let (epoch, rest) = version.split_once(':').expect("an epoch");
        assert!(!epoch.is_empty() && rest.contains('-'), "{version:?}");
    }
    let packed = zstd::bulk::compress(bytes, 1).expect("a frame");
    let again = fuzz::newest(&packed).expect("it was read before");
    assert_eq!(again.versions(), newest.versions());
    let whole = fuzz::trimmed(bytes);
    assert!(
        fuzz::newest(&whole[..whole.len() - 1]).is_none_or(|cut| cut.packager() != Packager::Rpm),
        "cut short, and not noticed"
    );
});
