//! OSG topology's answers: whatever bytes come, what is read can be stored, and half of an answer is none.
#![no_main]

use fuzz::registry::Kind;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::answer(bytes, Kind::Osg));
