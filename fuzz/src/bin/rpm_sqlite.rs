//! rpm's SQLite database: cut it is refused, and one changed byte changes one package at most.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(fuzz::rpm::sqlite);

// Pages of SQLite have no checksums: one that says that it has fewer rows is believed, as rpm believes it.
fuzz_target!(|bytes: &[u8]| fuzz::rpm::judge(bytes, "rpmdb.sqlite", &WHOLE, true));
