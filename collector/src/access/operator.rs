//! Whoever runs the program on the collector's machine: what they do is theirs in the audit log.

/// The name of the person, as far as the system tells it: who used sudo, else whose account it is.
#[must_use]
pub fn name() -> String {
    let said = |variable| std::env::var(variable).ok().filter(|name| !name.is_empty());
    said("SUDO_USER").or_else(|| said("USER")).unwrap_or_else(|| "unknown".to_owned())
}
