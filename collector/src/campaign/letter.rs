//! What an officer writes to the sites: a text with words in braces that each site's own facts take the place of.

use jiff::civil::Date;

use super::CampaignError;
use super::error::some_text;
use crate::table::{cut, visible};

/// Longest subject as written and as filled in, in characters.
const LONGEST_SUBJECT: usize = 200;

/// Longest text as written, in characters.
const LONGEST_TEXT: usize = 20_000;

/// Hosts that a mail names; the others are counted.
pub const MOST_HOSTS: usize = 50;

/// Longest host name and longest reason in a mail, in characters.
const LONGEST_HOST: usize = 100;
const LONGEST_REASON: usize = 160;

/// The words that mean something in braces.
const PLACEHOLDERS: [&str; 7] = ["campaign", "site", "hosts", "behind", "list", "deadline", "link"];

/// Subject and text, with words in braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Lines.
    pub text: String,
}

/// A site's own facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filling {
    /// Name of the campaign.
    pub campaign: String,
    /// The site.
    pub site: String,
    /// Its hosts that are asked.
    pub hosts: i64,
    /// Those that are still to be done.
    pub behind: i64,
    /// Their names and what is missing, at most [`MOST_HOSTS`] of them.
    pub list: Vec<(String, String)>,
    /// The last day on time.
    pub deadline: Date,
    /// Where the site sees more.
    pub link: String,
}

impl Letter {
    /// What an officer may begin with; `with_link` says whether the desk has an address that sites can open.
    #[must_use]
    pub fn proposed(with_link: bool) -> Self {
        let link = if with_link { "What is asked, and how your site stands: {link}\n\n" } else { "" };
        Letter {
            subject: "{campaign}: {behind} of {hosts} hosts to do at {site} by {deadline}".to_owned(),
            text: format!(
                "Dear colleagues at {{site}},\n\n\
                of your {{hosts}} hosts that \"{{campaign}}\" concerns, {{behind}} are not yet where they should be by \
                {{deadline}}:\n\n{{list}}\n\n{link}\
                If a host has to wait, please answer with the reason and a date.\n\n\
                Thank you for your work,\nthe Middleware Officer\n"
            ),
        }
    }

    /// Reads what an officer wrote.
    ///
    /// # Errors
    /// [`CampaignError`]; every word in braces has to mean something.
    pub fn read(subject: &str, text: &str) -> Result<Self, CampaignError> {
        let letter = Letter {
            subject: some_text("subject", subject, LONGEST_SUBJECT, false)?,
            text: some_text("text", text, LONGEST_TEXT, true)? + "\n",
        };
        for part in [&letter.subject, &letter.text] {
            fill(part, |word| PLACEHOLDERS.contains(&word).then(String::new))?;
        }
        Ok(letter)
    }

    /// Whether it sends readers to the desk.
    #[must_use]
    pub fn has_link(&self) -> bool {
        self.subject.contains("{link}") || self.text.contains("{link}")
    }

    /// Subject and body for a site.
    ///
    /// # Errors
    /// [`CampaignError::Placeholder`], which a letter that was read does not cause.
    pub fn fill(&self, with: &Filling) -> Result<(String, String), CampaignError> {
        let subject = fill(&self.subject, |word| with.value(word))?;
        Ok((cut(&visible(&subject), LONGEST_SUBJECT), fill(&self.text, |word| with.value(word))?))
    }
}

impl Filling {
    fn value(&self, word: &str) -> Option<String> {
        Some(match word {
            "campaign" => one_line(&self.campaign, LONGEST_SUBJECT),
            "site" => one_line(&self.site, LONGEST_HOST),
            "hosts" => self.hosts.to_string(),
            "behind" => self.behind.to_string(),
            "deadline" => self.deadline.to_string(),
            "link" => self.link.clone(),
            "list" => self.list(),
            _ => return None,
        })
    }

