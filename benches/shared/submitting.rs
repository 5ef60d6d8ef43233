use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use csw::model::Model;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A simulation's arguments.
pub fn kwargs() -> Value {
    json!({"meta_param_dict": {"year": 2030}, "adjustment": {"savings_rate": 0.3, "periods": 100}})
}

/// The model `Bench/Model`, which is never run.
pub fn model(dir: &Path) -> Model {
    let resources = json!({"cpu": "1", "memory": "1G"});
    let model = json!({
        "name": "Bench/Model", "repo": {"path": dir}, "entry": {"command": {"argv": ["true"]}},
        "cluster_type": "single-core", "replicas": 1, "resources": {"requests": resources, "limits": resources},
        "sim_time_limit": 60.0, "env": {}, "secrets": [], "listed": true, "skip_test": false,
    });
    serde_json::from_value(model).unwrap()
}

/// Posts `each` simulations, one after the other, over each of so many connections. Returns what each answer took, the
/// quickest first.
pub async fn post_simulations(
    address: SocketAddr,
    prefix: &str,
    connections: usize,
    each: usize,
) -> Vec<Duration> {
    let body: Arc<str> =
        format!("{{\"task_name\":\"sim\",\"task_kwargs\":{},\"task_id\":\"{prefix}", kwargs()).into();
    let connections: Vec<_> = (0..connections)
        .map(|writer| {
            let body = Arc::clone(&body);
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut answer = vec![0; 4096];
                let mut took = Vec::with_capacity(each);
                for n in 0..each {
                    let body = format!("{body}-{writer}-{n}\"}}");
                    let request = format!(
                        "POST /Bench/Model/ HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
                         content-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    let asked = Instant::now();
                    stream.write_all(request.as_bytes()).await.unwrap();
                    // Answers are small and come in one piece.
                    let read = stream.read(&mut answer).await.unwrap();
                    took.push(asked.elapsed());
                    assert!(
                        answer[..read].starts_with(b"HTTP/1.1 200"),
                        "{}",
                        String::from_utf8_lossy(&answer[..read])
                    );
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for connection in connections {
        took.extend(connection.await.unwrap());
    }
    took.sort_unstable();
    took
}

pub fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// MiB that a process (`self`, or its id) holds: `VmRSS` now, `VmHWM` at the most.
pub fn memory(process: &str, what: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix(what)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap() / 1024.0
}
