//! What a process cost from its start to its end, as the kernel counted it (getrusage(2)).

use std::process::{Child, Command, Stdio};

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
    let (cost, succeeded) = waited(&mut child);
    assert!(succeeded, "{command:?}");
    cost
}

/// What a program that ends by itself has cost; it must succeed.
pub(crate) fn ended(child: &mut Child) -> Cost {
    let (cost, succeeded) = waited(child);
    assert!(succeeded, "{child:?}");
    cost
}

fn waited(child: &mut Child) -> (Cost, bool) {
    let ended = child.wait4().unwrap();
    let used = ended.rusage;
    let cost = Cost {
        cpu_ms: (used.utime + used.stime).as_secs_f64() * 1_000.0,
        peak_mib: used.maxrss as f64 / (1024.0 * 1024.0),
    };
    (cost, ended.status.success())
}

/// Resident memory of a process that runs, KiB.
pub(crate) fn resident_kib(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
