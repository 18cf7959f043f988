//! A PKCS#11 module, the shared library that speaks for tokens: loaded once, running while anybody is connected (PKCS#11 3.1, section 5.4).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

/// A module, whoever uses it.
pub(super) struct Module {
    file: PathBuf,
    loaded: Mutex<(Option<Pkcs11>, Weak<Running>)>,
}

/// Between C_Initialize and C_Finalize.
pub(super) struct Running(Pkcs11);

impl Module {
    pub(super) fn new(file: PathBuf) -> Self {
        Module { file, loaded: Mutex::default() }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Begins anew where nobody is connected: some modules look for tokens only then.
    pub(super) fn run(&self) -> Result<Arc<Running>, Error> {
        // Nothing is left half done where it could panic.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = loaded.1.upgrade() {
            return Ok(running);
        }
        let pkcs11 = match &loaded.0 {
            Some(pkcs11) => pkcs11.clone(),
            None => Pkcs11::new(&self.file)?,
        };
        loaded.0 = Some(pkcs11.clone());
        match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(error),
        }
        let running = Arc::new(Running(pkcs11));
        loaded.1 = Arc::downgrade(&running);
        Ok(running)
    }
}

impl Running {
    pub(super) fn pkcs11(&self) -> &Pkcs11 {
        &self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A module that does not end properly is told nothing more in any case.
        let _ = self.0.clone().finalize();
    }
}
