//! Hosts, a site, old history and opened bodies go while reports come in and are opened: what others have stays, who is gone begins anew.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use report::hash::Hash;
use wlcg_acceptance::galera::Cluster;
use wlcg_acceptance::ledger::{Ledger, Sent, any_moment, bodies, history_is, since, told};
use wlcg_acceptance::programs::{Deployment, eventually, within};
use wlcg_package_collector::access::Scope;
use wlcg_package_collector::store::Store;

use super::galera::TABLES;
use super::purge_on_request::{fill, pages, run};

on_both_databases!(hosts_a_site_and_history_go_while_reports_come, bodies_go_while_reports_come);

/// How often each of them goes.
const ROUNDS: usize = 6;

/// How many times in a row.
const IN_A_ROW: usize = 6;

/// Silent hosts of the site that goes: with them a purge takes long enough to be met, and killed, in the middle.
const SILENT: i64 = 400;

const DAY: i64 = 86_400;

/// Who reports, by site and name: two stay, one goes alone and two with their site.
fn hosts(deployment: &Deployment, of: &str) -> Ledger {
    let names = ["stays", "goes", "goes-with-its-site", "stays-too", "goes-with-its-site-too"];
    let names = names.map(|name| format!("{name}.{of}.example.org"));
    let sites = ["CERN-PROD", "CERN-PROD", "GONE-T2", "STAYS-T2", "GONE-T2"];
    let hosts: Vec<(&str, &str)> = sites.into_iter().zip(names.iter().map(String::as_str)).collect();
    Ledger::signed(deployment, &hosts)
}

fn hosts_a_site_and_history_go_while_reports_come(deployment: &Deployment) {
    deployment.ask(&["migrate"]);
    let ledgers = [hosts(deployment, "a")];
    go_on_request(&[deployment], &ledgers, &|| (), &|question| deployment.number(question));
}

fn bodies_go_while_reports_come(deployment: &Deployment) {
    deployment.ask(&["migrate"]);
    // Two at once, as every collector of a database does it by itself.
    let ledgers = [hosts(deployment, "a")];
    bodies_go(&[deployment, deployment], &ledgers);
}

#[test]
fn on_a_cluster_with_two_collectors() {
    let cluster = Cluster::start();
    cluster.nodes[0].run("CREATE DATABASE c CHARACTER SET utf8mb4");
    let one = Deployment::new(Some(cluster.url(0, "c")));
    one.ask(&["migrate"]);
    let mut other = Deployment::new(Some(cluster.url(1, "c")));
    // They have the same key.
    std::fs::remove_dir_all(other.keys()).unwrap();
    std::os::unix::fs::symlink(one.keys(), other.keys()).unwrap();
    let ask = |node: usize, question: &str| cluster.nodes[node].ask(&format!("USE c; {question}")).unwrap();
    let sync = || (0..3).for_each(|node| drop(ask(node, "SET wsrep_sync_wait = 1; SELECT COUNT(*) FROM host")));
    let number = |question: &str| ask(0, question).parse().unwrap();
    go_on_request(&[&one, &other], &[hosts(&one, "a"), hosts(&one, "b")], &sync, &number);
    bodies_go(&[&one, &other], &[hosts(&one, "c"), hosts(&one, "d")]);
    let sums = |node: usize| ask(node, &format!("CHECKSUM TABLE {TABLES}, c.audit"));
    within(20, "each node has the same", || (sums(0) == sums(2)) && (sums(1) == sums(2)));
    let conflicts = [0, 1].map(|node| cluster.conflicts(node));
    told(&format!("purges on Galera: transactions taken back at their commit and before it: {conflicts:?}"));
    // Asked of the node that nobody wrote to.
    other.database = cluster.url(2, "c");
    assert_eq!(one.rows(&["hosts"]), other.rows(&["hosts"]));
}

/// While the hosts of all ledgers report, no faster than a cluster on one machine can open it.
fn under_load(ledgers: &[Ledger], story: &mut dyn FnMut()) {
    let pause = Duration::from_millis(if ledgers.len() > 1 { 150 } else { 10 });
    reporting(ledgers, pause, story);
}

fn reporting(ledgers: &[Ledger], pause: Duration, story: &mut dyn FnMut()) {
    match ledgers {
        [] => story(),
        [first, rest @ ..] => first.under_load(3, pause, || reporting(rest, pause, story)),
    }
}

/// When a host went last.
struct Gone {
    /// Reports that were opened before.
    opened: BTreeSet<Hash>,
    /// How many reports each ledger had made after it.
    made: Vec<usize>,
}

