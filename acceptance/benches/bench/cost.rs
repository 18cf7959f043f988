//! What a process cost from its start to its end, as the kernel counted it (getrusage(2)).

use std::process::{Command, Stdio};

use wait4::Wait4 as _;

/// The cost of one run of a program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// User and system time, milliseconds.
    pub(crate) cpu_ms: f64,
    /// The most memory it held, MiB; at least what the benchmark itself held when it started it.
    pub(crate) peak_mib: f64,
}

/// Runs a program that must succeed; its output is thrown away.
pub(crate) fn of(command: &mut Command) -> Cost {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let ended = child.wait4().unwrap();
    assert!(ended.status.success(), "{command:?}: {}", ended.status);
    let used = ended.rusage;
    Cost { cpu_ms: (used.utime + used.stime).as_secs_f64() * 1_000.0, peak_mib: used.maxrss as f64 / (1024.0 * 1024.0) }
}
