//! Reference lists: those that hold, those that were retired, and a new one.

pub mod difference;
pub mod list;
pub mod preview;
pub mod row;
pub mod text;

use askama::Template;

use super::filters;
use super::frame::Frame;
use crate::store::ListVersion;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "references.html")]
pub struct References {
    /// What surrounds it.
    pub frame: Frame,
    /// The newest version of each list, by name.
    pub lists: Vec<ListVersion>,
    /// What was typed of a new list.
    pub typed: NewList,
    /// What is wrong with it.
    pub error: String,
}

/// A new list as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewList {
    /// Its name.
    pub name: String,
    /// `toml` or `csv`.
    pub form: String,
    /// Its text.
    pub text: String,
}

/// A list on its way to a new version, as the forms carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Name of the list.
    pub list: String,
    /// The version that it was made from; 0 for a new list.
    pub based_on: i64,
    /// The list as TOML; empty while it is that version.
    pub content: String,
}

impl References {
    fn held(&self) -> impl Iterator<Item = &ListVersion> {
        self.lists.iter().filter(|list| list.size > 0)
    }

    fn retired(&self) -> impl Iterator<Item = &ListVersion> {
        self.lists.iter().filter(|list| list.size == 0)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::difference::DifferencePage;
    use super::list::ListPage;
    use super::preview::{Overtaken, PreviewPage};
    use super::row::{Key, RowPage};
    use super::text::TextPage;
    use super::*;
    use crate::access::{Role, Scope, Viewer};
    use crate::answers::effect::{Effect, Move};
    use crate::compare::State;
    use crate::desk::frame::Section;
    use crate::reference::difference::{Change, Clash, Difference};
    use crate::reference::typed::{Fault, Typed};
    use crate::reference::{Reference, ReferenceList};

    const HOSTILE: &str = "<script>\"'&\u{202E}\u{1b}[31m";

    fn frame(role: Role) -> Frame {
        let viewer = Viewer { name: HOSTILE.to_owned(), role, scope: Scope::All };
        let csrf = "proof".to_owned();
        Frame { viewer, csrf, signed_in_here: true, now: Timestamp::UNIX_EPOCH, section: Section::References }
    }

    fn version(number: i64, size: i64) -> ListVersion {
        let text = || HOSTILE.to_owned();
        ListVersion { id: number, name: text(), number, imported: 0, author: text(), note: text(), size }
    }

    fn reference(url: &str) -> Reference {
        let text = || HOSTILE.to_owned();
        Reference {
            product: text(),
            package: text(),
            os: Some(text()),
            minimum: Some(text()),
            blocked: vec![text(), text()],
            since: None,
            deadline: Some(jiff::civil::Date::constant(2026, 1, 31)),
            url: Some(url.to_owned()),
        }
    }

    fn difference() -> Difference {
        let change = Change { before: reference("https://a/"), after: reference("javascript:b()") };
        Difference { added: vec![reference("data:x")], removed: vec![reference("c")], changed: vec![change] }
    }

    fn draft() -> Draft {
        Draft { list: HOSTILE.to_owned(), based_on: 3, content: HOSTILE.to_owned() }
    }

    /// Every page, full of what nobody should type.
    fn pages(role: Role) -> Vec<(&'static str, String)> {
        let versions = || vec![version(4, 2), version(3, 0)];
        let key = Key { product: HOSTILE.to_owned(), package: HOSTILE.to_owned(), os: HOSTILE.to_owned() };
        let typed = Typed { product: HOSTILE.to_owned(), url: HOSTILE.to_owned(), ..Typed::default() };
        let typing = NewList { name: HOSTILE.to_owned(), form: HOSTILE.to_owned(), text: HOSTILE.to_owned() };
        let clash = Clash { theirs: None, ours: Some(reference("javascript:d()")) };
        let by = vec![version(2, 1), version(3, 1)];
        let overtaken = Overtaken { by, difference: difference(), clashes: vec![clash] };
        let effect = Effect {
            hosts: 10,
            moves: vec![Move { from: State::Compliant, to: State::Behind, hosts: 7 }],
            products: Vec::new(),
            later: Some((1, jiff::civil::Date::constant(2026, 2, 1))),
        };
        let frame = || frame(role);
        let error = || HOSTILE.to_owned();
        let list = ListPage {
            frame: frame(),
            version: version(4, 2),
            references: vec![reference("https://example.org/\"><script>"), reference("javascript:alert(1)")],
            content: error(),
            versions: versions(),
            stored_now: true,
        };
        let between = DifferencePage {
            frame: frame(),
            list: error(),
            from: 3,
            to: 4,
            difference: difference(),
            versions: versions(),
        };
        let preview = PreviewPage {
            frame: frame(),
            draft: draft(),
            size: 0,
            note: error(),
            difference: difference(),
            effect,
            overtaken: Some(overtaken),
        };
        let faults = vec![Fault { field: "url", what: "is wrong" }];
        vec![
            (
                "lists",
                References { frame: frame(), lists: versions(), typed: typing, error: error() }.render().unwrap(),
            ),
            ("list", list.render().unwrap()),
            ("difference", between.render().unwrap()),
            ("row", RowPage { frame: frame(), draft: draft(), of: Some(key), typed, faults }.render().unwrap()),
            (
                "text",
                TextPage { frame: frame(), draft: draft(), form: "csv", text: error(), error: error() }
                    .render()
                    .unwrap(),
            ),
            ("preview", preview.render().unwrap()),
        ]
    }

    #[test]
    fn what_people_type_stays_text() {
        for (page, html) in pages(Role::Officer) {
            assert!(!html.contains("<script") && !html.contains(['\u{202E}', '\u{1b}']), "{page}: {html}");
            assert!(html.contains("&#60;script&#62;") || html.contains("&lt;script&gt;"), "{page}: {html}");
            assert!(!html.contains("href=\"javascript:") && !html.contains("href=\"data:"), "{page}: {html}");
            assert_eq!(
                html.matches("method=\"post\"").count(),
                html.matches("name=\"csrf\" value=\"proof\"").count(),
                "{page}"
            );
        }
    }

    #[test]
    fn whoever_may_only_look_finds_no_form() {
        let forms = |role| {
            let count = |html: &str| html.matches("method=\"post\"").count() - html.matches("/sign-out").count();
            let seen = pages(role).into_iter().filter(|(page, _)| ["lists", "list", "difference"].contains(page));
            seen.map(|(_, html)| count(&html)).sum::<usize>()
        };
        assert_eq!((forms(Role::Reader), forms(Role::Site)), (0, 0));
        assert!(forms(Role::Officer) >= 2);
    }

    #[test]
    fn an_empty_desk_says_what_to_do() {
        let html = |role| {
            let (lists, typed) = (Vec::new(), NewList::default());
            References { frame: frame(role), lists, typed, error: String::new() }.render().unwrap()
        };
        assert!(html(Role::Officer).contains("Write the first list below"));
        assert!(html(Role::Reader).contains("reference import") && !html(Role::Reader).contains("<textarea"));
    }

    #[test]
    fn a_text_comes_back_from_the_form_as_it_went_in() {
        let list = ReferenceList::from_toml(include_str!("../../../../config/reference-example.toml")).unwrap();
        let text = list.to_toml().unwrap();
        let page = TextPage {
            frame: frame(Role::Officer),
            draft: draft(),
            form: "toml",
            text: text.clone(),
            error: String::new(),
        };
        let html = page.render().unwrap();
        let area = html.split_once("spellcheck=\"false\">\n").unwrap().1.split_once("</textarea>").unwrap().0;
        let plain = area.replace("&#34;", "\"").replace("&#62;", ">").replace("&#38;", "&");
        assert_eq!(plain, text);
    }
}
