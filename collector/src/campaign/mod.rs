//! Campaigns: what hosts should run, by when, at which sites, and how far they are; no database here.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::access::Scope;
use crate::reference::ReferenceList;

pub use self::contact::Contacts;
pub use self::draft::{Draft, Planned, choice};
pub use self::error::CampaignError;
pub use self::exception::{Exception, NewException};
pub use self::letter::{Filling, Letter, MOST_HOSTS};
pub use self::progress::{SiteProgress, SiteState, Tally};

mod contact;
mod draft;
mod error;
mod exception;
mod letter;

pub mod burndown;
pub mod event;
pub mod progress;

/// A target, a deadline and the sites that are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Its number, in addresses.
    pub id: i64,
    /// Its name, one of a kind.
    pub name: String,
    /// What people should know of it.
    pub note: String,
    /// What is asked, as it was when the campaign was made.
    pub references: ReferenceList,
    /// The sites that are asked; none: all.
    pub sites: BTreeSet<String>,
    /// The first day, UTC.
    pub begins: Date,
    /// The last day on which sites are on time, UTC.
    pub deadline: Date,
    /// Addresses that are not the registry's.
    pub contacts: Contacts,
    /// What was last written to the sites.
    pub letter: Letter,
    /// Who made it.
    pub author: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was closed.
    pub closed: Option<Timestamp>,
}

/// Where a campaign is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Its first day is still to come.
    Coming,
    /// Between its first day and its deadline.
    Running,
    /// Past its deadline.
    Overdue,
    /// Closed by an officer.
    Closed,
}

impl Phase {
    /// The word in answers and on pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Coming => "coming",
            Phase::Running => "running",
            Phase::Overdue => "overdue",
            Phase::Closed => "closed",
        }
    }
}

impl Campaign {
    /// Whether a site is asked.
    #[must_use]
    pub fn asks(&self, site: &str) -> bool {
        self.sites.is_empty() || self.sites.contains(site)
    }

    /// The sites that are asked and may be seen.
    #[must_use]
    pub fn within(&self, scope: &Scope) -> Scope {
        match scope {
            _ if self.sites.is_empty() => scope.clone(),
            Scope::All => Scope::Sites(self.sites.clone()),
            Scope::Sites(seen) => Scope::Sites(self.sites.intersection(seen).cloned().collect()),
        }
    }

    /// Whether it concerns any site that may be seen.
    #[must_use]
    pub fn is_seen(&self, scope: &Scope) -> bool {
        match self.within(scope) {
            Scope::All => true,
            Scope::Sites(sites) => !sites.is_empty(),
        }
    }

    /// Where it is in its life.
    #[must_use]
    pub fn phase(&self, today: Date) -> Phase {
        match self.closed {
            Some(_) => Phase::Closed,
            None if today < self.begins => Phase::Coming,
            None if today > self.deadline => Phase::Overdue,
            None => Phase::Running,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn campaign(sites: &[&str]) -> Campaign {
        Campaign {
            id: 7,
            name: "Move to xrootd 5.6.4".to_owned(),
            note: String::new(),
            references: ReferenceList { name: "x".to_owned(), references: Vec::new() },
            sites: sites.iter().map(|site| (*site).to_owned()).collect(),
            begins: Date::constant(2026, 1, 10),
            deadline: Date::constant(2026, 1, 20),
            contacts: Contacts::default(),
            letter: Letter::proposed(true),
            author: "officer".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            closed: None,
        }
    }

    #[test]
    fn a_site_sees_itself_and_only_where_it_is_asked() {
        let sites = |names: &[&str]| Scope::Sites(names.iter().map(|name| (*name).to_owned()).collect());
        let of_two = campaign(&["A", "B"]);
        assert_eq!(of_two.within(&Scope::All), sites(&["A", "B"]));
        assert_eq!(of_two.within(&sites(&["B", "C"])), sites(&["B"]));
        assert!(!of_two.is_seen(&sites(&["C"])) && of_two.is_seen(&Scope::All));
        assert_eq!(campaign(&[]).within(&sites(&["C"])), sites(&["C"]));
        assert!(!campaign(&[]).is_seen(&sites(&[])));
    }

    #[test]
    fn it_is_overdue_from_the_day_after_its_deadline() {
        let mut campaign = campaign(&[]);
        let phase = |campaign: &Campaign, day| campaign.phase(Date::constant(2026, 1, day)).as_str();
        let phases: Vec<_> = [9, 10, 20, 21].map(|day| phase(&campaign, day)).into();
        assert_eq!(phases, ["coming", "running", "running", "overdue"]);
        campaign.closed = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(phase(&campaign, 15), "closed");
    }
}
