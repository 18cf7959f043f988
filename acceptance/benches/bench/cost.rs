//! What a process cost from its start to its end, as the kernel counted it (getrusage(2), proc(5)).

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use wait4::Wait4 as _;

/// Milliseconds of CPU (user and system) of a program that must succeed; its output is thrown away.
pub(crate) fn of(command: &mut Command) -> f64 {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    ended(&mut child)
}

/// Milliseconds of CPU of a program that ends by itself; it must succeed.
pub(crate) fn ended(child: &mut Child) -> f64 {
    let ended = child.wait4().unwrap();
    assert!(ended.status.success(), "{child:?}: {}", ended.status);
    (ended.rusage.utime + ended.rusage.stime).as_secs_f64() * 1_000.0
}

/// The most memory (MiB) that a program held until its last line of output, and whether it ever had a child process.
///
/// It finds its pipe full when it writes that line, and is looked at while it waits.
pub(crate) fn at_its_last_word(command: &mut Command) -> (f64, bool) {
    const PIPE: usize = 65_536;
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[0; PIPE]).unwrap();
    let mut child = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    assert!(child.try_wait().unwrap().is_none(), "{command:?} waits for its pipe");
    let peak = peak_kib(child.id()) / 1_024.0;
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    // Behind the name: fields 3 and on; 11 counts the page faults of children that were waited for.
    let faults_of_children = stat.rsplit_once(") ").unwrap().1.split(' ').nth(8).unwrap().to_owned();
    // The command holds an end of the pipe for writing.
    command.stdout(Stdio::null());
    let mut said = Vec::new();
    reader.read_to_end(&mut said).unwrap();
    assert!(child.wait().unwrap().success() && said.len() > PIPE);
    (peak, faults_of_children != "0")
}

/// Resident memory of a process that runs, KiB.
pub(crate) fn resident_kib(process: u32) -> f64 {
    status_kib(process, "VmRSS:")
}

/// The most memory that a process has held so far, KiB.
pub(crate) fn peak_kib(process: u32) -> f64 {
    status_kib(process, "VmHWM:")
}

/// How long the threads of a process were on a CPU (proc(5), schedstat).
pub(crate) fn on_cpu_ms(process: &str) -> f64 {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let nanoseconds = threads.filter_map(|thread| {
        let said = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        said.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e6
}

fn status_kib(process: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
