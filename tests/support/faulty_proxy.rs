//! A TCP proxy that does to connections what bad networks do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// An answer that the proxy gives in place of the server: to requests that begin with `request`, `times` times.
#[derive(Debug, Clone)]
pub struct Instead {
    pub request: &'static str,
    pub times: usize,
    pub status: &'static str,
    pub headers: &'static str,
}

/// Ends with the test's process.
pub struct FaultyProxy {
    /// `127.0.0.1:port`.
    pub address: String,
    inner: Arc<Inner>,
}

struct Inner {
    target: String,
    cut_after: AtomicU64,
    delay: AtomicU64,
    instead: Mutex<Vec<Instead>>,
    connections: AtomicUsize,
    cuts: AtomicUsize,
    answered: AtomicUsize,
}

impl FaultyProxy {
    /// In front of `target`, `host:port`; faultless so far.
    pub fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let inner = Arc::new(Inner {
            target: target.to_owned(),
            cut_after: AtomicU64::new(u64::MAX),
            delay: AtomicU64::new(0),
            instead: Mutex::default(),
            connections: AtomicUsize::new(0),
            cuts: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
        });
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::clone(&inner);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let inner = Arc::clone(&shared);
                std::thread::spawn(move || serve(&inner, &connection.unwrap()));
            }
        });
        Self { address, inner }
    }

    /// Cuts every connection once so many bytes have come from the client.
    pub fn cut_after(&self, bytes: u64) {
        self.inner.cut_after.store(bytes, Ordering::SeqCst);
    }

    /// Passes what comes from the client on only after so long.
    pub fn delay(&self, delay: Duration) {
        self.inner.delay.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Answers itself; may be called several times.
    pub fn answer(&self, instead: Instead) {
        self.inner.instead.lock().unwrap().push(instead);
    }

    pub fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::SeqCst)
    }

    /// Connections that were cut.
    pub fn cuts(&self) -> usize {
        self.inner.cuts.load(Ordering::SeqCst)
    }

    /// Requests that the proxy answered itself.
    pub fn answered(&self) -> usize {
        self.inner.answered.load(Ordering::SeqCst)
    }
}

fn serve(inner: &Inner, client: &TcpStream) {
    inner.connections.fetch_add(1, Ordering::SeqCst);
    let Ok(server) = TcpStream::connect(&inner.target) else { return };
    let (mut back, mut forth) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = std::io::copy(&mut back, &mut forth);
            let _ = forth.shutdown(Shutdown::Write);
        });
        pass(inner, client, &server);
        let _ = server.shutdown(Shutdown::Both);
        let _ = client.shutdown(Shutdown::Both);
    });
}

fn pass(inner: &Inner, mut client: &TcpStream, mut server: &TcpStream) {
    let mut buffer = [0; 16 * 1024];
    let mut passed = 0;
    loop {
        let Ok(read) = client.read(&mut buffer) else { return };
        if read == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(inner.delay.load(Ordering::SeqCst)));
        // A request begins a packet: clients write its head at once and wait for the answer before the next.
        if let Some(answer) = inner.instead_of(&buffer[..read]) {
            let _ = client.write_all(answer.as_bytes());
            return;
        }
        let left = inner.cut_after.load(Ordering::SeqCst) - passed;
        let most = usize::try_from(left.min(read as u64)).unwrap();
        passed += most as u64;
        if server.write_all(&buffer[..most]).is_err() {
            return;
        }
        if most < read {
            inner.cuts.fetch_add(1, Ordering::SeqCst);
            return;
        }
    }
}

impl Inner {
    fn instead_of(&self, packet: &[u8]) -> Option<String> {
        let mut instead = self.instead.lock().unwrap();
        let found = instead.iter_mut().find(|i| i.times > 0 && packet.starts_with(i.request.as_bytes()))?;
        found.times -= 1;
        self.answered.fetch_add(1, Ordering::SeqCst);
        let Instead { status, headers, .. } = found;
        Some(format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: 0\r\n\r\n"))
    }
}
