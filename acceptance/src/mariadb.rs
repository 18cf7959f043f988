//! A private MariaDB server as a user without rights, on a socket, gone with the test process.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::small_disk::SmallDisk;

/// URL of a new, empty database on the server, which is started by the first call.
#[must_use]
pub fn new_database() -> String {
    static DATABASES: AtomicU32 = AtomicU32::new(0);
    let server = server();
    let name = format!("test{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    server.run(&format!("CREATE DATABASE {name}"));
    format!("mysql://root@localhost/{name}?socket={}", server.socket.display())
}

/// URL of a new, empty database of a user with a password, which the URL leaves out.
#[must_use]
pub fn new_database_of(user: &str, password: &str) -> String {
    let url = new_database();
    let name = url.split(['/', '?']).nth(3).unwrap();
    let password = password.replace('\\', "\\\\").replace('\'', "''");
    server().run(&format!(
        "CREATE USER {user}@localhost IDENTIFIED BY '{password}'; GRANT ALL ON {name}.* TO {user}@localhost"
    ));
    url.replace("root@", &format!("{user}@"))
}

/// Runs a statement in a database that [`new_database`] made.
pub fn run(url: &str, statement: &str) {
    let name = url.split(['/', '?']).nth(3).unwrap();
    server().run(&format!("USE {name}; {statement}"));
}

/// What a question to such a database is answered, without the names of columns.
#[must_use]
pub fn ask(url: &str, question: &str) -> String {
    let name = url.split(['/', '?']).nth(3).unwrap();
    let output = server().client().args(["-N", "-e", &format!("USE {name}; {question}")]).output().unwrap();
    assert!(output.status.success(), "{question}");
    String::from_utf8(output.stdout).unwrap()
}

/// Lets a user do nothing any more, on connections that are open as well.
pub fn lock_out(user: &str) {
    let server = server();
    server.run(&format!("ALTER USER {user}@localhost ACCOUNT LOCK; KILL USER {user}@localhost"));
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

/// A server of its own, which may be killed and started again; gone with the test process.
pub struct Server {
    folder: PathBuf,
    socket: PathBuf,
    options: Vec<String>,
    /// The process whose mounts it sees, where its data are on a small disk.
    mounts: Option<u32>,
    /// Ends the server when its standard input closes, which it does however this process ends.
    keeper: Child,
}

impl Server {
    /// Makes and starts a server.
    #[must_use]
    pub fn start() -> Self {
        let folder = new_folder();
        install(&folder, None);
        let server = Server::launched(folder, vec!["--skip-networking".to_owned()], &[]);
        server.wait_until_it_answers();
        server
    }

    /// Makes and starts a server whose data are on a small disk, of a size such as `200m`.
    #[must_use]
    pub fn start_on_disk(size: &str) -> (Self, SmallDisk) {
        let folder = new_folder();
        let disk = SmallDisk::mount(folder.join("data"), size);
        disk.run(&format!("chown nobody {}", disk.folder.display()));
        let mounts = Some(disk.holder());
        install(&folder, mounts);
        let options = ["--skip-networking", "--innodb-log-file-size=16M"].map(str::to_owned);
        let keeper = launch(&folder, &options, &[], mounts);
        let server = Server { socket: folder.join("socket"), keeper, options: options.into(), mounts, folder };
        server.wait_until_it_answers();
        (server, disk)
    }

    /// Launches a server with options of its own, and with some that count for this once, in a folder of [`new_folder`].
    pub(crate) fn launched(folder: PathBuf, options: Vec<String>, once: &[&str]) -> Self {
        let keeper = launch(&folder, &options, once, None);
        Server { socket: folder.join("socket"), keeper, options, mounts: None, folder }
    }

    /// The number of its process.
    #[must_use]
    pub fn process(&self) -> u32 {
        std::fs::read_to_string(self.folder.join("pid")).unwrap().trim().parse().unwrap()
    }

    /// SIGSTOP: it keeps every connection and says nothing more, as if its machine had vanished.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// SIGABRT: it ends as it does when it finds that it cannot go on.
    pub fn abort(&self) {
        self.signal("ABRT");
    }

    /// Whether it has ended by itself.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        // Its keeper goes on waiting for a line, and leaves a process that has ended a zombie.
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process()));
        status.is_ok_and(|status| status.contains("\nState:\tZ"))
    }

    fn signal(&self, signal: &str) {
        succeeds(Command::new("kill").arg(format!("-{signal}")).arg(self.process().to_string()));
    }

    /// What a question is answered, without the names of columns; nothing when it is not.
    #[must_use]
    pub fn ask(&self, question: &str) -> Option<String> {
        let output = self.client().args(["-N", "-e", question]).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log.err")).unwrap_or_default()
    }

    /// The socket that it listens on.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// SIGKILL: no chance to finish anything.
    pub fn kill(&mut self) {
        self.end("KILL");
    }

    /// SIGTERM, and the end of everything that was begun.
    pub fn stop(&mut self) {
        self.end("TERM");
    }

    /// Starts it again with the data that it has.
    pub fn start_again(&mut self) {
        self.keeper = launch(&self.folder, &self.options, &[], self.mounts);
        self.wait_until_it_answers();
    }

    fn end(&mut self, signal: &str) {
        writeln!(self.keeper.stdin.take().unwrap(), "{signal}").unwrap();
        let _ = self.keeper.wait();
    }

    pub(crate) fn wait_until_it_answers(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.answers() {
            assert!(Instant::now() < deadline, "MariaDB did not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn client(&self) -> Command {
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "--user=root"]).arg(socket_option(&self.socket)).stderr(Stdio::null());
        client
    }

    fn answers(&self) -> bool {
        self.client().args(["-e", "SELECT 1"]).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Runs statements as its administrator.
    pub fn run(&self, statement: &str) {
        // Through its input: a statement may be longer than an argument.
        let mut client = self.client().stdin(Stdio::piped()).spawn().unwrap();
        client.stdin.take().unwrap().write_all(statement.as_bytes()).unwrap();
        assert!(client.wait().unwrap().success(), "{:.2000}", statement);
    }
}

