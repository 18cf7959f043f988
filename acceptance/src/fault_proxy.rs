//! A proxy between two parts that makes what passes late or cuts it off.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// A running proxy on a port of its own; it goes on until the test process ends.
pub struct FaultProxy {
    /// Where it listens.
    pub address: SocketAddr,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct Faults {
    delay_milliseconds: AtomicU64,
    /// What each new connection may send before it is cut; 0 is no bound.
    cut_after: AtomicUsize,
    /// Not held: a connection that ended gives its two files back.
    open: Mutex<Vec<Weak<Link>>>,
}

/// One connection with both its ends.
struct Link {
    near: Stream,
    far: Stream,
    cut_after: usize,
}

impl FaultProxy {
    /// A proxy to `HOST:PORT`.
    #[must_use]
    pub fn to_address(far: &str) -> Self {
        let far = far.to_owned();
        FaultProxy::start(move || TcpStream::connect(&far).map(Stream::Tcp))
    }

    /// A proxy to a Unix socket.
    #[must_use]
    pub fn to_socket(far: &Path) -> Self {
        let far: PathBuf = far.to_owned();
        FaultProxy::start(move || UnixStream::connect(&far).map(Stream::Unix))
    }

    fn start(connect: impl Fn() -> std::io::Result<Stream> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let faults = Arc::<Faults>::default();
        let own = Arc::clone(&faults);
        std::thread::spawn(move || {
            for near in listener.incoming() {
                // Without a far side the near one is cut off: the port answers, and nobody is there.
                let (Ok(near), Ok(far)) = (near, connect()) else { continue };
                let cut_after = own.cut_after.load(Ordering::Relaxed);
                let near = Stream::Tcp(near);
                let link = Arc::new(Link { near, far, cut_after });
                let mut open = own.open.lock().unwrap();
                open.retain(|link| link.strong_count() > 0);
                open.push(Arc::downgrade(&link));
                drop(open);
                let (there, back, faults) = (Arc::clone(&link), link, Arc::clone(&own));
                std::thread::spawn(move || there.send());
                std::thread::spawn(move || back.answer(&faults));
            }
        });
        FaultProxy { address, faults }
    }

    /// Everything that comes back is late by so much.
    pub fn delay(&self, by: Duration) {
        self.faults.delay_milliseconds.store(u64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// New connections are cut once they have sent so many bytes; `None` ends that.
    pub fn cut_after(&self, bytes: Option<usize>) {
        self.faults.cut_after.store(bytes.unwrap_or_default(), Ordering::Relaxed);
    }

    /// Cuts every open connection; how many those were.
    pub fn cut(&self) -> usize {
        let links = std::mem::take(&mut *self.faults.open.lock().unwrap());
        links.iter().filter_map(Weak::upgrade).filter(|link| link.end()).count()
    }
}

impl Link {
    fn send(&self) {
        let mut passed = 0;
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = (&self.near).read(&mut buffer) {
            let left = if self.cut_after == 0 { read } else { read.min(self.cut_after - passed) };
            passed += left;
            if (&self.far).write_all(&buffer[..left]).is_err() || (self.cut_after > 0 && passed == self.cut_after) {
                break;
            }
        }
        self.end();
    }

    fn answer(&self, faults: &Faults) {
        let mut buffer = [0; 65_536];
        while let Ok(read @ 1..) = (&self.far).read(&mut buffer) {
            std::thread::sleep(Duration::from_millis(faults.delay_milliseconds.load(Ordering::Relaxed)));
            if (&self.near).write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        self.end();
    }

    /// Whether it was open.
    fn end(&self) -> bool {
        let _ = self.far.shutdown();
        self.near.shutdown().is_ok()
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn shutdown(&self) -> std::io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Both),
        }
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&*stream).read(buffer),
            Stream::Unix(stream) => (&*stream).read(buffer),
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&*stream).write(bytes),
            Stream::Unix(stream) => (&*stream).write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
