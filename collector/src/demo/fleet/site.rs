//! An invented site: its size, its systems, and how its people keep them.

use std::ops::Range;

use fastrand::Rng;

use super::names::{self, Naming};
use super::system::{Flavour, Os};
use super::{TODAY, product};

/// A site and its ways.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) naming: Naming,
    /// 0 to 3; `None` for a testbed, which no registry knows.
    pub(super) tier: Option<u8>,
    /// Place in the grid, and in its address prefixes.
    pub(super) number: usize,
    /// How many hosts report.
    pub(super) hosts: usize,
    pub(super) os: Os,
    pub(super) flavour: Flavour,
    pub(super) pace: Pace,
    /// The first report came on this day.
    pub(super) joined: i32,
    /// When its migration to XRootD 5.7 begins.
    pub(super) xrootd_5_7: Option<i32>,
    /// When its reinstallation with el9 begins.
    pub(super) el9: Option<i32>,
    /// The collector could not be reached from there; the reports came at the end.
    pub(super) outage: Option<Range<i32>>,
    /// Seconds into the day at which its hosts report.
    pub(super) hour: i32,
    /// Its hosts still run pakiti-client.
    pub(super) legacy: bool,
    /// Its hosts have addresses of IPv4 alone.
    pub(super) old_addresses: bool,
}

/// How often a site updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Prompt,
    Regular,
    Slow,
    Never,
}

impl Pace {
    /// Days between updates.
    pub(super) fn interval(self, rng: &mut Rng) -> Option<i32> {
        match self {
            Pace::Prompt => Some(rng.i32(35..46)),
            Pace::Regular => Some(rng.i32(60..85)),
            Pace::Slow => Some(rng.i32(110..160)),
            Pace::Never => None,
        }
    }

    /// Days from the installation of a kernel to the reboot into it.
    pub(super) fn reboot(self, rng: &mut Rng) -> i32 {
        match self {
            Pace::Prompt => rng.i32(0..4),
            Pace::Regular => rng.i32(3..35),
            Pace::Slow | Pace::Never => rng.i32(20..120),
        }
    }
}

/// The name of the testbed: in no registry, declared by the operator.
pub(super) const TESTBED: &str = "DEMO-XROOTD-TESTBED";

/// The sites of a grid with `hosts` hosts: one for few hosts, 170 for many, most of them small.
pub(super) fn invent(hosts: usize, rng: &mut Rng) -> Vec<Site> {
    let testbed = if hosts >= 20 { 3 } else { 0 };
    let hosts = hosts - testbed;
    let sizes = sizes(hosts);
    let tier_1 = sizes.len().div_ceil(13);
    let mut sites: Vec<Site> = sizes
        .into_iter()
        .enumerate()
        .map(|(number, hosts)| {
            let mut rng = rng.fork();
            let naming = names::name(number, &mut rng);
            let mut site = site(number, naming, hosts, &mut rng);
            site.tier = Some(match number {
                0 => 0,
                _ if number <= tier_1 => 1,
                _ if hosts <= 2 => 3,
                _ => 2,
            });
            site
        })
        .collect();
    if testbed > 0 {
        let domain = "testbed.example".to_owned();
        let naming = Naming { site: TESTBED.to_owned(), country: "CH", domain, osg: false };
        let mut site = site(sites.len(), naming, testbed, &mut rng.fork());
        // A testbed has what others are going to have.
        site.os = Os::El9;
        site.pace = Pace::Prompt;
        site.joined = 30;
        site.xrootd_5_7 = Some(product::XROOTD_5_7 + 2);
        site.el9 = None;
        site.legacy = false;
        sites.push(site);
    }
    sites
}

