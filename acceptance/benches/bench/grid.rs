//! An invented grid with a year behind it: 170 sites, 5,000 distinct package lists at any time, each of them changed several times.
//!
//! Package lists go through the program's own store. Hosts and their states, which are many and alike, are written as the
//! program writes them but in large statements, and what the program derives from them it derives itself.

use std::collections::HashMap;
use std::fmt::Write as _;

use report::hash::Hash;
use report::package::{Package, Packager};
use wlcg_acceptance::programs::Deployment;
use wlcg_package_collector::history;
use wlcg_package_collector::store::Store;

/// Sites, of which the first have most hosts.
pub(crate) const SITES: usize = 170;
/// Products that the reference list asks for.
pub(crate) const PRODUCTS: usize = 40;
/// Packages of each host.
pub(crate) const PACKAGES: usize = 1_500;
/// States of each host over the year: the first and four changes.
const STEPS: usize = 5;
/// Kinds of hosts, such as the worker nodes of a site, on 100,000 hosts.
const FAMILIES: usize = 250;
/// Distinct lists of a kind at any time.
const IMAGES: usize = 20;
/// Days between two changes of an image.
const PACE: i64 = 73;
/// A day in seconds.
pub(crate) const DAY: i64 = 86_400;

/// What the questions need to know of the grid.
pub(crate) struct Grid {
    /// How many hosts there are.
    pub(crate) hosts: usize,
    /// When the newest reports came, unix seconds.
    pub(crate) now: i64,
    /// How many kinds of hosts.
    families: usize,
}

impl Grid {
    /// A grid of so many hosts whose present is `now`, unix seconds.
    pub(crate) fn new(hosts: usize, now: i64) -> Self {
        Grid { hosts, now, families: (FAMILIES * hosts / 100_000).max(3) }
    }

    /// Site and name of a host.
    pub(crate) fn host(&self, host: usize) -> (String, String) {
        (site_name(self.site(host)), format!("wn{host:06}.example.org"))
    }

    /// The number of a host's site.
    fn site(&self, host: usize) -> usize {
        (host * host / self.hosts.max(1) * SITES / self.hosts.max(1)).min(SITES - 1)
    }

    /// Hosts of a site are clones of some thirty images.
    fn image(&self, host: usize) -> usize {
        let images = self.images() / SITES + 1;
        (self.site(host) * images + host % images) % self.images()
    }

    fn images(&self) -> usize {
        self.families * IMAGES
    }

    /// The report of a host that is not in the grid, with a list that is.
    pub(crate) fn new_host(&self, number: usize) -> String {
        let lines = (0..PACKAGES).map(|package| {
            format!("{}\t{}\tx86_64\n", package_name(package), version_text(version(number % 4, 0, STEPS - 1, package)))
        });
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        let collected = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
        format!(
            "#\narch: x86_64\ncollected: {collected}\nhost: new{number}.example.org\nkernel: 5.14.0-4.el9.x86_64\n\
             packager: rpm\nsite: {}\nsystem: AlmaLinux release 9.4 (Seafoam Ocelot)\ntag: batch\nversion: 1\n#\n{}#\n",
            site_name(number % SITES),
            lines.concat()
        )
    }

    /// When an image came into its state number `step`.
    fn begins(&self, image: usize, step: usize) -> i64 {
        let ago = (STEPS - 1 - step) * usize::try_from(PACE).unwrap() + image % usize::try_from(PACE).unwrap();
        (self.now / DAY - i64::try_from(ago).unwrap()) * DAY
    }

    /// Writes all of it into an empty database.
    pub(crate) async fn write(&self, deployment: &Deployment) {
        let store = Store::open(&deployment.database).await.unwrap();
        let lists = write_lists(&store, self.families).await;
        let facts = write_facts(&store).await;
        store.close().await;
        self.write_hosts(deployment, &lists, &facts);
        // Opening a database that has states without a present derives it.
        Store::open(&deployment.database).await.unwrap().close().await;
    }

    fn write_hosts(&self, deployment: &Deployment, lists: &[i64], facts: &[i64]) {
        let mut hosts = Rows::of("host (id, digest, site, name)");
        let mut states = Rows::of("host_state (host, first_seen, list, facts, seen)");
        for host in 0..self.hosts {
            let (site, name) = self.host(host);
            let digest = Hash::of(format!("{site}\n{name}").as_bytes());
            hosts.push(deployment, format_args!("({}, '{digest}', '{site}', '{name}')", host + 1));
            let image = self.image(host);
            for step in 0..STEPS {
                let seen = self.reports(host, image, step);
                let Some(first) = seen.first() else { continue };
                let list = lists[step * self.images() + image];
                let said = facts[(self.site(host) * STEPS + step) * TAGS + image % TAGS];
                let mut hex = String::with_capacity(seen.len() * 4);
                history::pack_times(&seen).iter().for_each(|byte| write!(hex, "{byte:02X}").unwrap());
                states.push(deployment, format_args!("({}, {first}, {list}, {said}, X'{hex}')", host + 1));
            }
        }
        hosts.flush(deployment);
        states.flush(deployment);
    }

    /// The times of a host's reports while its image was in a state: one a day, never at quite the same time.
    fn reports(&self, host: usize, image: usize, step: usize) -> Vec<i64> {
        let silent = if host.is_multiple_of(33) { i64::try_from(8 + host % 13).unwrap() * DAY } else { 0 };
        let until = if step + 1 < STEPS { self.begins(image, step + 1) } else { self.now + 1 };
        let time = |day: i64| {
            let host = i64::try_from(host).unwrap();
            day * DAY + (host * 37 + (host + day) % 1_200) % (DAY - 1)
        };
        let days = self.begins(image, step) / DAY..=self.now / DAY;
        days.map(time).filter(|time| *time < until && *time <= self.now - silent).collect()
    }
}

