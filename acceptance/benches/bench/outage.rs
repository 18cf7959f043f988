//! A week without a collector: how long a thousand hosts' spools take to drain, and those of a whole grid on paper.

use std::collections::BTreeMap;
use std::time::Duration;

use wlcg_acceptance::mariadb;
use wlcg_acceptance::outage::model::{self, Drain, Grid};
use wlcg_acceptance::outage::{Habit, Week};
use wlcg_acceptance::programs::Deployment;

use crate::chart::{self, Line};
use crate::cost;
use crate::section::{Row, Section, Target, rounded};

/// Hosts that come back for real.
const HOSTS: usize = 1_000;

/// Packages of each of them.
const PACKAGES: usize = 1_500;

/// Hosts, and their sites, on paper.
const GRID: (usize, usize) = (100_000, 170);

/// The grid's habits, with the words for each.
const HABITS: [(Habit, &str); 4] = [
    (Habit::Timers, "shipped timers"),
    (Habit::Cron, "cron file"),
    (Habit::Herd { asked: true }, "herd that obeys"),
    (Habit::Herd { asked: false }, "herd that is deaf"),
];

/// Minutes after the return that the chart looks at.
const MINUTES: [f64; 12] = [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 240.0, 480.0, 1_440.0];

pub(crate) fn measure() -> Section {
    let mut rows = Vec::new();
    let mut speeds = Vec::new();
    for kind in ["SQLite", "MariaDB"] {
        let deployment = Deployment::new((kind == "MariaDB").then(mariadb::new_database));
        let week = Week::passes(HOSTS, PACKAGES, &deployment);
        let collector = deployment.serve(&[]);
        let drain = week.ends(&deployment, &collector);
        let peak = cost::peak_kib(collector.process()) / 1_024.0;
        week.is_whole(&deployment);
        let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
        drain.posts.iter().for_each(|post| *answers.entry(post.status).or_default() += 1);
        let (reports, all) = (week.spooled(), format!("{kind}: {HOSTS} hosts, {} reports", week.spooled()));
        let told = |what: &str, figure: f64, unit: &str, more: String| {
            Row::figure(&format!("{all}: {what}"), figure, unit, more, Target::None)
        };
        let (delivered, opened) = (drain.delivered.as_secs_f64(), drain.opened.as_secs_f64());
        rows.push(told("all delivered after", delivered, " s", format!("answers {answers:?}, lost 0")));
        rows.push(told("all opened after", opened, " s", String::new()));
        let waits = drain.posts.iter().map(|post| post.took);
        rows.push(told("p99 of an acknowledgement", quantile(waits.clone(), 0.99), " ms", shown(waits)));
        let pages = drain.pages.iter().copied();
        rows.push(told("p99 of a page of the desk", quantile(pages.clone(), 0.99), " ms", shown(pages)));
        rows.push(told("most memory of the collector", peak, " MiB", String::new()));
        speeds.push((reports as f64 / delivered, reports as f64 / opened));
    }
    let (received, opened) = speeds[0];
    let drains = HABITS
        .map(|(habit, words)| (words, model::drain(Grid { hosts: GRID.0, sites: GRID.1, habit, received, opened })));
    rows.extend(drains.iter().flat_map(|(words, drain)| on_paper(words, drain)));
    Section {
        title: "A week's outage: the drain",
        method: method(received, opened),
        rows,
        remarks: REMARKS.to_owned(),
        charts: vec![(draw(&drains), "Hosts that have something to deliver, by minutes since the return".to_owned())],
    }
}

fn method(received: f64, opened: f64) -> String {
    format!(
        "*For real*: {HOSTS} hosts with {PACKAGES} packages each live through a week in which nobody answers, or a proxy says 503: the \
         reporter's own code at the times of the shipped timers and of the file for cron, by a clock of its own, with a signed and \
         sealed report a day in each host's spool. Then a collector is there, and all deliver at once, 64 at a time and every fifth \
         by the program itself, whatever pauses they had set themselves, while an officer looks at four pages of the desk in turn. \
         What the collector has afterwards is held against the spools, bit for bit, and every host's history against a model. Hosts, \
         proxy, officer and collector share the same cores.\n\n*On paper*: {} hosts at {} sites, half of them behind one address \
         each, through the same week and back at 10:00, by the same timers, pauses, `Retry-After` and default bounds, whose code is \
         the programs' own; the collector is a queue that acknowledges {received:.0} and opens {opened:.0} reports a second, as it did on SQLite for \
         real, and answers 503 after {} s. A herd is what the reporter is not: every host reports and tries again at the same second, \
         every ten minutes, and obeys `Retry-After` or is deaf to it.",
        GRID.0,
        GRID.1,
        wlcg_package_collector::intake::ANSWER.as_secs(),
    )
}

const REMARKS: &str = "\
The pauses that hosts set themselves while nobody answers grow to six hours, so that is how long the last of a grid takes to \
come back; half are there after two. The busiest second has some 170 posts, a tenth of what the collector takes, and nobody is put \
off. Cron knows no pause but the hour: all are back after one, in bursts at full minutes that wait for a second. A herd of the \
same size comes with 100,000 posts in one second, of which those that wait for 25 s are answered 503; it is back sooner, as \
the collector does nothing else meanwhile. `Retry-After` is shorter than the herd's ten minutes, so that whether it obeys \
makes no difference.";

fn on_paper(words: &str, drain: &Drain) -> [Row; 2] {
    let what = |what: &str| format!("{} hosts on paper, {words}: {what}", GRID.0);
    let minutes = |seconds: f64| seconds / 60.0;
    let shares = format!(
        "half {} min, 99 % {} min; all opened {} min",
        rounded(minutes(drain.after(0.5))),
        rounded(minutes(drain.after(0.99))),
        rounded(minutes(drain.opened))
    );
    let load = format!(
        "{} put off, slowest acknowledgement {} s, most unopened {}",
        drain.turned,
        rounded(drain.slowest),
        drain.unopened
    );
    [
        Row::figure(&what("all delivered after"), minutes(drain.after(1.0)), " min", shares, Target::None),
        Row::figure(&what("busiest second"), drain.busiest as f64, " posts", load, Target::None),
    ]
}

fn draw(drains: &[(&str, Drain)]) -> String {
    let line = |(words, drain): &(&str, Drain)| {
        let left = MINUTES.map(|minutes| (minutes, drain.left(minutes * 60.0) as f64));
        // What is nothing has no place on an axis of powers.
        Line { name: (*words).to_owned(), points: left.into_iter().filter(|(_, hosts)| *hosts >= 1.0).collect() }
    };
    let lines: Vec<Line> = drains.iter().map(line).collect();
    chart::write(
        "bench-outage.svg",
        "A grid comes back after a week",
        ("minutes since the return", "hosts that have something to deliver"),
        &lines,
    )
}

fn quantile(times: impl Iterator<Item = Duration>, share: f64) -> f64 {
    let mut sorted: Vec<Duration> = times.collect();
    sorted.sort();
    let last = sorted.len().saturating_sub(1) as f64;
    sorted[(last * share).round() as usize].as_secs_f64() * 1_000.0
}

fn shown(times: impl Iterator<Item = Duration> + Clone) -> String {
    let [half, most] = [0.5, 1.0].map(|share| rounded(quantile(times.clone(), share)));
    format!("{}, p50 {half} ms, max {most} ms", times.count())
}