/// Hosts by site, falling as such numbers do (Zipf); their sum is `hosts`.
fn sizes(hosts: usize) -> Vec<usize> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number below 171")]
    let number = ((hosts as f64).powf(0.62).round().clamp(1.0, 170.0) as usize).min(hosts);
    let weight = |at: usize| 1.0 / ((at + 2) as f64).powf(0.85);
    let sum: f64 = (0..number).map(weight).sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of `hosts`")]
    let share = |at: usize| (((hosts - number) as f64 * weight(at) / sum) as usize) + 1;
    let mut sizes: Vec<usize> = (0..number).map(share).collect();
    let rest = hosts - sizes.iter().sum::<usize>();
    if let Some(first) = sizes.first_mut() {
        *first += rest;
    }
    sizes
}

fn site(number: usize, naming: Naming, hosts: usize, rng: &mut Rng) -> Site {
    let os = match rng.u32(0..100) {
        0..38 => Os::El8,
        38..78 => Os::El9,
        78..92 => Os::Debian12,
        _ => Os::Ubuntu2404,
    };
    // Some were the first to migrate and have not touched anything since.
    let early = number % 12 == 1;
    let pace = match rng.u32(0..100) {
        _ if early => Pace::Never,
        0..25 => Pace::Prompt,
        25..75 => Pace::Regular,
        75..94 => Pace::Slow,
        _ => Pace::Never,
    };
    let xrootd_5_7 = if early {
        Some(rng.i32(product::XROOTD_5_7..280))
    } else {
        (pace != Pace::Never && rng.u32(0..100) < 75).then(|| some_day(product::XROOTD_5_7 + 5, rng))
    };
    let el9 = (os == Os::El8 && !early && rng.u32(0..100) < 70).then(|| some_day(40, rng));
    let outage = (rng.u32(0..100) < 20).then(|| {
        let from = rng.i32(60..340);
        from..from + rng.i32(2..7)
    });
    Site {
        naming,
        tier: None,
        number,
        hosts,
        os,
        flavour: [Flavour::Alma, Flavour::Alma, Flavour::Rocky, Flavour::RedHat]
            .get(rng.usize(0..4))
            .copied()
            .unwrap_or(Flavour::Alma),
        pace,
        joined: if rng.u32(0..100) < 60 { rng.i32(0..8) } else { rng.i32(8..240) },
        xrootd_5_7,
        el9,
        outage,
        hour: rng.i32(0..23) * 3600,
        legacy: number > 2 && rng.u32(0..100) < 6,
        old_addresses: rng.u32(0..100) < 30,
    }
}

/// A day between `from` and [`TODAY`]: a slow start, then more and more.
fn some_day(from: i32, rng: &mut Rng) -> i32 {
    (0..2).map(|_| rng.i32(from..TODAY)).max().unwrap_or(from)
}

impl Site {
    /// Its networks (of documentation and benchmarks: RFC 3849, RFC 2544).
    pub(super) fn networks(&self) -> [String; 2] {
        [format!("198.18.{}.0/24", self.number), format!("2001:db8:{:x}::/48", self.number)]
    }

    /// The address of its host numbered `host`.
    pub(super) fn address(&self, host: usize) -> String {
        if self.old_addresses {
            format!("198.18.{}.{}", self.number, host % 254 + 1)
        } else {
            format!("2001:db8:{:x}::{:x}", self.number, host + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_many_and_mostly_small_and_hold_every_host() {
        for (hosts, least, most) in [(1, 1, 1), (19, 2, 10), (60, 8, 20), (2_000, 80, 130), (100_000, 171, 171)] {
            let sites = invent(hosts, &mut Rng::with_seed(1));
            assert!((least..=most).contains(&sites.len()), "{hosts}: {}", sites.len());
            assert_eq!(sites.iter().map(|site| site.hosts).sum::<usize>(), hosts);
            assert!(sites.iter().all(|site| site.hosts > 0));
            let mut sizes: Vec<usize> = sites.iter().map(|site| site.hosts).collect();
            sizes.sort_unstable();
            assert!(sizes[sizes.len() / 2] <= hosts.div_ceil(sites.len()), "{hosts}: {sizes:?}");
        }
    }
}
