//! An invented host: its name, its ways, and its reports over the year.

use std::ops::Range;

use fastrand::Rng;

use super::farm::Farm;
use super::image::{Role, State};
use super::site::Site;
use super::{TODAY, kernel};

/// A host and everything it will report.
pub(super) struct Host {
    /// Place of the farm in the grid.
    pub(super) farm: usize,
    pub(super) name: String,
    /// Address that its reports come from.
    pub(super) address: String,
    /// A line that its reporter adds to say that something is wrong on the host.
    pub(super) warning: Option<&'static str>,
    /// Its clock is ahead by so many seconds.
    pub(super) clock_ahead: i64,
    pub(super) signs: bool,
    pub(super) reports: Vec<Moment>,
}

/// A report: when it is collected and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Day of collection, up to [`TODAY`].
    pub(super) day: i32,
    /// Seconds into the day.
    pub(super) second: i32,
    /// Day of receipt; later than that of collection when the collector could not be reached.
    pub(super) received: i32,
    /// Place of the state in its farm.
    pub(super) state: usize,
    /// Number of the running kernel.
    pub(super) running: u8,
}

/// A host that says nothing new is heard of so often, in days.
const HEARTBEAT: i32 = 60;

/// How a host differs from its clones.
struct Ways {
    first_day: i32,
    last_day: i32,
    /// How many days after its farm it takes each step.
    after: i32,
    second: i32,
    /// The second of the last day at which it is updated, when its farm is.
    update: i32,
    /// The state that it never leaves, a straggler.
    stuck: usize,
}

/// The clones of a farm, numbered from `number` in its site; `update` are the seconds of the last day at which a farm is
/// updated on it.
pub(super) fn of_farm(
    at: usize,
    farm: &Farm,
    site: &Site,
    number: usize,
    update: &Range<i32>,
    rng: &mut Rng,
) -> Vec<Host> {
    let position = rng.i32(0..2_400);
    (0..farm.hosts)
        .map(|clone| {
            let mut rng = rng.fork();
            let mut ways = usual_ways(site, position, &mut rng);
            // The first host of a site is as its site wants it, and one of the Tier-0 has just fallen silent: so even a small
            // grid has both.
            match number + clone {
                0 => {}
                2 if site.number == 0 => ways.last_day = JUST_SILENT,
                _ => stray(rng.u32(0..1_000), &mut ways, farm, site, &mut rng),
            }
            let mut address = site.address(number + clone);
            if site.tier.is_some() && rng.u32(0..1_000) < 6 {
                // Outside every prefix: somebody's cloud, or somebody else's host.
                address = format!("203.0.113.{}", 1 + rng.u32(0..250));
            }
            ways.update = rng.i32(update.clone());
            let reports = reports(farm, site, &ways, &mut rng);
            // Never beyond the end of the last day.
            let is_early = reports.iter().all(|report| report.second < 75_000);
            Host {
                farm: at,
                name: host_name(farm.role, site, number + clone),
                address,
                warning: (rng.u32(0..1_000) < 8)
                    .then_some("the certificate that reports are sealed for ends within 30 days: CN=demo"),
                clock_ahead: if rng.u32(0..1_000) < 6 && is_early { rng.i64(400..9_000) } else { 0 },
                signs: !site.legacy && rng.u32(0..100) < 97,
                reports,
            }
        })
        .collect()
}

fn usual_ways(site: &Site, position: i32, rng: &mut Rng) -> Ways {
    Ways {
        first_day: site.joined,
        last_day: TODAY,
        after: rng.i32(0..5),
        second: site.hour + position + rng.i32(0..1_200),
        update: 0,
        stuck: usize::MAX,
    }
}

/// The last day of a host that counts as silent since less than a day, with the default of seven days.
const JUST_SILENT: i32 = TODAY - 7;

/// Some fall silent, some are new, some are left behind by their clones.
fn stray(drawn: u32, ways: &mut Ways, farm: &Farm, site: &Site, rng: &mut Rng) {
    match drawn {
        0..30 => ways.last_day = rng.i32(site.joined + 5..TODAY - 8),
        30..50 => ways.first_day = rng.i32(TODAY - 6..TODAY),
        50..85 => ways.stuck = rng.usize(0..farm.states.len().max(1)),
        _ => {}
    }
}

