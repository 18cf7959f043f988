//! Private keys in a PKCS#11 token, a real SoftHSM: made there, never on disk, away and back, and behind a wrong PIN.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use wlcg_acceptance::openssl::openssl;
use wlcg_acceptance::programs::{Collector, Deployment, eventually, program, within};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// Passes every call on to the module and writes it down; from OpenSC.
const SPY: &str = "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so";

const PIN: &str = "271828";

on_both_databases!(
    keys_that_never_were_a_file_open_what_hosts_seal,
    while_the_token_is_away_reports_wait_and_others_go_on,
);

/// A deployment whose officer has an RSA key `hsm-rsa` and an EC key `hsm-ec` in a token, and `officer` in a file.
struct Officer<'a> {
    deployment: &'a Deployment,
}

impl<'a> Officer<'a> {
    fn new(deployment: &'a Deployment) -> Self {
        let officer = Officer { deployment };
        std::fs::create_dir(officer.tokens()).unwrap();
        let config = format!("directories.tokendir = {}\nobjectstore.backend = file\n", officer.tokens().display());
        std::fs::write(officer.path("softhsm2.conf"), config).unwrap();
        officer.tool("softhsm2-util --init-token --free --label officer --so-pin 1618 --pin 271828");
        let open_token = format!("pkcs11-tool --module {MODULE} --token-label officer --login --pin {PIN}");
        officer.tool(&format!("{open_token} --keypairgen --key-type rsa:2048 --id 01 --label hsm-rsa"));
        officer.tool(&format!(
            "{open_token} --keypairgen --key-type EC:prime256v1 --usage-derive --usage-sign --id 02 --label hsm-ec"
        ));
        // As the guide says: the certificate names the token's public key, and anybody may have signed it.
        officer.tool("openssl req -x509 -newkey rsa:2048 -noenc -keyout ca.key -out ca.pem -subj /CN=ca -days 100");
        for (id, name) in [("01", "hsm-rsa"), ("02", "hsm-ec")] {
            officer.tool(&format!("{open_token} --read-object --type pubkey --id {id} --output-file {name}.der"));
            officer.tool(&format!("openssl pkey -pubin -inform DER -in {name}.der -out {name}.pub.pem"));
            officer.tool(&format!(
                "openssl x509 -new -force_pubkey {name}.pub.pem -subj /CN={name} -CA ca.pem -CAkey ca.key -days 100 -out keys/{name}.cert.pem"
            ));
        }
        std::fs::remove_file(officer.path("ca.key")).unwrap();
        officer.configure(MODULE, PIN);
        officer
    }

    fn configure(&self, module: &str, pin: &str) {
        std::fs::write(self.path("pin"), format!("{pin}\n")).unwrap();
        let certificates = ["hsm-rsa", "hsm-ec"].map(|name| self.deployment.certificate(name));
        let config = format!(
            "keys = [{:?}]\nrecipient_bundle_file = {:?}\n[[tokens]]\nmodule = {module:?}\ntoken = \"officer\"\ncertificates = {certificates:?}\npin_file = {:?}\n",
            self.deployment.key("officer"),
            self.path("recipients.p7m"),
            self.path("pin"),
        );
        std::fs::write(self.path("collector.toml"), config).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.deployment.folder.path().join(name)
    }

    fn tokens(&self) -> PathBuf {
        self.path("tokens")
    }

    fn tool(&self, command: &str) -> Output {
        let mut words = command.split(' ');
        let mut tool = Command::new(words.next().unwrap());
        tool.args(words).current_dir(self.deployment.folder.path()).env("SOFTHSM2_CONF", self.path("softhsm2.conf"));
        let output = tool.output().unwrap();
        assert!(output.status.success(), "{command}: {}", said(&output));
        output
    }

