//! Registries of sites, from files that the operator fetches: which sites there are, whom to write to, where their hosts are.

mod cric;
mod declare;
mod directory;
mod error;
mod file;
mod gocdb;
mod mail;
mod near;
mod osg;
mod prefix;
mod reading;

pub use declare::DeclareError;
pub use directory::{Directory, SiteEntry, Source};
pub use error::{RegistryError, RegistryProblem};
pub use file::read_file;
pub use mail::split as split_addresses;
pub use prefix::{join as join_prefixes, outside, split as split_prefixes};
pub use reading::{Reading, Site, read};

/// The registries whose files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// GOCDB's answers to `get_site` and `get_site_list`, XML.
    Gocdb,
    /// CRIC's answer to `/api/core/rcsite/query/?json`, JSON.
    Cric,
    /// OSG topology's `rgsummary`, XML.
    Osg,
}

impl Kind {
    /// Every registry.
    pub const ALL: [Kind; 3] = [Kind::Gocdb, Kind::Cric, Kind::Osg];

    /// The word in commands and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Gocdb => "gocdb",
            Kind::Cric => "cric",
            Kind::Osg => "osg",
        }
    }
}
