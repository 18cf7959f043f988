//! Mails and webhooks of campaigns with a real mail server and a real listener: nothing before approval, once after it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use report::hash::Hash;
use wlcg_acceptance::openssl::openssl;
use wlcg_acceptance::programs::Deployment;
use wlcg_acceptance::smtp::{MailServer, Senders};
use wlcg_package_collector::access::Scope;
use wlcg_package_collector::access::deed::{By, Deed};
use wlcg_package_collector::answers::campaign::{self, Reading, Sending};
use wlcg_package_collector::answers::judge::Judge;
use wlcg_package_collector::campaign::Letter;
use wlcg_package_collector::sending::{Delivery, MailConfig, Mailer};
use wlcg_package_collector::store::{Message, MessageKind, NewMessage, Store, StoredCampaign};

use super::{seal, text};

on_both_databases!(
    nothing_leaves_before_approval_and_then_it_leaves_once,
    refusals_for_good_and_for_now_differ,
    whoever_dies_between_sending_and_marking_is_known_by_the_message_id,
    two_processes_send_each_mail_once,
    the_webhook_is_told_what_was_approved_and_signed,
);

fn now() -> i64 {
    Timestamp::now().as_second()
}

fn deed() -> Deed<'static> {
    Deed {
        by: By { at: now(), person: "officer", role: "officer", source: "192.0.2.9" },
        action: "campaign",
        object: "x",
    }
}

fn run<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(story)
}

/// Writes a configuration and gives what `mail --once` says with it.
fn send_once(deployment: &Deployment, config: &str) -> String {
    let file = deployment.folder.path().join("mail.toml");
    std::fs::write(&file, config).unwrap();
    deployment.ask_text(&["--config", file.to_str().unwrap(), "mail", "--once"])
}

fn mail_config(server: &MailServer) -> String {
    format!(
        "[mail]\nserver = \"smtp://{}\"\nfrom = \"MW Officer <officer@wlcg.example.org>\"\nreply_to = \"team@wlcg.example.org\"\n\
         timeout_seconds = 20\n",
        server.address()
    )
}

async fn with_campaign(store: &Store, contacts: &str) -> i64 {
    let letter = Letter::proposed(true);
    let today = now().div_euclid(86_400);
    let campaign = StoredCampaign {
        id: 0,
        name: "Move to xrootd 5.6.4".to_owned(),
        note: String::new(),
        content:
            "name = \"x\"\n[[reference]]\nproduct = \"xrootd\"\npackage = \"xrootd-server\"\nminimum = \"1:5.6.4-1\"\n"
                .to_owned(),
        sites: String::new(),
        begins: today,
        deadline: today + 7,
        contacts: contacts.to_owned(),
        subject: letter.subject,
        letter: letter.text,
        author: "officer".to_owned(),
        created: now(),
        closed: 0,
    };
    store.add_campaign(&campaign, &deed()).await.unwrap().unwrap()
}

/// Puts two behind and one hostile host of CERN-PROD into the database, through the real way in.
fn with_hosts(deployment: &Deployment) {
    let collector = deployment.serve(&["--no-open"]);
    let collected = Timestamp::from_second(now() - 60).unwrap().to_string();
    for host in ["wn1", "wn2", "evil<b>http://x.example/@"] {
        let sealed =
            seal(&deployment.certificate("officer"), &text(host, &collected, &[("xrootd-server", "1:5.6.3-1")]));
        assert_eq!(collector.report(&sealed).0, 201);
    }
    deployment.ask(&["open", "--once"]);
    assert_eq!(deployment.inbox("opened"), 3);
}

/// What is written to the sites that are behind, kept as previews.
async fn written(store: &Store, id: i64, webhook: Option<&str>) -> Vec<Message> {
    let reading = Reading { now: Timestamp::now(), stale_after_days: 7 };
    let judge = Judge::default();
    let sending = Sending {
        desk_url: Some("https://desk.example.org".to_owned()),
        mail: true,
        webhook: webhook.map(str::to_owned),
    };
    let of = campaign::one(store, &Scope::All, id).await.unwrap();
    let progress = campaign::progress(store, &judge, &Scope::All, of, reading).await.unwrap();
    let letters = campaign::write(store, &judge, &progress, &sending, reading).await.unwrap();
    store.replace_mail_previews(id, &letters, &deed()).await.unwrap();
    // A page that is loaded twice writes the same once.
    store.replace_mail_previews(id, &letters, &deed()).await.unwrap();
    store.messages(id).await.unwrap()
}

async fn approve(store: &Store, id: i64, messages: &[Message]) -> u64 {
    let digests: Vec<Hash> = messages.iter().map(|message| message.content.digest).collect();
    store.approve(id, &digests, &deed()).await.unwrap()
}

