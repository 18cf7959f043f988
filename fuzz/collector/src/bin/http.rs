//! Requests to the collector: each is answered as HTTP and never with a failure of its own, no page holds what is not its own, and
//! what is acknowledged is kept bit for bit.
#![no_main]

use std::path::Path;
use std::sync::{LazyLock, Mutex};

use fuzz_collector::seeds;
use fuzz_collector::stand::Stand;
use libfuzzer_sys::fuzz_target;

static STAND: LazyLock<Mutex<Stand>> = LazyLock::new(|| {
    let mut stand = Stand::new();
    seeds::check(&mut stand, &Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/http"));
    Mutex::new(stand)
});

fuzz_target!(
    init: {
        LazyLock::force(&STAND);
    },
    |bytes: &[u8]| {
        STAND.lock().expect("nobody panicked").send(bytes);
    }
);
