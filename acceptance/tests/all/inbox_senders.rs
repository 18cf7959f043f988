//! Whose reports count: senders that are approved or rejected on the desk, and what becomes of what they send next.

use report::sealed::SigningKey;
use wlcg_acceptance::person::{Person, form_of, links_of, text_of};
use wlcg_acceptance::programs::Deployment;

use super::inbox_pages::{Sender, audited, decide, key, of, settles};

on_both_databases!(senders_are_decided_on, a_rejected_sender_stays_rejected);

fn senders_are_decided_on(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let officer = Person::signed_in(deployment, &collector, &["--name", "O. Fficer"]);
    assert!(text_of(&officer.page("/inbox")).contains("Nothing is left"));
    let sender = Sender::new(deployment, &collector, "officer");
    let first: Vec<SigningKey> = (0..6).map(|_| key()).collect();
    for (number, key) in first.iter().enumerate() {
        sender.post(&of("CERN-PROD", &format!("wn{number}")), Some(key));
    }
    settles(deployment, [0, 6, 0, 0, 0]);

    // Four hosts are installed anew from one image, one reports with two keys, one without any.
    let (image, second, third) = (key(), key(), key());
    let again = |host: &str| of("CERN-PROD", host).replace("2026-01-03", "2026-01-04");
    let mut reports = Vec::new();
    for host in ["wn0", "wn1", "wn2", "wn3"] {
        reports.push(sender.post(&again(host), Some(&image)));
        reports.push(sender.post(&again(host).replace("01-04", "01-05"), Some(&image)));
    }
    let (of_two, _) = sender.post(&again("wn4"), Some(&second));
    sender.post(&again("wn4"), Some(&third));
    sender.post(&again("wn5"), None);
    settles(deployment, [0, 6, 11, 0, 0]);

    let page = text_of(&officer.page("/inbox"));
    for told in [
        "11 Held",
        "Reports that are held",
        "signed with another key than their host's",
        "without a signature, of hosts that sign",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let changed = "/inbox?state=held&problem=key_changed";
    let page = text_of(&officer.page(changed));
    assert!(page.contains("Was the host installed anew?") && page.contains("10 reports, newest first"), "{page}");
    let of_site = format!("{changed}&site=CERN-PROD");
    let page = officer.page(&of_site);
    assert!(text_of(&page).contains("Approve 5 hosts"), "{page}");
    let links = links_of(&page);
    assert_eq!(links.iter().filter(|link| link.starts_with(&format!("{of_site}&host=wn4&sender="))).count(), 2);

    // One report: the keys side by side, and the bytes as they came.
    let (hash, sealed) = &reports[0];
    let page = text_of(&officer.page(&format!("/inbox/{hash}")));
    for told in [
        first[0].signer().unwrap().key.to_string(),
        image.signer().unwrap().key.to_string(),
        "another one".to_owned(),
        "its first signed report".to_owned(),
    ] {
        assert!(page.contains(&told), "{told}: {page}");
    }
    let file = collector.bytes(
        &format!("/inbox/{hash}/sealed"),
        &[("authorization", &format!("Bearer {}", deployment.token("reader", &[])))],
    );
    assert_eq!((file.0, &file.1), (200, sealed));
    assert_eq!(officer.get(&format!("/inbox/{}", "0".repeat(64))).status, 404);
    assert_eq!(officer.get("/inbox/none").status, 404);

    // All of the site at once; what two keys say of one host is left.
    let told = decide(&officer, &of_site, &[("what", "approve")]);
    assert!(told.contains("Approved 4 hosts") && told.contains("1 host must be looked at one by one"), "{told}");
    settles(deployment, [0, 14, 3, 0, 0]);
    assert_eq!(audited(deployment, "approve"), 4);
    let now_by_image = format!(
        "SELECT COUNT(*) FROM sender WHERE digest = '{}' AND approved = 'O. Fficer'",
        image.signer().unwrap().key
    );
    assert_eq!(deployment.number(&now_by_image), 4);
    sender.post(&again("wn0").replace("01-04", "01-06"), Some(&image));
    settles(deployment, [0, 15, 3, 0, 0]);
    let told = decide(&officer, &format!("/inbox/{of_two}"), &[("what", "approve")]);
    assert!(told.contains("Approved 1 host"), "{told}");
    // What the other key signed is still doubted, and now by the new key.
    settles(deployment, [0, 16, 2, 0, 0]);
    let told = decide(
        &officer,
        "/inbox?state=held&problem=key_changed&site=CERN-PROD",
        &[("what", "reject"), ("reason", "nobody knows of it")],
    );
    assert!(told.contains("Rejected 1 report"), "{told}");
    let told = decide(&officer, "/inbox?state=held&problem=signature_missing&site=CERN-PROD", &[("what", "approve")]);
    assert!(told.contains("Approved 1 host"), "{told}");
    settles(deployment, [0, 17, 0, 0, 1]);
    let page = text_of(&officer.page("/inbox?state=rejected&problem=key_changed&site=CERN-PROD&host=wn4"));
    assert!(page.contains("rejected by O. Fficer: nobody knows of it"), "{page}");

    // A decision that no longer fits is refused, and one on a changed report never comes true.
    let form = [("what", "approve"), ("report", of_two.as_str())];
    let csrf = form_of(&officer.page("/inbox"), "/sign-out")["csrf"].clone();
    let answer = officer.post("/inbox/decide", &[&form[..], &[("csrf", &csrf)]].concat());
    assert!(answer.status == 409 && text_of(&answer.body).contains("it is opened, not held"), "{answer:?}");
}

fn a_rejected_sender_stays_rejected(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let officer = Person::signed_in(deployment, &collector, &["--name", "O. Fficer"]);
    let sender = Sender::new(deployment, &collector, "officer");
    let on = |host: &str, day: u8| of("CERN-PROD", host).replace("2026-01-03", &format!("2026-01-{day:02}"));
    let (own, other) = (key(), key());
    for host in ["wn1", "wn2"] {
        sender.post(&on(host, 3), Some(&own));
    }
    settles(deployment, [0, 2, 0, 0, 0]);
    for host in ["wn1", "wn2"] {
        sender.post(&on(host, 4), Some(&other));
    }
    sender.post(&on("wn2", 4), None);
    settles(deployment, [0, 2, 3, 0, 0]);
    let changed = "/inbox?state=held&problem=key_changed&site=CERN-PROD";
    let told =
        decide(&officer, &format!("{changed}&host=wn1"), &[("what", "reject"), ("reason", "nobody installed it")]);
    assert!(told.contains("Rejected 1 report"), "{told}");
    let unsigned = "/inbox?state=held&problem=signature_missing&site=CERN-PROD";
    let told = decide(&officer, unsigned, &[("what", "reject"), ("reason", "it has a key")]);
    assert!(told.contains("Rejected 1 report"), "{told}");
    settles(deployment, [0, 2, 1, 0, 2]);

    // What the same sender sends for the same host goes the same way; its own key and other hosts are as they were.
    let (next, _) = sender.post(&on("wn1", 5), Some(&other));
    sender.post(&on("wn2", 5), None);
    sender.post(&on("wn1", 6), Some(&own));
    sender.post(&on("wn2", 6), Some(&other));
    sender.post(&on("wn3", 6), Some(&other));
    settles(deployment, [0, 4, 2, 0, 4]);
    let reason = "rejected by O. Fficer: nobody installed it; that holds for whatever this sender sends";
    for path in [format!("/inbox/{next}"), "/inbox?state=rejected&problem=key_changed&site=CERN-PROD".to_owned()] {
        let page = text_of(&officer.page(&path));
        assert!(page.contains(reason), "{path}: {page}");
    }
    let row = deployment.rows(&["inbox", "list", "--state", "rejected"]);
    assert!(row.iter().any(|row| row["report"] == next && row["problem"] == "key_changed"), "{row:?}");

    // One that waits again takes the rejection back: somebody decides anew, and approves.
    let told = decide(&officer, &format!("/inbox/{next}"), &[("what", "retry")]);
    assert!(told.contains("1 report wait"), "{told}");
    settles(deployment, [0, 4, 3, 0, 3]);
    sender.post(&on("wn1", 7), Some(&other));
    settles(deployment, [0, 4, 4, 0, 3]);
    let told = decide(&officer, &format!("/inbox/{next}"), &[("what", "approve")]);
    assert!(told.contains("Approved 1 host"), "{told}");
    // Whatever is held by that key is judged again: wn2 has its own one still.
    settles(deployment, [0, 6, 2, 0, 3]);

    // All alike at once, and back.
    let told = decide(&officer, changed, &[("what", "reject"), ("reason", "no clone of ours")]);
    assert!(told.contains("Rejected 2 reports"), "{told}");
    sender.post(&on("wn2", 8), Some(&other));
    settles(deployment, [0, 6, 0, 0, 6]);
    let told =
        decide(&officer, "/inbox?state=rejected&problem=key_changed&site=CERN-PROD&host=wn2", &[("what", "retry")]);
    assert!(told.contains("3 reports wait"), "{told}");
    settles(deployment, [0, 6, 3, 0, 3]);
    sender.post(&on("wn2", 9), Some(&other));
    settles(deployment, [0, 6, 4, 0, 3]);
}
