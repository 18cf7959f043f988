//! Report text: what is written reads back, and what legacy hosts send is read or refused with its line.
#![allow(clippy::unwrap_used, reason = "a test ends where its expectation does")]

use std::borrow::Cow;

use proptest::prelude::*;
use report::package::{Package, Packager};
use report::report::{Header, Report};
use report::text::{self, Expected};

const EXAMPLE: &str = "#\narch: x86_64\ncollected: 2026-01-31T04:05:06Z\ncpu: AMD EPYC 7742 64-Core Processor\nhost: wn042.example.org\nkernel: 5.14.0-427.13.1.el9_4.x86_64\npackager: rpm\nreporter: wlcg-package-reporter 0.1.0\nsite: CERN-PROD\nsystem: AlmaLinux release 9.4 (Seafoam Ocelot)\ntag: MWR\nversion: 1\n#\nbash\t0:5.1.8-9.el9\tx86_64\nzlib\t0:1.2.11-40.el9\tx86_64\n#\n";

#[test]
fn the_documented_example_reads_and_writes_back_byte_for_byte() {
    let report = text::read(EXAMPLE.as_bytes()).unwrap();
    assert_eq!(report.header.host, "wn042.example.org");
    assert_eq!(report.header.site.as_deref(), Some("CERN-PROD"));
    assert_eq!(report.header.fact("kernel"), "5.14.0-427.13.1.el9_4.x86_64");
    assert_eq!(report.packages.len(), 2);
    assert_eq!(text::write(&report).unwrap(), EXAMPLE);
}

#[test]
fn the_hash_of_the_bytes_is_the_hash_of_the_list() {
    let (header, section) = text::read_header(EXAMPLE.as_bytes()).unwrap();
    let packages = section.parse().unwrap();
    assert_eq!(section.hash_as_received(), text::list_hash(header.packager, &packages).unwrap());
    let reversed: Vec<_> = packages.into_iter().rev().collect();
    assert_eq!(section.hash_as_received(), text::list_hash(header.packager, &reversed).unwrap());
}

#[test]
fn legacy_oddities_are_read() {
    let odd = EXAMPLE
        .replace('\n', " \r\n")
        .replace("wn042.example.org", "wn042.example.org wn042 localhost")
        .replace("site: CERN-PROD \r\n", "");
    let report = text::read(odd.as_bytes()).unwrap();
    assert_eq!(report.header.host, "wn042.example.org");
    assert_eq!(report.header.site, None);
    assert_eq!(report.packages, text::read(EXAMPLE.as_bytes()).unwrap().packages);
    assert!(text::read(EXAMPLE.trim_end().as_bytes()).is_ok(), "the last line feed may be missing");
}

#[test]
fn every_cut_is_refused_and_every_cut_in_the_packages_is_called_truncated() {
    let header_end = EXAMPLE.find("\n#\nbash").unwrap() + 3;
    for end in 0..EXAMPLE.len() - 2 {
        let error = text::read(&EXAMPLE.as_bytes()[..end]).unwrap_err();
        assert!(end < header_end || error.is_truncated(), "cut at {end}: {error}");
    }
}

#[test]
fn errors_name_the_line_and_what_was_expected() {
    let cases: [(&str, &str, usize, Expected); 8] = [
        ("bash\t0:5.1.8-9.el9\tx86_64", "bash 5.1.8", 14, Expected::Package),
        ("packager: rpm", "packager: pacman", 7, Expected::Packager),
        ("collected: 2026-01-31T04:05:06Z", "collected: yesterday", 3, Expected::Time),
        ("version: 1", "version: 2", 13, Expected::Version("2".to_owned())),
        ("host: wn042.example.org", "host: ", 13, Expected::Header("host")),
        ("tag: MWR", "host: b", 11, Expected::HeaderOnce("host".to_owned())),
        ("cpu: AMD", "cpu: \u{1b}[31mAMD", 4, Expected::HeaderOrSeparator),
        ("zlib", "zl\u{7}ib", 15, Expected::Package),
    ];
    for (from, to, line, expected) in cases {
        let error = text::read(EXAMPLE.replacen(from, to, 1).as_bytes()).map(|_| ()).unwrap_err();
        assert_eq!((error.line, &error.expected), (line, &expected), "{to}");
    }
    let tail = [EXAMPLE, "more\n"].concat();
    assert_eq!(text::read(tail.as_bytes()).unwrap_err().expected, Expected::End);
    assert_eq!(text::read(b"#\nhost: \xff\n").unwrap_err().to_string(), "line 2: expected UTF-8");
}

