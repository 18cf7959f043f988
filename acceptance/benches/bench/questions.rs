//! Questions as people ask them of a grid with a year behind it, over loopback, on both databases.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use wlcg_acceptance::openssl::openssl;
use wlcg_acceptance::programs::{Client, Collector, Deployment, eventually};

use crate::chart::{self, Line};
use crate::grid::{self, DAY, Grid};
use crate::section::{Row, Section, rounded};

/// Questions of each kind, each about other hosts, packages and dates.
const QUESTIONS: usize = 250;
/// Times that the program is started for a first overview.
const STARTS: usize = 3;
/// New reports, after each of which the overview is asked for.
const NEWS: usize = 200;

const METHOD: &str = "An invented grid: hosts at 170 sites, 40 products, 1,500 packages a host, 5,000 distinct package lists at \
any time on 100,000 hosts and 25,000 over the year, in which each host's list changed four times. The release build serves it \
on loopback to one client that keeps its connection, with full durability. Wall time from the request to the last byte, each \
question about another package, version, host and date. *Find* is the page of 200 rows with the number of hosts at each site; \
*a host at a date* its packages then, over the API; *two dates* the page of a host with what differs between two dates beside \
everything else it shows. The first overview is that of a process that has just been started (the database's own cache is \
what it is). *After a report* means that a host nobody knew has reported since the last one: the page must count it. \
MariaDB's buffer pool is 2 GiB, as for a database of that size. `HOSTS` makes another grid.";

/// What of a question is plotted.
struct Answered {
    what: &'static str,
    times: Vec<f64>,
    target: f64,
}

/// Asks grids of several sizes; the largest counts.
pub(crate) fn measure() -> Section {
    let hosts: usize = std::env::var("HOSTS").ok().and_then(|hosts| hosts.parse().ok()).unwrap_or(100_000);
    let mut section = Section { title: "Questions", method: METHOD.to_owned(), ..Section::default() };
    for kind in ["SQLite", "MariaDB"] {
        let mut lines: Vec<Line> = Vec::new();
        for hosts in [hosts / 100, hosts / 10, hosts] {
            let answered = ask(kind, hosts);
            for answered in &answered {
                let median = spread(&answered.times, 0.5);
                let point = (hosts as f64, median);
                match lines.iter_mut().find(|line| line.name == answered.what) {
                    Some(line) => line.points.push(point),
                    None => lines.push(Line { name: answered.what.to_owned(), points: vec![point] }),
                }
            }
            section.rows.retain(|row| !row.what.starts_with(kind));
            section.rows.extend(answered.iter().map(|answered| row(kind, hosts, answered)));
        }
        let title = format!("Questions by number of hosts, {kind}");
        let file = format!("bench-questions-{}.svg", kind.to_lowercase());
        let file = chart::write(&file, &title, ("hosts", "ms, median"), &lines);
        section.charts.push((file, title));
    }
    section.remarks = REMARKS.to_owned();
    section
}

const REMARKS: &str = "Where the time goes. **The overview**: nothing is read of a site that had no news since it was last \
read (`site.news` is one higher after each transaction that brings reports of a site, and a site is read again when the next \
of its hosts grows silent), and its line is not added up again either, so what is left is adding 170 lines of 40 products, twice \
(now and the end of yesterday), and writing 1 MB of page in 7,000 cells; before lines were kept, adding up some 5,000 groups of \
equal hosts was most of it. Reading everything, as the first overview of a process does, is \
one walk along an index of 100,000 hosts, two walks over the counts of each day, and judging each distinct list once. **Find** \
takes its package to the lists by `presence`, the lists to the groups, and reads the hosts of one page. **At a date** the \
groups of that day are summed from the counts of each day, one walk over `host_count` (46,000 rows here, 9 ms in SQLite): \
this is the limit, and it grows with the number of changes of state, not of hosts or reports. Thirty-two days are kept as the \
present is. A time within a day (RFC 3339, over the API) is not counted anywhere: for it every host's state is read.";

fn row(kind: &str, hosts: usize, answered: &Answered) -> Row {
    let at = |share| rounded(spread(&answered.times, share));
    let p99 = spread(&answered.times, 0.99);
    Row {
        what: format!("{kind}, {hosts} hosts: {}", answered.what),
        ours: format!("p99 {} ms; {} / {} / {} ms", rounded(p99), at(0.0), at(0.5), at(1.0)),
        peer: String::new(),
        ratio: None,
        target: format!("p99 ≤ {} ms", answered.target),
        met: Some(p99 <= answered.target),
    }
}

/// The time that so much of all is not slower than.
fn spread(times: &[f64], share: f64) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * share).ceil() as usize]
}

