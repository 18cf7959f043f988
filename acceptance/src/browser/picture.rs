//! How a page looks: on the screen, on paper, and whether it fits.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::Browser;

impl Browser {
    /// Writes what is shown as a PNG, down to `height` CSS pixels or the page's end.
    pub fn screenshot(&self, file: &Path, height: u32) {
        let size =
            self.execute("const page = document.documentElement; return [page.clientWidth, page.scrollHeight]", vec![]);
        let whole = size[1].as_u64().unwrap().min(u64::from(height));
        let clip = json!({"x": 0, "y": 0, "width": size[0], "height": whole, "scale": 1});
        let picture = self.driver.devtools(
            "Page.captureScreenshot",
            &json!({"format": "png", "clip": clip, "captureBeyondViewport": true, "optimizeForSpeed": false}),
        );
        std::fs::write(file, STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    /// Prints the page as a person does, on A4; gives the PDF.
    fn paper(&self) -> Vec<u8> {
        let paper = fantoccini::wd::PrintConfiguration::builder().size(fantoccini::wd::PrintSize::A4);
        self.driver.wait_for(self.driver.client.print(paper.build().unwrap()))
    }

    /// The same as words, a page each.
    #[must_use]
    pub fn printed(&self) -> Vec<String> {
        let pdf = self.paper();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pdf).unwrap();
        let output = Command::new("pdftotext").arg("-layout").arg(file.path()).arg("-").output();
        let output = output.unwrap_or_else(|error| panic!("pdftotext: {error}; `make deps` installs it"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.trim_end_matches('\u{c}').split('\u{c}').map(str::to_owned).collect()
    }

    /// What reaches beyond the right edge of the window, each with its tag and class and by how many CSS pixels.
    ///
    /// Inside a region that scrolls by itself things may be as wide as they are.
    #[must_use]
    pub fn overflowing(&self) -> Vec<String> {
        let script = "
            const width = document.documentElement.clientWidth;
            const scrolls = (element) => {
                for (let up = element.parentElement; up && up !== document.body; up = up.parentElement)
                    if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(up).overflowX)) return true;
                return false;
            };
            const over = [...document.body.querySelectorAll('*')]
                .map((element) => [element, Math.round(element.getBoundingClientRect().right - width)])
                .filter(([element, by]) => by > 1 && !scrolls(element))
                .map(([element, by]) => `${element.tagName} ${element.getAttribute('class') ?? ''} by ${by}`);
            const page = document.documentElement.scrollWidth - width;
            return page > 1 ? [`the page by ${page}`, ...over] : over;";
        let found = self.execute(script, vec![]);
        found.as_array().unwrap().iter().map(|part| part.as_str().unwrap().to_owned()).collect()
    }
}
