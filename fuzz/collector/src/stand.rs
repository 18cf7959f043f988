//! Where inputs are tried one after the other: an instance, and a new one before its database has grown much.

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::instance::Instance;
use crate::template::Template;
use crate::words::Words;

/// So many changes are made to one instance, and so many inputs are tried on it.
const CHANGES: u32 = 500;
const INPUTS: u32 = 20_000;

/// The instance of now.
pub struct Stand {
    runtime: Runtime,
    template: Template,
    running: Option<(Instance, Words, TempDir)>,
    changes: u32,
    inputs: u32,
}

impl Stand {
    /// With a template of its own.
    #[must_use]
    pub fn new() -> Self {
        // One thread for all that it does: what happens after what depends less on the machine.
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let template = Template::make(&runtime);
        let running = Some(template.instance(&runtime));
        Stand { runtime, template, running, changes: 0, inputs: 0 }
    }

    /// Sends an input, and tells the status of each answer.
    pub fn send(&mut self, input: &[u8]) -> Vec<u16> {
        let (instance, words, _) = self.running.as_mut().expect("an instance");
        let answers = instance.send(&words.put_into(input));
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        self.inputs += 1;
        self.changes += u32::from(statuses.iter().any(|status| [201, 303].contains(status)));
        if self.changes > CHANGES || self.inputs > INPUTS {
            self.renew();
        }
        statuses
    }

    /// Ends the instance, with a look at what it kept, and starts another one.
    pub fn renew(&mut self) {
        if let Some((instance, _, folder)) = self.running.take() {
            instance.end(&self.runtime);
            drop(folder);
        }
        (self.changes, self.inputs) = (0, 0);
        self.running = Some(self.template.instance(&self.runtime));
    }
}

impl Default for Stand {
    fn default() -> Self {
        Stand::new()
    }
}
