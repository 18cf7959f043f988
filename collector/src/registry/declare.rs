//! A site that the operator declares: a testbed that is in no registry, or what a registry does not say.

use report::site::{self, SiteError};

use super::{Site, mail, prefix};

impl Site {
    /// A site of this name; whatever is not known is left empty.
    ///
    /// # Errors
    /// [`DeclareError`] naming the value that cannot be.
    pub fn declare(
        name: &str,
        (country, tier): (Option<String>, Option<String>),
        (contact, security): (&[String], &[String]),
        networks: &[String],
    ) -> Result<Self, DeclareError> {
        site::check(name)?;
        let mails = |texts: &[String]| match mail::split(&texts.join(" ")) {
            (mails, wrong) if wrong.is_empty() => Ok(mails),
            (_, wrong) => Err(DeclareError::Mail(wrong.join(" ").escape_debug().to_string())),
        };
        let prefixes = match prefix::read_list(&networks.join(" ")) {
            (prefixes, wrong) if wrong.is_empty() => prefixes,
            (_, wrong) => return Err(DeclareError::Network(wrong.join(" ").escape_debug().to_string())),
        };
        let word = |word: Option<String>| match word.unwrap_or_default() {
            word if word.len() > 60 || word.contains(char::is_control) => {
                Err(DeclareError::Word(word.escape_debug().to_string()))
            }
            word => Ok(word.trim().to_owned()),
        };
        Ok(Site {
            name: name.to_owned(),
            country: word(country)?,
            tier: word(tier)?,
            contact: mails(contact)?,
            security: mails(security)?,
            prefixes,
            aliases: Vec::new(),
        })
    }
}

/// Why a site cannot be declared.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeclareError {
    /// No name that a host could report.
    #[error(transparent)]
    Name(#[from] SiteError),
    /// No mail address.
    #[error("mail address \"{0}\": expected NAME@DOMAIN, several parted by commas")]
    Mail(String),
    /// No network.
    #[error(
        "network \"{0}\": expected ADDRESS/LENGTH, such as 192.0.2.0/24 or 2001:db8::/32, several parted by commas"
    )]
    Network(String),
    /// No country and no tier.
    #[error("country or tier \"{0}\": expected a word such as CH or 2")]
    Word(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_named() {
        let declare = |name: &str, country: &str, contact: &str, network: &str| {
            let texts = |text: &str| vec![text.to_owned()];
            Site::declare(name, (Some(country.to_owned()), None), (&texts(contact), &[]), &texts(network))
        };
        let site = declare("CERN-DPM-TESTBED", "CH", "a@cern.ch,b@cern.ch", "192.0.2.0/24").unwrap();
        assert_eq!((site.contact.len(), site.prefixes.len(), site.country.as_str()), (2, 1, "CH"));
        for (declared, told) in [
            (declare("MY-SITE", "", "", ""), "placeholder"),
            (declare("A", "", "a@b", ""), "\"a@b\""),
            (declare("A", "", "", "192.0.2.0/33"), "192.0.2.0/33"),
            (declare("A", "C\u{1b}[31m", "", ""), "C\\u{1b}"),
        ] {
            let error = declared.unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
