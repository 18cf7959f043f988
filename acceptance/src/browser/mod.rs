//! A real headless Chromium, driven over WebDriver; it and its profile are gone with the test process.

mod driver;
mod part;
mod picture;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fantoccini::Locator;
use serde_json::{Value, json};

use crate::programs::{agent, eventually, within};
use driver::Driver;
pub use part::Part;

/// A window of a person with a profile of their own.
pub struct Browser {
    driver: Driver,
}

/// Widths that the desk is looked at with, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// 1280 wide.
    Desktop,
    /// 390 wide.
    Phone,
    /// A4 between its margins, as the page is printed, which Chromium shrinks by up to a half.
    Paper,
}

impl Browser {
    /// Starts a browser as wide as a desktop, with an empty profile.
    #[must_use]
    pub fn start() -> Self {
        Browser { driver: Driver::start(true) }
    }

    /// Starts a browser in which no page may run a script.
    #[must_use]
    pub fn without_scripts() -> Self {
        Browser { driver: Driver::start(false) }
    }

    /// Goes to an address and gives the status that it was answered with.
    ///
    /// A page that complains (an error on the console, something its policy forbids, an asset from outside) ends the test.
    pub fn open(&self, url: &str) -> u16 {
        let status = self.visit(url);
        self.must_not_complain();
        status
    }

    /// The same for a page that may complain.
    pub fn visit(&self, url: &str) -> u16 {
        self.driver.wait_for(self.driver.client.goto(url));
        self.status()
    }

    /// Signs in by a link, as a person does.
    pub fn sign_in(&self, link: &str) {
        assert_eq!(self.open(link), 200);
        self.button("Sign in").click();
        eventually("the desk is shown", || !self.address().contains("sign-in"));
        self.must_not_complain();
    }

    /// The status that the shown page came with.
    #[must_use]
    pub fn status(&self) -> u16 {
        let entry = self.execute("return performance.getEntriesByType('navigation')[0].responseStatus", vec![]);
        entry.as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default()
    }

    /// The status of an address for whoever is signed in here, without going there: a file would be kept, not shown.
    #[must_use]
    pub fn status_of(&self, url: &str) -> u16 {
        let cookies = self.driver.wait_for(self.driver.client.get_all_cookies());
        let cookies: Vec<String> =
            cookies.iter().map(|cookie| format!("{}={}", cookie.name(), cookie.value())).collect();
        agent(10).get(url).header("cookie", cookies.join("; ")).call().unwrap().status().as_u16()
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> String {
        self.driver.wait_for(self.driver.client.current_url()).to_string()
    }

    /// The title of the page.
    #[must_use]
    pub fn title(&self) -> String {
        self.driver.wait_for(self.driver.client.title())
    }

    /// The page as markup.
    #[must_use]
    pub fn source(&self) -> String {
        self.driver.wait_for(self.driver.client.source())
    }

    /// What a person reads on the page.
    #[must_use]
    pub fn text(&self) -> String {
        self.first("body").text()
    }

    /// Everything that a CSS selector matches.
    #[must_use]
    pub fn all(&self, selector: &str) -> Vec<Part<'_>> {
        self.parts(Locator::Css(selector))
    }

