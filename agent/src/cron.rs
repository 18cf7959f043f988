//! A file for /etc/cron.d (crontab(5)), for hosts without systemd.

use std::fmt::Write as _;
use std::path::Path;

use report::hash::Hash;

use crate::cli::Options;

/// The user that the package makes.
const OWN_USER: &str = "wlcg-package-reporter";

/// Reports daily and delivers hourly, at a minute and hour that this host keeps and hosts do not share.
#[must_use]
pub fn file(options: &Options, program: &Path, host: &str, machine_id: &str, passwd: &str) -> String {
    // Cloned images share a machine id, and names repeat across sites: together they spread.
    let seed = Hash::of(format!("{host}\n{}", machine_id.trim()).as_bytes());
    let [high, low, minute, ..] = *seed.as_bytes();
    let hour = u16::from_be_bytes([high, low]) % 24;
    let minute = u16::from(minute) % 60;
    let own = passwd.lines().any(|line| line.split(':').next() == Some(OWN_USER));
    let user = if own { OWN_USER } else { "nobody" };
    let mut command = quoted(&program.to_string_lossy());
    let path =
        |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned();
    let single = [
        ("--config", options.config.as_deref().map(path)),
        ("--conf", options.conf.as_deref().map(path)),
        ("--site", options.site.clone()),
        ("--tag", options.tag.clone()),
        ("--host", options.host.clone()),
        ("--url", options.url.clone()),
        ("--mode", options.mode.clone()),
        ("--spool", options.spool.as_deref().map(path)),
    ];
    let recipients = options.recipient.iter().map(|file| ("--recipient", Some(path(file))));
    for (name, value) in single.into_iter().chain(recipients) {
        if let Some(value) = value {
            let _ = write!(command, " {name} {}", quoted(&value));
        }
    }
    format!(
        "# Reports the installed packages of this host. Made by `wlcg-package-reporter --cron`.\n\
         SHELL=/bin/sh\n\
         PATH=/usr/sbin:/usr/bin:/sbin:/bin\n\
         MAILTO=\"\"\n\
         {minute} {hour} * * * {user} {command} report\n\
         # Delivers what could not be delivered at once.\n\
         {} * * * * {user} {command} send\n",
        (minute + 30) % 60
    )
}

/// One word for the shell; cron itself turns a bare % into a line feed, and nothing may end the line.
fn quoted(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    format!("'{}'", text.replace('\'', "'\\''")).replace('%', "\\%")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(host: &str, site: &str, passwd: &str) -> String {
        let options = Options { site: Some(site.to_owned()), ..Options::default() };
        let text = file(&options, Path::new("/usr/bin/wlcg-package-reporter"), host, "id\n", passwd);
        text.lines().find(|line| line.ends_with(" report")).unwrap().to_owned()
    }

    #[test]
    fn the_hour_is_stable_for_a_host_and_spread_over_hosts() {
        assert_eq!(line("a", "S", ""), line("a", "S", ""));
        let times = (0..1_000).map(|n| line(&format!("wn{n}"), "S", "").split(" *").next().unwrap().to_owned());
        assert!(times.collect::<std::collections::BTreeSet<_>>().len() > 400);
    }

    #[test]
    fn the_user_is_never_root_and_nothing_escapes_its_quotes() {
        assert!(line("a", "S", "root:x:0\nwlcg-package-reporter:x:99\n").contains(" wlcg-package-reporter '/usr"));
        let hostile = line("a", "a'; reboot %\n* * * * * root x", "");
        assert!(hostile.contains("* * * nobody "), "{hostile}");
        assert!(hostile.contains("'a'\\''; reboot \\%* * * * * root x' report"), "{hostile}");
    }
}
