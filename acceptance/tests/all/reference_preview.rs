//! Reference lists on the desk: the preview tells what happens, and hostile values stay values.

use std::collections::BTreeMap;

use wlcg_acceptance::person::{Person, encoded, form_of, text_of};
use wlcg_acceptance::programs::{Collector, Deployment, eventually};

use super::reference_pages::{LIST, begin, put, shown, to};
use super::{seal, text};

on_both_databases!(the_preview_is_what_happens, hostile_values_stay_values);

const STATES: [&str; 4] = ["compliant", "unknown", "behind", "blocked"];

/// Each host's worst state.
fn states(deployment: &Deployment) -> BTreeMap<String, usize> {
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    for row in deployment.rows(&["hosts"]) {
        states.insert(row["host"].as_str().unwrap().to_owned(), 0);
    }
    let mut judged: BTreeMap<String, usize> = BTreeMap::new();
    for row in deployment.rows(&["compare"]) {
        let state = STATES.iter().position(|state| *state == row["state"]).unwrap();
        let worst = judged.entry(row["host"].as_str().unwrap().to_owned()).or_default();
        *worst = state.max(*worst);
    }
    for (host, state) in &mut states {
        *state = judged.get(host).copied().unwrap_or(1);
    }
    states
}

fn fleet(deployment: &Deployment, collector: &Collector) {
    let certificate = deployment.certificate("officer");
    let now = jiff::Timestamp::now();
    let fresh = jiff::Timestamp::from_second(now.as_second() - 3_600).unwrap().to_string();
    let stale = jiff::Timestamp::from_second(now.as_second() - 30 * 86_400).unwrap().to_string();
    let mut reports = Vec::new();
    for host in 0..12 {
        let version = format!("0:{}-1", host % 4 + 1);
        let other = format!("0:{}-1", host % 3 + 1);
        let packages: &[(&str, &str)] = match host {
            0..8 => &[("xrootd-server", &version), ("voms", &other)],
            8 | 9 => &[("xrootd-server", &version)],
            _ => &[("bash", "0:5-1")],
        };
        let collected = if host % 5 == 4 { &stale } else { &fresh };
        reports.push(text(&format!("wn{host}"), collected, packages));
    }
    for report in &reports {
        assert_eq!(collector.report(&seal(&certificate, report)).0, 201);
    }
    eventually("every report is opened", || deployment.inbox("opened") == reports.len());
}

fn the_preview_is_what_happens(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let officer = Person::signed_in(deployment, &collector, &[]);
    fleet(deployment, &collector);
    begin(&officer, "product,package,minimum\nxrootd,xrootd-server,0:2-1\n");
    for (change, csv) in [
        ("a higher minimum", "product,package,minimum\nxrootd,xrootd-server,0:4-1\n"),
        ("a blocked version", "product,package,minimum,blocked\nxrootd,xrootd-server,0:2-1,0:3-1\n"),
        ("another product", "product,package,minimum\nxrootd,xrootd-server,0:2-1\nvoms,voms,0:3-1\n"),
        ("another system", "product,package,os,minimum\nxrootd,xrootd-server,debian12,0:2-1\nvoms,voms,,0:3-1\n"),
        (
            "from a later day",
            "product,package,minimum,since\nxrootd,xrootd-server,0:9-1,2999-01-01\nvoms,voms,0:3-1,\n",
        ),
        ("nothing any more", "product,package\n"),
        ("again", "product,package,minimum\nbash,bash,0:6-1\nvoms,voms,0:1-1\n"),
    ] {
        let page = officer.page(&to(LIST, "text?form=csv"));
        let preview = officer.fill_in(&page, &to(LIST, "preview"), &[("what", "text"), ("text", csv)]);
        let told = shown(&preview, 200);
        let before = states(deployment);
        put(&officer, csv, change);
        let after = states(deployment);
        let mut moves: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for (host, from) in &before {
            if after[host] != *from {
                *moves.entry((*from, after[host])).or_default() += 1;
            }
        }
        let changed: usize = moves.values().sum();
        let plural = if changed == 1 { "" } else { "s" };
        let fresh = before.len() - 2;
        assert!(
            told.contains(&format!("{changed} host{plural} of {fresh} with recent news")),
            "{change} {moves:?}: {told}"
        );
        let table = preview.body.split_once("Hosts that would stand otherwise").map_or("", |(_, rest)| rest);
        let rows: Vec<Vec<String>> = table
            .split_once("</table>")
            .map_or("", |(rows, _)| rows)
            .split("<tr>")
            .skip(2)
            .map(|row| {
                row.split("</td>").map(|cell| text_of(cell).trim().to_owned()).filter(|cell| !cell.is_empty()).collect()
            })
            .collect();
        let word = |state: usize| STATES[state];
        let expected: BTreeMap<(String, String), String> = moves
            .iter()
            .map(|((from, to), hosts)| ((word(*from).to_owned(), word(*to).to_owned()), hosts.to_string()))
            .collect();
        let found: BTreeMap<(String, String), String> = rows
            .iter()
            .map(|row| {
                let state = |cell: &str| cell.split_once(' ').unwrap().1.to_owned();
                ((state(&row[0]), state(&row[1])), row[2].clone())
            })
            .collect();
        assert_eq!(found, expected, "{change}");
        assert!(change == "nothing any more" || changed > 0 || change == "from a later day", "{change}");
        assert_eq!(
            change == "from a later day",
            told.contains("only from a later day, the first on 2999-01-01"),
            "{told}"
        );
    }
}

