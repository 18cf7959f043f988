//! A database machine that vanishes without closing a connection: whoever asks is answered in time, and nothing is lost.

use std::time::{Duration, Instant};

use wlcg_acceptance::ledger::{Ledger, told};
use wlcg_acceptance::mariadb::Server;
use wlcg_acceptance::programs::{Collector, Deployment, within};

/// Less than our reporter waits for an answer.
const HOSTS: Duration = Duration::from_secs(29);

#[test]
fn everybody_is_answered_and_nothing_is_lost() {
    let server = Server::start();
    server.run("CREATE DATABASE c");
    let deployment = Deployment::new(Some(format!("mysql://root@localhost/c?socket={}", server.socket().display())));
    let collector = deployment.serve(&[]);
    let officer = deployment.token("officer", &[]);
    let ledger = Ledger::new(&deployment);
    ledger.is_at(&collector.url);
    let mut answers = Vec::new();
    ledger.under_load(4, Duration::from_millis(50), || {
        ledger.goes_on(20, "reports are taken");
        server.freeze();
        // What is on its way to the database is answered as well: whoever reported just now waits longest.
        let later = ledger.figures().later;
        std::thread::scope(|scope| {
            let ask = |path: &'static str, most: u64| {
                let (collector, officer) = (&collector, &officer);
                scope.spawn(move || {
                    let begin = Instant::now();
                    let (status, _) = collector.get_as(officer, path);
                    assert_eq!(status, 503, "{path}");
                    let took = begin.elapsed();
                    assert!(took < Duration::from_secs(most), "{path}: {took:?}");
                    (path, took.as_secs_f64())
                })
            };
            let asked = [ask("/readyz", 8), ask("/", 65), ask("/api/v1/sites", 65)];
            let begin = Instant::now();
            within(HOSTS.as_secs(), "hosts are told to come back", || ledger.figures().later >= later + 4);
            answers.push(("POST /v1/reports", begin.elapsed().as_secs_f64()));
            assert_eq!(collector.get("/healthz").0, 200);
            answers.extend(asked.into_iter().map(|asked| asked.join().unwrap()));
        });
        let times: Vec<u64> = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..6).map(|_| scope.spawn(|| retry_after(&collector))).collect();
            asked.into_iter().map(|asked| asked.join().unwrap()).collect()
        });
        assert!(times.iter().all(|seconds| (30..=331).contains(seconds)), "{times:?}");
        assert!(times.iter().any(|seconds| *seconds != times[0]), "hosts do not come back together: {times:?}");
        let stands = ledger.acknowledged();
        let begin = Instant::now();
        server.thaw();
        within(60, "reports are taken again", || ledger.acknowledged() > stands);
        answers.push(("acknowledged again", begin.elapsed().as_secs_f64()));
        within(30, "it is ready again", || collector.get("/readyz").0 == 200);
    });
    assert_eq!(ledger.figures().unanswered, 0, "{}", ledger.figures());
    told(&format!("database vanished, seconds to an answer: {answers:?}; {}", ledger.figures()));
    ledger.check(&deployment);
}

/// When somebody who asks now is told to come back; it is the same as for whoever reports.
fn retry_after(collector: &Collector) -> u64 {
    let answer = collector.ask("/readyz", &[], None);
    assert_eq!(answer.status, 503);
    answer.header("retry-after").unwrap().parse().unwrap()
}
