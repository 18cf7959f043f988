//! What goes wrong on a host: each with one clear line in `status`, and nothing lost.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use wlcg_acceptance::programs::{Deployment, eventually, program};

use crate::reporter::{answering, run};

fn status(deployment: &Deployment) -> String {
    String::from_utf8(run(deployment, "http://127.0.0.1:1", &["status"]).stdout).unwrap()
}

/// The lines of `status` that tell something, of which there is one.
fn one_line(deployment: &Deployment, told: &str) -> String {
    let status = status(deployment);
    let lines: Vec<&str> = status.lines().filter(|line| line.contains(told)).collect();
    assert_eq!(lines.len(), 1, "{told}: {status}");
    lines[0].to_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_clock_that_is_far_off_is_told() {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&[]);
    for (offset, told) in [("-3d", "behind"), ("+2h", "ahead of")] {
        let mut faked = Command::new("faketime");
        faked.args(["-f", offset]).arg(program("wlcg-package-reporter"));
        faked.args(["--site", "CERN-PROD", "--url", &collector.url, "--recipient", &deployment.certificate("officer")]);
        let output = faked.arg("--spool").arg(deployment.spool()).output().unwrap();
        assert!(output.status.success(), "a wrong clock keeps no report back: {}", said(&output));
        assert!(one_line(&deployment, "clock:").contains(told), "{}", status(&deployment));
    }
    assert!(run(&deployment, &collector.url, &[]).status.success());
    assert!(!status(&deployment).contains("clock:"), "{}", status(&deployment));
}

#[test]
fn an_expired_certificate_is_told_and_loses_no_report() {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&[]);
    let folder = deployment.folder.path();
    let (key, certificate) = (deployment.key("officer"), folder.join("expired.pem"));
    let made = Command::new("faketime")
        .args(["-f", "-10d", "openssl", "x509", "-in", &deployment.certificate("officer"), "-signkey", &key])
        .args(["-days", "3", "-out"])
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", said(&made));
    std::fs::copy(&certificate, deployment.certificate("officer")).unwrap();
    assert!(run(&deployment, &collector.url, &[]).status.success());
    assert!(one_line(&deployment, "EXPIRED").contains("ask the officer"));
}

#[test]
fn a_full_disk_and_a_read_only_folder_are_told_and_the_report_still_goes_out() {
    if let Some(reason) = wlcg_acceptance::systemd_box::unavailable() {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "skipped full and read-only folders: {reason}");
        return;
    }
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&[]);
    // The host's key lies elsewhere: the folders below come and go.
    let (key, certificate) = crate::interoperability::signer(&deployment);
    let pem = deployment.folder.path().join("host.pem");
    std::fs::write(&pem, [std::fs::read(key).unwrap(), std::fs::read(certificate).unwrap()].concat()).unwrap();
    let config = deployment.folder.path().join("config.toml");
    std::fs::write(&config, format!("signing_key = {pem:?}\n")).unwrap();
    let reporter = |url: &str, prepare: &str| {
        let (mut command, spool) = (deployment.reporter(url), deployment.spool());
        command.arg("--config").arg(&config);
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        Command::new("unshare")
            .args([
                "--mount",
                "bash",
                "-c",
                &format!("{prepare}; \"$@\"; code=$?; \"$0\" --spool {} status >&2; exit $code", spool.display()),
            ])
            .arg(program("wlcg-package-reporter"))
            .args(words)
            .output()
            .unwrap()
    };
    let spool = deployment.spool();
    std::fs::create_dir(&spool).unwrap();
    let spool = spool.display();
    // Room for the lock and the state, not for a report; then for nothing at all.
    let full = format!(
        "mount -t tmpfs -o size=16k,mode=700 tmpfs {spool}; head -c 12288 /dev/zero > {spool}/filler 2> /dev/null || true"
    );
    let read_only = format!("mount --bind {spool} {spool}; mount -o remount,ro,bind {spool}");
    for (number, (prepare, told)) in
        [(full, "No space left"), (read_only, "Read-only file system")].into_iter().enumerate()
    {
        let output = reporter(&collector.url, &prepare);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(70), "the unit fails, somebody must look: {text}");
        assert!(text.contains("acknowledged, but it could not have waited here"), "{text}");
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("spool FAILS:")).collect();
        assert!(lines.len() == 1 && lines[0].contains(told), "{text}");
        eventually("the report came all the same", || deployment.inbox("opened") == number + 1);
        let lost = said(&reporter("http://127.0.0.1:1", &prepare));
        assert!(lost.contains("neither delivered") && lost.contains(told), "{lost}");
    }
}

