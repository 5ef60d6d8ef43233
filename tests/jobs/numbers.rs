//! Numbers on their way to a model and back: no digit is lost.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::{Sandbox, Up, require};

/// Whole numbers beyond 64 bits, and what a reader in a hurry gets wrong in the last digit.
const NUMBERS: &str = "[254601183493841237945120495711238475, -340282366920938463463374607431768211456, 18446744073709551616, \
    18446744073709551615, 9007199254740993, 0.1, 1e22, -0.0, 0.30000000000000004, 5e-324, 1.7976931348623157e308, \
    123456789012345678901234567890, 8.41e21, 9007199254740993.0, 2.2250738585072011e-308, 7.2057594037927933e16]";

const FUNCTIONS: &str = r#"
import decimal, json

BIG = 254601183493841237945120495711238475

def get_version():
    return "1"

def get_inputs(meta):
    return {"meta_parameters": {"seed": {"type": "int", "value": BIG}}, "model_parameters": {"S": {}}}

def validate_inputs(meta, adjustment, errors_warnings):
    return {"errors_warnings": {"S": {"errors": {}, "warnings": {"n": adjustment["S"]["n"]}}}}

def run_model(meta, adjustment):
    n = adjustment["S"]["n"]
    text = {"media_type": "Text", "title": "t", "data": json.dumps(n)}
    object = {"media_type": "bokeh", "title": "b", "data": {"n": n, "decimal": decimal.Decimal(BIG)}}
    return {"renderable": [text, object], "downloadable": []}
"#;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("m/cs-config/cs_config/__init__.py", "");
    sandbox.write("m/cs-config/cs_config/functions.py", FUNCTIONS);
    sandbox.write(
        "config/Me/M.yaml",
        "owner: Me\ntitle: M\ntimestamp: 2020-10-29 09:29\nrepo_url: ./m\nsim_time_limit: 2m\n",
    );
    sandbox
}

/// What Python's own reader and writer make of a JSON text.
fn as_python(text: &str) -> String {
    let mut python = Command::new("python3")
        .args(["-c", "import json, sys; print(json.dumps(json.load(sys.stdin)), end='')"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{text}");
    String::from_utf8(output.stdout).unwrap()
}

fn arrived(sandbox: &Sandbox, out: &str) {
    assert_eq!(sandbox.read(&format!("{out}/renderable/t.txt")), as_python(NUMBERS));
    let object = as_python(&sandbox.read(&format!("{out}/renderable/b.json")));
    let expected =
        format!("{{\"n\": {}, \"decimal\": 254601183493841237945120495711238475}}", as_python(NUMBERS));
    assert_eq!(object, expected);
}

#[test]
fn no_digit_is_lost_on_the_way_to_a_model_and_back() {
    if !require("python3") {
        return;
    }
    let sandbox = sandbox();
    sandbox.write("in.json", format!("\u{feff}{{\"adjustment\": {{\"S\": {{\"n\": {NUMBERS}}}}}}}"));
    sandbox.csw(["jobs", "run", "-n", "Me/M", "--input", "in.json", "--out", "a"]).ok();
    arrived(&sandbox, "a");

    let defaults = sandbox.csw(["-q", "jobs", "run", "-n", "Me/M", "--task", "defaults", "-o", "json"]).ok();
    assert!(defaults.contains("\"value\": 254601183493841237945120495711238475"), "{defaults}");
    let defaults = sandbox.csw(["-q", "jobs", "run", "-n", "Me/M", "--task", "defaults", "-o", "yaml"]).ok();
    assert!(
        defaults.contains("254601183493841237945120495711238475") && !defaults.contains("$csw"),
        "{defaults}"
    );
    let set = format!("S.n={NUMBERS}");
    let parsed =
        sandbox.csw(["-q", "jobs", "run", "-n", "Me/M", "--task", "parse", "--set", &set, "-o", "json"]).ok();
    assert!(as_python(&parsed).contains(&as_python(NUMBERS)), "{parsed}");

    let up = ["up", "--listen", "127.0.0.1:0", "--data", "data"];
    let up = Up::start(sandbox.csw(up).env("CSW_SCHEDULER_TOKEN", "s3cret"));
    let jobs = |args: &[&str]| {
        sandbox
            .csw(["jobs"].iter().chain(args))
            .env("CSW_SCHEDULER", &up.url)
            .env("CSW_SCHEDULER_TOKEN", "s3cret")
    };
    let line = format!("\u{feff}{{\"id\": \"one\", \"adjustment\": {{\"S\": {{\"n\": {NUMBERS}}}}}}}\r\n");
    jobs(&["submit", "-n", "Me/M", "--from", "-"]).stdin(line).ok();
    jobs(&["wait", "one"]).ok();
    jobs(&["results", "one", "--out", "b"]).ok();
    arrived(&sandbox, "b");
    // As the web app asks.
    let asked = format!(
        "{{\"task_name\": \"sim\", \"task_id\": \"two\", \"task_kwargs\": {{\"adjustment\": {{\"S\": {{\"n\": {NUMBERS}}}}}}}}}"
    );
    let answer = post(&format!("{}Me/M/", up.url), &asked);
    assert!(answer.contains("\"two\""), "{answer}");
    jobs(&["wait", "two"]).ok();
    jobs(&["results", "two", "--out", "c"]).ok();
    arrived(&sandbox, "c");
}

fn post(url: &str, body: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url: url::Url = url.parse().unwrap();
        let request = csw::http::client(&url).unwrap().post(url);
        let request =
            request.bearer_auth("s3cret").header("content-type", "application/json").body(body.to_owned());
        request.send().await.unwrap().text().await.unwrap()
    })
}

