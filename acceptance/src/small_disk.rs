//! A small file system for one deployment, in a name space of its own that ends with the test.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A mounted file system that only processes in its name space see; unmounted when dropped.
pub struct SmallDisk {
    holder: Child,
    /// Where it is mounted.
    pub folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one of a size such as `3m` on a folder, which is made if need be.
    #[must_use]
    pub fn mount(folder: PathBuf, size: &str) -> Self {
        std::fs::create_dir_all(&folder).unwrap();
        let script = format!("mount -t tmpfs -o size={size} tmpfs {}; echo; exec sleep infinity", folder.display());
        let mut holder =
            Command::new("unshare").args(["--mount", "sh", "-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = [0];
        holder.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
        SmallDisk { holder, folder }
    }

    /// The process in whose name space it is mounted.
    #[must_use]
    pub fn holder(&self) -> u32 {
        self.holder.id()
    }

    /// Runs a script where it is mounted.
    pub fn run(&self, script: &str) {
        let holder = self.holder.id().to_string();
        let status = Command::new("nsenter").args(["--target", &holder, "--mount", "sh", "-c", script]).status();
        assert!(status.unwrap().success(), "{script}");
    }

    /// Leaves no room.
    pub fn fill(&self) {
        self.run(&format!("head -c 999999999 /dev/zero > {}/filler 2> /dev/null || true", self.folder.display()));
    }

    /// Makes room for a size such as `64m`.
    pub fn make_room(&self, size: &str) {
        let folder = self.folder.display();
        self.run(&format!("rm -f {folder}/filler; mount -o remount,size={size} {folder}"));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whoever is still in it holds it no longer: the mount goes with its name space in any case.
        let holder = self.holder.id().to_string();
        let _ = Command::new("nsenter")
            .args(["--target", &holder, "--mount", "umount", "--lazy"])
            .arg(&self.folder)
            .stderr(Stdio::null())
            .status();
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
