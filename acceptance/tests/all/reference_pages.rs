//! Reference lists on the desk: edited with a preview, by two people at once, looked at by those who may not change them.

use std::collections::BTreeMap;

use wlcg_acceptance::person::{Person, encoded, form_of, text_of};
use wlcg_acceptance::programs::{Answer, Collector, Deployment, eventually};

use super::{seal, text};

on_both_databases!(
    a_list_lives_on_the_page,
    whoever_may_not_change_it_does_not,
    two_people_change_one_list,
    the_preview_is_what_happens,
    hostile_values_stay_values,
);

const LIST: &str = "/references/WLCG%20baseline";

fn to(list: &str, what: &str) -> String {
    format!("{list}/{what}")
}

fn shown(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", text_of(&answer.body));
    text_of(&answer.body)
}

/// Previews the whole list as CSV, and stores it.
fn put(officer: &Person<'_>, csv: &str, note: &str) {
    let page = officer.page(&to(LIST, "text?form=csv"));
    let preview = officer.fill_in(&page, &to(LIST, "preview"), &[("what", "text"), ("text", csv)]);
    shown(&preview, 200);
    let stored = officer.fill_in(&preview.body, &to(LIST, "store"), &[("note", note)]);
    assert_eq!(stored.status, 303, "{}", text_of(&stored.body));
}

/// A first version of the list.
fn begin(officer: &Person<'_>, csv: &str) {
    let page = officer.page("/references");
    let typed = [("name", "WLCG baseline"), ("form", "csv"), ("text", csv)];
    let preview = officer.fill_in(&page, "/references", &typed);
    shown(&preview, 200);
    assert_eq!(officer.fill_in(&preview.body, &to(LIST, "store"), &[]).status, 303);
}