#[test]
fn a_command_sees_decimals_as_they_were_written() {
    let sandbox = Sandbox::new();
    let script = "read -r request\ncase $request in\n*'\"task\":\"version\"'*) echo '{\"version\": \"1\"}' ;;\n\
        *) seen=$(printf %s \"$request\" | sed 's/.*\"x\":\\([^]]*]\\).*/\\1/')\n\
        echo \"{\\\"renderable\\\": [{\\\"media_type\\\": \\\"bokeh\\\", \\\"title\\\": \\\"b\\\", \\\"data\\\": {\\\"seen\\\": $seen}}], \\\"downloadable\\\": []}\" ;;\nesac\n";
    sandbox.sh_model("C", script);
    let numbers = "[3.14159265358979323846,-0,1e-400,12345678901234567890123]";
    sandbox.csw(["jobs", "run", "-n", "Test/C", "--set", &format!("x={numbers}"), "--out", "o"]).ok();
    assert_eq!(sandbox.read("o/renderable/b.json"), format!("{{\"seen\":{numbers}}}"));
}

#[test]
fn what_no_number_can_be_is_refused_with_its_place() {
    let sandbox = sandbox();
    let run = |args: &[&str], stdin: &str| {
        let all = ["jobs", "run", "-n", "Me/M"].iter().chain(args);
        sandbox.csw(all).stdin(stdin).output()
    };
    for (text, place) in [
        ("{\"adjustment\": {\n \"a\": 1e400}}", "line 2, column"),
        ("{\"adjustment\": {\"s\": 36893488147419103232,\n \"a\": NaN}}", "line 2, column"),
        ("{\"adjustment\": {\"a\": -Infinity}}", "line 1, column"),
    ] {
        let output = run(&["--input", "-"], text);
        assert_eq!(output.code, 1, "{}", output.stderr);
        assert!(
            output.stderr.contains("stdin is not JSON") && output.stderr.contains(place),
            "{}",
            output.stderr
        );
    }
    for value in ["a=1e400", "a=NaN", "a=-Infinity"] {
        let output = run(&["--set", value], "");
        assert_eq!(output.code, 2, "{}", output.stderr);
        assert!(output.stderr.contains(&format!("--set {value}: ")), "{}", output.stderr);
    }
    let utf16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    sandbox.write("utf16.json", utf16);
    let output = run(&["--input", "utf16.json"], "");
    assert!(
        output.code == 1 && output.stderr.contains("it is UTF-16: save it as UTF-8"),
        "{}",
        output.stderr
    );
}
