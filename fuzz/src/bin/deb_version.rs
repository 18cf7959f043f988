//! Debian versions: any three texts stand in one order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use report::version::deb::compare;

fuzz_target!(|text: &str| {
    let mut versions = text.splitn(3, '\n');
    let (Some(a), Some(b), Some(c)) = (versions.next(), versions.next(), versions.next()) else { return };
    assert!(compare(a, a).is_eq());
    assert_eq!(compare(a, b), compare(b, a).reverse());
    if compare(a, b).is_le() && compare(b, c).is_le() {
        assert!(compare(a, c).is_le(), "{a:?} <= {b:?} <= {c:?}, and yet not {a:?} <= {c:?}");
    }
});
