//! Progress and burn-down of a campaign against counting host by host, report by report.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use report::hash::Hash;
use report::package::{Package, Packager};
use wlcg_acceptance::programs::Deployment;
use wlcg_package_collector::access::Scope;
use wlcg_package_collector::access::deed::{By, Deed};
use wlcg_package_collector::answers::campaign::{self, CampaignProgress, Reading};
use wlcg_package_collector::answers::judge::Judge;
use wlcg_package_collector::campaign::{Letter, SiteState, Tally};
use wlcg_package_collector::days::day;
use wlcg_package_collector::store::{Arrival, Store, StoredCampaign, StoredException};

on_both_databases!(is_what_counting_host_by_host_gives, a_closed_one_tells_how_it_ended);

const SITES: [&str; 3] = ["A", "B", "C"];
const HOSTS: usize = 15;
const FIRST: i64 = 5;
const TODAY: i64 = 18;
const STALE_AFTER: i64 = 3;
const NOW: i64 = TODAY * 86_400 + 40_000;

const LIST: &str = "name = \"x\"\n[[reference]]\nproduct = \"xrootd\"\npackage = \"xrootd-server\"\n\
    minimum = \"0:2-1\"\nblocked = [\"0:3-1\"]\n";

const DEED: Deed<'static> = Deed {
    by: By { at: NOW, person: "officer", role: "officer", source: "192.0.2.9" },
    action: "campaign",
    object: "x",
};

/// A report: host, second, and the version that it has.
type Told = (usize, i64, Option<&'static str>);

fn site(host: usize) -> &'static str {
    SITES[host % 3]
}

fn reports() -> Vec<Told> {
    let mut random = 7_u64;
    let mut pick = |among: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % among
    };
    let mut reports = BTreeMap::new();
    for _ in 0..HOSTS * 12 {
        let host = usize::try_from(pick(HOSTS as u64)).unwrap();
        // The last hosts fall silent early, and one never has what is asked for.
        let days = if host >= HOSTS - 4 { 9 } else { u64::try_from(TODAY).unwrap() };
        let second = i64::try_from(pick(days * 86_400)).unwrap();
        let version =
            [Some("0:1-1"), Some("0:2-1"), Some("0:2-1"), Some("0:3-1"), None][usize::try_from(pick(5)).unwrap()];
        reports.insert((second, host), if host == 1 { None } else { version });
    }
    reports.into_iter().map(|((second, host), version)| (host, second, version)).collect()
}

async fn filled(url: &str) -> Store {
    let store = Store::open(url).await.unwrap();
    for (host, second, version) in reports().into_iter().rev() {
        let mut writing = store.begin().await.unwrap();
        let id = writing.host_id(site(host), &format!("wn{host}")).await.unwrap();
        let facts = writing.facts_id(&format!("packager: rpm\ntag: {}\n", host % 2)).await.unwrap();
        let package = |name: &'static str, version: &'static str| Package {
            name: name.into(),
            version: version.into(),
            arch: "x86_64".into(),
            packager: Packager::Rpm,
        };
        let packages: Vec<_> = version
            .map(|version| package("xrootd-server", version))
            .into_iter()
            .chain([package("bash", "0:5-1")])
            .collect();
        let digest = Hash::of(format!("{version:?}").as_bytes());
        let list = match writing.list_id(digest).await.unwrap() {
            Some(list) => list,
            None => {
                let ids = writing.package_ids(&packages).await.unwrap();
                writing.add_list(digest, &ids, &[]).await.unwrap()
            }
        };
        let arrival = Arrival { received: second, source: "192.0.2.1", signed: false };
        writing.add_to_history(id, (second, list, facts), arrival).await.unwrap();
        writing.commit().await.unwrap();
    }
    store
}

async fn with_campaign(store: &Store, sites: &str) -> i64 {
    let letter = Letter::proposed(true);
    let campaign = StoredCampaign {
        id: 0,
        name: format!("Move {sites:?}"),
        note: String::new(),
        content: LIST.to_owned(),
        sites: sites.to_owned(),
        begins: FIRST,
        deadline: 15,
        contacts: String::new(),
        subject: letter.subject,
        letter: letter.text,
        author: "officer".to_owned(),
        created: 4 * 86_400,
        closed: 0,
    };
    let id = store.add_campaign(&campaign, &DEED).await.unwrap().unwrap();
    assert_eq!(store.add_campaign(&campaign, &DEED).await.unwrap(), None, "the name is taken");
    id
}

/// Whole sites and hosts that are excepted, with first and last day.
const EXCEPTIONS: [(&str, &str, i64, i64); 5] =
    [("B", "", 7, 10), ("A", "wn0", 6, 30), ("A", "wn3", 8, 12), ("C", "wn2", 17, 40), ("C", "nobody", 1, 40)];

async fn with_exceptions(store: &Store, campaign: i64) {
    for (site, host, from, expires) in EXCEPTIONS {
        let exception = StoredException {
            id: 0,
            campaign,
            site: site.to_owned(),
            host: host.to_owned(),
            reason: "tape".to_owned(),
            author: "officer".to_owned(),
            created: from * 86_400 + 60,
            expires,
        };
        store.add_exception(&exception, &DEED).await.unwrap();
        store.add_exception(&exception, &DEED).await.unwrap();
    }
    assert_eq!(store.exceptions(Some(campaign)).await.unwrap().len(), EXCEPTIONS.len(), "each is there once");
}

async fn read(store: &Store, scope: &Scope, id: i64, now: i64) -> CampaignProgress {
    let reading =
        Reading { now: Timestamp::from_second(now).unwrap(), stale_after_days: u32::try_from(STALE_AFTER).unwrap() };
    let campaign = campaign::one(store, scope, id).await.unwrap();
    campaign::progress(store, &Judge::default(), scope, campaign, reading).await.unwrap()
}

