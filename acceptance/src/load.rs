//! Posts prepared reports over many connections as fast as they are answered, or at a steady rate, and tells how long that took.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use report::acknowledgement::MEDIA_TYPE;
use report::sealed::{self, ContentEncryption, KeyKind, OpeningKey, Recipient};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How reports are posted.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Base address of the collector, or the address of `/v1/reports` itself.
    pub url: String,
    /// Connections, each kept alive and with one report under way at a time.
    pub connections: usize,
    /// Reports a second; as fast as they are answered without one.
    pub rate: Option<f64>,
    /// No report is begun after so long.
    pub longest: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Seconds from the first report to the last answer.
    pub seconds: f64,
    /// How often each answer came: a status, or why there was none.
    pub answers: BTreeMap<String, usize>,
    /// Milliseconds from when each report was due to its answer, ascending.
    pub latencies: Vec<f64>,
}

impl Outcome {
    /// Acknowledged reports a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let acknowledged: usize = ["200", "201"].iter().filter_map(|status| self.answers.get(*status)).sum();
        acknowledged as f64 / self.seconds
    }

    /// The latency that such a share of reports did not exceed.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a number is a place in it")]
    pub fn quantile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:.0} reports/s acknowledged in {:.1} s", self.rate(), self.seconds)?;
        let [half, most, all] = [0.5, 0.99, 1.0].map(|share| self.quantile(share));
        writeln!(f, "latency p50 {half:.1} ms, p99 {most:.1} ms, max {all:.1} ms")?;
        self.answers.iter().try_for_each(|(answer, times)| writeln!(f, "{times:>8} x {answer}"))
    }
}

/// Posts each of the reports once, if there is time for it; on one thread, so that little is taken from the collector's cores.
#[must_use]
pub fn post(plan: &Plan, reports: &[Vec<u8>]) -> Outcome {
    let url = match plan.url.trim_end_matches('/') {
        whole if whole.ends_with("/v1/reports") => whole.to_owned(),
        base => format!("{base}/v1/reports"),
    };
    let run = Arc::new(Run {
        url: url.parse().unwrap_or_else(|error| panic!("{url}: {error}")),
        reports: reports.iter().map(|report| Bytes::copy_from_slice(report)).collect(),
        rate: plan.rate,
        longest: plan.longest,
        next: AtomicUsize::new(0),
        start: Instant::now(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut outcome = runtime.block_on(async {
        let mut connections = JoinSet::new();
        for _ in 0..plan.connections.max(1) {
            connections.spawn(Arc::clone(&run).connection());
        }
        let mut all = Outcome::default();
        while let Some(own) = connections.join_next().await {
            for (answer, latency) in own.unwrap() {
                *all.answers.entry(answer).or_default() += 1;
                all.latencies.push(latency);
            }
        }
        all
    });
    outcome.seconds = run.start.elapsed().as_secs_f64();
    outcome.latencies.sort_by(f64::total_cmp);
    outcome
}

/// What all connections share.
struct Run {
    url: Uri,
    reports: Vec<Bytes>,
    rate: Option<f64>,
    longest: Duration,
    /// The report that is posted next.
    next: AtomicUsize,
    start: Instant,
}

/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

impl Run {
    /// Posts report after report over one connection, and over another one when it breaks: answers, and milliseconds to each.
    async fn connection(self: Arc<Self>) -> Vec<(String, f64)> {
        let mut own = Vec::new();
        let mut open = None;
        loop {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(report) = self.reports.get(at) else { return own };
            let due = match self.rate {
                Some(rate) => self.start + Duration::from_secs_f64(at as f64 / rate),
                None => Instant::now(),
            };
            if due.duration_since(self.start) > self.longest {
                return own;
            }
            tokio::time::sleep_until(due.into()).await;
            let answer = match tokio::time::timeout(PATIENCE, self.answer(&mut open, report)).await {
                Ok(Ok(status)) => status.to_string(),
                Ok(Err(error)) => error,
                Err(_) => "no answer in a minute".to_owned(),
            };
            if !answer.starts_with(|character: char| character.is_ascii_digit()) {
                open = None;
            }
            own.push((answer, due.elapsed().as_secs_f64() * 1_000.0));
        }
    }

    async fn answer(&self, open: &mut Option<SendRequest<Full<Bytes>>>, report: &Bytes) -> Result<u16, String> {
        let told = |error: &dyn fmt::Display| error.to_string();
        let connection = match open {
            Some(connection) => connection,
            None => open.insert(self.connect().await.map_err(|error| told(&error))?),
        };
        connection.ready().await.map_err(|error| told(&error))?;
        let request = Request::post(self.url.path())
            .header("host", self.url.authority().map(|authority| authority.as_str()).unwrap_or_default())
            .header("content-type", MEDIA_TYPE)
            .body(Full::new(report.clone()));
        let answer = connection.send_request(request.unwrap()).await.map_err(|error| told(&error))?;
        let status = answer.status().as_u16();
        answer.into_body().collect().await.map_err(|error| told(&error))?;
        Ok(status)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
        let host = self.url.host().ok_or("the address has no host")?;
        let stream = TcpStream::connect((host, self.url.port_u16().unwrap_or(80))).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// Seals reports of invented hosts beforehand, each of so many packages, on all cores.
///
/// Without a recipient they are sealed for a key that nobody has: a collector keeps them and cannot open them.
#[must_use]
pub fn prepare(count: usize, packages: usize, site: &str, recipient: Option<&Recipient>) -> Vec<Vec<u8>> {
    let nobody = || {
        let (begin, end) = (1_700_000_000, 4_000_000_000);
        let at = |second| jiff::Timestamp::from_second(second).unwrap();
        OpeningKey::generate(KeyKind::Rsa(2048), "nobody", at(begin), at(end)).unwrap().recipient().clone()
    };
    let recipients = [recipient.cloned().unwrap_or_else(nobody)];
    let lines = (0..packages).fold(String::new(), |mut lines, number| {
        let _ = writeln!(lines, "load-package-{number:05}\t0:1.{}.{}-1.el9\tx86_64", number % 7, number % 13);
        lines
    });
    let seal = |number: usize| {
        let text = format!(
            "#\narch: x86_64\nhost: load-{number}.example.org\nkernel: 5.14.0-427.el9.x86_64\npackager: rpm\nsite: {site}\n\
             system: AlmaLinux release 9.4 (Seafoam Ocelot)\nversion: 1\n#\n{lines}#\n"
        );
        sealed::seal(text.as_bytes(), &recipients, ContentEncryption::default()).unwrap()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let numbers: Vec<usize> = (0..count).collect();
    std::thread::scope(|scope| {
        let parts: Vec<_> = numbers
            .chunks(count.div_ceil(cores).max(1))
            .map(|part| scope.spawn(move || part.iter().map(|number| seal(*number)).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    })
}