/// A mail to one address, kept as a preview.
async fn preview(store: &Store, id: i64, recipient: &str, number: usize) {
    let message = NewMessage {
        site: "CERN-PROD".to_owned(),
        kind: MessageKind::Mail,
        recipient: recipient.to_owned(),
        subject: format!("mail {number}"),
        body: "please\n".to_owned(),
        digest: Hash::of(format!("{recipient} {number}").as_bytes()),
        follows: None,
    };
    store.add_preview(id, &message, ("officer", now())).await.unwrap();
}

async fn states(store: &Store, id: i64) -> Vec<&'static str> {
    store.messages(id).await.unwrap().iter().map(|message| message.state.as_str()).collect()
}

fn header<'a>(mail: &'a str, name: &str) -> Vec<&'a str> {
    let headers = mail.split("\n\n").next().unwrap();
    headers.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect()
}

fn nothing_leaves_before_approval_and_then_it_leaves_once(deployment: &Deployment) {
    with_hosts(deployment);
    let server = MailServer::start(Senders::Everyone);
    let config = mail_config(&server);
    run(async {
        let store = Store::open(&deployment.database).await.unwrap();
        let id = with_campaign(&store, "CERN-PROD = a@site.example.org, b@site.example.org\n").await;
        let seen = written(&store, id, None).await;
        assert_eq!(seen.len(), 1);
        assert_eq!(send_once(deployment, &config), "sent 0, later 0, failed 0\n");
        assert_eq!(server.delivered().len(), 0, "a preview was sent: {}", server.log());
        // What was written again in the meantime is not what was seen.
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        let again = written(&store, id, None).await;
        assert_eq!(again.len(), 1);
        assert_eq!(approve(&store, id, &seen).await, 0, "the old preview is gone");
        assert_eq!(approve(&store, id, &again).await, 1);
        assert_eq!(approve(&store, id, &again).await, 0, "approved twice");
        assert_eq!(send_once(deployment, &config), "sent 1, later 0, failed 0\n");
        assert_eq!(approve(&store, id, &again).await, 0, "approved after it was sent");
        assert_eq!(send_once(deployment, &config), "sent 0, later 0, failed 0\n");
        // The server keeps a copy for each address of the one mail that was handed in.
        wlcg_acceptance::programs::eventually("it is delivered", || server.delivered().len() == 2);
        assert_eq!(server.log().matches(" <= officer@wlcg.example.org").count(), 1, "{}", server.log());
        let mail = &server.delivered()[0].replace("=\n", "");
        assert_eq!(header(mail, "Message-ID"), [format!("<{}@wlcg.example.org>", again[0].content.digest)]);
        assert_eq!(header(mail, "To"), ["a@site.example.org, b@site.example.org"]);
        assert_eq!(header(mail, "Reply-To"), ["team@wlcg.example.org"]);
        assert!(mail.contains("wn1: xrootd-server: installed 1:5.6.3-1"), "{mail}");
        assert!(!mail.contains("http://x.example") && !mail.contains("<b>"), "{mail}");
        assert_eq!(states(&store, id).await, ["sent"]);
    });
}

fn refusals_for_good_and_for_now_differ(deployment: &Deployment) {
    let server = MailServer::start(Senders::Everyone);
    run(async {
        let store = Store::open(&deployment.database).await.unwrap();
        let id = with_campaign(&store, "").await;
        preview(&store, id, "gone@site.example.org", 1).await;
        preview(&store, id, "later@site.example.org", 2).await;
        let all = store.messages(id).await.unwrap();
        assert_eq!(approve(&store, id, &all).await, 2);
        assert_eq!(send_once(deployment, &mail_config(&server)), "sent 0, later 1, failed 1\n");
        let told = store.messages(id).await.unwrap();
        assert_eq!((told[0].state.as_str(), told[1].state.as_str()), ("failed", "queued"));
        assert!(told[0].error.contains("no such mailbox"), "{}", told[0].error);
        assert!(told[1].error.contains("mailbox is full"), "{}", told[1].error);
        let pause = told[1].next_try - now();
        assert!((30..=80).contains(&pause), "{pause} seconds");
        assert_eq!(
            send_once(deployment, &mail_config(&server)),
            "sent 0, later 0, failed 0\n",
            "its time has not come"
        );
        // Nobody listens: for now, whatever the message is.
        assert!(store.queue_again(id, told[0].content.digest, &deed()).await.unwrap());
        assert!(!store.queue_again(id, told[0].content.digest, &deed()).await.unwrap());
        let nobody =
            "[mail]\nserver = \"smtp://127.0.0.1:1\"\nfrom = \"officer@wlcg.example.org\"\ntimeout_seconds = 5\n";
        assert_eq!(send_once(deployment, nobody), "sent 0, later 1, failed 0\n");
        assert_eq!(server.delivered().len(), 0);
    });
}

