//! One hot function so many times, for `.ci/instructions`, which counts what the processor is given to do.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "it ends where something is not as it should be"
)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;

use jiff::Timestamp;
use report::package::{Package, Packager};
use report::report::{Header, Report};
use report::sealed::{self, ContentEncryption, OpeningKey, SigningKey};
use report::{compression, text, version};
use wlcg_acceptance::rpm_database::REAL;
use wlcg_package_reporter::packages::{dpkg, rpm};

/// Packages of the host.
const PACKAGES: usize = 1_500;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, function, times, key] = arguments.as_slice() else {
        panic!("instructions FUNCTION TIMES KEY-FILE");
    };
    let report = Report { header: header(), packages: packages() };
    let text = text::write(&report).unwrap();
    let section = text::read_header(text.as_bytes()).unwrap().1;
    let key = OpeningKey::from_pem(&std::fs::read(key).unwrap(), None).unwrap();
    let signer = SigningKey::generate("wn1.example.org", Timestamp::from_second(1_700_000_000).unwrap()).unwrap();
    let content = compression::compress(text.as_bytes()).unwrap();
    let signed = signer.sign(&content).unwrap();
    let recipients = [key.recipient().clone()];
    let seal = || sealed::seal(&signed, &recipients, ContentEncryption::default()).unwrap();
    let sealed = seal();
    let keys = [key];
    let status = status();
    let step: Box<dyn Fn()> = match function.as_str() {
        "format" => Box::new(|| drop(black_box(text::write(&report).unwrap()))),
        "compress" => Box::new(|| drop(black_box(compression::compress(text.as_bytes()).unwrap()))),
        "sign" => Box::new(|| drop(black_box(signer.sign(&content).unwrap()))),
        "seal" => Box::new(|| drop(black_box(seal()))),
        "open" => Box::new(|| drop(black_box(sealed::open(&sealed, &keys).unwrap()))),
        "verify" => Box::new(|| drop(black_box(sealed::verify(&signed).unwrap().unwrap()))),
        "expand" => Box::new(|| drop(black_box(compression::expand(content.clone()).unwrap()))),
        "list-hash" => Box::new(|| drop(black_box(section.hash_as_received().to_string()))),
        "parse" => Box::new(|| drop(black_box(text::read(text.as_bytes()).unwrap()))),
        "dpkg-read" => Box::new(|| drop(black_box(dpkg::parse(status.as_bytes(), Path::new("status")).unwrap()))),
        "rpm-read" => Box::new(|| drop(black_box(rpm::read_folder(&Path::new(REAL).join("centos7-plain")).unwrap()))),
        "compare" => Box::new(|| {
            for pair in report.packages.windows(2) {
                black_box(version::compare(Packager::Rpm, &pair[0].version, &pair[1].version));
            }
        }),
        other => panic!("no function {other}"),
    };
    for _ in 0..times.parse().unwrap() {
        step();
    }
}

fn header() -> Header<'static> {
    Header {
        host: Cow::Borrowed("wn1.example.org"),
        site: Some(Cow::Borrowed("CERN-PROD")),
        packager: Packager::Rpm,
        collected: Timestamp::from_second(1_770_000_000).ok(),
        facts: BTreeMap::from([
            (Cow::Borrowed("kernel"), Cow::Borrowed("5.14.0-427.13.1.el9_4.x86_64")),
            (Cow::Borrowed("system"), Cow::Borrowed("AlmaLinux release 9.4 (Seafoam Ocelot)")),
        ]),
    }
}

fn packages() -> Vec<Package<'static>> {
    let package = |number: usize| Package {
        name: format!("some-package-{number:04}").into(),
        version: format!(
            "{}:{}.{}.{}-{}.el9_{}",
            number % 3,
            number % 7,
            number % 11,
            number % 13,
            number % 5,
            number % 4
        )
        .into(),
        arch: if number.is_multiple_of(4) { "noarch" } else { "x86_64" }.into(),
        packager: Packager::Rpm,
    };
    (0..PACKAGES).map(package).collect()
}

/// A status file of the same number of packages, each paragraph with what dpkg keeps there.
fn status() -> String {
    (0..PACKAGES).fold(String::new(), |mut status, number| {
        let _ = write!(
            status,
            "Package: some-package-{number:04}\nStatus: install ok installed\nPriority: optional\nSection: libs\n\
             Installed-Size: {number}\nMaintainer: Somebody <somebody@example.org>\nArchitecture: amd64\n\
             Version: 1:2.{}-{}\nDepends: libc6 (>= 2.34), libsome{number} (= 1.2.3-4), other (>= 5)\nConffiles:\n \
             /etc/some/{number} 0123456789abcdef0123456789abcdef\nDescription: a package\n {}\nHomepage: https://example.org\n\n",
            number % 17,
            number % 3,
            "with a line of a description that is as long as such lines are ".repeat(4)
        );
        status
    })
}
