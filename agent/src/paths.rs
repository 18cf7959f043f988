//! Where a run keeps its state: systemd's folder, a folder that was named, or the user's own.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::config::ConfigError;

/// The folder that the package makes for the system's own reporter.
const SYSTEM_STATE: &str = "/var/lib/wlcg-package-reporter";

/// The folders of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Sealed reports, `<hash>.p7m`.
    pub spool: PathBuf,
    /// Reports that the collector refused for good.
    pub refused: PathBuf,
    /// What `status` tells.
    pub state: PathBuf,
    /// The recipient bundle that was last accepted.
    pub recipients: PathBuf,
}

impl Paths {
    /// Finds the folders and makes them, readable by this user only.
    ///
    /// # Errors
    /// [`ConfigError`] when there is no folder, or somebody else's.
    pub fn make(spool: Option<&Path>) -> Result<Self, ConfigError> {
        let paths = match spool {
            Some(spool) => Paths::with_spool(spool),
            None => Paths::below(&state_folder()?),
        };
        for folder in [&paths.spool, &paths.refused] {
            make_folder(folder)?;
        }
        Ok(paths)
    }

    /// Finds the folders to look at; for root, those of the system's own reporter, unless root reports itself.
    ///
    /// # Errors
    /// [`ConfigError::NoFolder`].
    pub fn find(spool: Option<&Path>) -> Result<Self, ConfigError> {
        if let Some(spool) = spool {
            return Ok(Paths::with_spool(spool));
        }
        let system = Paths::below(Path::new(SYSTEM_STATE));
        if !rustix::process::geteuid().is_root()
            || !Path::new(SYSTEM_STATE).is_dir()
            || is_ours(Path::new(SYSTEM_STATE))
        {
            return Ok(Paths::below(&state_folder()?));
        }
        let own = Paths::below(&state_folder()?);
        let last = |paths: &Paths| std::fs::metadata(&paths.state).map(|found| found.mtime()).unwrap_or_default();
        Ok(if last(&own) > last(&system) { own } else { system })
    }

    /// Whether another user reports from here: root may look, but what root makes there that user could not use.
    #[must_use]
    pub fn are_anothers(&self) -> bool {
        self.state.parent().is_some_and(|folder| folder.is_dir() && !is_ours(folder))
    }

    /// The file of the host's own signing key, in a folder that is there or can be made.
    ///
    /// Root that reports by hand uses the key of the system's own reporter: the host is the same.
    ///
    /// # Errors
    /// [`ConfigError`] when there is no folder, or somebody else's.
    pub fn signing_key(spool: Option<&Path>) -> Result<PathBuf, ConfigError> {
        let folder = match spool {
            Some(spool) => {
                make_folder(spool)?;
                spool.to_owned()
            }
            None if rustix::process::geteuid().is_root() && is_folder(Path::new(SYSTEM_STATE)) => SYSTEM_STATE.into(),
            None => state_folder()?,
        };
        Ok(folder.join("signing.key.pem"))
    }

    fn with_spool(spool: &Path) -> Self {
        Paths { spool: spool.to_owned(), ..Paths::below(spool) }
    }

    fn below(folder: &Path) -> Self {
        Paths {
            spool: folder.join("spool"),
            refused: folder.join("refused"),
            state: folder.join("state.json"),
            recipients: folder.join("recipients.bundle"),
        }
    }
}

fn state_folder() -> Result<PathBuf, ConfigError> {
    if let Some(folders) = std::env::var_os("STATE_DIRECTORY").filter(|folders| !folders.is_empty()) {
        // systemd joins several with colons; the first is ours.
        return Ok(std::env::split_paths(&folders).next().unwrap_or_default());
    }
    if is_ours(Path::new(SYSTEM_STATE)) {
        return Ok(PathBuf::from(SYSTEM_STATE));
    }
    let own = directories::ProjectDirs::from("", "", "wlcg-package-reporter")
        .map(|folders| folders.state_dir().unwrap_or_else(|| folders.data_dir()).to_owned());
    if let Some(own) = own
        && make_folder(&own).is_ok()
    {
        return Ok(own);
    }
    // Users without a home, `nobody` among them: a folder that survives a reboot and is ours alone.
    let fallback = PathBuf::from(format!("/var/tmp/wlcg-package-reporter-{}", rustix::process::geteuid().as_raw()));
    match make_folder(&fallback) {
        Ok(()) if is_ours(&fallback) => Ok(fallback),
        Ok(()) => Err(ConfigError::ForeignFolder(fallback)),
        Err(_) => Err(ConfigError::NoFolder),
    }
}

fn make_folder(folder: &Path) -> Result<(), ConfigError> {
    if folder.is_dir() {
        return Ok(());
    }
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| ConfigError::Read { file: folder.to_owned(), source })?;
    // What is synced inside a folder is lost with the folder itself; a parent that we may not read cannot be synced.
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _ = std::fs::File::open(parent).and_then(|parent| parent.sync_all());
    Ok(())
}

/// A real folder, not a link.
fn is_folder(folder: &Path) -> bool {
    std::fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir())
}

/// A real folder of this user: in a folder for everyone, others may have put a link there before us.
fn is_ours(folder: &Path) -> bool {
    std::fs::symlink_metadata(folder)
        .is_ok_and(|found| found.is_dir() && found.uid() == rustix::process::geteuid().as_raw())
}
