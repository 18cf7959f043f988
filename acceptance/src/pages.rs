//! An HTTP server of the tests: shows pages that are given to it, and keeps what it is sent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

/// A server on loopback.
pub struct Pages {
    /// Where it is.
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    status: Arc<AtomicU16>,
}

/// What it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `POST /hook`
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header; empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

impl Pages {
    /// Starts a server that answers every request with these headers (lines that end in CRLF) and this body.
    #[must_use]
    pub fn start(headers: &str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let status = Arc::new(AtomicU16::new(200));
        let server = Pages { url, requests: Arc::clone(&requests), status: Arc::clone(&status) };
        let rest = format!("{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                // A browser opens connections before it needs them: one that says nothing must hold up nobody.
                let (requests, status, rest) = (Arc::clone(&requests), Arc::clone(&status), rest.clone());
                std::thread::spawn(move || {
                    let Some(request) = read(&connection) else { return };
                    requests.lock().unwrap().push(request);
                    let status = status.load(Ordering::Relaxed);
                    let _ = connection.write_all(format!("HTTP/1.1 {status} As asked\r\n{rest}").as_bytes());
                });
            }
        });
        server
    }

    /// From now on every answer has this status.
    pub fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// What it was sent since the last question.
    #[must_use]
    pub fn received(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

fn read(connection: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(connection);
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let line = first.rsplit_once(' ')?.0.to_owned();
    let mut request = Request { line, headers, body: Vec::new() };
    let length = request.header("content-length").parse().unwrap_or(0);
    reader.take(length).read_to_end(&mut request.body).ok()?;
    Some(request)
}