fn a_list_lives_on_the_page(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let officer = Person::signed_in(deployment, &collector, &["--name", "O. Fficer"]);
    let empty = officer.page("/references");
    assert!(text_of(&empty).contains("No reference list yet") && empty.contains("Write the first list below"));

    // What is wrong is named by its line, and what was typed stays.
    let wrong = "[[reference]]\nproduct = \"xrootd\"\npackage = \"xrootd-server\"\nsince = 2026-02-30\n";
    for (name, form, text, told) in [
        ("a", "toml", wrong, "line 4"),
        ("a", "csv", "product,package,minimum\nxrootd,,1\n", "line 2"),
        ("", "csv", "product,package,minimum\nxrootd,a,1\n", "needs a name"),
        ("a\tb", "toml", "", "needs a name"),
        ("other", "toml", "name = \"baseline\"\n", "that of the list \"baseline\", not \"other\""),
    ] {
        let answer = officer.fill_in(&empty, "/references", &[("name", name), ("form", form), ("text", text)]);
        assert!(shown(&answer, 422).contains(told), "{told}: {}", text_of(&answer.body));
        let typed = form_of(&answer.body, "/references");
        assert_eq!((typed["text"].as_str(), typed["form"].as_str()), (text, form));
    }

    // A new list without text begins with its first reference.
    let first = officer.fill_in(&empty, "/references", &[("name", "WLCG baseline"), ("form", "toml"), ("text", "")]);
    assert!(shown(&first, 200).contains("Add a reference to WLCG baseline"));
    let row = [("product", "xrootd"), ("package", "xrootd-server"), ("os", "el9"), ("minimum", " 1:5.6.4-1.el9 ")];
    let mut broken = row.to_vec();
    broken.extend([("since", "soon"), ("url", "a\tb"), ("what", "row")]);
    let answer = officer.fill_in(&first.body, &to(LIST, "preview"), &broken);
    let told = shown(&answer, 422);
    assert!(told.contains("since is no date") && told.contains("url is empty or has control"), "{told}");
    assert_eq!(form_of(&answer.body, &to(LIST, "preview"))["since"], "soon");
    let mended = [("since", "2026-01-15"), ("url", "https://xrootd.org/"), ("what", "row")];
    let preview = officer.fill_in(&answer.body, &to(LIST, "preview"), &mended);
    assert!(shown(&preview, 200).contains("1 added."));
    assert_eq!(deployment.rows(&["reference", "list"]).len(), 0, "a preview stores nothing");

    // One more before it is stored.
    let more = officer.fill_in(&preview.body, &to(LIST, "row"), &[]);
    let second = [("product", "voms"), ("package", "voms"), ("blocked", "2.1.0 2.1.1"), ("what", "row")];
    let preview = officer.fill_in(&more.body, &to(LIST, "preview"), &second);
    assert!(shown(&preview, 200).contains("2 added."));
    let twice = officer.fill_in(&more.body, &to(LIST, "preview"), &[&row[..], &[("what", "row")]].concat());
    assert!(shown(&twice, 422).contains("is in the list already"));
    let stored = officer.fill_in(&preview.body, &to(LIST, "store"), &[("note", "the first")]);
    assert_eq!((stored.status, stored.header("location")), (303, Some("/references/WLCG%20baseline?stored=1")));
    let page = officer.page("/references/WLCG%20baseline?stored=1");
    for told in ["Stored as version 1", "O. Fficer", "the first", "1:5.6.4-1.el9", "2.1.0, 2.1.1", "2026-01-15"] {
        assert!(text_of(&page).contains(told), "{told}: {page}");
    }
    assert!(
        page.contains("href=\"https://xrootd.org/\"") && text_of(&officer.page("/references")).contains("the first")
    );

    // Change, remove, as text, retire, and back.
    let page = officer.page(&to(LIST, "row?product=xrootd&package=xrootd-server&os=el9"));
    let preview = officer.fill_in(&page, &to(LIST, "preview"), &[("minimum", "1:5.7.0-1.el9"), ("what", "row")]);
    assert!(shown(&preview, 200).contains("1 changed."));
    assert_eq!(officer.fill_in(&preview.body, &to(LIST, "store"), &[]).status, 303);
    let page = officer.page(&to(LIST, "row?product=voms&package=voms"));
    let preview = officer.fill_in(&page, &to(LIST, "preview"), &[("what", "remove")]);
    assert!(shown(&preview, 200).contains("1 removed."));
    assert_eq!(officer.fill_in(&preview.body, &to(LIST, "store"), &[]).status, 303);
    let page = officer.page(&to(LIST, "text?form=toml"));
    let text = form_of(&page, &to(LIST, "preview"))["text"].clone();
    assert_eq!(text, deployment.ask_text(&["reference", "export", "WLCG baseline"]));
    let unchanged = officer.fill_in(&page, &to(LIST, "preview"), &[("what", "text")]);
    assert!(shown(&unchanged, 200).contains("There is nothing to store"));
    let answer = officer.fill_in(
        &page,
        &to(LIST, "preview"),
        &[("what", "text"), ("text", &text.replace("minimum", "minimun"))],
    );
    assert!(shown(&answer, 422).contains("minimun") && answer.body.contains("unknown field"));
    let retired = officer.fill_in(&officer.page(LIST), &to(LIST, "preview"), &[]);
    assert!(shown(&retired, 200).contains("Without a reference the list is retired"));
    assert_eq!(officer.fill_in(&retired.body, &to(LIST, "store"), &[("note", "over")]).status, 303);
    assert!(text_of(&officer.page("/references")).contains("Retired"));
    assert_eq!(deployment.ask_text(&["reference", "export"]), "");
    let back = officer.fill_in(&officer.page(&to(LIST, "x").replace("/x", "?version=2")), &to(LIST, "preview"), &[]);
    assert!(shown(&back, 200).contains("2 added."));
    assert_eq!(officer.fill_in(&back.body, &to(LIST, "store"), &[]).status, 303);

    // Every version is there, with what it changed, and goes out as it came in.
    let versions = deployment.rows(&["reference", "list"]);
    let told: Vec<String> = versions.iter().map(|row| format!("{} {}", row["references"], row["note"])).collect();
    assert_eq!(told, ["2 \"the first\"", "2 \"\"", "1 \"\"", "0 \"over\"", "2 \"back to version 2\""]);
    let difference = text_of(&officer.page(&to(LIST, "difference?from=1&to=2")));
    assert!(difference.contains("1 changed.") && difference.contains("1:5.7.0-1.el9"), "{difference}");
    assert!(text_of(&officer.page(&to(LIST, "difference?from=0&to=1"))).contains("2 added."));
    assert!(text_of(&officer.page(&to(LIST, "difference"))).contains("from version 4 to 5"));
    for form in ["toml", "csv"] {
        let file = officer.get(&to(LIST, &format!("export/{form}?version=2")));
        let disposition = file.header("content-disposition").unwrap();
        assert_eq!(disposition, format!("attachment; filename=\"WLCG-baseline-2.{form}\""));
        let path = deployment.folder.path().join(format!("WLCG baseline.{form}"));
        std::fs::write(&path, &file.body).unwrap();
        deployment.ask(&["reference", "import", path.to_str().unwrap()]);
        let difference = deployment.rows(&["reference", "diff", "WLCG baseline", "--from", "2"]);
        assert_eq!(difference.len(), 0, "{difference:?}");
    }
    let json: Vec<serde_json::Value> = serde_json::from_str(&officer.get(&to(LIST, "export/json")).body).unwrap();
    assert_eq!((json.len(), &json[0]["minimum"]), (2, &"1:5.7.0-1.el9".into()));
    for (missing, status) in
        [("difference?from=1&to=77", 404), ("export/pdf", 404), ("?version=77", 404), ("difference?from=x", 400)]
    {
        assert_eq!(
            officer.get(&format!("{LIST}{}{missing}", if missing.starts_with('?') { "" } else { "/" })).status,
            status,
            "{missing}"
        );
    }
    assert_eq!(officer.get("/references/none").status, 404);
    let again = officer.fill_in(&empty, "/references", &[("name", "WLCG baseline"), ("text", "")]);
    assert!(shown(&again, 422).contains("already"));
    assert_eq!(audited(deployment), 7, "each version, on the page or by file, is in the audit log");
}

