//! The page that finds hosts, by a package and its version or by what they are, now or at a date.

use askama::Template;
use jiff::Timestamp;

use super::filters;
use super::frame::Frame;
use super::piece;
use super::when::When;
use crate::answers::find::Found;
use crate::answers::host_list::HostLine;
use crate::answers::select::Place;
use crate::compare::State;

/// Rows on one page.
pub const ROWS_PER_PAGE: usize = 200;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "find.html")]
pub struct FindPage {
    /// What surrounds it.
    pub frame: Frame,
    /// What was asked for, as typed.
    pub asked: Asked,
    /// What was found.
    pub found: Answer,
    /// How many hosts there are in all, where that is known.
    pub hosts: Option<i64>,
    /// A host whose last report is older than this is silent; `None` on a past day, whose silent hosts are not told.
    pub silent_before: Option<Timestamp>,
    /// Hosts of each site that were found.
    pub by_site: Vec<(String, i64)>,
    /// Where the next page begins.
    pub next: Option<Place>,
}

/// What was found.
#[derive(Debug)]
pub enum Answer {
    /// Nothing was asked yet.
    Nothing,
    /// The question cannot be read.
    Problem(String),
    /// Packages on hosts.
    Packages(Vec<Found>),
    /// Hosts.
    Hosts(Vec<HostLine>),
}

/// The question; its address can be sent to a colleague.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Asked {
    /// `PACKAGE` or `PACKAGE OP VERSION`.
    pub q: String,
    /// A host's name, with `*` and `?`.
    pub host: String,
    /// A site.
    pub site: String,
    /// A system's short name.
    pub os: String,
    /// A tag.
    pub tag: String,
    /// A state's word.
    pub state: String,
    /// `yes`: only silent hosts; `no`: only others.
    pub stale: String,
    /// A date.
    pub at: String,
    /// Whose reference lists: `now` or a date, empty for those of the date above.
    pub lists: String,
    /// The last site and host of the page before.
    pub after_site: String,
    /// See `after_site`.
    pub after_host: String,
}

impl Asked {
    /// Whether anything is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts().all(|(_, value)| value.trim().is_empty())
    }

    /// The question as a query, without the place in the answer.
    #[must_use]
    pub fn query(&self) -> String {
        let given = self.parts().filter(|(_, value)| !value.trim().is_empty());
        given.map(|(key, value)| format!("{key}={}", piece(value.trim()))).collect::<Vec<_>>().join("&")
    }

    /// The same question to the API: about packages when one is asked for, else about hosts.
    #[must_use]
    pub fn as_file(&self) -> String {
        let of_packages = !self.q.trim().is_empty();
        let asked = self.parts().filter_map(|(key, value)| {
            let value = match (key, value.trim()) {
                (_, "") => return None,
                ("stale", silent) => {
                    if silent == "yes" {
                        "true"
                    } else {
                        "false"
                    }
                }
                // A package is looked for in every state, by no list.
                ("state" | "lists", _) if of_packages => return None,
                (_, value) => value,
            };
            let key = if key == "host" && !of_packages { "q" } else { key };
            Some(format!("{key}={}&", piece(value)))
        });
        let what = if of_packages { "find" } else { "hosts" };
        format!("/api/v1/{what}?{}format=csv", asked.collect::<String>())
    }

    fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("q", &self.q),
            ("host", &self.host),
            ("site", &self.site),
            ("os", &self.os),
            ("tag", &self.tag),
            ("state", &self.state),
            ("stale", &self.stale),
            ("at", &self.at),
            ("lists", &self.lists),
        ]
        .into_iter()
        .map(|(key, value)| (key, value.as_str()))
    }
}

impl FindPage {
    fn when(&self) -> When {
        When { at: self.asked.at.clone(), lists: self.asked.lists.clone() }
    }

    fn states(&self) -> [State; 4] {
        [State::Blocked, State::Behind, State::Unknown, State::Compliant]
    }

    fn is_silent(&self, last_news: &Timestamp) -> bool {
        self.silent_before.is_some_and(|before| *last_news < before)
    }

    fn next_page(&self) -> Option<String> {
        let (site, host) = self.next.as_ref()?;
        Some(format!("/find?{}&after_site={}&after_host={}", self.asked.query(), piece(site), piece(host)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_an_address() {
        let asked = Asked { q: "xrootd-server < 5.6.4".to_owned(), at: " 2026-01-31 ".to_owned(), ..Asked::default() };
        assert_eq!(asked.query(), "q=xrootd-server%20%3C%205.6.4&at=2026-01-31");
        assert!(!asked.is_empty() && Asked { after_site: "A".to_owned(), ..Asked::default() }.is_empty());
    }

    #[test]
    fn the_answer_is_a_file_of_the_api_in_its_words() {
        let text = str::to_owned;
        let asked = Asked { host: text("wn*"), stale: text("yes"), state: text("behind"), ..Asked::default() };
        assert_eq!(asked.as_file(), "/api/v1/hosts?q=wn%2A&state=behind&stale=true&format=csv");
        let of_then = Asked { at: text("2026-01-31"), lists: text("now"), ..Asked::default() };
        assert_eq!(of_then.as_file(), "/api/v1/hosts?at=2026-01-31&lists=now&format=csv");
        let asked = Asked { q: text("bash"), stale: text("no"), lists: text("now"), ..asked };
        assert_eq!(asked.as_file(), "/api/v1/find?q=bash&host=wn%2A&stale=false&format=csv");
    }
}
