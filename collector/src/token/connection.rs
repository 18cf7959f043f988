//! A token that its user is logged in to: private keys found and used (PKCS#11 3.1).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use report::hash::Hash;
use report::sealed::{Challenge, Operation, Recipient};

use super::module::{Module, Running};
use super::operation::run;
use crate::clock::Stopwatch;

/// Most private keys of a token that are tried for a certificate.
const MOST_KEYS: usize = 64;

/// After so many seconds a key that was not found is looked for again.
const LOOK_AGAIN: f64 = 60.0;

/// A PIN; never shown.
pub(super) struct Pin(AuthPin);

impl Pin {
    pub(super) fn read(file: &Path) -> std::io::Result<Self> {
        let text = std::fs::read_to_string(file)?;
        match text.lines().next().unwrap_or_default() {
            "" => Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "its first line is empty")),
            line => Ok(Pin(AuthPin::from(line.to_owned()))),
        }
    }
}

/// Why a token cannot be used.
pub(super) enum Unreached {
    /// It is not there, or does not work: that may change.
    Away(String),
    /// It refuses the PIN, or would lock itself.
    Refused(String),
    /// Logging in failed for a reason that may be the PIN.
    Doubtful(String),
}

/// Why an operation was not done.
pub(super) enum Trouble {
    /// The token is there, the private key is not.
    NoKey(String),
    /// The token, or what it was asked, is at fault.
    Failed(String),
}

/// A token that its user is logged in to.
pub(super) struct Connection {
    working: Option<Session>,
    keys: HashMap<Hash, Found>,
    /// The user stays logged in while one session is open.
    _login: Session,
    slot: Slot,
    /// The last to go.
    running: Arc<Running>,
}

#[derive(Clone, Copy)]
enum Found {
    Key(ObjectHandle),
    Nothing(Stopwatch),
}

impl Connection {
    pub(super) fn open(module: &Module, label: &str, pin: &Pin) -> Result<Self, Unreached> {
        let running = module.run().map_err(away)?;
        let slot = slot_of(running.pkcs11(), label)?;
        let session = running.pkcs11().open_ro_session(slot).map_err(away)?;
        match session.login(UserType::User, Some(&pin.0)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => return Err(not_logged_in(&error)),
        }
        Ok(Connection { working: None, keys: HashMap::new(), _login: session, slot, running })
    }

    pub(super) fn perform(&mut self, recipient: &Recipient, operation: &Operation) -> Result<Vec<u8>, Trouble> {
        let session = match self.working.take() {
            Some(session) => session,
            None => self.running.pkcs11().open_ro_session(self.slot).map_err(failed)?,
        };
        let key = self.key(&session, recipient)?;
        let answer = run(&session, key, operation).map_err(failed)?;
        // One that has failed is not used again.
        self.working = Some(session);
        Ok(answer)
    }

    /// Whether what is sealed for this certificate still opens.
    pub(super) fn proves(&mut self, recipient: &Recipient) -> bool {
        let Ok(challenge) = Challenge::new(recipient) else { return false };
        self.perform(recipient, &challenge.operation).is_ok_and(|answer| challenge.is_met_by(&answer))
    }

    /// The private key of this certificate: the one that answers for it, whatever its label and identifier are.
    fn key(&mut self, session: &Session, recipient: &Recipient) -> Result<ObjectHandle, Trouble> {
        let missing =
            || Trouble::NoKey(format!("no private key in it opens what is sealed for {}", recipient.subject()));
        let name = recipient.fingerprint().map_err(|error| Trouble::NoKey(error.to_string()))?;
        match self.keys.get(&name) {
            Some(Found::Key(key)) => return Ok(*key),
            Some(Found::Nothing(since)) if since.seconds() < LOOK_AGAIN => return Err(missing()),
            _ => {}
        }
        let challenge = Challenge::new(recipient).map_err(|error| Trouble::NoKey(error.to_string()))?;
        let kind = if matches!(challenge.operation, Operation::Agree(_)) { KeyType::EC } else { KeyType::RSA };
        let wanted = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::KeyType(kind)];
        let keys = session.find_objects(&wanted).map_err(failed)?;
        let answers = |key: &ObjectHandle| {
            run(session, *key, &challenge.operation).is_ok_and(|answer| challenge.is_met_by(&answer))
        };
        let key = keys.into_iter().take(MOST_KEYS).find(answers);
        self.keys.insert(name, key.map_or_else(|| Found::Nothing(Stopwatch::start()), Found::Key));
        key.ok_or_else(missing)
    }
}

fn not_logged_in(error: &Error) -> Unreached {
    let Error::Pkcs11(value, _) = error else { return Unreached::Doubtful(told(error)) };
    match value {
        RvError::PinIncorrect
        | RvError::PinInvalid
        | RvError::PinLenRange
        | RvError::PinExpired
        | RvError::PinLocked
        | RvError::UserPinNotInitialized => Unreached::Refused(format!("it refuses the PIN ({})", told(error))),
        // Nobody has looked at the PIN.
        RvError::CryptokiNotInitialized
        | RvError::DeviceRemoved
        | RvError::SessionClosed
        | RvError::SessionHandleInvalid
        | RvError::TokenNotPresent => Unreached::Away(told(error)),
        _ => Unreached::Doubtful(told(error)),
    }
}

fn slot_of(pkcs11: &Pkcs11, label: &str) -> Result<Slot, Unreached> {
    let mut found = Vec::new();
    let mut others = Vec::new();
    for slot in pkcs11.get_slots_with_token().map_err(away)? {
        match pkcs11.get_token_info(slot) {
            Ok(token) if token.label() == label => found.push((slot, token)),
            Ok(token) if token.token_initialized() => others.push(format!("{:?}", token.label())),
            _ => {}
        }
    }
    match &found[..] {
        [] if others.is_empty() => Err(Unreached::Away("no token is there".to_owned())),
        [] => Err(Unreached::Away(format!("it is not there, only {}", others.join(", ")))),
        [(_, token)] if token.user_pin_locked() => Err(Unreached::Refused("its PIN is locked".to_owned())),
        [(_, token)] if token.user_pin_final_try() => {
            Err(Unreached::Refused("one more wrong PIN would lock it, which is left to a person".to_owned()))
        }
        [(slot, _)] => Ok(*slot),
        _ => Err(Unreached::Away(format!("{} tokens have that label", found.len()))),
    }
}

fn away(error: Error) -> Unreached {
    Unreached::Away(told(&error))
}

fn failed(error: Error) -> Trouble {
    Trouble::Failed(told(&error))
}

/// The function and its return value, by name; the crate's own words fill a paragraph.
fn told(error: &Error) -> String {
    match error {
        Error::Pkcs11(value, function) => format!("C_{function:?} says {value:?}"),
        other => other.to_string(),
    }
}
