//! The answers on one connection, and what each of them must hold.

use serde_json::Value;

use crate::{find, html};

/// One answer.
pub struct Answer {
    /// Its status; those that only say to go on (100 to 199) are left out.
    pub status: u16,
    /// Its head.
    pub head: String,
    /// Its body, out of its chunks.
    pub body: Vec<u8>,
}

/// All answers to what was `sent`; only a connection that was `cut` may end within one.
#[must_use]
pub fn read(mut bytes: &[u8], sent: &[u8], cut: bool) -> Vec<Answer> {
    let mut answers = Vec::new();
    while !bytes.is_empty() {
        let Some(end) = find(bytes, b"\r\n\r\n") else {
            assert!(cut, "half a head: {:?}", String::from_utf8_lossy(bytes));
            break;
        };
        let head = std::str::from_utf8(&bytes[..end]).expect("a head in UTF-8");
        bytes = &bytes[end + 4..];
        let line = head.strip_prefix("HTTP/1.1 ").or_else(|| head.strip_prefix("HTTP/1.0 ")).expect("HTTP");
        let status: u16 = line[..3].parse().expect("a status");
        if status < 200 {
            continue;
        }
        let body = if status == 204 || status == 304 || (is_next(bytes) && find(sent, b"HEAD ").is_some()) {
            Some(Vec::new())
        } else if field(head, "transfer-encoding") == Some("chunked") {
            chunks(&mut bytes)
        } else {
            let length = field(head, "content-length").map_or(bytes.len(), |length| length.parse().expect("a length"));
            bytes.split_off(..length).map(<[u8]>::to_vec)
        };
        let Some(body) = body else {
            assert!(cut, "half a body behind {head}");
            break;
        };
        answers.push(Answer { status, head: head.to_owned(), body });
    }
    answers
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Whether another answer begins here, or nothing comes any more: what HEAD is answered has a length and no body.
fn is_next(bytes: &[u8]) -> bool {
    bytes.is_empty() || bytes.starts_with(b"HTTP/1.")
}

fn chunks(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = find(bytes, b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).expect("a size"), 16).expect("a size");
        let rest = &bytes[line + 2..];
        let (chunk, rest) = (rest.get(..size)?, rest.get(size..)?);
        *bytes = rest.strip_prefix(b"\r\n")?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunk);
    }
}

impl Answer {
    /// The value of a header.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }

    /// Panics unless it is an answer as it should be.
    pub fn check(&self) {
        let text = String::from_utf8_lossy(&self.body);
        assert!(self.status < 500, "{}\n{text}", self.head);
        for line in self.head.lines().skip(1) {
            let name = line.split_once(": ").or_else(|| line.split_once(':')).expect("a header").0;
            assert!(!name.contains("m4rk"), "a header of the asker's own: {line}");
        }
        let kind = self.field("content-type").unwrap_or_default();
        if kind.starts_with("text/html") && !self.body.is_empty() {
            assert!(!text.contains("<m4rk"), "markup from outside:\n{text}");
            html::check(std::str::from_utf8(&self.body).expect("a page in UTF-8"));
        }
        if kind.contains("json") && !self.body.is_empty() {
            let _: Value = serde_json::from_slice(&self.body).expect("JSON");
        }
    }

    /// The report that it acknowledges.
    #[must_use]
    pub fn acknowledged(&self) -> Option<String> {
        if !matches!(self.status, 200 | 201) || !self.body.starts_with(b"{\"report\":") {
            return None;
        }
        let json: Value = serde_json::from_slice(&self.body).ok()?;
        let is_receipt = matches!(json["status"].as_str()?, "stored" | "duplicate");
        (is_receipt && json.as_object()?.len() == 2).then(|| json["report"].as_str().map(str::to_owned))?
    }
}