fn audited(deployment: &Deployment) -> i64 {
    let lists = "SELECT COUNT(*) FROM audit WHERE action = 'reference list' AND object LIKE 'WLCG baseline, version %'";
    deployment.number(lists)
}

fn whoever_may_not_change_it_does_not(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let officer = Person::signed_in(deployment, &collector, &[]);
    begin(&officer, "product,package,minimum\nxrootd,server,1\n");
    let preview = officer.fill_in(&officer.page(LIST), &to(LIST, "preview"), &[]).body;
    let fields = form_of(&preview, &to(LIST, "store"));
    let stolen: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();

    let reader = Person::signed_in(deployment, &collector, &["--role", "reader"]);
    let site = Person::signed_in(deployment, &collector, &["--role", "site", "--site", "CERN-PROD"]);
    for person in [&reader, &site] {
        for page in ["/references", LIST, &to(LIST, "difference")] {
            let html = person.page(page);
            assert!(!html.contains("textarea") && !html.contains("/preview\""), "{page}: {html}");
        }
        assert_eq!(person.get(&to(LIST, "export/toml")).status, 200);
        for page in ["row", "text"] {
            assert_eq!(person.get(&to(LIST, page)).status, 403, "{page}");
        }
        let html = person.page("/references");
        let own = html.split_once("name=\"csrf\" value=\"").unwrap().1.split_once('"').unwrap().0;
        let mut mine: Vec<(&str, &str)> = stolen.iter().filter(|(name, _)| *name != "csrf").copied().collect();
        mine.push(("csrf", own));
        for path in ["/references", &to(LIST, "preview"), &to(LIST, "store"), &to(LIST, "row"), &to(LIST, "text")] {
            assert_eq!(person.post(path, &mine).status, 403, "{path}");
            assert_eq!(person.post(path, &stolen).status, 403, "{path}: the proof is another's");
        }
    }
    let without: Vec<(&str, &str)> = stolen.iter().filter(|(name, _)| *name != "csrf").copied().collect();
    for path in ["/references", &to(LIST, "preview"), &to(LIST, "store"), &to(LIST, "row"), &to(LIST, "text")] {
        assert_eq!(officer.post(path, &without).status, 403, "{path}: nobody meant it");
        assert_eq!(collector.ask(path, &[], Some("csrf=x")).status, 401, "{path}: nobody");
    }
    assert_eq!(collector.ask(LIST, &[], None).status, 401);
    assert_eq!(deployment.rows(&["reference", "list"]).len(), 1);
    assert_eq!(officer.post(&to(LIST, "store"), &stolen).status, 303, "the same form of the officer");
    // A token is a program's: it needs no proof.
    let headers = [("authorization", &*format!("Bearer {}", deployment.token("officer", &[])))];
    let form = format!("based_on=2&draft={}", encoded("[[reference]]\nproduct='a'\npackage='b'\nminimum='1'\n"));
    assert_eq!(collector.ask(&to(LIST, "store"), &headers, Some(&form)).status, 303);
    for (wrong, status) in
        [("based_on=x", 422), ("draft=%00", 422), ("based_on=77", 404), ("what=dance&based_on=3", 422)]
    {
        assert_eq!(collector.ask(&to(LIST, "preview"), &headers, Some(wrong)).status, status, "{wrong}");
    }
    for wrong in ["based_on=-1", "based_on=77&draft=name='WLCG+baseline'", "based_on=9223372036854775807&draft=x='"] {
        let status = collector.ask(&to(LIST, "store"), &headers, Some(wrong)).status;
        assert!([404, 422].contains(&status), "{wrong}: {status}");
    }
    assert_eq!(deployment.rows(&["reference", "list"]).len(), 3);
}

