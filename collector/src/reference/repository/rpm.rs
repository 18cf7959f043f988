//! rpm's `primary.xml`, as createrepo writes it (namespace `http://linux.duke.edu/metadata/common`).

use std::io::BufRead;

use report::package::Packager;

use super::{Newest, RepositoryProblem};
use crate::xml::{Step, Walker};

pub(super) fn read(source: impl BufRead, newest: &mut Newest) -> Result<(), RepositoryProblem> {
    newest.begin(Packager::Rpm);
    let mut walker = Walker::new(source);
    let mut said: Option<u64> = None;
    let mut seen = 0;
    let (mut name, mut arch, mut version) = (String::new(), String::new(), String::new());
    loop {
        match (walker.step()?, walker.path()) {
            (Step::End, _) => break,
            (Step::Open, "/metadata") => said = walker.attribute("packages")?.parse().ok(),
            (Step::Open, "/metadata/package") => {
                [&mut name, &mut arch, &mut version].into_iter().for_each(String::clear)
            }
            (Step::Open, "/metadata/package/version") => version = full_version(&walker)?,
            (Step::Open, path) if path.matches('/').count() == 1 => {
                return Err(RepositoryProblem::Root(path.chars().skip(1).take(60).collect()));
            }
            (Step::Close, "/metadata/package/name") => walker.text().clone_into(&mut name),
            (Step::Close, "/metadata/package/arch") => walker.text().clone_into(&mut arch),
            (Step::Close, "/metadata/package") => {
                seen += 1;
                if name.is_empty() || version.is_empty() {
                    let what = "a package without name or version";
                    return Err(RepositoryProblem::Line { line: walker.line(), what });
                }
                if !matches!(arch.as_str(), "src" | "nosrc") {
                    newest.offer(&name, &version)?;
                }
            }
            (Step::Open | Step::Close, _) => {}
        }
    }
    match said {
        Some(said) if said != seen => Err(RepositoryProblem::Missing { said, found: seen }),
        _ => Ok(()),
    }
}

/// `EPOCH:VERSION-RELEASE` as hosts report it; empty without a version or a release.
fn full_version<R: BufRead>(walker: &Walker<R>) -> Result<String, RepositoryProblem> {
    let (epoch, version, release) = (walker.attribute("epoch")?, walker.attribute("ver")?, walker.attribute("rel")?);
    if version.is_empty() || release.is_empty() {
        return Ok(String::new());
    }
    let epoch: u32 = match epoch.as_ref() {
        "" => 0,
        epoch => epoch
            .parse()
            .map_err(|_| RepositoryProblem::Line { line: walker.line(), what: "an epoch that is no number" })?,
    };
    Ok(format!("{epoch}:{version}-{release}"))
}

#[cfg(test)]
mod tests {
    use super::super::read as read_metadata;
    use super::*;

    fn package(name: &str, arch: &str, version: &str) -> String {
        format!(
            "<package type=\"rpm\"><name>{name}</name><arch>{arch}</arch><version {version}/><checksum type=\"sha256\" pkgid=\"YES\">0</checksum><summary>&lt;x&gt;</summary><format><rpm:license>x</rpm:license><rpm:provides><rpm:entry name=\"{name}\" flags=\"EQ\" epoch=\"9\" ver=\"9\" rel=\"9\"/></rpm:provides><file>/usr/bin/{name}</file></format></package>\n"
        )
    }

    fn primary(packages: &[String]) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"{}\">\n{}</metadata>\n",
            packages.len(),
            packages.concat()
        )
    }

    fn newest(text: &str, pattern: &str) -> Result<Vec<(String, String)>, RepositoryProblem> {
        let newest = read_metadata(text.as_bytes(), Newest::of(&[pattern.to_owned()])?)?;
        Ok(newest.versions().clone().into_iter().collect())
    }

    #[test]
    fn binary_packages_give_their_newest_version() {
        let text = primary(&[
            package("xrootd-server", "x86_64", "epoch=\"1\" ver=\"5.6.4\" rel=\"1.el9\""),
            package("xrootd-server", "aarch64", "epoch=\"1\" ver=\"5.6.10\" rel=\"1.el9\""),
            package("xrootd-server", "src", "epoch=\"1\" ver=\"6.0.0\" rel=\"1.el9\""),
            package("xrootd-client", "noarch", "ver=\"5.6.4\" rel=\"1.el9\""),
        ]);
        let of = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        assert_eq!(
            newest(&text, "xrootd-*").unwrap(),
            [of("xrootd-client", "0:5.6.4-1.el9"), of("xrootd-server", "1:5.6.10-1.el9")]
        );
    }

    #[test]
    fn what_is_not_whole_is_told() {
        let good = package("a", "x86_64", "epoch=\"0\" ver=\"1\" rel=\"1\"");
        let text = primary(&[good.clone(), good.clone()]);
        for (text, told) in [
            (text.replacen(&good, "", 1), "says that it holds 2 packages and holds 1"),
            (text.replace("</metadata>", ""), "line 6"),
            (text.replace("ver=\"1\" rel=\"1\"", "ver=\"1\""), "line 3: a package without name or version"),
            (text.replace("<name>a</name>", ""), "line 3: a package without name or version"),
            (text.replace("epoch=\"0\"", "epoch=\":\""), "line 3: an epoch that is no number"),
            ("<filelists packages=\"0\"/>".to_owned(), "filelists"),
            ("<!DOCTYPE metadata [<!ENTITY a 'b'>]><metadata/>".to_owned(), "DOCTYPE"),
        ] {
            let error = newest(&text, "a").unwrap_err().to_string();
            assert!(error.contains(told), "{told}: {error}");
        }
    }
}