/// A folder for a server, gone with it.
pub(crate) fn new_folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("mariadb-").tempdir().unwrap().keep();
    std::fs::create_dir(folder.join("data")).unwrap();
    if is_root() {
        succeeds(Command::new("chown").args(["-R", "nobody"]).arg(&folder));
    }
    folder
}

/// Makes the tables of the system in a folder.
pub(crate) fn install(folder: &Path, mounts: Option<u32>) {
    let options =
        ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--cross-bootstrap"];
    succeeds(
        inside(mounts, "mariadb-install-db")
            .arg("--no-defaults")
            .args(mounts.map(|_| "--innodb-log-file-size=16M"))
            .arg(format!("--datadir={}", folder.join("data").display()))
            // Two of them at once would take away each other's temporary tables.
            .arg(format!("--tmpdir={}", folder.display()))
            .args(options)
            .args(is_root().then_some("--user=nobody")),
    );
}

/// Starts the server of a folder; a line to the keeper is the signal that ends it and leaves the data where they are.
fn launch(folder: &Path, options: &[String], once: &[&str], mounts: Option<u32>) -> Child {
    let user = if is_root() { "--user=nobody" } else { "--skip-slave-start" };
    let script = "\"$@\" & server=$!; read signal; kill -${signal:-KILL} $server; wait $server; [ -n \"$signal\" ] || rm -rf \"$FOLDER\"";
    inside(mounts, "sh")
        .env("FOLDER", folder)
        .args(["-c", script, "keeper", "/usr/sbin/mariadbd", "--no-defaults", user])
        .args(options)
        .args(once)
        .arg(format!("--datadir={}", folder.join("data").display()))
        .arg(format!("--tmpdir={}", folder.display()))
        .arg(format!("--socket={}", folder.join("socket").display()))
        .arg(format!("--pid-file={}", folder.join("pid").display()))
        .arg(format!("--log-error={}", folder.join("log.err").display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A program that sees the mounts of a process, if there is one.
fn inside(mounts: Option<u32>, program: &str) -> Command {
    let Some(process) = mounts else { return Command::new(program) };
    let mut command = Command::new("nsenter");
    command.args(["--target", &process.to_string(), "--mount", program]);
    command
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

fn socket_option(socket: &Path) -> String {
    format!("--socket={}", socket.display())
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; `make deps` installs it"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
