//! A part of a page: read, clicked, filled in.

use fantoccini::elements::Element;
use serde_json::{Value, json};

use super::Browser;

/// Something on the page that is shown.
pub struct Part<'a> {
    browser: &'a Browser,
    element: Element,
}

impl<'a> Part<'a> {
    pub(super) fn new(browser: &'a Browser, element: Element) -> Self {
        Part { browser, element }
    }

    /// What a person reads there.
    #[must_use]
    pub fn text(&self) -> String {
        self.browser.driver.wait_for(self.element.text())
    }

    /// An attribute, as written in the markup.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<String> {
        self.browser.driver.wait_for(self.element.attr(name))
    }

    /// A property, as the browser has it now: `value`, `checked`, `href` in full.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<String> {
        self.browser.driver.wait_for(self.element.prop(name))
    }

    /// Clicks it; a page that comes then must not complain.
    pub fn click(&self) {
        self.browser.driver.wait_for(self.element.click());
        self.browser.must_not_complain();
    }

    /// Replaces what a field holds, or chooses the entry of a list by its text.
    pub fn fill(&self, value: &str) {
        let driver = &self.browser.driver;
        match (driver.wait_for(self.element.tag_name()).as_str(), self.property("type").as_deref()) {
            ("select", _) => driver.wait_for(self.element.select_by_label(value)),
            // What the keys mean in a field for a date depends on the language of the machine.
            ("input", Some("date" | "datetime-local")) => {
                let field: Value = json!(self.element);
                let _ = self.browser.execute("arguments[0].value = arguments[1]", vec![field, json!(value)]);
            }
            ("input", Some("file")) => driver.wait_for(self.element.send_keys(value)),
            _ => {
                driver.wait_for(self.element.clear());
                driver.wait_for(self.element.send_keys(value));
            }
        }
    }

    /// What is inside, by a CSS selector.
    #[must_use]
    pub fn all(&self, selector: &str) -> Vec<Part<'a>> {
        let found = self.browser.driver.wait_for(self.element.find_all(fantoccini::Locator::Css(selector)));
        found.into_iter().map(|element| Part::new(self.browser, element)).collect()
    }
}

/// A text as XPath writes it, which has no escapes.
pub(super) fn quoted(text: &str) -> String {
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    let pieces: Vec<String> = text.split('\'').map(|piece| format!("'{piece}'")).collect();
    format!("concat({})", pieces.join(", \"'\", "))
}
