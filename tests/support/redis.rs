//! A real Redis with the users that `csw svc config` renders.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use csw::store::RedisConfig;
use serde_json::Value;

use super::Sandbox;

/// A Redis on a port of its own, which writes everything to disk before it answers; gone when dropped.
pub struct Redis {
    child: Child,
    port: u16,
    objects: Vec<Value>,
    sandbox: Sandbox,
}

impl Redis {
    pub fn start() -> Self {
        let sandbox = Sandbox::new();
        let text = sandbox.csw(["svc", "config", "--project", "p", "--bucket", "gs://b"]).ok();
        let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        sandbox.write("users.acl", secret(&objects, "redis-acl", "users.acl"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut redis = Self { child: server(&sandbox, port), port, objects, sandbox };
        redis.await_port();
        redis
    }

    /// SIGKILL, at whatever moment that is for it.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after [`Redis::kill`], with its data and on its port.
    pub fn restart(&mut self) {
        self.child = server(&self.sandbox, self.port);
        self.await_port();
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The password that a user's own Secret holds.
    pub fn password(&self, user: &str) -> String {
        let name = format!("redis-{user}");
        assert_eq!(secret(&self.objects, &name, "username"), user);
        secret(&self.objects, &name, "password")
    }

    pub fn config(&self, user: &str) -> RedisConfig {
        RedisConfig::new("127.0.0.1", self.port, user, self.password(user))
    }

    /// The file of users.
    pub fn acl(&self) -> String {
        secret(&self.objects, "redis-acl", "users.acl")
    }

    /// A connection of nobody.
    pub fn connection(&self) -> Connection {
        Connection(BufReader::new(TcpStream::connect(("127.0.0.1", self.port)).unwrap()))
    }

    /// A connection of a user, with the password that its own Secret holds.
    pub fn user(&self, user: &str) -> Connection {
        let mut connection = self.connection();
        assert_eq!(connection.ask(&["AUTH", user, &self.password(user)]), "+OK");
        connection
    }

    /// The keys that there are, in order, once those that are about to expire are gone.
    pub fn keys(&self) -> Vec<String> {
        let mut admin = self.user("admin");
        let list = admin.ask(&["KEYS", "*"]);
        let mut keys: Vec<String> = Vec::new();
        for key in list.split(' ').filter(|key| !key.is_empty()) {
            // What has a time to live goes when it is looked at after that.
            while admin.ask(&["PTTL", key]).trim_start_matches(':').parse::<i64>().unwrap() >= 0 {}
            if admin.ask(&["EXISTS", key]) == ":1" {
                keys.push(key.to_owned());
            }
        }
        keys.sort();
        keys
    }

    fn await_port(&mut self) {
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(self.child.try_wait().unwrap().is_none(), "Redis ended: is its file of users refused?");
            std::thread::yield_now();
        }
    }
}

fn server(sandbox: &Sandbox, port: u16) -> Child {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--aclfile", "users.acl"])
        .args(["--appendonly", "yes", "--appendfsync", "always"])
        .current_dir(sandbox.work())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A value of a rendered Secret.
fn secret(objects: &[Value], name: &str, key: &str) -> String {
    let found = objects.iter().find(|o| o["kind"] == "Secret" && o["metadata"]["name"] == name);
    let value = found.unwrap_or_else(|| panic!("no Secret {name}"))["data"][key].as_str().unwrap();
    String::from_utf8(STANDARD.decode(value).unwrap()).unwrap()
}

/// Speaks Redis' protocol word for word.
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    /// The answer in one line: `+OK`, `-NOPERM …`, `:1`; of a text the text, of a list its elements with blanks between.
    pub fn ask(&mut self, words: &[&str]) -> String {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        self.answer()
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let line = line.trim_end();
        let length = || line[1..].parse::<i64>().unwrap();
        match line.chars().next() {
            Some('$') if length() < 0 => "(nil)".into(),
            Some('$') => {
                let mut text = vec![0; usize::try_from(length()).unwrap() + 2];
                self.0.read_exact(&mut text).unwrap();
                String::from_utf8_lossy(&text).trim_end().to_owned()
            }
            Some('*') => (0..length()).map(|_| self.answer()).collect::<Vec<_>>().join(" "),
            _ => line.to_owned(),
        }
    }
}