/// Collectors of one database, each with a ledger of reports that are sent to it; whoever purges does so through the first.
struct Story<'a> {
    deployments: &'a [&'a Deployment],
    ledgers: &'a [Ledger],
    /// Waits until every node of a cluster has what any has.
    sync: &'a dyn Fn(),
    /// What has gone so far, by the name of the host.
    gone: BTreeMap<String, Gone>,
    /// Older history has gone, unix seconds.
    before: i64,
    /// Purges that deleted something, and those of them that were killed.
    purges: usize,
    killed: usize,
}

impl Story<'_> {
    /// Waits until everything that was made is opened: those reports, and how many each ledger had made.
    fn settle(&self) -> (BTreeSet<Hash>, Vec<usize>) {
        let made: Vec<usize> = self.ledgers.iter().map(Ledger::made).collect();
        let mut opened = BTreeSet::new();
        for ((deployment, ledger), made) in self.deployments.iter().zip(self.ledgers).zip(&made) {
            within(120, "what was made is opened", || {
                let sent = ledger.sent();
                let so_far = || sent.iter().filter(|(_, sent)| sent.number < *made);
                if !so_far().all(|(_, sent)| sent.acknowledged) {
                    return false;
                }
                let waiting = deployment.rows(&["inbox", "list", "--state", "waiting", "--limit", "1000000"]);
                let waiting: BTreeSet<&str> = waiting.iter().map(|row| row["report"].as_str().unwrap()).collect();
                so_far().all(|(hash, _)| !waiting.contains(hash.to_string().as_str()))
            });
            opened.extend(ledger.sent().into_iter().filter(|(_, sent)| sent.number < *made).map(|(hash, _)| hash));
        }
        (self.sync)();
        (opened, made)
    }

    /// Purges until it is done; every conflict is its own business.
    fn purge(&mut self, arguments: &[&str]) {
        let done = self.deployments[0].ask_text(&[&["purge"], arguments].concat());
        let digits = |word: &str| word.trim_end_matches(',').parse::<u64>().is_ok_and(|number| number > 0);
        let counted = done.split_once(": ").map_or(done.as_str(), |(_, counted)| counted);
        let counted = counted.split(" that ended").next().unwrap();
        self.purges += usize::from(counted.split_whitespace().any(digits));
    }

    fn goes(&mut self, arguments: &[&str], whose: &[String], kills: usize) {
        let (opened, _) = self.settle();
        for _ in 0..kills {
            let mut purge = self.deployments[0].collector();
            let mut purge = purge.arg("purge").args(arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
            std::thread::sleep(any_moment(Duration::from_millis(400)));
            let _ = purge.kill();
            purge.wait().unwrap();
            self.killed += 1;
        }
        // Again and again: what is opened between two steps of one is met by chance alone.
        for _ in 0..IN_A_ROW {
            self.purge(arguments);
        }
        let made: Vec<usize> = self.ledgers.iter().map(Ledger::made).collect();
        for host in whose {
            self.gone.insert(host.clone(), Gone { opened: opened.clone(), made: made.clone() });
        }
    }

    fn history_goes(&mut self) {
        let (_, made) = self.settle();
        let times = self.ledgers.iter().zip(made).map(|(ledger, made)| ledger.time_of(made) - 1);
        self.before = times.min().unwrap();
        let before = Timestamp::from_second(self.before).unwrap().to_string();
        self.purge(&["--history-before", &before]);
    }

    /// Every host's reports and past are those of the model, and everything that is counted is so.
    fn holds(&self, number: &dyn Fn(&str) -> i64) {
        let deployment = self.deployments[0];
        let kept = bodies(deployment);
        let rows = deployment.rows(&["inbox", "list", "--limit", "1000000"]);
        assert!(rows.len() == kept.len() && rows.iter().all(|row| row["state"] == "opened"), "{rows:#?}");
        let mut known = 0;
        let mut hosts: BTreeMap<String, Vec<Sent>> = BTreeMap::new();
        for (at, ledger) in self.ledgers.iter().enumerate() {
            for (hash, sent) in ledger.sent() {
                let body = kept.get(&hash.to_string());
                known += usize::from(body.is_some());
                assert!(body.is_none_or(|body| *body == sent.sealed), "{hash} is not what was posted");
                let of_host = hosts.entry(sent.host.clone()).or_default();
                match self.gone.get(&sent.host) {
                    None => assert!(body.is_some(), "{hash} of {} is lost", sent.host),
                    Some(gone) if gone.opened.contains(&hash) => assert!(body.is_none(), "{hash} did not go"),
                    Some(gone) if sent.number >= gone.made[at] => assert!(body.is_some(), "{hash} is lost"),
                    // It came while its host went: it is there with its history, or neither is.
                    Some(_) => {}
                }
                if body.is_some() {
                    of_host.push(sent);
                }
            }
        }
        assert_eq!(known, kept.len(), "from nowhere");
        for (host, sent) in &hosts {
            assert!(!sent.is_empty(), "{host} has begun anew");
            history_is(deployment, host, since(self.before, sent.iter().map(|sent| sent.said)).into_iter());
        }
        assert_eq!(number("SELECT COUNT(*) FROM host"), i64::try_from(hosts.len()).unwrap());
        for (what, left) in [
            ("states", "SELECT COUNT(*) FROM host_state WHERE host NOT IN (SELECT id FROM host)"),
            ("presents", "SELECT COUNT(*) FROM host_now WHERE host NOT IN (SELECT id FROM host)"),
            ("keys", "SELECT COUNT(*) FROM sender WHERE host NOT IN (SELECT digest FROM host)"),
            ("hosts without a key", "SELECT COUNT(*) FROM host WHERE digest NOT IN (SELECT host FROM sender)"),
        ] {
            assert_eq!(number(left), 0, "{what} of nobody");
        }
        let first = self.before.div_euclid(DAY);
        let times = hosts.values().flatten().map(|sent| sent.said.at.div_euclid(DAY));
        run(counts_agree(deployment, first..=times.max().unwrap()));
        let audit = deployment.rows(&["audit", "--action", "purge", "--limit", "10000"]);
        let (least, most) = (self.purges, self.purges + self.killed);
        assert!((least..=most).contains(&audit.len()), "{least} to {most}: {audit:#?}");
    }
}

