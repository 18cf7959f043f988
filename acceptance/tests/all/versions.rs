//! Our order of versions against the real dpkg and the real rpm, on generated pairs.

use std::cmp::Ordering;
use std::io::Write as _;
use std::process::{Command, Stdio};

use report::version::{deb, rpm};

const PAIRS: usize = 2_500;

#[test]
fn debian_order_is_that_of_dpkg() {
    let pairs = pairs("0123456789ab~+.-", true);
    // Exit status 0 is yes, 1 is no, 2 is an error of dpkg's.
    let script = "while read -r a b; do for op in lt eq gt; do if dpkg --compare-versions \"$a\" $op \"$b\"; then echo $op; fi; done; done";
    let mut child = Command::new("sh")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = pairs.iter().map(|(left, right)| format!("{left} {right}\n")).collect();
    let writing = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    compare(&pairs, &String::from_utf8(output.stdout).unwrap(), deb::compare);
}

#[test]
fn rpm_order_is_that_of_rpm() {
    let pairs = pairs("0123456789ab~^+._", false);
    let mut answers = String::new();
    for chunk in pairs.chunks(500) {
        let table: String = chunk.iter().map(|(left, right)| format!("{{'{left}','{right}'}},")).collect();
        let lua = format!(
            "%{{lua: for _, p in ipairs({{{table}}}) do local c = rpm.vercmp(p[1], p[2]) print(c < 0 and 'lt\\n' or c > 0 and 'gt\\n' or 'eq\\n') end}}"
        );
        let output = Command::new("rpm").args(["--eval", &lua]).output().expect("rpm; `make deps` installs it");
        answers += std::str::from_utf8(&output.stdout).unwrap();
    }
    let answers: String = answers.lines().filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect();
    compare(&pairs, &answers, rpm::compare);
}

fn compare(pairs: &[(String, String)], answers: &str, ours: fn(&str, &str) -> Ordering) {
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), pairs.len(), "one answer for each pair");
    for ((left, right), answer) in pairs.iter().zip(&answers) {
        let expected = match *answer {
            "lt" => Ordering::Less,
            "gt" => Ordering::Greater,
            "eq" => Ordering::Equal,
            other => panic!("{other:?}"),
        };
        assert_eq!(ours(left, right), expected, "{left} {right}");
    }
    let different = answers.iter().filter(|answer| **answer != "eq").count();
    assert!(different > pairs.len() / 2 && different < pairs.len(), "{different} of the pairs differ");
}

/// Pairs that both programs accept, from a fixed seed: most share a beginning, so that the interesting part is compared.
fn pairs(alphabet: &str, revisions: bool) -> Vec<(String, String)> {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut seed = 20_140_101_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let mut pairs = Vec::with_capacity(PAIRS);
    while pairs.len() < PAIRS {
        let mut word =
            |length: usize| -> String { (0..1 + random(length)).map(|_| alphabet[random(alphabet.len())]).collect() };
        let (start, left_end, right_end) = (word(5), word(4), word(4));
        let (mut left, mut right) = (format!("1{start}{left_end}"), format!("1{start}{right_end}"));
        match random(6) {
            0 => right = left.clone(),
            1 => left = format!("{}:{left}", random(3)),
            2 => right = format!("{}:{right}", random(3)),
            3 if !revisions => (left, right) = (format!("{left}-{}", random(20)), format!("{right}-{}", random(20))),
            _ => {}
        }
        if [&left, &right].iter().all(|version| !version.ends_with('-')) {
            pairs.push((left, right));
        }
    }
    pairs
}
