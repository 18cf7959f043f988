//! A Galera cluster of three MariaDB servers on this machine, each with addresses of its own; gone with the test process.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::mariadb::{self, Server};

/// Where Debian's package has it.
const PROVIDER: &str = "/usr/lib/galera/libgalera_smm.so";

/// Three nodes, each a whole copy of the database.
pub struct Cluster {
    /// The nodes.
    pub nodes: Vec<Server>,
}

/// Where a node listens for the others.
struct Ports {
    group: u16,
    changes: u16,
    copy: u16,
}

impl Cluster {
    /// Starts a cluster and waits until its nodes are one.
    #[must_use]
    pub fn start() -> Self {
        let ports: Vec<Ports> = (0..3).map(|_| Ports { group: free(), changes: free(), copy: free() }).collect();
        let members: Vec<String> = ports.iter().map(|ports| format!("127.0.0.1:{}", ports.group)).collect();
        let first = mariadb::new_folder();
        mariadb::install(&first, None);
        let mut nodes = Vec::new();
        for (number, ports) in ports.iter().enumerate() {
            let options = options(number, ports, &members.join(","));
            let node = match number {
                0 => Server::launched(first.clone(), options, &["--wsrep-new-cluster"]),
                // A joiner gets everything from the first one, the tables of the system included.
                _ => Server::launched(mariadb::new_folder(), options, &[]),
            };
            node.wait_until_it_answers();
            nodes.push(node);
        }
        let cluster = Cluster { nodes };
        cluster.is_whole(60);
        cluster
    }

    /// Waits until all three are one cluster and take statements.
    pub fn is_whole(&self, seconds: u64) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while !self.nodes.iter().all(|node| said(node, "wsrep_cluster_size") == "3" && is_ready(node)) {
            let logs = || self.nodes.iter().map(Server::log).collect::<Vec<_>>().join("\n\n");
            assert!(Instant::now() < deadline, "no cluster of three within {seconds} seconds: {}", logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The URL of a database on one of the nodes.
    #[must_use]
    pub fn url(&self, node: usize, database: &str) -> String {
        format!("mysql://root@localhost/{database}?socket={}", self.nodes[node].socket().display())
    }

    /// How many transactions of a node were taken back because another node was faster: at their commit, and before it.
    #[must_use]
    pub fn conflicts(&self, node: usize) -> (u64, u64) {
        let number = |name: &str| said(&self.nodes[node], name).parse().unwrap_or_default();
        (number("wsrep_local_cert_failures"), number("wsrep_local_bf_aborts"))
    }
}

fn is_ready(node: &Server) -> bool {
    said(node, "wsrep_ready") == "ON" && said(node, "wsrep_local_state_comment") == "Synced"
}

/// The value of a status variable.
fn said(node: &Server, name: &str) -> String {
    let row = node.ask(&format!("SHOW GLOBAL STATUS LIKE '{name}'")).unwrap_or_default();
    row.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

fn options(number: usize, ports: &Ports, members: &str) -> Vec<String> {
    let Ports { group, changes, copy } = ports;
    let provider = [
        format!("gmcast.listen_addr=tcp://127.0.0.1:{group}"),
        format!("ist.recv_addr=127.0.0.1:{changes}"),
        "evs.keepalive_period=PT0.5S;evs.suspect_timeout=PT2S;evs.inactive_timeout=PT4S".to_owned(),
        "pc.recovery=false;gcache.size=32M".to_owned(),
    ];
    [
        // Nobody but the others comes over the network.
        "--skip-networking".to_owned(),
        "--wsrep-on=ON".to_owned(),
        format!("--wsrep-provider={PROVIDER}"),
        format!("--wsrep-cluster-address=gcomm://{members}"),
        "--wsrep-cluster-name=acceptance".to_owned(),
        format!("--wsrep-node-name=node{number}"),
        format!("--wsrep-node-address=127.0.0.1:{group}"),
        format!("--wsrep-sst-receive-address=127.0.0.1:{copy}"),
        "--wsrep-sst-method=rsync".to_owned(),
        format!("--wsrep-provider-options={}", provider.join(";")),
        "--binlog-format=ROW".to_owned(),
        "--innodb-autoinc-lock-mode=2".to_owned(),
        "--innodb-buffer-pool-size=64M".to_owned(),
        "--innodb-log-file-size=32M".to_owned(),
    ]
    .into()
}

/// A port that nobody listens on at the moment.
fn free() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
