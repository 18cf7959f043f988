//! A farm: hosts cloned from one image, which its site installs, updates and migrates together over the year.

use std::cmp::Reverse;

use fastrand::Rng;

use super::catalogue::Catalogue;
use super::image::{Image, Role, State};
use super::site::{Pace, Site};
use super::system::Os;
use super::{TODAY, kernel, product};

/// Clones and the states they go through.
pub(super) struct Farm {
    /// Place of the site in the grid.
    pub(super) site: usize,
    pub(super) role: Role,
    pub(super) hosts: usize,
    pub(super) image: Image,
    /// In order of time, the first from before its first report.
    pub(super) states: Vec<State>,
    pub(super) cpu: &'static str,
}

/// Days between two states: clones take the steps within a few days, and one step must not overtake another.
const APART: i32 = 9;

/// Of so many sites one updates a farm on the last day: what changed since yesterday has something to show.
const WAVE: usize = 8;

/// Such a farm was left alone since this day, while newer versions came to be asked for.
const LEFT_ALONE: i32 = 160;

/// The farms of a site.
pub(super) fn of_site(at: usize, site: &Site, catalogue: &Catalogue, rng: &mut Rng) -> Vec<Farm> {
    let mut farms = Vec::new();
    let roles = roles(site, rng);
    let last = roles.len().saturating_sub(1);
    for (position, (role, hosts)) in roles.into_iter().enumerate() {
        let mut rng = rng.fork();
        // The last farm of a site are workers, where it has any.
        let in_wave = site.number.is_multiple_of(WAVE) && position == last;
        let position = i32::try_from(position).unwrap_or(i32::MAX);
        farms.push(Farm {
            site: at,
            role,
            hosts,
            image: Image::invent(role, site.os, catalogue, &mut rng),
            states: states(site, position, in_wave, &mut rng),
            cpu: CPUS.get(rng.usize(0..CPUS.len())).copied().unwrap_or_default(),
        });
    }
    farms
}

/// Which roles, and how many clones of each: a computing element and storage for every score of workers.
fn roles(site: &Site, rng: &mut Rng) -> Vec<(Role, usize)> {
    let storage = if site.tier.is_none() || site.pace == Pace::Never || rng.bool() {
        Role::XrootdStorage
    } else {
        Role::DcacheStorage
    };
    let element = if site.naming.osg || rng.bool() { Role::HtcondorCe } else { Role::ArcCe };
    let mut left = site.hosts;
    let mut roles = Vec::new();
    let mut add = |role, number: usize, farm: usize, left: &mut usize| {
        let mut number = number.min(*left);
        *left -= number;
        while number > 0 {
            roles.push((role, number.min(farm)));
            number -= number.min(farm);
        }
    };
    if site.tier.is_none() {
        add(storage, left, 2, &mut left);
    }
    add(storage, 1 + site.hosts / 9, 8, &mut left);
    if site.hosts > 3 {
        add(element, 1 + site.hosts / 60, 2, &mut left);
        add(Role::Ui, usize::from(site.hosts > 8), 1, &mut left);
    }
    add(Role::Worker, left, rng.usize(16..26), &mut left);
    roles
}

enum Step {
    Update,
    Migrate,
    Reinstall,
}

fn states(site: &Site, position: i32, in_wave: bool, rng: &mut Rng) -> Vec<State> {
    let installed = site.joined - rng.i32(0..60);
    let migrated = |day: i32| site.xrootd_5_7.is_some_and(|from| from <= day);
    let mut states = vec![State {
        day: site.joined,
        os: site.os,
        updated: installed,
        xrootd: product::xrootd(installed, migrated(installed)),
        kernels: vec![kernel::current(site.os, installed)],
    }];
    let mut steps = steps(site, position, rng);
    if in_wave {
        steps.retain(|(day, step)| *day < LEFT_ALONE || matches!(step, Step::Migrate));
        steps.retain(|(day, _)| *day <= TODAY - APART);
        steps.push((TODAY, Step::Update));
    }
    for (day, step) in steps {
        let Some(before) = states.last() else { break };
        let day = day.max(before.day + APART);
        if day > TODAY {
            break;
        }
        let state = match step {
            // Storage that was migrated stays with the new series, the rest waits for the site's day.
            Step::Update => updated(before, day, product::xrootd(day, before.xrootd >= FIRST_OF_5_7)),
            Step::Migrate => State { day, xrootd: product::xrootd(day, true), ..before.clone() },
            Step::Reinstall => State {
                day,
                os: Os::El9,
                updated: day,
                xrootd: product::xrootd(day, before.xrootd >= FIRST_OF_5_7),
                kernels: vec![kernel::current(Os::El9, day)],
            },
        };
        states.push(state);
    }
    states
}

/// The place of 5.7.0 among XRootD's releases.
const FIRST_OF_5_7: u8 = 3;

fn steps(site: &Site, position: i32, rng: &mut Rng) -> Vec<(i32, Step)> {
    let mut steps = Vec::new();
    // A farm that somebody has forgotten.
    let forgotten = position > 0 && rng.u32(0..100) < 5;
    let mut day = site.joined;
    while let Some(interval) = site.pace.interval(rng).filter(|_| !forgotten) {
        day += interval;
        if day > TODAY {
            break;
        }
        steps.push((day, Step::Update));
    }
    // A site begins with its first farms and goes on with the others.
    let rollout = if site.pace == Pace::Prompt { 1 } else { 4 };
    if let Some(begin) = site.xrootd_5_7.filter(|_| !forgotten) {
        steps.push((begin + position * rollout, Step::Migrate));
    }
    if let Some(begin) = site.el9.filter(|_| !forgotten) {
        steps.push((begin + position * rollout * 2, Step::Reinstall));
    }
    steps.sort_by_key(|(day, _)| *day);
    steps
}

fn updated(before: &State, day: i32, xrootd: u8) -> State {
    let mut kernels = before.kernels.clone();
    kernels.push(kernel::current(before.os, day));
    kernels.dedup();
    // dnf keeps three kernels (installonly_limit), Debian's autoremove two.
    let kept = if matches!(before.os, Os::El8 | Os::El9) { 3 } else { 2 };
    kernels.sort_by_key(|number| Reverse(*number));
    kernels.truncate(kept);
    kernels.reverse();
    State { day, os: before.os, updated: day, xrootd: xrootd.max(before.xrootd), kernels }
}

const CPUS: [&str; 8] = [
    "AMD EPYC 7302 16-Core Processor",
    "AMD EPYC 7452 32-Core Processor",
    "AMD EPYC 7742 64-Core Processor",
    "AMD EPYC 9654 96-Core Processor",
    "Intel(R) Xeon(R) CPU E5-2640 v4 @ 2.40GHz",
    "Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz",
    "Intel(R) Xeon(R) Silver 4216 CPU @ 2.10GHz",
    "Intel(R) Xeon(R) Platinum 8362 CPU @ 2.80GHz",
];
