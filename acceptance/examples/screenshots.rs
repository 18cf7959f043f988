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

/// How high most pictures may be, in CSS pixels; each is as wide as a desktop's window.
const HIGH: u32 = 1000;

/// The same of a page whose point stands below its tables: the chart, and what changed since yesterday.
const HIGHER: u32 = 1500;
const HIGHEST: u32 = 2400;

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
    for (name, path, highest) in [
        ("overview", "/".to_owned(), HIGHEST),
        ("product", "/products/xrootd-server".to_owned(), HIGHER),
        ("site", format!("/sites/{site}"), HIGH),
        ("host", format!("/hosts/{site}/{host}"), HIGH),
        ("find", "/find?q=xrootd-server%20%3C%205.7".to_owned(), HIGH),
        // The migration that the invented grid is in the middle of.
        ("campaign", "/campaigns/1".to_owned(), HIGH),
    ] {
        assert_eq!(browser.open(&format!("{}{path}", collector.url)), 200, "{path}");
        browser.screenshot(&folder.join(format!("{name}.png")), highest);
    }
}
