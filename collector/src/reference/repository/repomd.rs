//! `repomd.xml`: which of a repository's files is the primary metadata, and its checksum.

use std::io::BufRead;

use super::RepositoryProblem;
use crate::xml::{Step, Walker};

/// What `repomd.xml` says of the primary metadata.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Primary {
    /// Name of the file, beside `repomd.xml` itself.
    pub(super) file: String,
    /// Kind of the checksum, such as `sha256`; empty when there is none.
    pub(super) checksum_type: String,
    /// The checksum, lower-case hex.
    pub(super) checksum: String,
}

pub(super) fn read(source: impl BufRead) -> Result<Primary, RepositoryProblem> {
    let mut walker = Walker::new(source);
    let mut found = None;
    let mut data = None;
    loop {
        match (walker.step()?, walker.path()) {
            (Step::End, _) => return found.ok_or(RepositoryProblem::NoPrimary),
            (Step::Open, "/repomd/data") => data = (walker.attribute("type")? == "primary").then(Primary::default),
            (Step::Open, path) if path.matches('/').count() == 1 && path != "/repomd" => {
                return Err(RepositoryProblem::Root(path.chars().skip(1).take(60).collect()));
            }
            (Step::Open, "/repomd/data/location") => {
                let href = walker.attribute("href")?;
                if let Some(data) = &mut data {
                    // `repodata/NAME`: never a way out of the folder.
                    data.file = href.rsplit('/').next().filter(|name| *name != "..").unwrap_or_default().to_owned();
                }
            }
            (Step::Open, "/repomd/data/checksum") => {
                let kind = walker.attribute("type")?;
                data.iter_mut().for_each(|data| data.checksum_type.clone_from(&kind));
            }
            (Step::Close, "/repomd/data/checksum") => {
                let text = walker.text().to_ascii_lowercase();
                data.iter_mut().for_each(|data| data.checksum.clone_from(&text));
            }
            (Step::Close, "/repomd/data") => found = data.take().filter(|data| !data.file.is_empty()).or(found),
            (Step::Open | Step::Close, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_primary_is_found_and_stays_in_its_folder() {
        let repomd = |href: &str| {
            format!(
                "<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>1</revision><data type=\"filelists\"><location href=\"repodata/f.xml.gz\"/></data><data type=\"primary\"><checksum type=\"sha256\">AB</checksum><open-checksum type=\"sha256\">cd</open-checksum><location href=\"{href}\"/></data><data type=\"primary_db\"><location href=\"repodata/p.sqlite\"/></data></repomd>"
            )
        };
        for (href, file) in
            [("repodata/1-primary.xml.gz", "1-primary.xml.gz"), ("../../etc/passwd", "passwd"), ("/etc/x", "x")]
        {
            let primary = read(repomd(href).as_bytes()).unwrap();
            let expected =
                Primary { file: file.to_owned(), checksum_type: "sha256".to_owned(), checksum: "ab".to_owned() };
            assert_eq!(primary, expected);
        }
        for (text, told) in [
            (repomd("repodata/.."), "names no primary"),
            ("<repomd/>".to_owned(), "names no primary"),
            ("<html/>".to_owned(), "html"),
            ("<repomd>".to_owned(), "cut short"),
        ] {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
