//! One host of the outage: a spool of its own, filled and emptied by the reporter's own code or by the program, at any time.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use jiff::Timestamp;
use report::hash::Hash;
use wlcg_package_reporter::cli::{Options, Report};
use wlcg_package_reporter::config::Config;
use wlcg_package_reporter::exit::Exit;
use wlcg_package_reporter::paths::Paths;
use wlcg_package_reporter::run;
use wlcg_package_reporter::spool::Spool;
use wlcg_package_reporter::state::State;

use super::schedule::{Run, Schedule, instant};
use crate::faketime;
use crate::ledger::Said;
use crate::programs::program;

/// A host with its spool.
pub(super) struct Host {
    /// Its site.
    pub(super) site: String,
    /// Its name.
    pub(super) name: String,
    /// When it runs.
    pub(super) schedule: Schedule,
    number: usize,
    /// Packages of a report.
    packages: usize,
    /// Whether the program itself delivers, once there is a collector.
    is_program: bool,
    file: PathBuf,
    config: Config,
    said: Mutex<Vec<Said>>,
}

/// What makes a host.
pub(super) struct Making<'a> {
    /// Its number.
    pub(super) number: usize,
    /// Its site.
    pub(super) site: String,
    /// When it runs.
    pub(super) schedule: Schedule,
    /// Packages of a report.
    pub(super) packages: usize,
    /// A folder for it.
    pub(super) folder: PathBuf,
    /// Where the collector is.
    pub(super) url: &'a str,
    /// The officer's certificate.
    pub(super) certificate: &'a str,
}

/// The name of a host.
#[must_use]
pub(super) fn name(number: usize) -> String {
    format!("wn{number:06}.example.org")
}

impl Host {
    /// A host that has never run.
    #[must_use]
    pub(super) fn new(making: Making<'_>) -> Self {
        let Making { number, site, schedule, packages, folder, url, certificate } = making;
        let (name, file) = (name(number), folder.join("config.toml"));
        std::fs::create_dir_all(&folder).unwrap();
        // The pauses between the tries of a run are real seconds.
        let settings = format!(
            "site = \"{site}\"\nhost = \"{name}\"\nurl = \"{url}\"\nrecipients = [\"{certificate}\"]\nspool = \"{}\"\ntries = 1\n",
            folder.join("spool").display()
        );
        std::fs::write(&file, settings).unwrap();
        let config = Config::load(&Options { config: Some(file.clone()), ..Options::default() }).unwrap();
        let is_program = number.is_multiple_of(5);
        Host { site, name, schedule, number, packages, is_program, file, config, said: Mutex::default() }
    }

    /// Runs at a time, inside this process; a silence that a run would wait for is over at once.
    pub(super) fn run(&self, run: Run, at: i64) -> Exit {
        let at = at + self.state().silence_left(instant(at)).filter(|silence| *silence <= 30).unwrap_or_default();
        let input = (run == Run::Report).then(|| self.write_text(at));
        match run {
            Run::Report => run::report(&self.config, &Report { input, ..Report::default() }, instant(at)),
            Run::Send => run::send(&self.config, self.schedule.when_due(), instant(at)),
        }
        .unwrap_or_else(|error| panic!("{}: {error}", self.name))
        .exit
    }

    /// Delivers whatever pause it has set itself, as somebody at a terminal does; every fifth host with the program itself.
    pub(super) fn deliver(&self, at: i64) -> bool {
        if !self.is_program {
            let ended = run::send(&self.config, false, instant(at));
            return ended.unwrap_or_else(|error| panic!("{}: {error}", self.name)).exit == Exit::Done;
        }
        let mut program = Command::new(program("wlcg-package-reporter"));
        program.arg("--config").arg(&self.file).arg("send");
        faketime::ahead_by(&mut program, at - Timestamp::now().as_second());
        let ended = program.stdin(Stdio::null()).stdout(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(matches!(ended.status.code(), Some(0 | 75)), "{}: {}: {said}", self.name, ended.status);
        ended.status.success()
    }

    /// What the programs remember of their runs.
    #[must_use]
    pub(super) fn state(&self) -> State {
        State::read(&self.paths().state)
    }

    /// Seconds of silence that it was asked for.
    #[must_use]
    pub(super) fn silence_left(&self, at: i64) -> i64 {
        self.state().silence_left(instant(at)).unwrap_or_default()
    }

    /// The hashes of what waits, oldest first.
    #[must_use]
    pub(super) fn spooled(&self) -> Vec<Hash> {
        self.spool().list().unwrap().into_iter().map(|report| report.hash).collect()
    }

    /// The bytes of a report that waits.
    #[must_use]
    pub(super) fn sealed(&self, report: Hash) -> Vec<u8> {
        self.spool().read(report).unwrap().unwrap()
    }

    /// Everything that it has reported.
    #[must_use]
    pub(super) fn said(&self) -> Vec<Said> {
        self.said.lock().unwrap().clone()
    }

    fn spool(&self) -> Spool {
        let paths = self.paths();
        Spool::new(paths.spool, paths.refused)
    }

    fn paths(&self) -> Paths {
        Paths::find(self.config.spool.as_deref()).unwrap()
    }

    /// Writes what it has installed then: the hosts of a site are alike, and are updated on one day of the week or another.
    fn write_text(&self, at: i64) -> PathBuf {
        let day = usize::try_from(at / super::schedule::DAY).unwrap();
        let version = (day + self.number % 5) / 7;
        let (collected, Host { site, name, packages, .. }) = (instant(at), self);
        let mut text = format!(
            "#\narch: x86_64\ncollected: {collected}\nhost: {name}\nkernel: 5.14.0-427.el9.x86_64\npackager: rpm\nsite: {site}\n\
             system: AlmaLinux release 9.4 (Seafoam Ocelot)\nversion: 1\n#\n"
        );
        for package in 1..*packages {
            let release = if package % 50 == 0 { version } else { package % 13 };
            writeln!(text, "package-{package:04}\t0:{}.{release}-1.el9\tx86_64", package % 7).unwrap();
        }
        writeln!(text, "tools-of-site\t0:1-1.{site}\tnoarch").unwrap();
        let file = self.file.with_file_name("text");
        std::fs::write(&file, text + "#\n").unwrap();
        self.said.lock().unwrap().push(Said { at, what: version, packages: *packages });
        file
    }
}
