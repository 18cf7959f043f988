//! rpm's NDB database: cut it is refused, and no changed byte takes a package away.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(fuzz::rpm::ndb);

fuzz_target!(|bytes: &[u8]| fuzz::rpm::judge(bytes, "Packages.db", &WHOLE, false));