    fn command(&self) -> Command {
        let mut command = self.deployment.collector();
        command.env_remove("WLCG_PACKAGE_COLLECTOR_KEY").env("SOFTHSM2_CONF", self.path("softhsm2.conf"));
        command.env("PKCS11SPY", MODULE).env("PKCS11SPY_OUTPUT", self.path("spied"));
        command.arg("--config").arg(self.path("collector.toml"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn serve(&self, arguments: &[&str]) -> Collector {
        self.deployment.start(self.command(), "127.0.0.1:0", arguments)
    }

    /// Seals for a key as a legacy host does, or for an EC key as `openssl cms` does.
    fn seal(&self, key: &str, host: &str) -> Vec<u8> {
        let report = super::text(host, "2026-01-01T04:00:00Z", &[("bash", "0:5-1")]);
        let certificate = self.deployment.certificate(key);
        if key == "hsm-ec" {
            let arguments = ["cms", "-encrypt", "-binary", "-aes-256-gcm", "-outform", "DER", &certificate];
            return openssl(&arguments, report.as_bytes());
        }
        super::seal(&certificate, &report)
    }

    fn send(&self, collector: &Collector, key: &str, host: &str) {
        assert_eq!(collector.report(&self.seal(key, host)).0, 201);
    }

    /// How many reports are opened, wait and are set aside.
    fn inbox(&self) -> [usize; 3] {
        ["opened", "waiting", "unreadable"].map(|state| self.deployment.inbox(state))
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Every file below that holds a private key.
fn private_keys(folder: &Path) -> Vec<PathBuf> {
    let output = Command::new("grep").args(["-rlE", "PRIVATE KEY"]).arg(folder).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect()
}

fn keys_that_never_were_a_file_open_what_hosts_seal(deployment: &Deployment) {
    let officer = Officer::new(deployment);
    assert_eq!(private_keys(officer.deployment.folder.path()), [PathBuf::from(officer.deployment.key("officer"))]);
    officer.says(&["migrate"]);
    let checked = officer.says(&["check"]);
    assert!(checked.contains("keys: 3 ok") && checked.contains("token officer: opens what is sealed for CN=hsm-ec"));
    let list = officer.says(&["keys", "list"]);
    assert!(list.contains("token officer") && list.contains("CN=hsm-ec") && list.contains("officer.key.pem"));

    // Beside a key in a file: serve opens what legacy hosts, openssl and the real reporter seal.
    let collector = officer.serve(&[]);
    for (key, host) in [("hsm-rsa", "rsa.example.org"), ("hsm-ec", "ec.example.org"), ("officer", "file.example.org")] {
        officer.send(&collector, key, host);
    }
    for (host, encryption) in [("wn2.example.org", "aes-256-cbc"), ("wn3.example.org", "aes-256-gcm")] {
        let config = officer.path("reporter.toml");
        std::fs::write(&config, format!("seal = {encryption:?}\n")).unwrap();
        for key in ["hsm-rsa", "hsm-ec"] {
            let mut reporter = Command::new(program("wlcg-package-reporter"));
            reporter.args(["--site", "CERN-PROD", "--host", host, "--url", &collector.url, "--recipient"]);
            reporter.arg(officer.deployment.certificate(key)).arg("--spool").arg(officer.path(host));
            let output = reporter.arg("--config").arg(&config).output().unwrap();
            assert!(output.status.success() && said(&output).contains("acknowledged"), "{}", said(&output));
        }
    }
    // Whatever openssl can be told, also together with somebody whose key is nowhere.
    let sealings = [
        "smime -encrypt -des3 keys/hsm-rsa.cert.pem",
        "smime -encrypt -stream -aes128 ca.pem keys/hsm-rsa.cert.pem",
        "cms -encrypt -aes-256-gcm ca.pem keys/hsm-rsa.cert.pem keys/hsm-ec.cert.pem",
        "cms -encrypt -aes256 -recip keys/hsm-rsa.cert.pem -keyopt rsa_padding_mode:oaep",
        "cms -encrypt -stream -aes-128-gcm ca.pem keys/hsm-ec.cert.pem",
        "cms -encrypt -des3 -recip keys/hsm-ec.cert.pem -keyopt ecdh_kdf_md:sha512",
    ];
    for (number, sealing) in sealings.iter().enumerate() {
        let text = super::text(&format!("o{number}.example.org"), "2026-01-01T04:00:00Z", &[("bash", "0:5-1")]);
        std::fs::write(officer.path("text"), text).unwrap();
        let (command, recipients) = sealing.split_once("-encrypt ").unwrap();
        let options = "-encrypt -binary -outform DER -in text";
        let sealed = officer.tool(&format!("openssl {command}{options} {recipients}")).stdout;
        assert_eq!(collector.report(&sealed).0, 201);
    }
    eventually("all are opened", || officer.inbox() == [13, 0, 0]);
    let hosts = officer.deployment.rows(&["hosts"]);
    assert_eq!(hosts.len(), 11);
    for host in ["rsa.example.org", "ec.example.org", "file.example.org"] {
        let history = officer.deployment.rows(&["history", host]);
        assert!(history.len() == 1 && history[0].to_string().contains("2026-01-01T04:00:00Z"), "{history:?}");
    }
    drop(collector);

    // On another machine than the front door, which has neither key nor token.
    let front = officer.deployment.collector();
    let front = officer.deployment.start(front, "127.0.0.1:0", &["--no-open"]);
    officer.send(&front, "hsm-rsa", "late.example.org");
    assert_eq!(officer.inbox(), [13, 1, 0]);
    assert_eq!(officer.says(&["open", "--once"]), "opened 1, set aside 0\n");

    // Keys in a token sign the recipient bundle as well.
    assert!(officer.says(&["keys", "publish"]).contains("signed by: CN=officer and CN=hsm-rsa and CN=hsm-ec"));
    let bundle = std::fs::read(officer.path("recipients.p7m")).unwrap();
    let read = openssl(&["cms", "-verify", "-noverify", "-inform", "DER"], &bundle);
    assert_eq!(String::from_utf8(read).unwrap().matches("BEGIN CERTIFICATE").count(), 3);
    officer.says(&["keys", "retire", "hsm-ec"]);
    assert!(officer.says(&["keys", "publish"]).contains("hosts seal for: CN=officer and CN=hsm-rsa\n"));
    assert!(officer.path("keys/hsm-ec.retired").is_file());

    // What is kept leaves the retired key, and nobody is told so while the token is away.
    let elsewhere = officer.path("pulled-out");
    std::fs::rename(officer.tokens(), &elsewhere).unwrap();
    let away = officer.run(&["keys", "reseal"]);
    assert!(!away.status.success() && said(&away).contains("when the key is back"), "{}", said(&away));
    std::fs::rename(&elsewhere, officer.tokens()).unwrap();
    let resealed = officer.says(&["keys", "reseal"]);
    assert!(resealed.contains("6 of 14 reports were sealed for CN=hsm-ec"), "{resealed}");
    assert!(officer.says(&["keys", "reseal"]).contains("0 of 14 reports"));
}

fn while_the_token_is_away_reports_wait_and_others_go_on(deployment: &Deployment) {
    let officer = Officer::new(deployment);
    let mut collector = officer.serve(&[]);
    officer.send(&collector, "hsm-rsa", "wn1.example.org");
    eventually("the first is opened", || officer.inbox() == [1, 0, 0]);

    let elsewhere = officer.path("pulled-out");
    std::fs::rename(officer.tokens(), &elsewhere).unwrap();
    for (key, host) in [("hsm-rsa", "wn2.example.org"), ("hsm-ec", "wn3.example.org"), ("officer", "wn4.example.org")] {
        officer.send(&collector, key, host);
    }
    eventually("the key in a file goes on", || officer.inbox() == [2, 2, 0]);
    // More than are looked at together: what came behind them is opened all the same.
    for number in 0..100 {
        officer.send(&collector, "hsm-rsa", &format!("many{number}.example.org"));
    }
    officer.send(&collector, "officer", "wn5.example.org");
    eventually("round after round", || officer.inbox() == [3, 102, 0]);
    assert_eq!(collector.get("/readyz").0, 200);
    let log = officer.deployment.log();
    assert_eq!(log.matches("a key cannot be used").count(), 1, "{log}");
    assert!(log.contains("token \"officer\" of /usr/lib/softhsm/libsofthsm2.so: "), "{log}");
    let once = officer.run(&["open", "--once"]);
    assert!(!once.status.success() && said(&once).contains("102 reports wait for a key"), "{}", said(&once));
    let checked = officer.run(&["check"]);
    assert!(!checked.status.success() && said(&checked).contains("key token officer"), "{}", said(&checked));

    std::fs::rename(&elsewhere, officer.tokens()).unwrap();
    eventually("without a restart", || officer.inbox() == [105, 0, 0]);
    assert!(officer.deployment.log().contains("token is back"));
    assert!(collector.terminate().success(), "the library ends before the program does");

    // A module that is gone is no reason to set anything aside either.
    officer.configure("/usr/lib/softhsm/none.so", PIN);
    let collector = officer.serve(&[]);
    officer.send(&collector, "hsm-ec", "wn6.example.org");
    officer.send(&collector, "officer", "wn7.example.org");
    eventually("only what needs the token waits", || officer.inbox() == [106, 1, 0]);
}

#[test]
fn a_library_that_hangs_holds_up_its_own_reports_alone() {
    let deployment = Deployment::new(None);
    let officer = Officer::new(&deployment);
    // SoftHSM waits for ever for a file that somebody else has locked.
    let hold = "import fcntl, glob, sys
files = [open(name, 'r+b') for name in glob.glob(sys.argv[1] + '/*/*')]
for file in files: fcntl.lockf(file, fcntl.LOCK_EX)
print('held', flush=True)
sys.stdin.read()";
    let hang = || {
        let mut holder = Command::new("python3");
        holder.args(["-c", hold]).arg(officer.tokens()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = holder.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "held\n");
        holder
    };
    let mut holder = hang();
    let mut collector = officer.serve(&[]);
    officer.send(&collector, "hsm-rsa", "wn1.example.org");
    for (host, opened) in [("wn2.example.org", 1), ("wn3.example.org", 2), ("wn4.example.org", 3)] {
        officer.send(&collector, "officer", host);
        within(120, "the key in a file goes on, round after round", || officer.inbox() == [opened, 1, 0]);
    }
    assert!(deployment.log().contains("its library does not come back from a call"), "{}", deployment.log());
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    eventually("it goes on without a restart", || officer.inbox() == [4, 0, 0]);

    let mut holder = hang();
    officer.send(&collector, "hsm-rsa", "wn5.example.org");
    assert!(collector.terminate().success(), "nobody waits long for it at the end: {}", deployment.log());
    holder.kill().unwrap();
    holder.wait().unwrap();
    let _collector = officer.serve(&[]);
    eventually("nothing is lost", || officer.inbox() == [5, 0, 0]);
}

#[test]
fn a_damaged_report_is_not_taken_for_a_token_that_is_away() {
    let deployment = Deployment::new(None);
    let officer = Officer::new(&deployment);
    let collector = officer.serve(&[]);
    for key in ["hsm-rsa", "hsm-ec"] {
        // Bits of the encrypted key, which is what the token is asked for, and the last ones of the content.
        let sealed = officer.seal(key, "wn1.example.org");
        let der = openssl(&["asn1parse", "-inform", "DER", "-i"], &sealed);
        let encrypted_key = String::from_utf8(der).unwrap();
        let at = encrypted_key.lines().filter(|line| line.contains("OCTET STRING")).find_map(|line| {
            let number =
                |name: &str| line.split(name).nth(1)?.split_whitespace().next()?.trim_end_matches(':').parse().ok();
            let (offset, header, length) =
                (line.trim().split(':').next()?.parse::<usize>().ok()?, number("hl=")?, number(" l=")?);
            [256, 40].contains(&length).then_some::<usize>(offset + header)
        });
        for bit in 0..5 {
            let mut damaged = sealed.clone();
            damaged[at.unwrap() + bit * 7] ^= 1 << bit;
            assert_eq!(collector.report(&damaged).0, 201);
        }
        officer.send(&collector, key, "wn1.example.org");
    }
    eventually("each is what it is", || officer.inbox() == [2, 0, 10]);
    assert!(!officer.deployment.log().contains("a key cannot be used"), "{}", officer.deployment.log());
}

#[test]
fn a_wrong_pin_is_tried_once_and_reports_wait_for_the_right_one() {
    let deployment = Deployment::new(None);
    let officer = Officer::new(&deployment);
    officer.configure(SPY, "314159");
    let collector = officer.serve(&[]);
    for host in ["wn1.example.org", "wn2.example.org"] {
        officer.send(&collector, "hsm-rsa", host);
        officer.send(&collector, "hsm-ec", host);
    }
    for (opened, host) in [(1, "wn3.example.org"), (2, "wn4.example.org"), (3, "wn5.example.org")] {
        officer.send(&collector, "officer", host);
        eventually("the key in a file goes on, round after round", || officer.inbox() == [opened, 4, 0]);
    }
    assert_eq!(collector.get("/readyz").0, 200);
    let logins = || std::fs::read_to_string(officer.path("spied")).unwrap().matches("C_Login\n").count();
    assert_eq!(logins(), 1, "{}", std::fs::read_to_string(officer.path("spied")).unwrap());
    let log = officer.deployment.log();
    assert_eq!(log.matches("it refuses the PIN (C_Login says PinIncorrect)").count(), 1, "{log}");
    assert!(log.contains("then restart") && !log.contains("314159"), "{log}");
    drop(collector);

    officer.configure(SPY, PIN);
    let collector = officer.serve(&[]);
    eventually("all that waited is opened", || officer.inbox() == [7, 0, 0]);
    assert_eq!(logins(), 2);
    drop(collector);
    let log = officer.deployment.log();
    assert!(!log.contains(PIN), "{log}");
}
