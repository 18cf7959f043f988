//! Why repository metadata cannot be used: which file, where in it, and what to do.

use crate::xml::XmlError;

/// Metadata that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("repository metadata {file}: {problem}")]
pub struct RepositoryError {
    /// The file or folder.
    pub file: String,
    /// What is wrong.
    #[source]
    pub problem: RepositoryProblem,
}

/// Why metadata cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryProblem {
    /// The system's reason, or a packed file that is damaged.
    #[error("reading it: {0}")]
    Read(#[from] std::io::Error),
    /// A folder that is no repository.
    #[error("holds no repodata/repomd.xml: give a repository's folder, its primary.xml or a Packages file")]
    Folder,
    /// Another of a repository's files.
    #[error("its outermost element is {0:?}: give primary.xml, repomd.xml or the repository's folder")]
    Root(String),
    /// `repomd.xml` without what we need.
    #[error("names no primary metadata: make the repository again with createrepo_c")]
    NoPrimary,
    /// The file beside `repomd.xml` is another one.
    #[error("its checksum is not the one in repomd.xml: fetch the repository again, as a whole")]
    Checksum,
    /// XML that breaks off or is none.
    #[error("{0}; fetch it again")]
    Xml(#[from] XmlError),
    /// A list that breaks off.
    #[error("says that it holds {said} packages and holds {found}: it was cut short, fetch it again")]
    Missing {
        /// What it says.
        said: u64,
        /// What it holds.
        found: u64,
    },
    /// A package without name or version, or a line that is none.
    #[error("line {line}: {what}; is it primary.xml or a Packages file?")]
    Line {
        /// Line, from 1.
        line: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// More than any repository holds.
    #[error("unpacks to more than {0} GiB, which no repository's metadata does")]
    TooLarge(u64),
    /// More than any list of references should hold.
    #[error("the patterns name more than {0} packages: narrow them")]
    TooMany(usize),
    /// A pattern that is none.
    #[error("package {0:?}: expected a name, * and ? for any text and any sign")]
    Pattern(String),
    /// A pattern that names nothing.
    #[error("none of its {packages} packages is named {pattern:?}")]
    NoPackage {
        /// The pattern.
        pattern: String,
        /// How many binary packages there are.
        packages: u64,
    },
}