fn hostile_values_stay_values(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let officer = Person::signed_in(deployment, &collector, &["--name", "<b>O\u{202E}"]);
    let name = "a/b ?c=d&e#%2F<script>\"'../..";
    let list = format!("/references/{}", encoded(name).replace('*', "%2A"));
    let long = "9".repeat(10_000);
    let draft = format!(
        "[[reference]]\nproduct = '<script>alert(1)</script>'\npackage = '=HYPERLINK(1)'\nos = '\"><img'\nminimum = '{long}'\nurl = 'javascript:alert(1)'\n"
    );
    let page = officer.page("/references");
    let preview = officer.fill_in(&page, "/references", &[("name", name), ("text", &draft)]);
    shown(&preview, 200);
    let note = "=1\u{202E}<script>\u{1b}[2J".repeat(50);
    let stored = officer.fill_in(&preview.body, &to(&list, "store"), &[("note", &note)]);
    assert_eq!(stored.status, 303, "{}", text_of(&stored.body));
    let location = stored.header("location").unwrap().to_owned();
    let encoded_key = format!(
        "row?product={}&package={}&os={}",
        encoded("<script>alert(1)</script>"),
        encoded("=HYPERLINK(1)"),
        encoded("\"><img")
    );
    for path in [
        location,
        "/references".to_owned(),
        list.clone(),
        to(&list, "difference?from=0&to=1"),
        to(&list, "text?form=csv"),
        to(&list, &encoded_key),
    ] {
        let html = officer.page(&path);
        assert!(
            !html.contains("<script") && !html.contains("<img") && !html.contains("href=\"javascript"),
            "{path}: {html}"
        );
        assert!(!html.contains(['\u{202E}', '\u{1b}']), "{path}");
        assert!(path.contains("text") || path.contains("row") || html.len() < 40_000, "{path}: {}", html.len());
    }
    let row = officer.page(&to(&list, &encoded_key));
    assert_eq!(form_of(&row, &to(&list, "preview"))["minimum"], long, "a form has every value whole");
    let file = officer.get(&to(&list, "export/csv"));
    assert!(!file.header("content-disposition").unwrap().contains(['/', '<', '%']), "{file:?}");
    // What nobody sees is refused rather than stored.
    let unseen = officer.fill_in(&row, &to(&list, "preview"), &[("package", "a\u{200B}b"), ("what", "row")]);
    assert!(shown(&unseen, 422).contains("invisible"));
}