#[test]
fn each_way_of_not_being_answered_has_its_line() {
    let captive = TcpListener::bind("127.0.0.1:0").unwrap();
    let captive_address = captive.local_addr().unwrap();
    // A captive portal that speaks HTTP where TLS was asked for.
    std::thread::spawn(move || {
        for connection in captive.incoming() {
            use std::io::Write as _;
            let _ = connection.unwrap().write_all(b"HTTP/1.1 200 OK\r\n\r\nPlease sign in");
        }
    });
    for (url, told) in [
        (answering("200 OK\ncontent-type: text/html\n\n<html>Please sign in</html>"), "a login page"),
        ("http://no-such-collector.invalid".to_owned(), "DNS"),
        (format!("https://{captive_address}"), "TLS"),
        ("http://127.0.0.1:1".to_owned(), "refused"),
    ] {
        let deployment = Deployment::new(None);
        let output = run(&deployment, &url, &[]);
        assert_eq!(output.status.code(), Some(75), "{}", said(&output));
        assert_eq!(said(&output).lines().count(), 1, "{}", said(&output));
        assert_eq!(deployment.spooled().len(), 1, "kept");
        let line = one_line(&deployment, "last error:");
        assert!(line.contains(told), "{url}: {line}");
    }
}

/// Names of packages long enough not to turn up by chance.
fn names() -> Vec<String> {
    let output = Command::new("dpkg-query").args(["-W", "-f", "${Package}\\n"]).output().unwrap();
    let names = String::from_utf8(output.stdout).unwrap();
    names.lines().filter(|name| name.len() >= 6).map(str::to_owned).collect()
}

#[test]
fn nothing_readable_leaves_the_host() {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&[]);
    let target = collector.url.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let captured = std::sync::Arc::new(std::sync::Mutex::new(Vec::<u8>::new()));
    let keep = std::sync::Arc::clone(&captured);
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut server = std::net::TcpStream::connect(&target).unwrap();
            let (mut back, mut answers) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
            let mut buffer = [0; 65_536];
            while let Ok(read @ 1..) = client.read(&mut buffer) {
                keep.lock().unwrap().extend_from_slice(&buffer[..read]);
                server.write_all(&buffer[..read]).unwrap();
            }
        }
    });
    let plain = deployment.folder.path().join("plain.toml");
    std::fs::write(&plain, "compress = false\ntries = 1\n").unwrap();
    let conf = deployment.folder.path().join("pakiti.conf");
    std::fs::write(&conf, "").unwrap();
    let pakiti = format!("{address}/feeder/");
    for (url, option, file) in [(&address, "--config", &plain), (&pakiti, "--conf", &conf)] {
        let output = deployment.reporter(url).arg(option).arg(file).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
    assert!(run(&deployment, &address, &["check"]).status.success());
    let captured = captured.lock().unwrap().clone();
    let names = names();
    assert!(captured.len() > 20_000 && names.len() > 50, "{} bytes, {} names", captured.len(), names.len());
    let readable =
        |name: &&String| captured.windows(name.len()).any(|window| window.eq_ignore_ascii_case(name.as_bytes()));
    assert_eq!(names.iter().find(readable), None);
    // The capture would have found them: they are in the text itself.
    let shown = run(&deployment, &address, &["show"]).stdout;
    assert!(names.iter().all(|name| shown.windows(name.len()).any(|window| window == name.as_bytes())));
}

#[test]
fn a_database_that_changes_while_it_is_read_is_read_whole_and_never_blocked() {
    let database = tempfile::tempdir().unwrap();
    let folder = database.path().join("var/lib/dpkg");
    std::fs::create_dir_all(&folder).unwrap();
    // dpkg's own way: the new list is written beside the old one and renamed into its place.
    let paragraph = |number: usize, version: usize| {
        format!("Package: p{number}\nStatus: install ok installed\nArchitecture: all\nVersion: {version}\n\n")
    };
    let list = move |version: usize| (0..2_000).map(|number| paragraph(number, version)).collect::<String>();
    std::fs::write(folder.join("status"), list(0)).unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (stopped, writing) = (std::sync::Arc::clone(&stop), folder.clone());
    let writer = std::thread::spawn(move || {
        let mut version = 0;
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            version += 1;
            std::fs::write(writing.join("status-new"), list(version)).unwrap();
            std::fs::rename(writing.join("status-new"), writing.join("status")).unwrap();
        }
        version
    });
    for _ in 0..300 {
        let found = wlcg_package_reporter::packages::collect(database.path(), &[]).unwrap();
        assert_eq!(found.packages.len(), 2_000);
        let version = &found.packages[0].version;
        assert!(found.packages.iter().all(|package| package.version == *version), "a mixed list");
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(writer.join().unwrap() > 20, "it changed meanwhile");
    assert!(!Path::new(&folder.join("lock")).exists());
}
