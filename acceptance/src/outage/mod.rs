//! A week without a collector, lived through by hosts with spools of their own, and the hour in which all come back.

mod front;
mod host;
pub mod model;
mod schedule;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use report::hash::Hash;

use self::front::Front;
pub use self::front::Post;
use self::host::{Host, Making};
pub use self::schedule::Habit;
use self::schedule::{DAY, Schedule};
use crate::ledger::{has_all_once, history_is};
use crate::programs::{Client, Collector, Deployment};

/// Hosts of a site.
const PER_SITE: usize = 50;

/// Hosts that deliver at the same time once the collector is back.
const AT_ONCE: usize = 64;

/// Who answers for the collector, from which day of the week on: nobody, its proxy, nobody.
const PROXY_ALONE: [(i64, bool); 3] = [(0, false), (2, true), (4, false)];

/// The hosts after a week in which nothing could be delivered.
pub struct Week {
    hosts: Vec<Host>,
    front: Front,
    sent: BTreeMap<Hash, Vec<u8>>,
    /// The second at which the collector is back: now.
    end: i64,
}

/// How it went when all came back.
#[derive(Debug)]
pub struct Drain {
    /// Until the last spool was empty.
    pub delivered: Duration,
    /// Until the last report was opened.
    pub opened: Duration,
    /// What was posted since, in order of the answers.
    pub posts: Vec<Post>,
    /// How long each page of the desk took meanwhile.
    pub pages: Vec<Duration>,
}

impl Week {
    /// Lets hosts report for a week, each at its times and into its spool, and checks that nothing made way.
    #[must_use]
    pub fn passes(hosts: usize, packages: usize, deployment: &Deployment) -> Self {
        let (front, end) = (Front::new(), Timestamp::now().as_second());
        let certificate = deployment.certificate("officer");
        let made = |number: usize| {
            let site = number / PER_SITE;
            // Every second site hides its hosts behind one address.
            let address = if site.is_multiple_of(2) { 1 } else { number % PER_SITE + 1 };
            Host::new(Making {
                number,
                site: format!("SITE-{site:03}"),
                // Every seventh has no systemd.
                schedule: Schedule::of(
                    if number.is_multiple_of(7) { Habit::Cron } else { Habit::Timers },
                    number,
                    &host::name(number),
                ),
                packages,
                folder: deployment.folder.path().join("hosts").join(number.to_string()),
                url: &front.url(&format!("198.18.{site}.{address}")),
                certificate: &certificate,
            })
        };
        let hosts: Vec<Host> = (0..hosts).map(made).collect();
        let begin = end - 7 * DAY;
        for (phase, (day, is_proxy_alone)) in PROXY_ALONE.iter().enumerate() {
            if *is_proxy_alone {
                front.is_alone()
            } else {
                front.is_nobody()
            }
            let until = PROXY_ALONE.get(phase + 1).map_or(end, |(day, _)| begin + day * DAY);
            for_each(&hosts, 4, |host| live(host, begin + day * DAY, until));
        }
        let mut sent = BTreeMap::new();
        for host in &hosts {
            let spooled = host.spooled();
            assert_eq!(spooled.len(), host.said().len(), "{}: each of its reports waits", host.name);
            sent.extend(spooled.into_iter().map(|report| (report, host.sealed(report))));
        }
        Week { hosts, front, sent, end }
    }

    /// Reports that wait.
    #[must_use]
    pub fn spooled(&self) -> usize {
        self.sent.len()
    }

    /// Lets all deliver at once, whatever pauses they have set themselves, while somebody looks at the desk.
    #[must_use]
    pub fn ends(&self, deployment: &Deployment, collector: &Collector) -> Drain {
        let cookie = collector.sign_in(&deployment.link(collector, &[]));
        let of_the_week = self.front.posts().len();
        self.front.leads_to(&collector.url);
        let (begun, is_over) = (Instant::now(), AtomicBool::default());
        let (delivered, pages) = std::thread::scope(|scope| {
            let officer = scope.spawn(|| look(&collector.url, &cookie, &is_over));
            for_each(&self.hosts, AT_ONCE, |host| {
                let mut at = self.end;
                while !host.deliver(at) {
                    at += 1 + host.silence_left(at);
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
            let delivered = begun.elapsed();
            is_over.store(true, Ordering::Relaxed);
            (delivered, officer.join().unwrap())
        });
        while deployment.number("SELECT COUNT(*) FROM inbox WHERE state = 'waiting'") > 0 {
            std::thread::sleep(Duration::from_millis(50));
        }
        Drain { delivered, opened: begun.elapsed(), posts: self.front.posts().split_off(of_the_week), pages }
    }

    /// Holds the collector against what the hosts had spooled: every report bit for bit and once, every host's whole week.
    pub fn is_whole(&self, deployment: &Deployment) {
        assert!(self.hosts.iter().all(|host| host.spooled().is_empty()), "a spool is not empty");
        has_all_once(deployment, &self.sent.iter().map(|(hash, sealed)| (*hash, sealed.as_slice())).collect());
        for_each(&self.hosts, 2, |host| history_is(deployment, &host.name, host.said().into_iter()));
    }
}

/// What the programs of a host do by themselves in a while.
fn live(host: &Host, from: i64, until: i64) {
    let mut at = from;
    loop {
        let (next, run) = host.schedule.next(at, &host.state(), host.spooled().is_empty());
        if next >= until {
            return;
        }
        host.run(run, next);
        at = next;
    }
}

/// Looks at the pages of the desk in turn until all is over: the whole grid, a site, hosts, the inbox.
fn look(collector: &str, cookie: &str, is_over: &AtomicBool) -> Vec<Duration> {
    let (client, mut took) = (Client::default(), Vec::new());
    for path in ["/", "/sites", "/find?q=package-0050", "/inbox"].into_iter().cycle() {
        let begun = Instant::now();
        let (status, page) = client.get(&format!("{collector}{path}"), &[("cookie", cookie)]);
        assert!(status == 200 && !page.is_empty(), "{path}: {status}");
        took.push(begun.elapsed());
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    took
}

fn for_each(hosts: &[Host], threads: usize, what: impl Fn(&Host) + Sync) {
    let next = AtomicUsize::default();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(host) = hosts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    what(host);
                }
            });
        }
    });
}
