//! An HTTP proxy that knows what went through it. Whoever is asked for, the same server answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Ends with the test's process.
pub struct RecordingProxy {
    /// `http://127.0.0.1:port`.
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl RecordingProxy {
    /// One behind which all requests come to `server`, `host:port`.
    pub fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let (all, server) = (Arc::clone(&requests), server.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (all, server) = (Arc::clone(&all), server.clone());
                std::thread::spawn(move || serve(client.unwrap(), &all, &server));
            }
        });
        Self { url, requests }
    }

    /// First lines of the requests so far, and forgets them.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

fn serve(mut client: TcpStream, requests: &Mutex<Vec<String>>, server: &str) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        match reader.read_line(&mut head) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let (first, rest) = head.split_once("\r\n").unwrap();
    requests.lock().unwrap().push(first.to_owned());
    let Ok(mut upstream) = TcpStream::connect(server) else { return };
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    if method == "CONNECT" {
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
    } else {
        let path = target.splitn(4, '/').nth(3).unwrap_or_default();
        write!(upstream, "{method} /{path} HTTP/1.1\r\nConnection: close\r\n{rest}").unwrap();
    }
    // What was read beyond the head, then the rest of the connection, both ways.
    let (mut to, mut from) = (upstream.try_clone().unwrap(), upstream);
    let sending = std::thread::spawn(move || {
        copy(&mut reader, &mut to);
        drop(to.shutdown(Shutdown::Write));
    });
    copy(&mut from, &mut client);
    drop(client.shutdown(Shutdown::Both));
    sending.join().unwrap();
}

/// Until either side has had enough, which is no failure of the proxy.
fn copy(from: &mut impl Read, to: &mut impl Write) {
    drop(std::io::copy(from, to));
}
