//! Sites and hosts that need not follow a campaign for now, each with a reason and a last day.

use jiff::civil::Date;

use super::error::{date, some_text, text};
use super::{Campaign, CampaignError};
use crate::history::day_of;

/// Longest reason and host name, in characters.
const LONGEST: usize = 1_000;

/// An exception as it was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Its number, in addresses.
    pub id: i64,
    /// The site.
    pub site: String,
    /// The host; `None` for the whole site.
    pub host: Option<String>,
    /// Why.
    pub reason: String,
    /// Who granted it.
    pub author: String,
    /// When, unix seconds.
    pub created: i64,
    /// The last day that it counts, UTC, since 1970-01-01.
    pub expires: i64,
}

impl Exception {
    /// Whether it counts on a day (UTC, since 1970-01-01).
    #[must_use]
    pub fn is_in_force(&self, day: i64) -> bool {
        (day_of(self.created)..=self.expires).contains(&day)
    }
}

/// An exception as an officer asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewException {
    /// The site.
    pub site: String,
    /// The host; empty for the whole site.
    pub host: String,
    /// Why.
    pub reason: String,
    /// The last day that it counts.
    pub expires: Date,
}

impl NewException {
    /// Reads the fields of the form.
    ///
    /// # Errors
    /// [`CampaignError`] with the field.
    pub fn read(
        campaign: &Campaign,
        [site, host, reason, expires]: [&str; 4],
        today: Date,
    ) -> Result<Self, CampaignError> {
        let site = some_text("site", site, LONGEST, false)?;
        if !campaign.asks(&site) {
            return Err(CampaignError::Site(site));
        }
        let expires = date("last day", expires)?;
        if expires < today {
            return Err(CampaignError::Expired(today));
        }
        let reason = some_text("reason", reason, LONGEST, true)?;
        Ok(NewException { site, host: text("host", host, LONGEST, false)?, reason, expires })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_up_to_its_last_day() {
        let exception = Exception {
            id: 1,
            site: "A".to_owned(),
            host: None,
            reason: "tape upgrade".to_owned(),
            author: "officer".to_owned(),
            created: 10 * 86_400 + 5,
            expires: 12,
        };
        assert_eq!([9, 10, 12, 13].map(|day| exception.is_in_force(day)), [false, true, true, false]);
    }

    #[test]
    fn it_needs_a_reason_an_asked_site_and_a_day_to_come() {
        let campaign = super::super::tests::campaign(&["A"]);
        let today = Date::constant(2026, 1, 12);
        let read = |fields| NewException::read(&campaign, fields, today).map_err(|error| error.to_string());
        assert!(read(["A", "", "tape", "2026-01-12"]).is_ok());
        assert!(read(["B", "", "tape", "2026-01-12"]).unwrap_err().contains("\"B\""));
        assert!(read(["A", "", " ", "2026-01-12"]).unwrap_err().contains("reason"));
        assert!(read(["A", "", "tape", "2026-01-11"]).unwrap_err().contains("later"));
        assert!(read(["A", "a\nb", "tape", "2026-01-12"]).unwrap_err().contains("host"));
    }
}