/// How a host stands at a second, as its reports tell: none when nothing is asked of it.
fn standing(host: usize, second: i64) -> Option<&'static str> {
    let version = reports().into_iter().rfind(|(of, at, _)| *of == host && *at <= second)?.2?;
    // Silent now: unknown from the day on which the silence had become too long.
    let last = reports().into_iter().filter(|(of, ..)| *of == host).map(|(_, at, _)| at).max()?;
    let silent =
        last < NOW - STALE_AFTER * 86_400 && second.div_euclid(86_400) >= last.div_euclid(86_400) + STALE_AFTER;
    Some(match version {
        _ if silent => "unknown",
        "0:1-1" => "behind",
        "0:3-1" => "blocked",
        _ => "done",
    })
}

fn is_excepted(host: usize, day: i64) -> bool {
    let name = format!("wn{host}");
    EXCEPTIONS
        .iter()
        .any(|(at, of, from, to)| *at == site(host) && (of.is_empty() || *of == name) && (*from..=*to).contains(&day))
}

fn expected_on(day: i64, sites: &[&str]) -> BTreeMap<&'static str, Tally> {
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for host in (0..HOSTS).filter(|host| sites.contains(&site(*host))) {
        let tally = tallies.entry(site(host)).or_default();
        match standing(host, ((day + 1) * 86_400 - 1).min(NOW)) {
            None => {}
            Some("done") => tally.done += 1,
            Some(_) if is_excepted(host, day) => tally.excepted += 1,
            Some("behind") => tally.behind += 1,
            Some("blocked") => tally.blocked += 1,
            Some(_) => tally.unknown += 1,
        }
    }
    tallies
}

fn agrees(told: &CampaignProgress, last: i64, sites: &[&str]) {
    let expected = expected_on(last, sites);
    let found: BTreeMap<&str, Tally> = told.sites.iter().map(|site| (site.site.as_str(), site.tally)).collect();
    assert_eq!(found, expected);
    let open = |day: i64| expected_on(day, sites).values().map(Tally::open).sum::<i64>();
    let burnt: Vec<(i64, i64)> = (FIRST..=last).map(|day| (day, open(day))).collect();
    assert_eq!(told.burn_down.total(), burnt);
    assert!(burnt.iter().map(|(_, open)| open).collect::<BTreeSet<_>>().len() > 2, "the numbers move: {burnt:?}");
    for site in told.sites.iter().filter(|site| site.state == SiteState::Done) {
        let since = day(site.since.unwrap());
        let left = |day| expected_on(day, &[site.site.as_str()]).values().map(Tally::open).sum::<i64>();
        assert!((since..=last).all(|day| left(day) == 0), "{site:?}");
        assert!(since == FIRST || left(since - 1) > 0, "{site:?}");
    }
}

fn run(story: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(story);
}

fn is_what_counting_host_by_host_gives(deployment: &Deployment) {
    run(async {
        let store = filled(&deployment.database).await;
        let id = with_campaign(&store, "").await;
        with_exceptions(&store, id).await;
        agrees(&read(&store, &Scope::All, id, NOW).await, TODAY, &SITES);
        let own = Scope::Sites(["A".to_owned()].into());
        let told = read(&store, &own, id, NOW).await;
        agrees(&told, TODAY, &["A"]);
        assert!(told.exceptions.iter().all(|exception| exception.site == "A") && told.exceptions.len() == 2);
        // The sites that are asked, and of them those that may be seen.
        let of_two = with_campaign(&store, "A\nB\nNEVER-SEEN").await;
        let told = read(&store, &Scope::All, of_two, NOW).await;
        assert_eq!(told.sites.len(), 3);
        assert!(told.sites.iter().any(|site| site.site == "NEVER-SEEN" && site.state == SiteState::Silent));
        let told = read(&store, &own, of_two, NOW).await;
        assert_eq!(told.sites.iter().map(|site| site.site.as_str()).collect::<Vec<_>>(), ["A"]);
        let foreign = Scope::Sites(["C".to_owned()].into());
        assert!(campaign::one(&store, &foreign, of_two).await.is_err(), "as if it were not there");
        let seen = campaign::all(&store, &foreign).await.unwrap();
        assert_eq!(seen.iter().map(|campaign| campaign.id).collect::<Vec<_>>(), [id]);
        // Ended today: it counts no more today, and can be granted again.
        let before = store.exceptions(Some(id)).await.unwrap();
        let of_host = before.iter().find(|exception| exception.host == "wn0").unwrap();
        assert!(store.end_exception(id, of_host.id, TODAY - 1, &DEED).await.unwrap());
        assert!(!store.end_exception(id, of_host.id, TODAY - 1, &DEED).await.unwrap());
        store.add_exception(of_host, &DEED).await.unwrap();
        assert_eq!(store.exceptions(Some(id)).await.unwrap().len(), before.len() + 1);
    });
}

fn a_closed_one_tells_how_it_ended(deployment: &Deployment) {
    run(async {
        let store = filled(&deployment.database).await;
        let id = with_campaign(&store, "").await;
        with_exceptions(&store, id).await;
        let closed = 12 * 86_400 + 50;
        assert!(store.close_campaign(id, closed, &DEED).await.unwrap());
        assert!(!store.close_campaign(id, closed + 1, &DEED).await.unwrap(), "it is closed already");
        agrees(&read(&store, &Scope::All, id, NOW).await, 12, &SITES);
        assert!(store.close_campaign(id, 0, &DEED).await.unwrap());
        agrees(&read(&store, &Scope::All, id, NOW).await, TODAY, &SITES);
    });
}