fn two_people_change_one_list(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let (first, second) = (
        Person::signed_in(deployment, &collector, &["--name", "First"]),
        Person::signed_in(deployment, &collector, &["--name", "Second"]),
    );
    begin(&first, "product,package,minimum\np,a,1\np,b,1\np,c,1\n");
    let change = |person: &Person<'_>, package: &str, minimum: &str| {
        let page = person.page(&to(LIST, &format!("row?product=p&package={package}")));
        let answer = person.fill_in(&page, &to(LIST, "preview"), &[("minimum", minimum), ("what", "row")]);
        shown(&answer, 200);
        answer.body
    };
    let minimums = || {
        let rows = deployment.rows(&["reference", "export", "WLCG baseline"]);
        let pair = |row: &serde_json::Value| {
            format!("{}{}", row["package"].as_str().unwrap(), row["minimum"].as_str().unwrap())
        };
        rows.iter().map(pair).collect::<Vec<_>>().join(" ")
    };

    // Different references: both changes are kept, and the second person sees the first one's before it is stored.
    let (ones, others) = (change(&first, "a", "2"), change(&second, "b", "3"));
    assert_eq!(first.fill_in(&ones, &to(LIST, "store"), &[("note", "mine was first")]).status, 303);
    let refused = second.fill_in(&others, &to(LIST, "store"), &[("note", "me too")]);
    let told = shown(&refused, 409);
    for expected in [
        "Someone was faster",
        "version 2 came from First (mine was first)",
        "Nothing was overwritten",
        "preview of version 3",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(!told.contains("Changed by both of you"));
    assert_eq!(minimums(), "a2 b1 c1", "nothing is stored");
    assert_eq!(form_of(&refused.body, &to(LIST, "store"))["note"], "me too");
    assert_eq!(second.fill_in(&refused.body, &to(LIST, "store"), &[]).status, 303);
    assert_eq!(minimums(), "a2 b3 c1");

    // The same reference: shown side by side, and stored only when it is sent again.
    let (ones, others) = (change(&first, "c", "5"), change(&second, "c", "6"));
    assert_eq!(first.fill_in(&ones, &to(LIST, "store"), &[]).status, 303);
    let told = shown(&second.fill_in(&others, &to(LIST, "store"), &[]), 409);
    assert!(told.contains("Changed by both of you") && told.contains("yours, which would be stored"), "{told}");
    assert_eq!(minimums(), "a2 b3 c5");
    // A preview of an old page tells it as well.
    let late = second.fill_in(&others, &to(LIST, "text"), &[("form", "csv")]);
    let late = second.fill_in(&late.body, &to(LIST, "preview"), &[("what", "text")]);
    assert!(shown(&late, 200).contains("Someone was faster"));

    // Many at the same moment: one version, whoever's it is.
    let fields = form_of(&change(&first, "a", "7"), &to(LIST, "store"));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..8).map(|_| scope.spawn(|| first.post(&to(LIST, "store"), &fields).status)).collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    let count = |status| statuses.iter().filter(|found| **found == status).count();
    assert_eq!((count(303), count(409)), (1, 7), "{statuses:?}");
    assert_eq!(audited(deployment), 5);
    assert_eq!(deployment.rows(&["reference", "list"]).len(), 5);
}

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
