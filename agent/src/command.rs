//! The only starter of processes: a program's whole output within bounds of bytes and time, or why not.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Most output that is read; ten times what 10,000 packages make.
const MAX_OUTPUT: u64 = 16 * 1024 * 1024;

/// Runs `program` and gives its standard output; it has succeeded and closed its output by itself.
///
/// # Errors
/// [`CommandError`]; nothing of a program that failed, hung or said too much is used.
pub fn output(program: &str, arguments: &[&str], patience: Duration) -> Result<Vec<u8>, CommandError> {
    let failed = |what| CommandError { program: program.to_owned(), what };
    let mut child = start(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|source| failed(Failure::Start(source)))?;
    let (said, heard) = mpsc::channel();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let complaints = std::thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(stderr) = stderr {
            let _ = stderr.take(4096).read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).trim().replace('\n', "; ")
    });
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.map_or(Ok(0), |stdout| stdout.take(MAX_OUTPUT + 1).read_to_end(&mut bytes));
        let _ = said.send(read.map(|_| bytes));
    });
    let heard = heard.recv_timeout(patience);
    let stop = |child: &mut std::process::Child| {
        if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = child.wait();
    };
    match heard {
        Ok(Ok(bytes)) if bytes.len() as u64 <= MAX_OUTPUT => {
            let status = child.wait().map_err(|source| failed(Failure::Read(source)))?;
            let complaints = complaints.join().unwrap_or_default();
            if status.success() { Ok(bytes) } else { Err(failed(Failure::Status { status, complaints })) }
        }
        Ok(Ok(_)) => {
            stop(&mut child);
            Err(failed(Failure::TooMuch))
        }
        Ok(Err(source)) => {
            stop(&mut child);
            Err(failed(Failure::Read(source)))
        }
        Err(_) => {
            stop(&mut child);
            Err(failed(Failure::Hung(patience.as_secs())))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the agent's only door to processes")]
fn start(program: &str) -> Command {
    Command::new(program)
}

/// A program whose output cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{program} {what}")]
pub struct CommandError {
    program: String,
    what: Failure,
}

impl CommandError {
    /// Whether the program is not on this host at all.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(&self.what, Failure::Start(error) if error.kind() == std::io::ErrorKind::NotFound)
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("does not start: {0}")]
    Start(std::io::Error),
    #[error("cannot be read: {0}")]
    Read(std::io::Error),
    #[error("ended with {status}: {complaints}")]
    Status { status: std::process::ExitStatus, complaints: String },
    #[error("said more than {MAX_OUTPUT} bytes")]
    TooMuch,
    #[error("gave no whole answer within {0} seconds and was stopped")]
    Hung(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_output_or_a_reason() {
        let run = |script: &str, patience| output("sh", &["-c", script], Duration::from_millis(patience));
        assert_eq!(run("echo $LC_ALL", 10_000).unwrap(), b"C\n");
        assert!(run("echo half; echo broken >&2; exit 3", 10_000).unwrap_err().to_string().contains("broken"));
        assert!(run("echo half; sleep 60", 100).unwrap_err().to_string().contains("stopped"));
        assert!(output("no-such-program-here", &[], Duration::from_secs(1)).unwrap_err().is_missing());
    }
}
