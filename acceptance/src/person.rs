//! A person at the desk with a browser that runs no scripts: reads pages, fills in their forms.

use std::collections::BTreeMap;

use crate::programs::{Answer, Collector, Deployment};

/// Somebody who is signed in.
pub struct Person<'a> {
    collector: &'a Collector,
    cookie: String,
}

impl<'a> Person<'a> {
    /// Signs somebody in; the arguments are those of `sign-in`.
    #[must_use]
    pub fn signed_in(deployment: &Deployment, collector: &'a Collector, arguments: &[&str]) -> Self {
        Person { collector, cookie: collector.sign_in(&deployment.link(collector, arguments)) }
    }

    /// Opens a page.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.collector.ask(path, &[("cookie", &self.cookie), ("accept", "text/html")], None)
    }

    /// Opens a page that must be there; its HTML.
    #[must_use]
    pub fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// Sends a form, its lines ended as browsers end them.
    #[must_use]
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(&crlf(value))))
            .collect::<Vec<_>>()
            .join("&");
        self.collector.ask(path, &[("cookie", &self.cookie), ("accept", "text/html")], Some(&form))
    }

    /// Begins a campaign that asks for what a list asks of one package; its path.
    #[must_use]
    pub fn begin_campaign(
        &self,
        name: &str,
        deadline: &str,
        (list, product, package): (&str, &str, &str),
        sites: &str,
    ) -> String {
        let form = self.page("/campaigns/new");
        let chosen = format!("{list} / {product} / {package}");
        let fields = [("name", name), ("deadline", deadline), ("chosen", &chosen), ("sites", sites)];
        let answer = self.fill_in(&form, "/campaigns", &fields);
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.header("location").unwrap().to_owned()
    }

    /// Fills in the form of a page that goes to `action`, over what it holds already, and sends it.
    #[must_use]
    pub fn fill_in(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let mut filled = form_of(page, action);
        for (name, value) in fields {
            filled.insert((*name).to_owned(), (*value).to_owned());
        }
        let filled: Vec<(&str, &str)> = filled.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(action, &filled)
    }
}

/// The fields of the first form of a page that goes to `action`, with their values.
#[must_use]
pub fn form_of(page: &str, action: &str) -> BTreeMap<String, String> {
    let opening = format!("action=\"{action}\"");
    let (_, form) = page.split_once(&opening).unwrap_or_else(|| panic!("no form to {action}: {page}"));
    let (form, _) = form.split_once("</form>").unwrap();
    let mut fields = BTreeMap::new();
    for tag in form.split('<').filter(|tag| tag.starts_with("input ")) {
        let kind = attribute(tag, "type");
        let chosen = !["radio", "checkbox"].contains(&kind.as_deref().unwrap_or_default()) || tag.contains(" checked");
        if let Some(name) = attribute(tag, "name").filter(|_| chosen) {
            fields.insert(name, attribute(tag, "value").unwrap_or_default());
        }
    }
    for area in form.split("<textarea ").skip(1) {
        let (tag, rest) = area.split_once(">").unwrap();
        let (text, _) = rest.split_once("</textarea>").unwrap();
        fields.insert(attribute(tag, "name").unwrap(), plain(text.strip_prefix('\n').unwrap_or(text)));
    }
    fields
}

/// The text that HTML shows, without its tags.
#[must_use]
pub fn text_of(html: &str) -> String {
    let mut text = String::new();
    for (number, piece) in html.split('<').enumerate() {
        let shown = if number == 0 { piece } else { piece.split_once('>').map_or("", |(_, shown)| shown) };
        text.push_str(&plain(shown));
    }
    text
}

/// Where the links of a page lead, in the order of the page.
#[must_use]
pub fn links_of(page: &str) -> Vec<String> {
    page.split("<a ").skip(1).filter_map(|tag| attribute(tag.split('>').next()?, "href")).collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| plain(value))
}

fn plain(html: &str) -> String {
    let escapes = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&"), ("&amp;", "&")];
    escapes.iter().fold(html.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}

fn crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

/// A value as browsers write it into a form.
#[must_use]
pub fn encoded(value: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    value.bytes().map(byte).collect()
}