fn whoever_dies_between_sending_and_marking_is_known_by_the_message_id(deployment: &Deployment) {
    let server = MailServer::start(Senders::Everyone);
    run(async {
        let store = Store::open(&deployment.database).await.unwrap();
        let id = with_campaign(&store, "").await;
        preview(&store, id, "a@site.example.org", 1).await;
        let all = store.messages(id).await.unwrap();
        assert_eq!(approve(&store, id, &all).await, 1);
        // All that a sender does before it dies: it takes the message, hands it in, and marks nothing.
        let lease = now() + 3;
        let taken = store.take_message(&[MessageKind::Mail], now(), lease).await.unwrap().unwrap();
        let config = MailConfig {
            server: format!("smtp://{}", server.address()),
            from: "officer@wlcg.example.org".to_owned(),
            reply_to: None,
            password_file: None,
            timeout_seconds: 20,
        };
        let mailer = Mailer::new(&config, None).unwrap();
        assert_eq!(mailer.send(&taken, Timestamp::now()).await, Delivery::Sent);
        assert_eq!(send_once(deployment, &mail_config(&server)), "sent 0, later 0, failed 0\n", "the lease holds");
        wlcg_acceptance::programs::eventually("the lease ends", || now() > lease);
        assert_eq!(send_once(deployment, &mail_config(&server)), "sent 1, later 0, failed 0\n");
        wlcg_acceptance::programs::eventually("both are delivered", || server.delivered().len() == 2);
        let ids: Vec<String> = server.delivered().iter().map(|mail| header(mail, "Message-ID").join("")).collect();
        assert!(ids[0] == ids[1] && ids[0].contains(&taken.content.digest.to_string()), "{ids:?}");
        // The dead one's word comes late, and is not believed any more.
        store.mark_failed(&taken, "from the grave").await.unwrap();
        assert_eq!(states(&store, id).await, ["sent"]);
    });
}

fn two_processes_send_each_mail_once(deployment: &Deployment) {
    let server = MailServer::start(Senders::Everyone);
    run(async {
        let store = Store::open(&deployment.database).await.unwrap();
        let id = with_campaign(&store, "").await;
        for number in 0..12 {
            preview(&store, id, "a@site.example.org", number).await;
        }
        let all = store.messages(id).await.unwrap();
        assert_eq!(approve(&store, id, &all).await, 12);
        let file = deployment.folder.path().join("mail.toml");
        std::fs::write(&file, mail_config(&server)).unwrap();
        let senders: Vec<_> = (0..2)
            .map(|_| deployment.collector().arg("--config").arg(&file).args(["mail", "--once"]).spawn().unwrap())
            .collect();
        assert!(senders.into_iter().all(|mut sender| sender.wait().unwrap().success()));
        assert_eq!(states(&store, id).await, ["sent"; 12]);
        wlcg_acceptance::programs::eventually("all are delivered", || server.delivered().len() >= 12);
        let mut ids: Vec<String> = server.delivered().iter().map(|mail| header(mail, "Message-ID").join("")).collect();
        ids.sort();
        ids.dedup();
        assert_eq!((ids.len(), server.delivered().len()), (12, 12));
    });
}

