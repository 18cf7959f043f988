//! Reference lists on the desk: two people change one list, and nothing is overwritten.

use wlcg_acceptance::person::{Person, form_of};
use wlcg_acceptance::programs::Deployment;

use super::reference_pages::{LIST, audited, begin, shown, to};

on_both_databases!(two_people_change_one_list);

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
