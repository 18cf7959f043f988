//! The seal alone: 100 kB sealed and opened, beside `openssl smime` and a bare RSA operation.

use std::process::Command;

use jiff::Timestamp;
use report::sealed::{self, ContentEncryption, KeyKind, OpeningKey};

use crate::cost;
use crate::opening::bare_rsa;
use crate::section::{Row, Section, Target, rounded};
use crate::spread::Spread;

/// Rounds of ours and of the program, in turn.
const ROUNDS: usize = 15;

/// How often ours seals and opens in a round, a second or less: the kernel counts a thread that runs by its ticks.
const TIMES: usize = 1_000;

/// Bytes of the content.
const CONTENT: usize = 100_000;

pub(crate) fn measure() -> Section {
    let at = |second| Timestamp::from_second(second).unwrap();
    let key = OpeningKey::generate(KeyKind::Rsa(2048), "officer", at(1_700_000_000), at(4_000_000_000)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        file.display().to_string()
    };
    let content: Vec<u8> = b"some-package\t0:1.2-3.el9\tx86_64\n".iter().copied().cycle().take(CONTENT).collect();
    let (recipients, keys) = ([key.recipient().clone()], [key.clone()]);
    let sealed = sealed::seal(&content, &recipients, ContentEncryption::default()).unwrap();
    assert_eq!(sealed::open(&sealed, &keys).unwrap(), content);
    let certificate = file("certificate", &key.recipient().to_pem().unwrap());
    let private = file("key", &key.to_pem(None).unwrap());
    let (plain, closed) = (file("plain", &content), file("sealed", &sealed));
    let encrypt = ["-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", "-in", &plain, &certificate];
    let decrypt = ["-decrypt", "-binary", "-inform", "DER", "-in", &closed, "-recip", &certificate, "-inkey", &private];
    let (mut sealing, mut opening, mut to_rsa) = (Vec::new(), Vec::new(), Vec::new());
    let bare = bare_rsa();
    for _ in 0..ROUNDS {
        let seal = each(|| drop(sealed::seal(&content, &recipients, ContentEncryption::default()).unwrap()));
        sealing.push((seal, smime(&encrypt)));
        let open = each(|| drop(sealed::open(&sealed, &keys).unwrap()));
        opening.push((open, smime(&decrypt)));
        to_rsa.push((bare, open));
    }
    Section {
        title: "The seal: 100 kB for one recipient",
        method: format!(
            "{CONTENT} bytes for an RSA-2048 recipient, AES-256-CBC, within the process as the programs do it ({TIMES} times in a row), \
             and by one `openssl smime` (the whole process), both by their CPU; {ROUNDS} rounds in turn. The limit of \
             opening is what `openssl speed rsa2048` spends on a private-key operation just before."
        ),
        rows: vec![
            against("sealing", "`openssl smime -encrypt`", &sealing),
            against("opening", "`openssl smime -decrypt`", &opening),
            Row::ratio(
                "opening, rate to the bare operation's",
                shown(&opening, |pair| pair.0),
                format!("RSA-2048 {} ms", rounded(bare)),
                Spread::of_ratios(&to_rsa),
                Target::None,
            ),
        ],
        remarks: REMARKS.to_owned(),
        ..Section::default()
    }
}

const REMARKS: &str = "\
What the program adds is starting up: OpenSSL's configuration, its providers and the reading of the certificate, anew for each report. \
Without that, opening is the RSA operation, the AES over the content and the reading of the structure around it.";

fn against(what: &str, program: &str, pairs: &[(f64, f64)]) -> Row {
    let peer = format!("{program} {}", shown(pairs, |pair| pair.1));
    Row::ratio(what, shown(pairs, |pair| pair.0), peer, Spread::of_ratios(pairs), Target::AtMost(1.0))
}

fn shown(pairs: &[(f64, f64)], which: impl Fn(&(f64, f64)) -> f64) -> String {
    Spread::of(pairs.iter().map(which)).shown(" ms CPU")
}

/// Milliseconds of CPU of each of [`TIMES`] calls.
fn each(mut call: impl FnMut()) -> f64 {
    let before = cost::on_cpu_ms("self");
    (0..TIMES).for_each(|_| call());
    (cost::on_cpu_ms("self") - before) / TIMES as f64
}

/// Milliseconds of CPU of one `openssl smime`.
fn smime(arguments: &[&str]) -> f64 {
    cost::of(Command::new("openssl").arg("smime").args(arguments))
}
