//! `make screenshots`: pictures of the main pages for docs/officer.md, from an invented grid.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "it ends where something is not as it should be"
)]

use std::path::Path;

use wlcg_acceptance::browser::Browser;
use wlcg_acceptance::programs::Deployment;

/// How many hosts the grid has.
const HOSTS: u32 = 400;

/// How high a picture may be, in CSS pixels; each is as wide as a desktop's window.
const HIGHEST: u32 = 1000;

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images");
    std::fs::create_dir_all(&folder).unwrap();
    let deployment = Deployment::with_fleet(HOSTS, None);
    let collector = deployment.serve(&[]);
    let browser = Browser::start();
    browser.sign_in(collector.link.as_ref().unwrap());
    let behind = deployment.rows(&["compare", "--product", "xrootd"]);
    let behind = behind.iter().find(|row| row["state"] == "behind").unwrap();
    let (site, host) = (behind["site"].as_str().unwrap(), behind["host"].as_str().unwrap());
    for (name, path) in [
        ("overview", "/".to_owned()),
        ("product", "/products/xrootd-server".to_owned()),
        ("site", format!("/sites/{site}")),
        ("host", format!("/hosts/{site}/{host}")),
        ("find", "/find?q=xrootd-server%20%3C%205.7".to_owned()),
        // The migration that the invented grid is in the middle of.
        ("campaign", "/campaigns/1".to_owned()),
    ] {
        assert_eq!(browser.open(&format!("{}{path}", collector.url)), 200, "{path}");
        browser.screenshot(&folder.join(format!("{name}.png")), HIGHEST);
    }
}
