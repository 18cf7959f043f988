//! A booted systemd of its own (Debian 12 in systemd-nspawn) with a network cable that can be pulled, for root only.
//!
//! A private mount namespace holds an overlay over one root tree, made once below the build folder, and a cgroup2
//! hierarchy; two network namespaces are joined by a cable: the box is 10.99.0.2, the far side 10.99.0.1.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use crate::programs::eventually;

/// What the root tree holds beside Debian's smallest set: rpm makes a second package manager, cron a real cron, SoftHSM a token.
const PACKAGES: &str =
    "systemd,systemd-sysv,dbus,iproute2,ca-certificates,cron,rpm,curl,openssl,procps,softhsm2,opensc";

/// Units that would talk to mirrors or wait for a network that there is not.
const MASKED: [&str; 9] = [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "console-getty.service",
    "systemd-networkd.service",
];

/// A machine with systemd, off or on.
pub struct SystemdBox {
    name: String,
    folder: tempfile::TempDir,
    running: Option<Running>,
}

struct Running {
    /// Ends the machine when its standard input closes, which it does however this process ends.
    keeper: Child,
    /// Process 1 of the machine, by its number outside.
    leader: String,
}

/// Why boxes cannot be had here; such stories print it and end.
#[must_use]
pub fn unavailable() -> Option<&'static str> {
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if root { None } else { Some("a booted systemd needs root (mounts, network namespaces)") }
}

