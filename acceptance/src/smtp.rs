//! A private Exim as a user without rights, on a free port of loopback: takes mail for anyone and keeps it in a maildir.
//!
//! Exim because it is Debian's own mail server, one process, and needs no root, no service and no file outside its folder.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::programs::within;

/// A running mail server.
pub struct MailServer {
    folder: tempfile::TempDir,
    port: u16,
    /// Ends the server when its standard input closes, which it does however this process ends.
    keeper: Child,
}

/// Who may hand in mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Senders<'a> {
    /// Everyone, without encryption.
    Everyone,
    /// Those who encrypt (STARTTLS) and give this name and password.
    Known {
        /// User name.
        user: &'a str,
        /// Password.
        password: &'a str,
    },
}

impl MailServer {
    /// Starts a server. Mail to `gone@...` is refused for good (550), mail to `later@...` for now (451).
    #[must_use]
    pub fn start(senders: Senders<'_>) -> Self {
        let folder = tempfile::Builder::new().prefix("exim-").tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        certificate(folder.path());
        let file = folder.path().join("exim.conf");
        std::fs::write(&file, configuration(folder.path(), port, senders)).unwrap();
        let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        if root {
            must(Command::new("chown").args(["-R", "nobody:nogroup"]).arg(folder.path()));
        }
        let script = "\"$@\" & server=$!; cat > /dev/null; kill -9 $server; wait $server 2> /dev/null";
        let mut keeper = Command::new("sh");
        keeper.args(["-c", script, "keeper"]);
        if root {
            keeper.args(["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]);
        }
        let keeper = keeper
            .args(["/usr/sbin/exim4", "-bdf", "-C"])
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let server = MailServer { folder, port, keeper };
        within(20, "Exim listens (`make deps` installs exim4-daemon-light)", || {
            let listens = std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
            let said = std::fs::read_to_string(server.folder.path().join("stderr")).unwrap_or_default();
            assert!(listens || said.is_empty(), "Exim does not start: {said}");
            listens
        });
        server
    }

    /// Where it listens, `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The certificate that it shows, for the name `localhost`; it vouches for itself.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// The mails that have been delivered, oldest first, as they lie in the maildir.
    #[must_use]
    pub fn delivered(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("maildir/new")) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned()).collect()
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        let read = |file| std::fs::read_to_string(self.folder.path().join(file)).unwrap_or_default();
        ["log/main", "log/reject", "log/panic", "stderr"].map(read).concat()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn configuration(folder: &Path, port: u16, senders: Senders<'_>) -> String {
    let shown = folder.display();
    let (condition, login) = match senders {
        Senders::Everyone => ("", String::new()),
        Senders::Known { user, password } => (
            "  deny message = authenticate first\n       !authenticated = *\n",
            format!(
                "plain:\n  driver = plaintext\n  public_name = PLAIN\n  server_prompts = :\n  \
                 server_advertise_condition = ${{if def:tls_in_cipher}}\n  \
                 server_condition = ${{if and {{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}\n  \
                 server_set_id = $auth2\n"
            ),
        ),
    };
    let mut text = format!(
        "primary_hostname = mail.example.org\nlocal_interfaces = 127.0.0.1\ndaemon_smtp_ports = {port}\n\
         spool_directory = {shown}/spool\nlog_file_path = {shown}/log/%s\npid_file_path = {shown}/pid\n\
         exim_user = nobody\nexim_group = nogroup\nnever_users =\ndeliver_drop_privilege = true\n\
         queue_only = false\nhost_lookup =\nrfc1413_query_timeout = 0s\nkeep_environment =\n\
         tls_advertise_hosts = *\ntls_certificate = {shown}/cert.pem\ntls_privatekey = {shown}/key.pem\n\
         acl_smtp_rcpt = recipients\nacl_smtp_data = accept\n"
    );
    let _ = write!(
        text,
        "begin acl\nrecipients:\n{condition}  deny message = no such mailbox\n       local_parts = gone\n  \
         defer message = mailbox is full\n        local_parts = later\n  accept\n\
         begin routers\nall:\n  driver = accept\n  transport = maildir\n\
         begin transports\nmaildir:\n  driver = appendfile\n  directory = {shown}/maildir\n  maildir_format\n  \
         create_directory\n  envelope_to_add\n  return_path_add\nbegin authenticators\n{login}"
    );
    text
}

fn certificate(folder: &Path) {
    must(
        Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .args(["-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(folder),
    );
}

fn must(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
