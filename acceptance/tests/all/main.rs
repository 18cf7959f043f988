//! The whole system with its real peers; what concerns a database is told on SQLite and on MariaDB.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where its expectation does"
)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests start the real programs")]

/// One story as two tests: `story::sqlite` and `story::mariadb`.
macro_rules! on_both_databases {
    ($($story:ident),+ $(,)?) => {$(
        mod $story {
            #[test]
            fn sqlite() {
                super::$story(&wlcg_acceptance::programs::Deployment::new(None));
            }
            #[test]
            fn mariadb() {
                let database = wlcg_acceptance::mariadb::new_database();
                super::$story(&wlcg_acceptance::programs::Deployment::new(Some(database)));
            }
        }
    )+};
}

/// Ends a story where boxes cannot be had, and says why: not through `eprintln`, which a test that passes swallows.
macro_rules! needs_a_box {
    () => {
        if let Some(reason) = wlcg_acceptance::systemd_box::unavailable() {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "skipped {}: {reason}", module_path!());
            return;
        }
    };
}

mod access;
mod agent_faults;
mod answers;
mod apache;
mod apache_oidc;
mod api;
mod api_pages;
mod at_home;
mod audit;
mod backup;
mod batches;
mod campaign_mail;
mod campaign_pages;
mod campaign_progress;
mod clocks;
mod collector_faults;
mod connection_faults;
mod credentials;
mod desk;
mod desk_changes;
mod desk_story;
mod documents;
mod every_page;
mod faults;
mod fleet;
mod galera;
mod guides;
mod harness;
mod history;
mod host_pages;
mod hostile;
mod inbox;
mod inbox_pages;
mod inbox_senders;
mod interoperability;
mod kill;
mod legacy;
mod limits;
mod lists_of;
mod matrix;
mod memory;
mod metrics;
mod outage;
mod packaged;
mod packages;
mod present;
mod purge;
mod purge_on_request;
mod purge_under_load;
mod queries;
mod reference;
mod reference_pages;
mod reference_preview;
mod reference_rights;
mod reference_together;
mod registries;
mod reporter;
mod repositories;
mod requests;
mod reseal;
mod roll_over;
mod rpm_databases;
mod senders;
mod services;
mod site_user;
mod token;
mod token_unit;
mod vanished;
mod versions;
mod whole_files;

/// A reference list with one product.
const BASELINE: &str = r#"
name = "baseline"
[[reference]]
product = "xrootd"
package = "xrootd-server"
minimum = "1:5.6.4-1.el9"
"#;

/// A report text with these packages, in the order given.
fn text(host: &str, collected: &str, packages: &[(&str, &str)]) -> String {
    let mut text = format!(
        "#\narch: x86_64\ncollected: {collected}\nhost: {host}\nkernel: 5.14.0-427.el9.x86_64\npackager: rpm\nsite: CERN-PROD\nsystem: AlmaLinux release 9.4 (Seafoam Ocelot)\nversion: 1\n#\n"
    );
    for (name, version) in packages {
        text += &format!("{name}\t{version}\tx86_64\n");
    }
    text + "#\n"
}

/// Seals as a legacy host does.
fn seal(certificate: &str, text: &str) -> Vec<u8> {
    let arguments = ["smime", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", certificate];
    wlcg_acceptance::openssl::openssl(&arguments, text.as_bytes())
}