impl SystemdBox {
    /// A new box, switched on.
    #[must_use]
    pub fn boot(name: &str) -> Self {
        root_tree();
        let name = format!("wlcg{}-{name}", std::process::id());
        let folder = tempfile::Builder::new().prefix(&name).tempdir_in(tree_folder()).unwrap();
        for part in ["changes", "work", "root"] {
            std::fs::create_dir(folder.path().join(part)).unwrap();
        }
        let mut machine = SystemdBox { name, folder, running: None };
        let (near, far) = (machine.near(), machine.far_side());
        must(&format!(
            "# Each systemd watches dozens of files; the usual limit is for one of them.
             echo 4096 > /proc/sys/fs/inotify/max_user_instances
             # What a test run that was killed has left.
             for old in $(ls /run/netns 2> /dev/null | grep '^wlcg'); do
               pid=${{old#wlcg}}; [ -e /proc/${{pid%%-*}} ] || ip netns del $old || true
             done
             ip netns add {near}; ip netns add {far}
             ip link add cable netns {near} type veth peer name cable netns {far}
             ip -n {near} addr add 10.99.0.2/24 dev cable; ip -n {near} link set lo up; ip -n {near} link set cable up
             ip -n {far} addr add 10.99.0.1/24 dev cable; ip -n {far} link set lo up; ip -n {far} link set cable up"
        ));
        machine.power_on();
        machine
    }

    /// Starts the machine; its disk is as it was left.
    pub fn power_on(&mut self) {
        let folder = self.folder.path().display();
        let (name, tree) = (&self.name, tree_folder().join("root"));
        let script = format!(
            "mount -t overlay overlay -o lowerdir={tree},upperdir={folder}/changes,workdir={folder}/work {folder}/root
             umount -l /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
             mkdir -p /sys/fs/cgroup/{name}
             ( echo $BASHPID > /sys/fs/cgroup/{name}/cgroup.procs
               exec systemd-nspawn -q --boot -D {folder}/root -M {name} --register=no --keep-unit --console=read-only \
                 --network-namespace-path=/run/netns/{near} --resolv-conf=off --timezone=off --link-journal=no \
                 > {folder}/console 2>&1 < /dev/null ) &
             nspawn=$!
             echo $nspawn
             exec > /dev/null 2>&1
             set +e
             cat
             kill -9 $(cat /proc/$nspawn/task/$nspawn/children) $nspawn
             wait
             find /sys/fs/cgroup/{name} -depth -type d -exec rmdir {{}} +",
            tree = tree.display(),
            near = self.near(),
        );
        let mut keeper = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "bash", "-ec", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut nspawn = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut nspawn).unwrap();
        let mut leader = None;
        eventually("the box boots", || {
            leader = leader.take().or_else(|| leader_below(nspawn.trim()));
            let bus = |leader: &String| Path::new(&format!("/proc/{leader}/root/run/dbus/system_bus_socket")).exists();
            leader.as_ref().is_some_and(bus)
        });
        self.running = Some(Running { keeper, leader: leader.unwrap() });
        let _ = self.run("systemctl is-system-running --wait");
    }

    /// A clean shutdown.
    pub fn power_off(&mut self) {
        if let Some(running) = self.running.take() {
            // SIGRTMIN+4 asks systemd to power off (systemd(1), SIGNALS).
            let _ = Command::new("kill").args(["-s", "RTMIN+4", &running.leader]).status();
            let process = PathBuf::from(format!("/proc/{}", running.leader));
            eventually("the box is off", || !process.exists());
            end(running);
        }
    }

    /// Off and on again.
    pub fn reboot(&mut self) {
        self.power_off();
        self.power_on();
    }

    /// Runs a shell script inside.
    #[must_use]
    pub fn run(&self, script: &str) -> Output {
        let leader = &self.running.as_ref().expect("the box is on").leader;
        Command::new("nsenter")
            .args(["-t", leader, "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--", "/usr/bin/env", "-i"])
            .args(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "SYSTEMD_PAGER="])
            .args(["DEBIAN_FRONTEND=noninteractive", "bash", "-c", script])
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs a shell script inside, which must succeed, and gives what it says.
    #[must_use]
    pub fn says(&self, script: &str) -> String {
        let output = self.run(&format!("set -e; {script}"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{script}: {}\n{said}{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr),
            self.journal()
        );
        said
    }

    /// Runs a shell script inside, which must succeed.
    pub fn must(&self, script: &str) {
        let _ = self.says(script);
    }

    /// The last lines of the journal.
    #[must_use]
    pub fn journal(&self) -> String {
        String::from_utf8_lossy(&self.run("journalctl --no-pager -n 40 -o short").stdout).into_owned()
    }

    /// Copies a file in.
    pub fn copy(&self, from: &Path, to: &str) {
        let leader = &self.running.as_ref().expect("the box is on").leader;
        let to = PathBuf::from(format!("/proc/{leader}/root{to}"));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, &to).unwrap_or_else(|error| panic!("{} to {}: {error}", from.display(), to.display()));
    }

    /// Writes a file inside.
    pub fn write(&self, file: &str, text: &str) {
        let leader = &self.running.as_ref().expect("the box is on").leader;
        let file = PathBuf::from(format!("/proc/{leader}/root{file}"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }

    /// Plugs the cable in or pulls it out, at the box: there is no route then.
    pub fn cable(&self, plugged: bool) {
        must(&format!("ip -n {} link set cable {}", self.near(), if plugged { "up" } else { "down" }));
    }

    /// Lets the far side answer or swallow everything: what is sent is lost without a word.
    pub fn far_side_answers(&self, answers: bool) {
        let command = if answers { "del" } else { "add" };
        must(&format!("ip -n {} route {command} blackhole 10.99.0.2/32", self.far_side()));
    }

    /// The network namespace of the far side, for a collector there.
    #[must_use]
    pub fn far_side(&self) -> String {
        format!("{}-far", self.name)
    }

    /// The network namespace of the box, for a capture of what it sends.
    #[must_use]
    pub fn near(&self) -> String {
        format!("{}-near", self.name)
    }
}

impl Drop for SystemdBox {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            end(running);
        }
        for side in [self.near(), self.far_side()] {
            let _ = Command::new("ip").args(["netns", "del", &side]).stderr(Stdio::null()).status();
        }
    }
}

fn end(mut running: Running) {
    drop(running.keeper.stdin.take());
    let _ = running.keeper.wait();
}

/// Process 1 of the container below nspawn, by its number outside.
fn leader_below(nspawn: &str) -> Option<String> {
    let children = std::fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children")).ok()?;
    let first_inside = |child: &&str| {
        let status = std::fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
        let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
        ids.split_whitespace().count() > 1 && ids.split_whitespace().next_back() == Some("1")
    };
    children.split_whitespace().find(first_inside).map(str::to_owned)
}

/// Makes the root tree below the build folder, once for all test runs.
fn root_tree() {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tree_folder();
        std::fs::create_dir_all(&folder).unwrap();
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        let root = folder.join("root");
        let leftovers = "for old in wlcg*; do pid=${old#wlcg}; [ -e /proc/${pid%%-*} ] || rm -rf $old; done";
        must(&format!("cd {}; {leftovers}", folder.display()));
        // Another set of packages is another tree.
        if std::fs::read_to_string(root.join("etc/wlcg-box")).is_ok_and(|made_of| made_of == PACKAGES) {
            return;
        }
        let masks: String = MASKED.iter().fold(String::new(), |all, unit| {
            all + &format!("ln -sf /dev/null {}/etc/systemd/system/{unit}; ", root.display())
        });
        must(&format!(
            "rm -rf {root}
             mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
             mmdebstrap -q --variant=minbase --include={PACKAGES} --aptopt='APT::Sandbox::User \"root\"' \
               --dpkgopt=path-exclude=/usr/share/locale/* bookworm {root} \"deb $mirror bookworm main\"
             : > {root}/etc/machine-id; {masks}
             echo -n {PACKAGES} > {root}/etc/wlcg-box",
            root = root.display(),
        ));
    });
}

/// Beside the programs: `target/box`.
fn tree_folder() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("box")
}

fn must(script: &str) {
    let output = Command::new("bash").args(["-ec", script]).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}
