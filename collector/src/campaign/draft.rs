//! A campaign as an officer writes it into a form.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::CampaignError;
use super::error::{date, some_text, text};
use crate::reference::{Reference, ReferenceList};

/// Longest name, in characters: that of a reference list, which a campaign holds.
const LONGEST_NAME: usize = 100;

/// Longest note, in characters.
const LONGEST_NOTE: usize = 10_000;

/// The fields of the form, as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// Name.
    pub name: String,
    /// Note.
    pub note: String,
    /// First day; today when empty.
    pub begins: String,
    /// Last day on time.
    pub deadline: String,
    /// Site names, one a line; all sites when empty.
    pub sites: String,
    /// References of the active lists, as [`choice`] names them.
    pub chosen: BTreeSet<String>,
    /// A reference list as TOML or CSV.
    pub pasted: String,
}

/// What a draft says, once it is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Name.
    pub name: String,
    /// Note.
    pub note: String,
    /// What is asked.
    pub references: ReferenceList,
    /// The sites; none: all.
    pub sites: BTreeSet<String>,
    /// First day.
    pub begins: Date,
    /// Last day on time.
    pub deadline: Date,
}

/// How a form names what a list asks of a package: none of the three holds a tab.
#[must_use]
pub fn choice(list: &str, reference: &Reference) -> String {
    format!("{list} / {} / {}", reference.product, reference.package)
}

impl Draft {
    /// The campaign that is meant; `active` are the reference lists of `today`.
    ///
    /// # Errors
    /// [`CampaignError`] with the field.
    pub fn read(&self, active: &[ReferenceList], today: Date) -> Result<Planned, CampaignError> {
        let name = some_text("name", &self.name, LONGEST_NAME, false)?;
        let note = text("note", &self.note, LONGEST_NOTE, true)?;
        let begins = if self.begins.trim().is_empty() { today } else { date("first day", &self.begins)? };
        let deadline = date("deadline", &self.deadline)?;
        if deadline <= begins {
            return Err(CampaignError::Order);
        }
        let sites = self.sites.lines().filter(|line| !line.trim().is_empty());
        let sites = sites.map(|line| text("site", line, LONGEST_NAME, false)).collect::<Result<_, _>>()?;
        let references = self.references(&name, active)?;
        Ok(Planned { name, note, references, sites, begins, deadline })
    }

    fn references(&self, name: &str, active: &[ReferenceList]) -> Result<ReferenceList, CampaignError> {
        let pasted = self.pasted.trim();
        let mut references = match (self.chosen.is_empty(), pasted.is_empty()) {
            (true, true) => return Err(CampaignError::NoReferences),
            (false, false) => return Err(CampaignError::TwoWays),
            (true, false) if pasted.starts_with("product,") => ReferenceList::from_csv(pasted, name)?.references,
            (true, false) => ReferenceList::from_toml(pasted)?.references,
            (false, true) => self.chosen(active)?,
        };
        for reference in &mut references {
            // Asked from the campaign's first day to its deadline, whatever the list says.
            (reference.since, reference.deadline) = (None, None);
        }
        if references.is_empty() {
            return Err(CampaignError::NoReferences);
        }
        let list = ReferenceList { name: name.to_owned(), references };
        // Two lists that ask for the same package are found by what reads them again.
        Ok(ReferenceList::from_toml(&list.to_toml()?)?)
    }

    fn chosen(&self, active: &[ReferenceList]) -> Result<Vec<Reference>, CampaignError> {
        let named = |list: &ReferenceList| {
            let of_list = |reference: &Reference| (choice(&list.name, reference), reference.clone());
            list.references.iter().map(of_list).collect::<Vec<_>>()
        };
        let active: Vec<(String, Reference)> = active.iter().flat_map(named).collect();
        if let Some(gone) = self.chosen.iter().find(|chosen| active.iter().all(|(choice, _)| choice != *chosen)) {
            return Err(CampaignError::Gone(crate::table::cut(gone, 120)));
        }
        Ok(active.into_iter().filter(|(choice, _)| self.chosen.contains(choice)).map(|(_, found)| found).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "name = \"baseline\"\n[[reference]]\nproduct = \"xrootd\"\npackage = \"xrootd-server\"\nos = \"el9\"\n\
        minimum = \"1:5.6.4-1.el9\"\nsince = 2026-12-01\n[[reference]]\nproduct = \"xrootd\"\npackage = \"xrootd-server\"\n\
        os = \"el8\"\nminimum = \"1:5.6.4-1.el8\"\n[[reference]]\nproduct = \"xrootd\"\npackage = \"xrootd-client\"\nblocked = [\"5\"]\n";

    fn draft() -> Draft {
        Draft {
            name: " Move ".to_owned(),
            deadline: "2026-02-01".to_owned(),
            sites: "A\r\n\r\n B \r\n".to_owned(),
            chosen: ["baseline / xrootd / xrootd-server".to_owned()].into(),
            ..Draft::default()
        }
    }

    fn read(draft: &Draft) -> Result<Planned, String> {
        let active = [ReferenceList::from_toml(LIST).unwrap()];
        draft.read(&active, Date::constant(2026, 1, 10)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_chosen_is_asked_from_the_first_day() {
        let planned = read(&draft()).unwrap();
        assert_eq!((planned.name.as_str(), planned.references.references.len()), ("Move", 2));
        assert!(planned.references.references.iter().all(|reference| reference.since.is_none()));
        assert_eq!(planned.begins, Date::constant(2026, 1, 10));
        assert_eq!(planned.sites.into_iter().collect::<Vec<_>>(), ["A", "B"]);
    }

    #[test]
    fn a_list_may_be_pasted_in_both_forms() {
        let list = ReferenceList::from_toml(LIST).unwrap();
        for pasted in [LIST.to_owned(), list.to_csv().unwrap()] {
            let planned = read(&Draft { pasted, chosen: BTreeSet::new(), ..draft() }).unwrap();
            assert_eq!(planned.references.references.len(), 3);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (wrong, told) in [
            (Draft { name: " ".to_owned(), ..draft() }, "name: write"),
            (Draft { name: "a\u{202E}b".to_owned(), ..draft() }, "name: write"),
            (Draft { name: "x".repeat(101), ..draft() }, "at most 100"),
            (Draft { deadline: "soon".to_owned(), ..draft() }, "deadline \"soon\""),
            (Draft { deadline: "2026-01-10".to_owned(), ..draft() }, "later"),
            (Draft { chosen: BTreeSet::new(), ..draft() }, "nothing is asked"),
            (Draft { pasted: LIST.to_owned(), ..draft() }, "one of both"),
            (Draft { pasted: "name = 1".to_owned(), chosen: BTreeSet::new(), ..draft() }, "name"),
            (Draft { chosen: ["baseline / xrootd / gone".to_owned()].into(), ..draft() }, "baseline / xrootd / gone"),
        ] {
            let error = read(&wrong).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