fn go_on_request(deployments: &[&Deployment], ledgers: &[Ledger], sync: &dyn Fn(), number: &dyn Fn(&str) -> i64) {
    let mut silent = Vec::new();
    for host in 0..SILENT {
        silent.extend((0..4).map(|time| ("GONE-T2".to_owned(), format!("silent{host}"), time * DAY + host, time % 2)));
    }
    run(async {
        let store = Store::open(&deployments[0].database).await.unwrap();
        fill(&store, &silent).await;
        store.close().await;
    });
    let collectors: Vec<_> = deployments.iter().map(|deployment| deployment.serve(&[])).collect();
    for (ledger, collector) in ledgers.iter().zip(&collectors) {
        ledger.is_at(&collector.url);
    }
    let mut story = Story { deployments, ledgers, sync, gone: BTreeMap::new(), before: 0, purges: 0, killed: 0 };
    let names = |begin: &str| -> Vec<String> {
        let all: BTreeSet<String> =
            ledgers.iter().flat_map(|ledger| ledger.sent().into_values().map(|sent| sent.host)).collect();
        all.into_iter().filter(|name| name.starts_with(begin)).collect()
    };
    under_load(ledgers, &mut || {
        for round in 0..ROUNDS {
            within(60, "reports are taken", || ledgers.iter().all(|ledger| ledger.acknowledged() > (round + 1) * 10));
            // What was read before must not be remembered.
            let read: Vec<_> =
                deployments.iter().zip(&collectors).map(|(of, collector)| pages(of, collector)).collect();
            assert!(read.iter().all(|pages| !pages.is_empty()));
            let kills = if round < 2 { 3 } else { 0 };
            story.goes(&["--site", "GONE-T2"], &names("goes-with-its-site"), kills);
            for host in names("goes.") {
                story.goes(&["--host", &format!("CERN-PROD/{host}")], &[host], 0);
            }
            story.history_goes();
        }
        // Whoever has gone is heard again.
        let again: Vec<usize> = ledgers.iter().map(|ledger| ledger.made() + 10).collect();
        within(60, "they begin anew", || ledgers.iter().zip(&again).all(|(ledger, again)| ledger.made() > *again));
    });
    ledgers.iter().for_each(Ledger::deliver_the_rest);
    story.settle();
    let before = Timestamp::from_second(story.before).unwrap().to_string();
    story.purge(&["--history-before", &before]);
    story.holds(number);
    for (deployment, collector) in deployments.iter().zip(&collectors) {
        let fresh = deployment.serve(&[]);
        assert_eq!(pages(deployment, collector), pages(deployment, &fresh), "who had read before");
    }
    let figures: Vec<String> = ledgers.iter().map(|ledger| ledger.figures().to_string()).collect();
    told(&format!(
        "{} purges on request, and {} killed, under load: {figures:?}; of others nothing lost",
        story.purges, story.killed
    ));
}

