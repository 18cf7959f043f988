//! Debian's library that tells a program another time.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Lets a program live by the clock that a file tells, such as `+400d`: it is read whenever the time is.
pub fn by_the_clock_of(command: &mut Command, file: &Path) {
    ahead(command).env("FAKETIME_TIMESTAMP_FILE", file);
}

/// Lets a program live so many seconds ahead of this machine's clock, or behind it.
pub fn ahead_by(command: &mut Command, seconds: i64) {
    ahead(command).env("FAKETIME", format!("{seconds:+}s"));
}

fn ahead(command: &mut Command) -> &mut Command {
    command.env("LD_PRELOAD", library()).env("FAKETIME_NO_CACHE", "1");
    // What cannot leap does not.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1")
}

fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let libraries = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    libraries.into_iter().find(|library| library.exists()).expect("`make deps` installs faketime")
}
