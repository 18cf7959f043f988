//! The one thread that talks to a token, so that a library which does not come back holds nobody up for long.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use report::sealed::{KeyAway, Operation, Recipient};

use super::connection::{Connection, Pin, Trouble, Unreached};
use super::module::Module;
use crate::clock::Stopwatch;

/// First and longest pause before a token that is away is looked for again, in seconds.
const PAUSES: (f64, f64) = (1.0, 60.0);

/// How long anybody waits for an answer. Less than the unit gives the collector to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the end of the program waits for the library's.
const FAREWELL: Duration = Duration::from_secs(5);

/// A token, for all its keys.
pub(super) struct Token {
    name: String,
    /// Always there until the drop.
    questions: Option<Sender<Question>>,
    /// Since when its thread has been at the same question.
    busy: Arc<Mutex<Option<Stopwatch>>>,
    ended: Mutex<Receiver<()>>,
}

/// What a token is asked, and where the answer goes.
struct Question {
    recipient: Recipient,
    operation: Operation,
    answer: SyncSender<Answer>,
}

type Answer = Result<Option<Vec<u8>>, KeyAway>;

impl Token {
    /// Starts the thread; the token is not looked for yet.
    pub(super) fn new(module: Arc<Module>, label: String, pin: Pin, pin_file: PathBuf) -> std::io::Result<Self> {
        let name = format!("token {label:?} of {}", module.file().display());
        let mut worker =
            Worker { module, label, name: name.clone(), pin, pin_file, pin_is_right: false, state: State::Idle };
        let (questions, asked) = mpsc::channel::<Question>();
        let (ending, ended) = mpsc::channel();
        let busy = Arc::<Mutex<Option<Stopwatch>>>::default();
        let working = Arc::clone(&busy);
        std::thread::Builder::new().name("token".to_owned()).spawn(move || {
            for question in asked {
                *guard(&working) = Some(Stopwatch::start());
                let answer = worker.perform(&question.recipient, &question.operation);
                *guard(&working) = None;
                // Whoever asked may have lost patience.
                let _ = question.answer.send(answer);
            }
            drop(worker);
            drop(ending);
        })?;
        Ok(Token { name, questions: Some(questions), busy, ended: Mutex::new(ended) })
    }

    pub(super) fn perform(&self, recipient: &Recipient, operation: &Operation) -> Answer {
        let silent = || KeyAway(format!("{}: its library does not come back from a call", self.name));
        let busy = *guard(&self.busy);
        if busy.is_some_and(|since| since.seconds() > PATIENCE.as_secs_f64()) {
            return Err(silent());
        }
        let failed = || KeyAway(format!("{}: its thread has failed, restart", self.name));
        let (answer, answered) = mpsc::sync_channel(1);
        let question = Question { recipient: recipient.clone(), operation: operation.clone(), answer };
        let questions = self.questions.as_ref().ok_or_else(failed)?;
        questions.send(question).map_err(|_| failed())?;
        answered.recv_timeout(PATIENCE).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => Err(silent()),
            RecvTimeoutError::Disconnected => Err(failed()),
        })
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        drop(self.questions.take());
        // The library is told to end before the program does, if it listens.
        let _ = guard(&self.ended).recv_timeout(FAREWELL);
    }
}

/// What the thread knows.
struct Worker {
    module: Arc<Module>,
    label: String,
    name: String,
    pin: Pin,
    pin_file: PathBuf,
    /// The token has taken it once.
    pin_is_right: bool,
    state: State,
}

enum State {
    /// To be reached when it is needed next.
    Idle,
    /// Logged in.
    Connected(Connection),
    /// To be looked for again after a pause in seconds.
    Away { why: KeyAway, since: Stopwatch, pause: f64 },
    /// It refuses the PIN. Never tried again: a token locks itself after a few tries.
    Refused(KeyAway),
}

impl Worker {
    fn perform(&mut self, recipient: &Recipient, operation: &Operation) -> Answer {
        let mut is_second = false;
        loop {
            let connection = match &mut self.state {
                State::Connected(connection) => connection,
                _ => {
                    self.connect()?;
                    continue;
                }
            };
            let why = match connection.perform(recipient, operation) {
                Ok(answer) => return Ok(Some(answer)),
                Err(Trouble::NoKey(why)) => return Err(self.away(&why)),
                // Modules tell a damaged report and a broken token by the same code. Where what we have sealed ourselves opens
                // it was the report.
                Err(Trouble::Failed(_)) if connection.proves(recipient) => return Ok(None),
                Err(Trouble::Failed(why)) => why,
            };
            if is_second {
                let why = self.away(&why);
                self.state = State::Away { why: why.clone(), since: Stopwatch::start(), pause: PAUSES.0 };
                return Err(why);
            }
            // It may be back already, in another slot or after a fail-over: looked for once, at once.
            self.state = State::Idle;
            is_second = true;
        }
    }

    fn connect(&mut self) -> Result<(), KeyAway> {
        let pause = match &self.state {
            State::Refused(why) => return Err(why.clone()),
            State::Away { why, since, pause } if since.seconds() < *pause => return Err(why.clone()),
            State::Away { pause, .. } => (pause * 2.0).min(PAUSES.1),
            State::Idle | State::Connected(_) => PAUSES.0,
        };
        let why = match Connection::open(&self.module, &self.label, &self.pin) {
            Ok(connection) => {
                if matches!(self.state, State::Away { .. }) {
                    tracing::info!(token = self.label, "token is back");
                }
                self.pin_is_right = true;
                self.state = State::Connected(connection);
                return Ok(());
            }
            Err(Unreached::Away(why)) => why,
            // Modules tell a wrong PIN by codes of their own too: until it was right once, it may be that.
            Err(Unreached::Doubtful(why)) if self.pin_is_right => why,
            Err(Unreached::Doubtful(why)) => return Err(self.refused(&format!("logging in failed ({why})"))),
            Err(Unreached::Refused(why)) => return Err(self.refused(&why)),
        };
        let why = self.away(&why);
        self.state = State::Away { why: why.clone(), since: Stopwatch::start(), pause };
        Err(why)
    }

    fn refused(&mut self, why: &str) -> KeyAway {
        let why = self.away(&format!(
            "{why}; it is not tried again, so that the token does not lock itself: see to the PIN in {}, then restart",
            self.pin_file.display()
        ));
        self.state = State::Refused(why.clone());
        why
    }

    fn away(&self, why: &str) -> KeyAway {
        KeyAway(format!("{}: {why}", self.name))
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half done where it could panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