/// Found by fuzzing: each was read and could not be written, or read back as something else.
#[test]
fn what_is_read_can_be_written() {
    let name_with_space = EXAMPLE.replace("cpu: AMD", "c pu: AMD");
    assert_eq!(text::read(name_with_space.as_bytes()).unwrap_err().line, 4);
    let before_1970 = EXAMPLE.replace("2026-01-31", "-000001-01-31");
    assert_eq!(text::read(before_1970.as_bytes()).unwrap_err().expected, Expected::Time);
    for (from, to) in
        [("04:05:06Z", "04:05:06.5Z"), ("zlib\t0:1.2.11-40.el9\tx86_64", "zlib\t0:1.2.11-40.el9\tx86_64 \trpm")]
    {
        let odd = EXAMPLE.replace(from, to);
        assert_eq!(text::write(&text::read(odd.as_bytes()).unwrap()).unwrap(), EXAMPLE);
    }
}

fn printable() -> impl Strategy<Value = String> {
    "[^\\p{C}\\s:#]{1,12}"
}

prop_compose! {
    fn package()(name in printable(), version in printable(), arch in printable(), rpm in any::<bool>()) -> Package<'static> {
        let packager = if rpm { Packager::Rpm } else { Packager::Dpkg };
        Package { name: Cow::Owned(name), version: Cow::Owned(version), arch: Cow::Owned(arch), packager }
    }
}

proptest! {
    #[test]
    fn whatever_is_written_reads_back_the_same(
        host in printable(), site in proptest::option::of(printable()), seconds in 0_i64..4_000_000_000,
        facts in proptest::collection::btree_map("[a-b]{1,3}", printable(), 0..4),
        packages in proptest::collection::btree_set(package(), 0..20),
    ) {
        let report = Report {
            header: Header {
                host: Cow::Owned(host), site: site.map(Cow::Owned), packager: Packager::Rpm,
                collected: jiff::Timestamp::from_second(seconds).ok(),
                facts: facts.into_iter().map(|(name, value)| (Cow::Owned(name), Cow::Owned(value))).collect(),
            },
            packages: packages.into_iter().collect(),
        };
        let written = text::write(&report).unwrap();
        let mut read = text::read(written.as_bytes()).unwrap();
        read.packages.sort();
        prop_assert_eq!(&read, &report);
        let (_, section) = text::read_header(written.as_bytes()).unwrap();
        prop_assert_eq!(section.hash_as_received(), text::list_hash(Packager::Rpm, &report.packages).unwrap());
        let lines = section.ascending_lines().unwrap();
        let mut one_by_one: Vec<_> = lines.into_iter().map(|line| section.canonical(line).unwrap()).collect();
        one_by_one.sort();
        prop_assert_eq!(one_by_one, report.packages);
    }

    #[test]
    fn lines_that_ascend_and_are_canonical_make_a_canonical_list(
        lines in proptest::collection::vec("[ab]\t[0-1][ \r]?\t[x ]{0,2}(\trpm|\tdpkg|\t)?[ \r]?", 0..5), ends in any::<bool>(),
    ) {
        let text = format!("#\nhost: a\npackager: rpm\n#\n{}{}#\n", lines.join("\n"), if ends { "\n" } else { "" });
        let Ok((_, section)) = text::read_header(text.as_bytes()) else { return Ok(()) };
        let one_by_one: Option<Vec<_>> =
            section.ascending_lines().and_then(|lines| lines.into_iter().map(|line| section.canonical(line)).collect());
        if let Some(packages) = one_by_one {
            prop_assert_eq!(&section.parse().unwrap(), &packages);
            prop_assert_eq!(section.hash_as_received(), text::list_hash(Packager::Rpm, &packages).unwrap());
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = text::read(&bytes);
    }
}
