//! A small stand-in for the outputs processor, which can go away and come back.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

#[derive(Clone)]
pub struct Request {
    /// `GET /api/v1/attempt`
    pub line: String,
    pub authorization: String,
    pub body: Value,
}

type Respond = dyn Fn(&Request) -> (u16, Value) + Send + Sync;

pub struct StandIn {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    respond: Arc<Respond>,
    running: Option<Running>,
}

struct Running {
    connections: Arc<Mutex<Vec<TcpStream>>>,
    stopped: Arc<Mutex<bool>>,
    thread: std::thread::JoinHandle<()>,
}

impl StandIn {
    /// One that wants every result and takes it.
    pub fn start() -> Self {
        Self::answering(|request| match request.line.as_str() {
            "GET /api/v1/attempt" => (200, json!({"wanted": true})),
            "POST /write/" => (200, json!({"pointer": 1})),
            _ => (200, json!({})),
        })
    }

    pub fn answering(respond: impl Fn(&Request) -> (u16, Value) + Send + Sync + 'static) -> Self {
        let mut stand_in =
            Self { port: 0, requests: Arc::default(), respond: Arc::new(respond), running: None };
        stand_in.come_back();
        stand_in
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Cuts all connections, and refuses new ones.
    pub fn go_away(&mut self) {
        let Some(running) = self.running.take() else { return };
        *running.stopped.lock().unwrap() = true;
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        running.thread.join().unwrap();
        for connection in running.connections.lock().unwrap().drain(..) {
            drop(connection.shutdown(Shutdown::Both));
        }
    }

    pub fn come_back(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        self.port = listener.local_addr().unwrap().port();
        let connections: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let stopped = Arc::new(Mutex::new(false));
        let thread = std::thread::spawn({
            let (requests, respond) = (Arc::clone(&self.requests), Arc::clone(&self.respond));
            let (connections, stopped) = (Arc::clone(&connections), Arc::clone(&stopped));
            move || {
                for stream in listener.incoming() {
                    if *stopped.lock().unwrap() {
                        return;
                    }
                    let stream = stream.unwrap();
                    connections.lock().unwrap().push(stream.try_clone().unwrap());
                    let (requests, respond) = (Arc::clone(&requests), Arc::clone(&respond));
                    std::thread::spawn(move || serve(stream, &requests, &*respond));
                }
            }
        });
        self.running = Some(Running { connections, stopped, thread });
    }

    /// What was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }

    /// Waits for a request.
    pub fn asked_for(&self, line: &str) {
        let started = Instant::now();
        while !self.lines().iter().any(|l| l == line) {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "nobody asked for {line}: {:?}",
                self.lines()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The result that was pushed.
    pub fn pushed(&self) -> Value {
        let requests = self.requests();
        let push = requests.iter().find(|r| r.line == "POST /push/").expect("nothing was pushed");
        push.body["result"].clone()
    }
}

fn serve(stream: TcpStream, requests: &Mutex<Vec<Request>>, respond: &Respond) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream) {
        let (status, body) = respond(&request);
        requests.lock().unwrap().push(request);
        let body = body.to_string();
        let head = format!("HTTP/1.1 {status} Answer\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.get_mut().write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

/// The next request on a connection.
pub fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split_whitespace();
    let line = format!("{} {}", words.next()?, words.next()?);
    let (mut length, mut authorization) = (0, String::new());
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => authorization = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).ok()? };
    Some(Request { line, authorization, body })
}
