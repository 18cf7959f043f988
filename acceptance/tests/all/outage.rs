//! A week in which the collector is away, and the hour in which every host comes back with its spool.

use std::collections::BTreeMap;

use wlcg_acceptance::ledger::told;
use wlcg_acceptance::outage::Week;
use wlcg_acceptance::programs::Deployment;

on_both_databases!(a_week_without_a_collector_loses_nothing);

/// Hosts: `make bench PART=outage` lets a thousand come back.
const HOSTS: usize = 200;

fn a_week_without_a_collector_loses_nothing(deployment: &Deployment) {
    let week = Week::passes(HOSTS, 60, deployment);
    assert!(week.spooled() >= 7 * HOSTS, "one report a day: {}", week.spooled());
    let mut collector = deployment.serve(&[]);
    let drain = week.ends(deployment, &collector);
    week.is_whole(deployment);
    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    drain.posts.iter().for_each(|post| *answers.entry(post.status).or_default() += 1);
    assert!(drain.posts.iter().all(|post| [200, 201, 429, 503].contains(&post.status)), "{answers:?}");
    assert!(!drain.pages.is_empty(), "somebody looked at the desk");
    assert!(collector.terminate().success(), "it was up all the time: {}", deployment.log());
    told(&format!(
        "{}: {HOSTS} hosts, {} reports of a week delivered, 0 lost; answers {answers:?}",
        deployment.database.split(':').next().unwrap_or_default(),
        week.spooled()
    ));
}