    fn list(&self) -> String {
        let line = |(host, reason): &(String, String)| {
            format!("  {}: {}", plain(host, LONGEST_HOST), plain(reason, LONGEST_REASON))
        };
        let mut lines: Vec<String> = self.list.iter().take(MOST_HOSTS).map(line).collect();
        let more = self.behind - i64::try_from(lines.len()).unwrap_or(i64::MAX);
        if more > 0 {
            lines.push(format!("  and {more} more"));
        }
        lines.join("\n")
    }
}

/// A text with each `{word}` replaced by its value, once: braces in a value stay what they are.
fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, CampaignError> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let unknown = |word: &str| CampaignError::Placeholder(cut(&visible(word.trim()), 40));
        let (word, behind) = after.split_once('}').ok_or_else(|| unknown(after))?;
        filled += before;
        filled += &value(word).ok_or_else(|| unknown(word))?;
        rest = behind;
    }
    Ok(filled + rest)
}

fn one_line(text: &str, longest: usize) -> String {
    cut(&visible(text), longest)
}

/// What a host says, as far as a mail program makes neither link nor markup of it.
fn plain(text: &str, longest: usize) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || " -._:~+^(),;".contains(c);
    cut(&text.chars().map(|c| if harmless(c) { c } else { '?' }).collect::<String>(), longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filling(list: &[(&str, &str)], behind: i64) -> Filling {
        Filling {
            campaign: "Move {site}".to_owned(),
            site: "CERN-PROD".to_owned(),
            hosts: 12,
            behind,
            list: list.iter().map(|(host, why)| ((*host).to_owned(), (*why).to_owned())).collect(),
            deadline: Date::constant(2026, 3, 1),
            link: "https://desk.example.org/campaigns/7".to_owned(),
        }
    }

    #[test]
    fn each_word_is_filled_in_once() {
        let letter = Letter::read("{campaign}: {behind}/{hosts} by {deadline}", "{site}\r\n{list}\n{link}").unwrap();
        let (subject, body) =
            letter.fill(&filling(&[("wn1", "installed 1:5.6.3-1 is older than 1:5.6.4")], 3)).unwrap();
        assert_eq!(subject, "Move {site}: 3/12 by 2026-03-01");
        assert_eq!(
            body,
            "CERN-PROD\n  wn1: installed 1:5.6.3-1 is older than 1:5.6.4\n  and 2 more\nhttps://desk.example.org/campaigns/7\n"
        );
    }

    #[test]
    fn what_is_proposed_reads_back_and_has_a_link_only_where_it_leads_somewhere() {
        for with_link in [true, false] {
            let letter = Letter::proposed(with_link);
            assert_eq!(Letter::read(&letter.subject, &letter.text).unwrap(), letter);
            assert_eq!(letter.has_link(), with_link);
            assert!(letter.text.contains("{list}\n\n") && !letter.text.contains("\n\n\n"), "{}", letter.text);
        }
    }

    #[test]
    fn what_means_nothing_is_named() {
        for (subject, text, told) in [
            ("x", "{hosst}", "{hosst} means nothing"),
            ("x", "{", "{} means nothing"),
            ("", "x", "subject: write"),
            ("x\r\nBcc: a@b", "x", "subject: write"),
            ("x", " ", "text: write"),
        ] {
            let error = Letter::read(subject, text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn hosts_put_neither_lines_nor_links_into_a_mail() {
        let hostile = "wn1\r\nBcc: a@b\r\n\r\nhttp://evil.example/<b>\u{202E}";
        let many: Vec<_> = std::iter::repeat_n((hostile, "x".repeat(10_000)), 80).collect();
        let many: Vec<_> = many.iter().map(|(host, why)| (*host, why.as_str())).collect();
        let (_, body) = Letter::read("x", "{list}").unwrap().fill(&filling(&many, 80)).unwrap();
        assert_eq!(body.lines().count(), MOST_HOSTS + 1);
        assert!(body.len() < 20_000 && !body.contains(['\r', '@', '/', '<', '\u{202E}']), "{body}");
        assert!(body.ends_with("  and 30 more\n"));
        let evil = Filling { site: "A\r\nBcc: x".to_owned(), ..filling(&[], 0) };
        assert!(!Letter::read("{site}", "x").unwrap().fill(&evil).unwrap().0.contains(['\r', '\n']));
    }
}
