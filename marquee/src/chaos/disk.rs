//! A file system that can be full: one of its own for each server, in memory, where this machine lets us mount one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a server's data may take, or that of several, and then some. Nothing is taken before it is written.
const SIZE: &str = "size=8g";
/// Attempts to shrink it to what is in use, while the server writes on.
const TRIES_MAX: u32 = 100;

/// A mounted file system; unmounted on drop.
#[derive(Debug)]
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// Mounts one at a directory, which is made.
    ///
    /// # Errors
    /// This machine does not let us: usually for want of being root.
    pub(crate) fn mount(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", SIZE, "marquee-chaos"])
            .arg(directory))?;
        Ok(Self(directory.to_owned()))
    }

    /// Leaves no room: it becomes as small as what is in it.
    ///
    /// # Errors
    /// What `df` or `mount` say.
    pub(crate) fn fill(&self) -> io::Result<()> {
        let mut tries = 0;
        loop {
            let used = run(Command::new("df")
                .args(["--output=used", "--block-size=1K"])
                .arg(&self.0))?;
            let used = used.lines().last().unwrap_or_default().trim().to_owned();
            tries += 1;
            // It cannot become smaller than what was written meanwhile.
            match self.remount(&format!("size={used}k")) {
                Err(_) if tries < TRIES_MAX => {}
                done => return done,
            }
        }
    }

    /// Gives it its size back.
    ///
    /// # Errors
    /// What `mount` says.
    pub(crate) fn free(&self) -> io::Result<()> {
        self.remount(SIZE)
    }

    fn remount(&self, size: &str) -> io::Result<()> {
        run(Command::new("mount")
            .args(["-o", &format!("remount,{size}")])
            .arg(&self.0))
        .map(drop)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: who still has a file open there keeps it, and nobody sees it any more.
        let _ = run(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

fn run(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(said.trim().to_owned()))
    }
}
