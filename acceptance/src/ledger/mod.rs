//! What was ever acknowledged, and whether a collector has all of it: bit for bit, once, and as history.

mod kept;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use report::acknowledgement::MEDIA_TYPE;
use report::hash::Hash;
use report::sealed::{self, ContentEncryption, Recipient, SigningKey};
use serde_json::Value;

pub use self::kept::{Said, bodies, has_all_once, history_is, since};
use crate::programs::{Deployment, agent, agent_trusting, post_by, within};

/// The first report of each host, unix seconds.
const BEGIN: i64 = 1_760_000_000;

/// Reports made, posted and acknowledged, while the collector comes and goes.
pub struct Ledger {
    recipient: Recipient,
    hosts: Vec<Host>,
    url: Mutex<String>,
    agent: Mutex<ureq::Agent>,
    made: AtomicUsize,
    stopped: AtomicBool,
    all: Mutex<BTreeMap<Hash, Told>>,
    acknowledged: Mutex<BTreeSet<Hash>>,
    figures: Mutex<Figures>,
}

/// A host that the load reports of.
struct Host {
    site: String,
    name: String,
    key: Option<SigningKey>,
}

/// A report and what it says.
#[derive(Clone)]
struct Told {
    number: usize,
    sealed: Vec<u8>,
    host: usize,
    said: Said,
}

/// A report of the ledger.
#[derive(Debug, Clone)]
pub struct Sent {
    /// How many were made before it.
    pub number: usize,
    /// Its bytes.
    pub sealed: Vec<u8>,
    /// The name of its host.
    pub host: String,
    /// What it says.
    pub said: Said,
    /// Whether a collector has acknowledged it.
    pub acknowledged: bool,
}

/// How posting went.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Acknowledged as new.
    pub stored: usize,
    /// Acknowledged as known.
    pub duplicates: usize,
    /// Told to come back later.
    pub later: usize,
    /// Without an answer.
    pub unanswered: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { stored, duplicates, later, unanswered } = self;
        write!(f, "{stored} stored, {duplicates} acknowledged again, {later} put off, {unanswered} unanswered")
    }
}

impl Ledger {
    /// An empty ledger of reports of six hosts, which do not sign, for the officer of a deployment.
    #[must_use]
    pub fn new(deployment: &Deployment) -> Self {
        let host = |number| Host { site: "CERN-PROD".into(), name: format!("wn{number}.example.org"), key: None };
        Ledger::with(deployment, (0..6).map(host).collect())
    }

    /// The same of these hosts, by site and name, each with a key of its own.
    #[must_use]
    pub fn signed(deployment: &Deployment, hosts: &[(&str, &str)]) -> Self {
        let host = |(site, name): &(&str, &str)| Host {
            site: (*site).to_owned(),
            name: (*name).to_owned(),
            key: Some(SigningKey::generate(name, Timestamp::now()).unwrap()),
        };
        Ledger::with(deployment, hosts.iter().map(host).collect())
    }

    fn with(deployment: &Deployment, hosts: Vec<Host>) -> Self {
        let pem = std::fs::read(deployment.certificate("officer")).unwrap();
        Ledger {
            recipient: Recipient::from_pem(&pem).unwrap().remove(0),
            hosts,
            url: Mutex::default(),
            agent: Mutex::new(agent(10)),
            made: AtomicUsize::default(),
            stopped: AtomicBool::default(),
            all: Mutex::default(),
            acknowledged: Mutex::default(),
            figures: Mutex::default(),
        }
    }

    /// Where the collector is from now on.
    pub fn is_at(&self, url: &str) {
        url.clone_into(&mut self.url.lock().unwrap());
    }

    /// Whom the authority of that file vouches for is believed to be the collector, over TLS.
    pub fn trusts(&self, authority: &Path) {
        *self.agent.lock().unwrap() = agent_trusting(&std::fs::read(authority).unwrap());
    }

    /// Posts new reports over so many connections, each again until it is acknowledged, while `story` goes on.
    pub fn under_load(&self, connections: usize, pause: Duration, story: impl FnOnce()) {
        self.stopped.store(false, Ordering::Relaxed);
        std::thread::scope(|scope| {
            for _ in 0..connections {
                scope.spawn(|| {
                    while !self.stopped.load(Ordering::Relaxed) {
                        let hash = self.make();
                        while !self.post(hash) && !self.stopped.load(Ordering::Relaxed) {
                            std::thread::sleep(Duration::from_millis(20));
                        }
                        std::thread::sleep(pause);
                    }
                });
            }
            // A story that ends by panicking must not leave the others at work.
            let _stop = Stop(&self.stopped);
            story();
        });
    }