fn host_name(role: Role, site: &Site, number: usize) -> String {
    let domain = &site.naming.domain;
    let number = number + 1;
    match role {
        Role::Worker if site.number.is_multiple_of(3) => format!("wn{number:04}.{domain}"),
        Role::Worker if site.number % 3 == 1 => format!("node{:02}-{:02}.{domain}", number / 40 + 1, number % 40),
        Role::Worker => format!("b{}n{:03}.{domain}", number / 100 + 1, number % 100),
        Role::XrootdStorage => format!("xrd{number:02}.{domain}"),
        Role::DcacheStorage => format!("dcache-pool{number:03}.{domain}"),
        Role::HtcondorCe => format!("htc-ce{number:02}.{domain}"),
        Role::ArcCe => format!("arc{number:02}.{domain}"),
        Role::Ui => format!("ui{number:02}.{domain}"),
    }
}

/// Every change, now and then a sign of life, and one report of the last day.
fn reports(farm: &Farm, site: &Site, ways: &Ways, rng: &mut Rng) -> Vec<Moment> {
    let mut reports = Vec::new();
    let mut running = None;
    // What begins on the last day is seen on it, by all clones.
    let after = |state: &State| if state.day == TODAY { 0 } else { ways.after };
    for (at, state) in farm.states.iter().enumerate().take(ways.stuck.saturating_add(1)) {
        let next = farm.states.get(at + 1).filter(|_| at < ways.stuck).map_or(i32::MAX, |next| next.day + after(next));
        let day = (state.day + after(state)).max(ways.first_day);
        let second = if state.day == TODAY { ways.update } else { ways.second };
        if next <= day {
            continue;
        }
        let Some(newest) = state.kernels.last().copied() else { continue };
        // What runs is never removed; a reinstalled host and one that is new run what they were installed with.
        let runs = running.filter(|number| state.kernels.contains(number)).unwrap_or(newest);
        reports.push(Moment { day, second, received: day, state: at, running: runs });
        let reboot = day + site.pace.reboot(rng);
        if runs != newest && reboot < next && state.day < TODAY {
            reports.push(Moment {
                day: reboot,
                second: ways.second + 3_600,
                received: reboot,
                state: at,
                running: newest,
            });
            running = Some(newest);
        } else {
            running = Some(runs);
        }
    }
    reports.retain(|report| report.day <= ways.last_day);
    let mut reports = with_signs_of_life(reports, ways);
    for report in &mut reports {
        report.received = received(site, *report, rng);
    }
    reports
}

fn with_signs_of_life(changes: Vec<Moment>, ways: &Ways) -> Vec<Moment> {
    let mut reports: Vec<Moment> = Vec::with_capacity(changes.len() + 8);
    let end = changes.last().map(|last| Moment { day: ways.last_day, received: ways.last_day, ..*last });
    for report in changes.into_iter().chain(end) {
        while let Some(last) = reports.last().filter(|last| report.day - last.day > HEARTBEAT).copied() {
            let day = last.day + HEARTBEAT;
            reports.push(Moment { day, received: day, second: ways.second, ..last });
        }
        // The last change may have come on the last day.
        if reports.last().is_none_or(|last| (last.day, last.second) < (report.day, report.second)) {
            reports.push(report);
        }
    }
    reports
}

/// The day on which a report arrives: at once, after the site's outage, or long after from a host that was off.
fn received(site: &Site, report: Moment, rng: &mut Rng) -> i32 {
    if site.legacy {
        // pakiti-client keeps nothing: what does not arrive at once is lost, and what it says has no time of its own.
        return report.day;
    }
    if let Some(outage) = site.outage.as_ref().filter(|outage| outage.contains(&report.day)) {
        return outage.end;
    }
    if report.day < TODAY - 40 && rng.u32(0..400) == 0 { report.day + rng.i32(3..40) } else { report.day }
}

impl Moment {
    /// The line that names the running kernel.
    pub(super) fn kernel(&self, farm: &Farm) -> String {
        farm.states.get(self.state).map(|state| kernel::running(state.os, self.running)).unwrap_or_default()
    }
}
