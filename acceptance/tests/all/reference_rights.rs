//! Reference lists on the desk: looked at by those who may not change them, and changed by nobody else.

use wlcg_acceptance::person::{Person, encoded, form_of};
use wlcg_acceptance::programs::Deployment;

use super::reference_pages::{LIST, begin, to};

on_both_databases!(whoever_may_not_change_it_does_not);

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
