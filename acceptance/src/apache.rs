//! A private Apache as a user without rights, on a high port, with the shipped site file and authorities of its own.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::programs::eventually;

const MODULES: [(&str, &str); 13] = [
    ("mpm_event", "mpm_event"),
    ("authn_core", "authn_core"),
    ("authz_core", "authz_core"),
    ("authz_host", "authz_host"),
    ("authz_user", "authz_user"),
    ("headers", "headers"),
    ("proxy", "proxy"),
    ("proxy_http", "proxy_http"),
    ("reqtimeout", "reqtimeout"),
    ("rewrite", "rewrite"),
    ("socache_shmcb", "socache_shmcb"),
    ("ssl", "ssl"),
    ("auth_openidc", "auth_openidc"),
];

/// Apache in front of a collector's Unix socket.
pub struct Apache {
    folder: PathBuf,
    port: u16,
    server: Child,
}

/// How people prove to an Apache who they are.
pub enum People<'a> {
    /// With a certificate.
    Certificates,
    /// With the OIDC provider that describes itself at this address.
    Oidc(&'a str),
}

/// What a balancer needs besides.
const BALANCER_MODULES: [(&str, &str); 4] = [
    ("slotmem_shm", "slotmem_shm"),
    ("proxy_balancer", "proxy_balancer"),
    ("lbmethod_bybusyness", "lbmethod_bybusyness"),
    ("proxy_hcheck", "proxy_hcheck"),
];

/// The secret that Apache shares with an OIDC provider.
pub const OIDC_SECRET: &str = "a-secret-of-the-test-and-of-nobody-else";

impl Apache {
    /// Starts Apache in `folder`, which everyone may enter, in front of `folder/socket`.
    #[must_use]
    pub fn start(folder: &Path, people: &People<'_>) -> Self {
        Apache::start_with(folder, people, "")
    }

    /// Starts Apache in front of two collectors, at these addresses.
    #[must_use]
    pub fn balancing(folder: &Path, members: [&str; 2]) -> Self {
        let mut config = String::new();
        load(&mut config, &BALANCER_MODULES);
        let [first, second] = members;
        let _ = write!(
            config,
            "Define COLLECTOR_BALANCED\nDefine COLLECTOR_FIRST {first}\nDefine COLLECTOR_SECOND {second}\n"
        );
        Apache::start_with(folder, &People::Certificates, &config)
    }

    fn start_with(folder: &Path, people: &People<'_>, before: &str) -> Self {
        authorities(folder);
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let shown = folder.display();
        let mut config = format!(
            "ServerRoot {shown}\nServerName localhost\nPidFile {shown}/pid\nDefaultRuntimeDir {shown}\n\
             ErrorLog {shown}/error.log\nLogLevel warn\nMutex file:{shown} default\nListen 127.0.0.1:{port}\n"
        );
        load(&mut config, &MODULES);
        config += before;
        for (name, value) in [
            ("NAME", "localhost".to_owned()),
            ("PORT", port.to_string()),
            ("CERTIFICATE", format!("{shown}/server.pem")),
            ("KEY", format!("{shown}/server.key")),
            ("CLIENT_CAS", format!("{shown}/ca.pem")),
            ("SOCKET", format!("{shown}/socket")),
            ("MONITORING", "\"127.0.0.1 ::1\"".to_owned()),
        ] {
            let _ = writeln!(config, "Define COLLECTOR_{name} {value}");
        }
        if let People::Oidc(metadata) = people {
            let _ = write!(
                config,
                "Define COLLECTOR_OIDC\nDefine COLLECTOR_OIDC_METADATA {metadata}\nDefine COLLECTOR_OIDC_CLIENT desk\n\
                 Define COLLECTOR_OIDC_SECRET {OIDC_SECRET}\nDefine COLLECTOR_OIDC_PASSPHRASE {OIDC_SECRET}\n\
                 Define COLLECTOR_OIDC_NAME email\nDefine COLLECTOR_OIDC_GROUPS groups\n"
            );
        }
        // A copy: the checkout may be where the web server's user cannot go.
        let site = folder.join("site.conf");
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/apache/wlcg-package-collector.conf");
        std::fs::copy(shipped, &site).unwrap();
        let _ = writeln!(config, "Include {}", site.display());
        std::fs::write(folder.join("apache.conf"), config).unwrap();
        must(Command::new("chmod").args(["-R", "a+rwX"]).arg(folder));
        let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        let mut server = Command::new(if root { "setpriv" } else { "/usr/sbin/apache2" });
        if root {
            server.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "/usr/sbin/apache2"]);
        }
        let server = server
            .args(["-X", "-f"])
            .arg(folder.join("apache.conf"))
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(folder.join("stderr.log")).unwrap())
            .spawn()
            .unwrap();
        let apache = Apache { folder: folder.to_owned(), port, server };
        eventually("Apache listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        apache
    }

    /// The address for people and hosts.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The authorities that vouch for it, one PEM file.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Asks with curl: status and body.
    #[must_use]
    pub fn curl(&self, path: &str, arguments: &[&str]) -> (u16, String) {
        let output = self.curl_output(path, arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = text.rsplit_once('\n').unwrap_or(("", "0"));
        (status.parse().unwrap_or(0), body.to_owned())
    }

    fn curl_output(&self, path: &str, arguments: &[&str]) -> Output {
        Command::new("curl")
            .args(["-s", "--path-as-is", "--max-time", "30", "-w", "\n%{http_code}", "--cacert"])
            .arg(self.ca())
            .args(arguments)
            .arg(format!("{}{path}", self.url()))
            .output()
            .unwrap()
    }

    /// Options for curl to show the certificate of `officer`, `reader`, `contact`, `stranger` or `foreigner`.
    #[must_use]
    pub fn as_person(&self, name: &str) -> Vec<String> {
        let file = |kind: &str| self.folder.join(format!("{name}.{kind}")).display().to_string();
        vec!["--cert".to_owned(), file("pem"), "--key".to_owned(), file("key")]
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        let read = |file| std::fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        read("error.log") + &read("stderr.log")
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn load(config: &mut String, modules: &[(&str, &str)]) {
    for (name, file) in modules {
        let _ = writeln!(config, "LoadModule {name}_module /usr/lib/apache2/modules/mod_{file}.so");
    }
}

/// An authority with a server and four people, and a foreign authority with one.
fn authorities(folder: &Path) {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let script = "
        authority() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj \"/O=WLCG/CN=$1\" \
            -keyout $1.key -out $1.pem; }
        person() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj \"$3\" -keyout $2.key -out $2.csr
            openssl x509 -req -in $2.csr -CA $1.pem -CAkey $1.key -days 2 -out $2.pem \
              -extfile <(echo 'subjectAltName=DNS:localhost'); }
        authority ca; authority other
        person ca server /O=WLCG/CN=localhost
        person ca officer '/DC=ch/DC=cern/CN=MW Officer'
        person ca reader '/DC=ch/DC=cern/CN=A Reader'
        person ca contact '/DC=de/DC=desy/CN=Site Contact'
        person ca stranger '/DC=ch/DC=cern/CN=Somebody Else'
        person other foreigner '/DC=ch/DC=cern/CN=MW Officer'";
    must(Command::new("bash").args(["-ec", script]).current_dir(folder));
}

fn must(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