/// The name of a site: the first in the alphabet have the fewest hosts.
pub(crate) fn site_name(site: usize) -> String {
    format!("BENCH-SITE-{:03}", SITES - 1 - site)
}

/// What is asked of the products, so that some hosts are behind in each.
pub(crate) fn references() -> String {
    let mut list = "name = \"bench\"\n".to_owned();
    for product in 0..PRODUCTS {
        let minimum = product % 4;
        list += &format!(
            "[[reference]]\nproduct = \"product{product:02}\"\npackage = \"{}\"\nminimum = \"0:{minimum}.1\"\n",
            package_name(product)
        );
    }
    list
}

/// The name of a package of every host.
pub(crate) fn package_name(package: usize) -> String {
    if package < PRODUCTS { format!("product{package:02}") } else { format!("common{package:04}") }
}

/// Which version of a package an image has: what it was installed with, how often it was updated, and who built it.
type Version = (usize, usize, usize);

fn version(family: usize, image: usize, step: usize, package: usize) -> Version {
    let updates = if package < PRODUCTS {
        (1..=step).filter(|step| (package + step).is_multiple_of(3)).count()
    } else {
        (1..=step).filter(|step| package % 30 == step % 30).count()
    };
    let own = if package >= PRODUCTS && package % 150 == image { image + 1 } else { 0 };
    ((family * 7 + package) % 4, updates, own)
}

fn version_text((major, updates, own): Version) -> String {
    format!("0:{major}.{updates}-1.el9.{own}")
}

/// Every list of every step, in the order of steps, families and images.
async fn write_lists(store: &Store, families: usize) -> Vec<i64> {
    let ids = write_packages(store).await;
    let mut lists = vec![0; STEPS * families * IMAGES];
    for family in 0..families {
        let mut writing = store.begin().await.unwrap();
        let mut last = None;
        for step in 0..STEPS {
            for image in 0..IMAGES {
                let id = |package| ids[&(package, version(family, image, step, package))];
                let mut packages: Vec<i64> = (0..PACKAGES).map(id).collect();
                packages.sort_unstable();
                let digest = Hash::of(format!("{family} {step} {image}").as_bytes());
                let relatives: Vec<i64> = last.into_iter().collect();
                let list = writing.add_list(digest, &packages, &relatives).await.unwrap();
                lists[(step * families + family) * IMAGES + image] = list;
                last = Some(list);
            }
        }
        writing.commit().await.unwrap();
    }
    lists
}

async fn write_packages(store: &Store) -> HashMap<(usize, Version), i64> {
    let mut keys: HashMap<(String, String), (usize, Version)> = HashMap::new();
    for family in 0..4 {
        for step in 0..STEPS {
            for image in 0..IMAGES {
                for package in 0..PACKAGES {
                    let version = version(family, image, step, package);
                    if image > 1 && version.2 == 0 {
                        continue;
                    }
                    keys.insert((package_name(package), version_text(version)), (package, version));
                }
            }
        }
    }
    let packages: Vec<Package<'static>> = keys
        .keys()
        .map(|(name, version)| Package {
            name: name.clone().into(),
            version: version.clone().into(),
            arch: "x86_64".into(),
            packager: Packager::Rpm,
        })
        .collect();
    let mut writing = store.begin().await.unwrap();
    writing.package_ids(&packages).await.unwrap();
    writing.commit().await.unwrap();
    let names: Vec<String> = (0..PACKAGES).map(package_name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let stored = store.packages_named(&names).await.unwrap();
    stored
        .into_iter()
        .map(|(id, package)| (keys[&(package.name.into_owned(), package.version.into_owned())], id))
        .collect()
}

/// Tags of hosts.
const TAGS: usize = 3;

/// Header lines by site, step and tag: each step brings a new kernel.
async fn write_facts(store: &Store) -> Vec<i64> {
    let mut facts = Vec::with_capacity(SITES * STEPS * TAGS);
    let mut writing = store.begin().await.unwrap();
    for site in 0..SITES {
        for step in 0..STEPS {
            for tag in ["batch", "storage", "service"] {
                let text = format!(
                    "arch: x86_64\ncpu: AMD EPYC 7{:03}\nkernel: 5.14.0-{step}.el9.x86_64\npackager: rpm\n\
                     reporter: wlcg-package-reporter 0.1.0\nsystem: AlmaLinux release 9.4 (Seafoam Ocelot)\ntag: {tag}\n",
                    site % 11
                );
                facts.push(writing.facts_id(&text).await.unwrap());
            }
        }
    }
    writing.commit().await.unwrap();
    facts
}

/// Rows on their way into a table, many in one statement.
struct Rows {
    table: &'static str,
    values: String,
}

impl Rows {
    fn of(table: &'static str) -> Self {
        Rows { table, values: String::new() }
    }

    fn push(&mut self, deployment: &Deployment, row: std::fmt::Arguments<'_>) {
        let comma = if self.values.is_empty() { "" } else { ", " };
        write!(self.values, "{comma}{row}").unwrap();
        if self.values.len() > 800_000 {
            self.flush(deployment);
        }
    }

    fn flush(&mut self, deployment: &Deployment) {
        if !self.values.is_empty() {
            deployment.sql(&format!("INSERT INTO {} VALUES {}", self.table, self.values));
            self.values.clear();
        }
    }
}