    /// The first thing that a CSS selector matches.
    #[must_use]
    pub fn first(&self, selector: &str) -> Part<'_> {
        self.one(Locator::Css(selector), selector)
    }

    /// The link with this text.
    #[must_use]
    pub fn link(&self, text: &str) -> Part<'_> {
        let text = part::quoted(text);
        self.one(Locator::XPath(&format!("//a[@href][normalize-space()={text}]")), &format!("link {text}"))
    }

    /// The button with this text.
    #[must_use]
    pub fn button(&self, text: &str) -> Part<'_> {
        let text = part::quoted(text);
        let path = format!(
            "//button[normalize-space()={text}] | //summary[normalize-space()={text}] | //input[@value={text}]"
        );
        self.one(Locator::XPath(&path), &format!("button {text}"))
    }

    /// The field with this label.
    #[must_use]
    pub fn field(&self, label: &str) -> Part<'_> {
        let text = part::quoted(label);
        let path = format!(
            "//*[self::input or self::select or self::textarea][@aria-label={text} or \
             @id=//label[normalize-space()={text}]/@for or ancestor::label[starts-with(normalize-space(), {text})]]"
        );
        self.one(Locator::XPath(&path), &format!("field {text}"))
    }

    /// Waits for it: a click does not always wait for the page that it leads to.
    fn one(&self, locator: Locator<'_>, told: &str) -> Part<'_> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match self.parts(locator).into_iter().next() {
                Some(part) => return part,
                None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(50)),
                None => panic!("no {told} on {} ({}), which says:\n{}", self.address(), self.status(), self.text()),
            }
        }
    }

    fn parts(&self, locator: Locator<'_>) -> Vec<Part<'_>> {
        let found = self.driver.wait_for(self.driver.client.find_all(locator));
        found.into_iter().map(|element| Part::new(self, element)).collect()
    }

    /// Runs a script in the page, which the page's policy has no say in; gives what it returns.
    #[must_use]
    pub fn execute(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.driver.wait_for(self.driver.client.execute(script, arguments))
    }

    /// The same for a script that calls its last argument when it is done.
    #[must_use]
    pub fn execute_async(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.driver.wait_for(self.driver.client.execute_async(script, arguments))
    }

    /// What the page has complained of since the last question, without the status that it came with itself.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let entries = self.driver.own("se/log", &json!({"type": "browser"}));
        let address = self.address();
        let told = entries.as_array().into_iter().flatten().filter(|entry| entry["level"] == "SEVERE");
        let messages = told.filter_map(|entry| entry["message"].as_str()).map(str::to_owned);
        let own_status = format!("{address} - Failed to load resource: the server responded with a status of ");
        messages.filter(|message| !message.starts_with(&own_status)).collect()
    }

    fn must_not_complain(&self) {
        let complaints = self.complaints();
        assert!(complaints.is_empty(), "{} complains: {complaints:#?}", self.address());
    }

    /// Makes the window as wide as a screen.
    pub fn look_with(&self, screen: Screen) {
        let (width, height, phone) = match screen {
            Screen::Desktop => (1280, 900, false),
            Screen::Phone => (390, 844, true),
            Screen::Paper => (1436, 2092, false),
        };
        let media = if screen == Screen::Paper { "print" } else { "" };
        let _ = self.driver.devtools("Emulation.setEmulatedMedia", &json!({"media": media}));
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        let _ = self.driver.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// What a download brought, by the name of its file; the folder is emptied for the next one.
    #[must_use]
    pub fn downloaded(&self) -> (String, Vec<u8>) {
        let mut found = Vec::new();
        within(20, "a file is downloaded", || {
            let entries = std::fs::read_dir(self.driver.downloads()).unwrap();
            found = entries.map(|entry| entry.unwrap().path()).filter(|file| is_whole(file)).collect();
            !found.is_empty()
        });
        let file: PathBuf = found.remove(0);
        let content = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        (file.file_name().unwrap().to_string_lossy().into_owned(), content)
    }

    /// Waits until the page shows a text.
    pub fn shows(&self, text: &str) {
        // In one step: between two steps one page may go and the next come.
        let read = || self.execute("return document.body ? document.body.innerText : ''", vec![]);
        eventually(&format!("{} shows {text:?}", self.address()), || {
            read().as_str().is_some_and(|shown| shown.contains(text))
        });
    }

    /// How long a person waits between two clicks at least; for what a page does by itself.
    pub fn pause(&self) {
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Chromium writes beside the name that a file will have.
fn is_whole(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    !name.ends_with(".crdownload") && !name.starts_with('.')
}