    /// Makes the next report; every host says the same for some reports and then something else.
    pub fn make(&self) -> Hash {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let (host, turn) = (number % self.hosts.len(), number / self.hosts.len());
        let at = self.time_of(number);
        let Host { site, name, key } = &self.hosts[host];
        let version = (turn / (2 + host)) % 3;
        let collected = Timestamp::from_second(at).unwrap();
        let more: String = (0..version).map(|n| format!("more{n}\t0:1-1\tx86_64\n")).collect();
        let text = format!(
            "#\ncollected: {collected}\nhost: {name}\npackager: rpm\nsite: {site}\n\
             system: AlmaLinux release 9.4\nversion: 1\n#\nbash\t0:5.{version}-1\tx86_64\n{more}#\n"
        );
        let recipients = std::slice::from_ref(&self.recipient);
        let content = key.as_ref().map_or(text.clone().into_bytes(), |key| key.sign(text.as_bytes()).unwrap());
        let sealed = sealed::seal(&content, recipients, ContentEncryption::Aes256Cbc).unwrap();
        let hash = Hash::of(&sealed);
        let said = Said { at, what: version, packages: version + 1 };
        self.all.lock().unwrap().insert(hash, Told { number, sealed, host, said });
        hash
    }

    /// When the report was collected that so many were made before, unix seconds; no later one is of before.
    #[must_use]
    pub fn time_of(&self, number: usize) -> i64 {
        BEGIN + i64::try_from(number / self.hosts.len()).unwrap() * 3600
    }

    /// How many reports were made so far.
    #[must_use]
    pub fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    /// Every report so far, also those that are not acknowledged yet.
    #[must_use]
    pub fn sent(&self) -> BTreeMap<Hash, Sent> {
        let acknowledged = self.acknowledged.lock().unwrap().clone();
        let all = self.all.lock().unwrap();
        let sent = |(hash, told): (&Hash, &Told)| {
            let Told { number, sealed, host, said } = told.clone();
            let host = self.hosts[host].name.clone();
            (*hash, Sent { number, sealed, host, said, acknowledged: acknowledged.contains(hash) })
        };
        all.iter().map(sent).collect()
    }

    /// Delivers what was not acknowledged.
    pub fn deliver_the_rest(&self) {
        for (hash, _) in self.sent().iter().filter(|(_, sent)| !sent.acknowledged) {
            within(60, "a report is acknowledged in the end", || self.post(*hash));
        }
    }

    /// Posts a report once; whether it is acknowledged. No answer may say that it is refused for good.
    pub fn post(&self, hash: Hash) -> bool {
        let sealed = self.all.lock().unwrap()[&hash].sealed.clone();
        let url = self.url.lock().unwrap().clone();
        let agent = self.agent.lock().unwrap().clone();
        let answer = post_by(&agent, &url, "/v1/reports", &[("content-type", MEDIA_TYPE)], &sealed);
        let mut figures = self.figures.lock().unwrap();
        let Some((status, body)) = answer else {
            figures.unanswered += 1;
            return false;
        };
        match status {
            200 | 201 => {
                let answer: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(answer["report"], hash.to_string(), "{body}");
                let known = !self.acknowledged.lock().unwrap().insert(hash);
                assert!(!known || status == 200, "{hash} was acknowledged, and is new again");
                if status == 201 {
                    figures.stored += 1
                } else {
                    figures.duplicates += 1
                }
                true
            }
            // What the reporter keeps a report for: ours and a proxy's own.
            502..=504 => {
                figures.later += 1;
                false
            }
            _ => panic!("{status}: {body}"),
        }
    }

    /// How many reports are acknowledged by now.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Waits until more reports are acknowledged.
    pub fn goes_on(&self, seconds: u64, what: &str) {
        let before = self.acknowledged();
        within(seconds, what, || self.acknowledged() > before);
    }

    /// The longest time without an acknowledgement, of so many seconds from now on.
    #[must_use]
    pub fn longest_silence(&self, seconds: u64) -> Duration {
        let end = Instant::now() + Duration::from_secs(seconds);
        let (mut stands, mut since, mut longest) = (self.acknowledged(), Instant::now(), Duration::ZERO);
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
            longest = longest.max(since.elapsed());
            let acknowledged = self.acknowledged();
            if acknowledged > stands {
                (stands, since) = (acknowledged, Instant::now());
            }
        }
        longest
    }

    /// How posting went so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.figures.lock().unwrap().clone()
    }

    /// Delivers what was not acknowledged, waits until all is opened, and compares everything that the collector has.
    pub fn check(&self, deployment: &Deployment) {
        let hashes: Vec<Hash> = self.all.lock().unwrap().keys().copied().collect();
        for hash in hashes {
            // What was acknowledged is acknowledged again, and never as new.
            within(60, "a report is acknowledged in the end", || self.post(hash));
        }
        let all = self.all.lock().unwrap();
        has_all_once(deployment, &all.iter().map(|(hash, told)| (*hash, told.sealed.as_slice())).collect());
        for (host, Host { name, .. }) in self.hosts.iter().enumerate() {
            let of_host = all.values().filter(|told| told.host == host).map(|told| told.said);
            history_is(deployment, name, of_host);
        }
    }
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How often a test kills what it tries: `WLCG_KILLS`, else 40.
#[must_use]
pub fn kills() -> u32 {
    std::env::var("WLCG_KILLS").map_or(40, |kills| kills.parse().expect("WLCG_KILLS is a number"))
}

/// A moment that nobody has chosen, at most so long.
#[must_use]
pub fn any_moment(longest: Duration) -> Duration {
    use std::hash::{BuildHasher as _, RandomState};
    let random = RandomState::new().hash_one(longest);
    longest * u32::try_from(random % 10_000).unwrap() / 10_000
}

/// Tells a figure, or why a test does not run: not through `eprintln`, which a test that passes swallows.
pub fn told(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
