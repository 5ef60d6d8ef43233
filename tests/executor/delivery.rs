//! Results on their way to the outputs processor.

use std::io::{BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use serde_json::{Value, json};

use super::Attempt;
use super::stand_in::{Request, read};

/// Answers each connection's requests with the next status and body (none for null), and tells what was asked.
fn server(answers: Vec<(u16, Value)>) -> (String, mpsc::Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (tell, asked) = mpsc::channel();
    std::thread::spawn(move || {
        let mut answers = answers.into_iter();
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            while let Some(request) = read(&mut stream) {
                let Some((status, body)) = answers.next() else { return };
                tell.send(request).unwrap();
                let body = if body.is_null() { String::new() } else { body.to_string() };
                let head = format!("HTTP/1.1 {status} Answer\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.get_mut().write_all((head + &body).as_bytes()).unwrap();
            }
        }
    });
    (url, asked)
}

fn model() -> Attempt {
    Attempt::python(
        "def run_model(m, a):\n    return {'renderable': [], 'downloadable': [{'media_type': 'Text', 'title': 't', 'data': 'd'}]}\n",
    )
    .env("CSW_JOB_TOKEN", "tkn")
}

#[test]
fn outputs_are_written_and_the_result_is_pushed_with_the_pointer() {
    let (url, asked) = server(vec![(200, json!({"pointer": 1})), (200, json!({}))]);
    let ended = model().env("CSW_OUTPUTS_PROCESSOR", &url).run();
    assert_eq!(ended.outputs()["downloadable"][0]["data"], "d");
    let (write, push) = (asked.recv().unwrap(), asked.recv().unwrap());
    assert_eq!((write.line.as_str(), write.authorization.as_str()), ("POST /write/", "Bearer tkn"));
    assert_eq!(write.body["task_id"], "test-1");
    assert_eq!(write.body["outputs"], *ended.outputs());
    assert_eq!((push.line.as_str(), push.authorization.as_str()), ("POST /push/", "Bearer tkn"));
    assert_eq!(push.body["task_name"], "sim");
    assert_eq!(push.body["result"]["outputs"], json!({"pointer": 1}));
    assert_eq!(push.body["result"]["model_version"], "1.2.3");
    assert!(asked.try_recv().is_err());
}

#[test]
fn a_failure_is_pushed_alone() {
    let (url, asked) = server(vec![(200, json!({}))]);
    let ended = Attempt::python("").env("CSW_OUTPUTS_PROCESSOR", &url).run();
    let push = asked.recv().unwrap();
    assert_eq!(push.line, "POST /push/");
    assert_eq!(push.body["result"], ended.result);
    assert_eq!(push.body["result"]["status"], "FAIL");
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let answers = vec![(503, json!({})), (200, json!({"p": 1})), (429, json!({})), (200, json!({}))];
    let (url, asked) = server(answers);
    model().env("CSW_OUTPUTS_PROCESSOR", &url).run().outputs();
    let lines: Vec<String> = (0..4).map(|_| asked.recv().unwrap().line).collect();
    assert_eq!(lines, ["POST /write/", "POST /write/", "POST /push/", "POST /push/"]);
}

#[test]
fn an_answer_of_something_on_the_way_is_none() {
    let answers = vec![(404, Value::Null), (200, json!({"p": 1})), (409, Value::Null), (200, json!({}))];
    let (url, asked) = server(answers);
    model().env("CSW_OUTPUTS_PROCESSOR", &url).run().outputs();
    let lines: Vec<String> = (0..4).map(|_| asked.recv().unwrap().line).collect();
    assert_eq!(lines, ["POST /write/", "POST /write/", "POST /push/", "POST /push/"]);
}

#[test]
fn a_refusal_is_final_and_the_result_stays() {
    let (url, asked) = server(vec![(400, json!({"error": "no such job"}))]);
    let ended = model().env("CSW_OUTPUTS_PROCESSOR", &url).run();
    ended.outputs();
    assert!(ended.log.contains("400 Bad Request") && ended.log.contains("no such job"), "{}", ended.log);
    assert_eq!(asked.iter().take(1).count(), 1);
    // A newer attempt took over: not a word.
    let (url, _asked) = server(vec![(409, json!({}))]);
    assert_eq!(model().env("CSW_OUTPUTS_PROCESSOR", &url).run().log, "");
}
