//! What is wrong with reports in the inbox and what to do about it, in words for the officer.

use crate::problem::Problem;

/// A kind of trouble in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// What is wrong, after "Reports ".
    pub title: &'static str,
    /// What to do next.
    pub next: &'static str,
}

/// What is said of a kind of trouble; of one that this program does not know, how to find out.
#[must_use]
pub fn of(problem: Option<Problem>) -> Words {
    let (title, next) = match problem {
        Some(Problem::NotOpened) => (
            "that no key opens",
            "They are sealed for a key that this collector does not have, or were damaged on their way. Add the key to the \
             collector and let them wait again; reject what was damaged, the host reports again by itself.",
        ),
        Some(Problem::Damaged) => (
            "damaged inside",
            "The seal opens, but what is inside does not expand. Reject them: the host reports again by itself. If it goes \
             on, ask the site which program sends them.",
        ),
        Some(Problem::NoReport) => (
            "that are no report text",
            "Some other program sends them, or another version of the format. Ask the site what runs there; reject them.",
        ),
        Some(Problem::Truncated) => (
            "that are cut short",
            "Half of a report is never taken for the whole: the host's last state stands. The next whole report makes good \
             for it; if it goes on, the host's disk or the way to here is faulty.",
        ),
        Some(Problem::NoPackages) => (
            "without any package",
            "The package manager of the host gave nothing, its last state stands. Ask the site to run \
             wlcg-package-reporter check on the host.",
        ),
        Some(Problem::NoSite) => (
            "that name no site",
            "The site has to set site in the configuration of its hosts; they report again by themselves. Reject these.",
        ),
        Some(Problem::SiteName) => (
            "with a site's name that cannot be one",
            "The hosts have a placeholder or a slip of the hand as their site. The site has to correct it; reject these.",
        ),
        Some(Problem::UnknownSite) => (
            "of a site that no registry names",
            "Is one of the near names meant, the hosts have to be told; reject these. A testbed or a new site is declared: \
             its reports then wait to be opened, and nothing of them is lost.",
        ),
        Some(Problem::ClockAhead) => (
            "of a clock that is ahead",
            "The site has to correct the clock of the host: the present could not be told from its future. Reject these, \
             later reports are taken.",
        ),
        Some(Problem::BadSignature) => (
            "changed after they were signed",
            "They cannot be approved. One may be an accident; many mean that somebody changes reports on their way: ask \
             the site, and look at the addresses they come from. Reject them.",
        ),
        Some(Problem::KeyChanged) => (
            "signed with another key than their host's",
            "Was the host installed anew? Ask the site. If it was, approve: the host is known by the new key from then on. \
             If nobody knows of it, reject: somebody reports in the host's name.",
        ),
        Some(Problem::SiteChanged) => (
            "of a host or key that is known from another site",
            "Did the host move from one site to the other? Ask both. If it did, approve; if not, reject: the other site's \
             key, or a host of that name, is used where it does not belong.",
        ),
        Some(Problem::SignatureMissing) => (
            "without a signature, of hosts that sign",
            "Was the reporter put back to an older program, or its key taken away? Ask the site. If it is meant, approve: \
             the host may go without a signature. If not, reject.",
        ),
        Some(Problem::Unsigned) => (
            "without a signature, where hosts are to sign",
            "Hosts of this site need approval to report without a signature. Approve those that the site knows of.",
        ),
        Some(Problem::Database) => (
            "that the database refuses",
            "The collector's log says why. Tell the operator, and let them wait again once it is mended.",
        ),
        None => (
            "set aside by another version of this program",
            "Let them wait again: this version finds out what is wrong with them.",
        ),
    };
    Words { title, next }
}

/// Whether a person's word makes such reports believable.
#[must_use]
pub fn is_approvable(problem: Option<Problem>) -> bool {
    problem.is_some_and(|problem| problem.is_of_a_sender() && problem != Problem::BadSignature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_has_its_own_words_and_a_next_step() {
        let mut titles: Vec<&str> = Problem::ALL.into_iter().map(|problem| of(Some(problem)).title).collect();
        titles.push(of(None).title);
        titles.sort_unstable();
        titles.dedup();
        assert_eq!(titles.len(), Problem::ALL.len() + 1);
        for problem in Problem::ALL {
            let Words { title, next } = of(Some(problem));
            assert!(!title.ends_with('.') && next.ends_with('.') && !next.contains("  "), "{problem}: {next}");
            assert_eq!(is_approvable(Some(problem)), next.contains("pprove") && !next.contains("cannot be approved"));
        }
    }
}