/// The hosts that are counted in each state of each site are those whose histories say so, at the end of days and now.
async fn counts_agree(deployment: &Deployment, days: std::ops::RangeInclusive<i64>) {
    let store = Store::connect(&deployment.database).await.unwrap();
    let mut all = 0;
    for day in days {
        let (mut counts, mut one_by_one) = (BTreeMap::new(), BTreeMap::new());
        for group in store.groups_on(&Scope::All, day).await.unwrap() {
            *counts.entry((group.site, group.list, group.facts)).or_insert(0) += group.hosts;
        }
        for host in store.hosts_at(&Scope::All, (day + 1) * DAY - 1).await.unwrap() {
            *one_by_one.entry((host.site, host.list, host.facts)).or_insert(0) += 1;
            all += 1;
        }
        assert_eq!(counts, one_by_one, "day {day}");
    }
    let (mut counts, mut one_by_one) = (BTreeMap::new(), BTreeMap::new());
    for group in store.present_groups(&Scope::All, 0).await.unwrap() {
        *counts.entry((group.site, group.list, group.facts)).or_insert(0) += group.hosts;
    }
    for host in store.hosts_at(&Scope::All, i64::MAX).await.unwrap() {
        *one_by_one.entry((host.site, host.list, host.facts)).or_insert(0) += 1;
    }
    assert_eq!(counts, one_by_one, "now");
    assert!(all > 0);
    store.close().await;
}

fn bodies_go(deployments: &[&Deployment], ledgers: &[Ledger]) {
    let config = deployments[0].folder.path().join("at-once.toml");
    std::fs::write(&config, "keep_opened_reports_days = 0\n").unwrap();
    let config = config.display().to_string();
    let collectors: Vec<_> = ledgers.iter().zip(deployments).map(|(_, deployment)| deployment.serve(&[])).collect();
    for (ledger, collector) in ledgers.iter().zip(&collectors) {
        ledger.is_at(&collector.url);
    }
    let lines = || deployments[0].rows(&["audit", "--action", "purge", "--limit", "10000"]).len();
    let (before, were) = (lines(), bodies(deployments[0]).len());
    let (mut deleted, mut deeds) = (0_usize, 0);
    under_load(ledgers, &mut || {
        for _ in 0..2 * ROUNDS {
            ledgers.iter().for_each(|ledger| ledger.goes_on(60, "reports are taken"));
            std::thread::sleep(any_moment(Duration::from_millis(500)));
            let went: Vec<usize> = std::thread::scope(|scope| {
                let purge = |deployment: &Deployment| {
                    let said = deployment.ask_text(&["--config", &config, "purge"]);
                    said.split_whitespace().nth(1).unwrap().parse().unwrap()
                };
                let purges: Vec<_> =
                    deployments.iter().map(|deployment| scope.spawn(move || purge(deployment))).collect();
                purges.into_iter().map(|purge| purge.join().unwrap()).collect()
            });
            deleted += went.iter().sum::<usize>();
            deeds += went.iter().filter(|went| **went > 0).count();
        }
    });
    ledgers.iter().for_each(Ledger::deliver_the_rest);
    for deployment in deployments {
        eventually("all is opened", || deployment.inbox("waiting") == 0);
    }
    let kept = bodies(deployments[0]);
    let (mut least, mut most) = (were, were);
    for ledger in ledgers {
        let figures = ledger.figures();
        least += ledger.acknowledged();
        // What was stored without an answer, and went, was stored once more.
        most += figures.stored + figures.later + figures.unanswered;
        let mut hosts: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (hash, sent) in ledger.sent() {
            let body = kept.get(&hash.to_string());
            assert!(body.is_none_or(|body| *body == sent.sealed), "{hash} is not what was posted");
            hosts.entry(sent.host).or_default().push(sent.said);
        }
        for (host, said) in hosts {
            history_is(deployments[0], &host, said.into_iter());
        }
    }
    let there = kept.len();
    assert!(
        deleted > 0 && (least..=most).contains(&(there + deleted)),
        "{deleted} deleted, {there} there: {least} to {most}"
    );
    assert_eq!(lines() - before, deeds, "each that deleted something has one line");
    told(&format!("{deeds} purges under load, two at once, of {deleted} opened reports of {most}; no history lost"));
}