#[test]
fn a_password_goes_encrypted_or_not_at_all() {
    let deployment = Deployment::new(None);
    let server = MailServer::start(Senders::Known { user: "desk", password: "p-w/0:rd" });
    let password = deployment.folder.path().join("password");
    std::fs::write(&password, "p-w/0:rd\n").unwrap();
    let port = server.address().rsplit(':').next().unwrap().to_owned();
    let file = deployment.folder.path().join("mail.toml");
    let config = format!(
        "[mail]\nserver = \"smtp://desk@localhost:{port}\"\nfrom = \"officer@wlcg.example.org\"\npassword_file = \"{}\"\n",
        password.display()
    );
    std::fs::write(&file, config).unwrap();
    let id = run(async {
        let store = Store::open(&deployment.database).await.unwrap();
        let id = with_campaign(&store, "").await;
        preview(&store, id, "a@site.example.org", 1).await;
        approve(&store, id, &store.messages(id).await.unwrap()).await;
        id
    });
    let ask = |trusted: bool| {
        let mut command = deployment.collector();
        command.arg("--config").arg(&file).args(["mail", "--once"]);
        if trusted {
            command.env("SSL_CERT_FILE", server.certificate());
        }
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(ask(false), "sent 0, later 1, failed 0\n", "nobody vouches for this server: {}", server.log());
    deployment.sql("UPDATE message SET next_try = 0");
    assert_eq!(ask(true), "sent 1, later 0, failed 0\n", "{}", server.log());
    // A wrong password is about us, not about the message.
    std::fs::write(&password, "wrong\n").unwrap();
    run(async {
        let store = Store::open(&deployment.database).await.unwrap();
        preview(&store, id, "a@site.example.org", 2).await;
        approve(&store, id, &store.messages(id).await.unwrap()).await;
    });
    assert_eq!(ask(true), "sent 0, later 1, failed 0\n", "{}", server.log());
    let check = deployment.collector().arg("--config").arg(&file).arg("check").output().unwrap();
    assert!(!check.status.success() && String::from_utf8_lossy(&check.stderr).contains("mail server"));
}

/// What a request had: header lines and body.
type Requests = Arc<Mutex<Vec<(Vec<String>, String)>>>;

/// Answers every request with the next of these statuses, then with 204; gives its address and what came.
fn listener(mut statuses: Vec<u16>) -> (String, Requests) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", socket.local_addr().unwrap());
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        for connection in socket.incoming() {
            let mut connection = BufReader::new(connection.unwrap());
            let mut headers = Vec::new();
            loop {
                let mut line = String::new();
                if connection.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
                    break;
                }
                headers.push(line.trim().to_owned());
            }
            let length =
                headers.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            connection.read_exact(&mut body).unwrap();
            seen.lock().unwrap().push((headers, String::from_utf8(body).unwrap()));
            let status = if statuses.is_empty() { 204 } else { statuses.remove(0) };
            let _ =
                write!(connection.get_mut(), "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (url, requests)
}

fn the_webhook_is_told_what_was_approved_and_signed(deployment: &Deployment) {
    with_hosts(deployment);
    let server = MailServer::start(Senders::Everyone);
    let (url, requests) = listener(vec![503]);
    let secret = [7_u8; 32];
    let file = deployment.folder.path().join("secret");
    let encoded = String::from_utf8(openssl(&["base64", "-A"], &secret)).unwrap();
    std::fs::write(&file, format!("whsec_{encoded}\n")).unwrap();
    let config = format!(
        "{}[webhook]\nurl = \"{url}\"\nsecret_file = \"{}\"\ntimeout_seconds = 5\n",
        mail_config(&server),
        file.display()
    );
    run(async {
        let store = Store::open(&deployment.database).await.unwrap();
        let id = with_campaign(&store, "CERN-PROD = a@site.example.org\n").await;
        let seen = written(&store, id, Some(&url)).await;
        assert_eq!(seen.len(), 2, "a mail and what is told of it");
        assert_eq!(send_once(deployment, &config), "sent 0, later 0, failed 0\n");
        assert!(requests.lock().unwrap().is_empty());
        assert_eq!(approve(&store, id, &seen).await, 1);
        // The mail first; what is told of it in the same round, once it is sent. The webhook is busy.
        let first = send_once(deployment, &config);
        let second = send_once(deployment, &config);
        assert!(first == "sent 1, later 1, failed 0\n" || second.contains("later 1"), "{first}{second}");
        assert_eq!(requests.lock().unwrap().len(), 1);
        deployment.sql("UPDATE message SET next_try = 0");
        assert_eq!(send_once(deployment, &config), "sent 1, later 0, failed 0\n");
        let came = requests.lock().unwrap().clone();
        let ids: Vec<&String> = came
            .iter()
            .map(|(headers, _)| headers.iter().find(|line| line.starts_with("webhook-id: ")).unwrap())
            .collect();
        assert_eq!(ids[0], ids[1], "the second try is known by its id");
        let (headers, body) = &came[1];
        let value = |name: &str| headers.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap();
        let signed = format!("{}.{}.{body}", value("webhook-id"), value("webhook-timestamp"));
        let key: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let mac = ["dgst", "-sha256", "-mac", "HMAC", "-macopt", &format!("hexkey:{key}"), "-binary"];
        let expected = String::from_utf8(openssl(&["base64", "-A"], &openssl(&mac, signed.as_bytes()))).unwrap();
        assert_eq!(value("webhook-signature"), format!("v1,{expected}"));
        let event: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&event["event"], &event["site"]["name"]), (&"message.sent".into(), &"CERN-PROD".into()));
        assert_eq!(
            event["message"]["id"],
            seen.iter().find(|message| message.content.kind == MessageKind::Mail).unwrap().content.digest.to_string()
        );
        assert_eq!(states(&store, id).await, ["sent"; 2]);
        // Another address than the one that was approved is not written to.
        let elsewhere = Sending { webhook: Some("http://127.0.0.1:1/other".to_owned()), ..Sending::default() };
        let of = campaign::one(&store, &Scope::All, id).await.unwrap();
        campaign::announce(&store, &of, "campaign.closed", &elsewhere, ("officer", Timestamp::now())).await.unwrap();
        let all = store.messages(id).await.unwrap();
        assert_eq!(approve(&store, id, &all).await, 1);
        assert_eq!(send_once(deployment, &config), "sent 0, later 0, failed 1\n");
        assert_eq!(requests.lock().unwrap().len(), 2);
    });
}