fn ask(kind: &str, hosts: usize) -> Vec<Answered> {
    let database = (kind == "MariaDB").then(|| {
        let database = wlcg_acceptance::mariadb::new_database();
        wlcg_acceptance::mariadb::run(&database, "SET GLOBAL innodb_buffer_pool_size = 2147483648");
        database
    });
    let deployment = Deployment::new(database);
    let grid = Grid::new(hosts, Timestamp::now().as_second());
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(grid.write(&deployment));
    println!("{kind}: a grid of {hosts} hosts written in {:.0} s", began.elapsed().as_secs_f64());
    let list = deployment.folder.path().join("list.toml");
    std::fs::write(&list, grid::references()).unwrap();
    deployment.ask(&["reference", "import", list.to_str().unwrap()]);
    let token = deployment.token("officer", &[]);

    let first = (0..STARTS).map(|_| {
        let collector = deployment.serve(&["--no-open"]);
        Asker::new(&collector, &token).timed("/")
    });
    let first = Answered { what: "first overview", times: first.collect(), target: 300.0 };
    let collector = deployment.serve(&[]);
    let asker = Asker::new(&collector, &token);
    asker.timed("/");
    let again = (0..QUESTIONS).map(|_| asker.timed("/")).collect();
    let mut answers = vec![first, Answered { what: "overview", times: again, target: 30.0 }];
    answers.extend(of_many(&grid, &asker));
    answers.push(after_news(&grid, &deployment, &asker));
    if std::env::var("BENCH_WAIT").is_ok() {
        println!("{} {}", deployment.database, collector.url);
        std::thread::sleep(Duration::from_secs(3_600));
    }
    answers
}

/// Questions about many packages, hosts and dates.
fn of_many(grid: &Grid, asker: &Asker<'_>) -> [Answered; 4] {
    let mut random = Random(1);
    let mut times: [Vec<f64>; 4] = Default::default();
    for _ in 0..QUESTIONS {
        let package = grid::package_name(random.below(grid::PACKAGES));
        let question = format!("/find?q={package}%20%3C%200:{}.{}", random.below(4), random.below(3));
        times[0].push(asker.timed(&question));
        times[1].push(asker.timed(&format!("{question}&at={}", grid.date(&mut random))));
        let (site, name) = grid.host(random.below(grid.hosts));
        let packages = format!("/api/v1/hosts/{site}/{name}/packages?limit=1000&at=");
        times[2].push(asker.timed(&(packages + &grid.date(&mut random))));
        let (from, to) = (grid.date(&mut random), grid.date(&mut random));
        times[3].push(asker.timed(&format!("/hosts/{site}/{name}?from={from}&to={to}")));
    }
    let [now, then, host, dates] = times;
    [
        Answered { what: "find, now", times: now, target: 100.0 },
        Answered { what: "find, at a date", times: then, target: 100.0 },
        Answered { what: "a host at a date", times: host, target: 20.0 },
        Answered { what: "two dates of a host", times: dates, target: 30.0 },
    ]
}

/// The overview each time that another host has reported.
fn after_news(grid: &Grid, deployment: &Deployment, asker: &Asker<'_>) -> Answered {
    let certificate = deployment.certificate("officer");
    let seal = ["smime", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", &certificate];
    let report = |number: usize| {
        let sealed = openssl(&seal, grid.new_host(number).as_bytes());
        assert_eq!(asker.collector.report(&sealed).0, 201);
        eventually("the report is opened", || {
            deployment.number("SELECT COUNT(*) FROM inbox WHERE state = 'waiting'") == 0
        });
        let (took, page) = asker.asked("/");
        let counted = format!("{} hosts at", grid.hosts + number + 1);
        assert!(String::from_utf8_lossy(&page).contains(&counted), "the page is stale: {counted:?} is not on it");
        took
    };
    Answered { what: "overview after a report", times: (0..NEWS).map(report).collect(), target: 30.0 }
}

/// Somebody who asks, with a token and a connection that stays.
struct Asker<'a> {
    client: Client,
    collector: &'a Collector,
    token: String,
}

impl<'a> Asker<'a> {
    fn new(collector: &'a Collector, token: &str) -> Self {
        Asker { client: Client::default(), collector, token: format!("Bearer {token}") }
    }

    /// Milliseconds until an answer is there, which must be a good one.
    fn timed(&self, path: &str) -> f64 {
        self.asked(path).0
    }

    fn asked(&self, path: &str) -> (f64, Vec<u8>) {
        let url = format!("{}{path}", self.collector.url);
        let began = Instant::now();
        let (status, body) = self.client.get(&url, &[("authorization", &self.token)]);
        let took = began.elapsed().as_secs_f64() * 1_000.0;
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        (took, body)
    }
}

/// The same questions in each run.
pub(crate) struct Random(u64);

impl Random {
    /// A number from 0 up to and without `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(end).unwrap()).unwrap()
    }
}

impl Grid {
    /// A date of the past year on which every host had reported.
    fn date(&self, random: &mut Random) -> String {
        let day = self.now / DAY - 1 - i64::try_from(random.below(290)).unwrap();
        Timestamp::from_second(day * DAY).unwrap().to_string()[..10].to_owned()
    }
}
