//! A walk over the desk as people make it: from page to page by links and forms, each kind of page a few times.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::browser::Browser;

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walk {
    /// The pages that were looked at, by their kind: `/hosts/*/*?from&to`.
    pub pages: BTreeMap<String, Vec<String>>,
    /// Where links lead that are no pages: files to keep.
    pub files: BTreeSet<String>,
}

impl Walk {
    /// Walks from a page of the desk, to so many pages of a kind; `look` is called on each when it is open.
    ///
    /// Every link must lead to a page that answers 200 and does not complain.
    pub fn from(browser: &Browser, start: &str, of_a_kind: usize, mut look: impl FnMut(&str)) -> Self {
        let mut walk = Walk::default();
        let mut seen = BTreeSet::from([start.to_owned()]);
        let mut ways = VecDeque::from([(String::new(), start.to_owned())]);
        let host = origin(start);
        while let Some((from, url)) = ways.pop_front() {
            let Some(path) = url.strip_prefix(&host) else {
                panic!("{from} leads out of the desk, to {url}");
            };
            if is_file(path) {
                assert_eq!(browser.status_of(&url), 200, "{from} leads to {url}");
                walk.files.insert(path.to_owned());
                continue;
            }
            let of_kind = walk.pages.entry(kind(path)).or_default();
            if of_kind.len() >= of_a_kind {
                continue;
            }
            of_kind.push(path.to_owned());
            assert_eq!(browser.open(&url), 200, "{from} leads to {url}: {}", browser.text());
            look(path);
            for next in links(browser) {
                if seen.insert(next.clone()) {
                    ways.push_back((url.clone(), next));
                }
            }
        }
        walk
    }
}

/// Where links and forms that ask for something lead, without the place on the page.
fn links(browser: &Browser) -> Vec<String> {
    let script = "
        const clean = (url) => url.split('#')[0];
        const forms = [...document.querySelectorAll('form:not([method=post])')].map((form) => {
            const filled = [...new FormData(form)].filter(([, value]) => value !== '');
            const at = new URL(form.getAttribute('action') ?? '', location);
            at.search = new URLSearchParams(filled);
            return at.href;
        });
        // Where a reference list says to read more; that page learns nothing of ours.
        const links = [...document.links].filter((link) => !/^https?:/.test(link.href)
            || link.origin === location.origin || !link.relList.contains('noreferrer'));
        return [...links.map((link) => link.href), ...forms].map(clean);";
    let found = browser.execute(script, vec![]);
    found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn origin(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

fn is_file(path: &str) -> bool {
    let (page, query) = path.split_once('?').unwrap_or((path, ""));
    page.starts_with("/api/")
        || page.contains("/export/")
        || page.ends_with("/sealed")
        || page.rsplit_once('.').is_some_and(|(_, ending)| ["csv", "json", "toml", "yaml"].contains(&ending))
        || query.split('&').any(|pair| pair.starts_with("format="))
}

/// A path with whatever is a name or a number in it left out, and of what is asked only the names.
fn kind(path: &str) -> String {
    let (page, query) = path.split_once('?').unwrap_or((path, ""));
    let is_word = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let named_after_the_first = |(place, part): (usize, &str)| match place {
        0 | 1 => part.to_owned(),
        _ if is_word(part) && ["new", "edit", "preview", "versions", "import"].contains(&part) => part.to_owned(),
        _ => "*".to_owned(),
    };
    let page: Vec<String> = page.split('/').enumerate().map(named_after_the_first).collect();
    let mut asked: Vec<&str> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
    asked.sort_unstable();
    asked.dedup();
    page.join("/") + if query.is_empty() { "" } else { "?" } + &asked.join("&")
}
