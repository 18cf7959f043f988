//! What systemd is told (sd_notify(3)), when it started this program.

use std::time::Duration;

use sd_notify::NotifyState;

/// One line for `systemctl status`.
pub fn status(line: &str) {
    tell(&[NotifyState::Status(line)]);
}

/// The program does its job from now on.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The program reads its configuration again; [`ready`] tells when it has.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The program ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// The program is alive.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often systemd wants to hear [`alive`], when it does.
#[must_use]
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

fn tell(states: &[NotifyState<'_>]) {
    // Without systemd nobody listens, and what is not heard changes nothing about the report.
    let _ = sd_notify::notify(states);
}
