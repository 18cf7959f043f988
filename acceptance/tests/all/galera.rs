//! Two collectors behind Apache's balancer on one Galera cluster: nodes and collectors killed under load, nothing lost.

use std::time::{Duration, Instant};

use wlcg_acceptance::apache::Apache;
use wlcg_acceptance::galera::Cluster;
use wlcg_acceptance::ledger::{Ledger, told};
use wlcg_acceptance::programs::{Collector, Deployment, own_address, within};

/// Everything that a collector keeps must be the same on each node.
pub(crate) const TABLES: &str =
    "c.inbox, c.host, c.host_state, c.host_now, c.host_count, c.package_list, c.presence, c.sender";

/// Longer than any failover took, and shorter than a host's patience with one report.
const LONGEST: Duration = Duration::from_secs(25);

#[test]
fn any_node_or_collector_may_be_killed() {
    let begin = Instant::now();
    let mut cluster = Cluster::start();
    let took = begin.elapsed().as_secs_f64();
    cluster.nodes[0].run("CREATE DATABASE c CHARACTER SET utf8mb4");
    let mut deployment = Deployment::new(Some(cluster.url(0, "c")));
    deployment.ask(&["migrate"]);
    let config = deployment.folder.path().join("config.toml");
    std::fs::write(&config, "trusted_proxies = [\"127.0.0.1\"]\n").unwrap();
    let config = config.display().to_string();
    let own = [own_address(), own_address()];
    let start = |deployment: &mut Deployment, cluster: &Cluster, number: usize, listen: &str| {
        deployment.database = cluster.url(number, "c");
        deployment.serve_on(listen, &["--config", &config])
    };
    let mut collectors = [0, 1].map(|number| start(&mut deployment, &cluster, number, &own[number]));
    let addresses = [0, 1].map(|number| address(&collectors[number]));
    let folder = tempfile::tempdir().unwrap();
    let apache = Apache::balancing(folder.path(), [&addresses[0], &addresses[1]]);
    let ledger = Ledger::new(&deployment);
    ledger.is_at(&apache.url());
    ledger.trusts(&apache.ca());
    let (status, body) = apache.curl("/readyz", &[]);
    assert_eq!(status, 200, "{body} {}", apache.log());

    let mut tells = Vec::new();
    ledger.under_load(6, Duration::from_millis(100), || {
        ledger.goes_on(30, "reports are taken");
        for node in 0..3 {
            cluster.nodes[node].kill();
            tells.push((format!("node {node} killed"), ledger.longest_silence(6)));
            let again = Instant::now();
            cluster.nodes[node].start_again();
            cluster.is_whole(90);
            let again = again.elapsed().as_secs_f64();
            tells.push((format!("node {node} back in {again:.1} s"), ledger.longest_silence(2)));
        }
        for (number, own) in addresses.iter().enumerate() {
            collectors[number].kill();
            tells.push((format!("collector {number} killed"), ledger.longest_silence(5)));
            collectors[number] = start(&mut deployment, &cluster, number, own);
            tells.push((format!("collector {number} back"), ledger.longest_silence(2)));
        }
        // The others go on without it, and it comes back by itself.
        cluster.nodes[0].freeze();
        tells.push(("node 0 frozen".to_owned(), ledger.longest_silence(9)));
        assert_eq!(collectors[0].get("/readyz").0, 503, "its node says nothing");
        assert_eq!(collectors[1].get("/readyz").0, 200);
        assert_eq!(apache.curl("/readyz", &[]).0, 200, "people are with the other one: {}", apache.log());
        cluster.nodes[0].thaw();
        cluster.is_whole(90);
        tells.push(("node 0 thawed".to_owned(), ledger.longest_silence(5)));
        within(30, "its collector works again", || collectors[0].get("/readyz").0 == 200);
    });
    for (what, silence) in &tells {
        told(&format!("Galera, {what}: at most {:.1} s without an acknowledgement", silence.as_secs_f64()));
    }
    assert!(tells.iter().all(|(_, silence)| *silence < LONGEST), "{tells:?}");
    // Asked of the node that no collector writes to.
    deployment.database = cluster.url(2, "c");
    ledger.check(&deployment);
    let conflicts = [0, 1].map(|node| cluster.conflicts(node));
    told(&format!(
        "Galera: cluster started in {took:.1} s; {}; transactions taken back at their commit and before it: {conflicts:?}; none lost",
        ledger.figures()
    ));
    let sums = |node: usize| cluster.nodes[node].ask(&format!("CHECKSUM TABLE {TABLES}")).unwrap();
    within(20, "each node has the same", || (sums(0) == sums(2)) && (sums(1) == sums(2)));
}

fn address(collector: &Collector) -> String {
    collector.url.strip_prefix("http://").unwrap().to_owned()
}
