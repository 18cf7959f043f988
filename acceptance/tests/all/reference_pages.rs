//! Reference lists on the desk: the life of a list, from its first reference to its last version.

use wlcg_acceptance::person::{Person, form_of, text_of};
use wlcg_acceptance::programs::{Answer, Deployment};

on_both_databases!(a_list_lives_on_the_page);

pub(super) const LIST: &str = "/references/WLCG%20baseline";

pub(super) fn to(list: &str, what: &str) -> String {
    format!("{list}/{what}")
}

pub(super) fn shown(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", text_of(&answer.body));
    text_of(&answer.body)
}

/// Previews the whole list as CSV, and stores it.
pub(super) fn put(officer: &Person<'_>, csv: &str, note: &str) {
    let page = officer.page(&to(LIST, "text?form=csv"));
    let preview = officer.fill_in(&page, &to(LIST, "preview"), &[("what", "text"), ("text", csv)]);
    shown(&preview, 200);
    let stored = officer.fill_in(&preview.body, &to(LIST, "store"), &[("note", note)]);
    assert_eq!(stored.status, 303, "{}", text_of(&stored.body));
}

/// A first version of the list.
pub(super) fn begin(officer: &Person<'_>, csv: &str) {
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

pub(super) fn audited(deployment: &Deployment) -> i64 {
    let lists = "SELECT COUNT(*) FROM audit WHERE action = 'reference list' AND object LIKE 'WLCG baseline, version %'";
    deployment.number(lists)
}
