//! `examples/epidemic`: every awk and shell that is there says the same, and what it says is right.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{missing, on_path};

/// Runs the model; `Ok` is its result, `Err` what it wrote to stderr.
fn run_with(shell: &[&str], awk: Option<&str>, request: &[u8]) -> Result<Value, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/epidemic/run.sh");
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    match awk {
        Some(awk) => command.env("AWK", awk),
        None => command.env_remove("AWK"),
    };
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(request).unwrap();
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        assert!(
            output.stdout.is_empty(),
            "a failure wrote a result: {}",
            String::from_utf8_lossy(&output.stdout)
        );
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn run(request: &Value) -> Result<Value, String> {
    run_with(&["sh"], None, request.to_string().as_bytes())
}

fn sim(adjustment: &Value) -> Value {
    run(&json!({ "task": "sim", "adjustment": { "Epidemic": adjustment } })).unwrap()
}

/// Rows of susceptible, exposed, infectious, removed by day.
fn days(outputs: &Value) -> Vec<[f64; 4]> {
    let csv = outputs["downloadable"][0]["data"].as_str().unwrap();
    csv.lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
            [cells[1], cells[2], cells[3], cells[4]]
        })
        .collect()
}

/// The same equations by another method: the midpoint rule in steps of a 2,000th of a day.
fn reference(
    n: f64,
    start: [f64; 4],
    r0: f64,
    latent: f64,
    infectious: f64,
    contacts: impl Fn(usize) -> f64,
    days: usize,
) -> Vec<[f64; 4]> {
    let slope = |[s, e, i, _]: [f64; 4], beta: f64| {
        let infected = beta * s * i / n;
        let onset = if latent > 0.0 { e / latent } else { infected };
        [-infected, infected - onset, onset - i / infectious, i / infectious]
    };
    let ahead = |x: [f64; 4], d: [f64; 4], h: f64| std::array::from_fn(|k| x[k] + h * d[k]);
    let (mut x, mut rows, h) = (start, vec![start], 1.0 / 2000.0);
    for day in 0..days {
        let beta = r0 / infectious * contacts(day);
        for _ in 0..2000 {
            let middle = ahead(x, slope(x, beta), h / 2.0);
            x = ahead(x, slope(middle, beta), h);
        }
        rows.push(x);
    }
    rows
}

#[test]
fn every_shell_and_awk_gives_the_same_answers() {
    let requests = [
        json!({ "task": "version" }),
        json!({ "task": "defaults", "meta_param_dict": { "disease": [{ "value": "Measles" }] } }),
        json!({ "task": "sim", "meta_param_dict": { "disease": "COVID-19" }, "adjustment": { "Epidemic": { "days": 90, "contact_reduction": 0.5 } } }),
        json!({ "task": "parse", "adjustment": { "Epidemic": { "days": 0, "Ünïcödé 😀": "\u{1}\"\\/\n" } }, "errors_warnings": { "a": [null, true, false, 1.5e-3, {}, []] } }),
    ];
    let expected: Vec<Value> = requests.iter().map(|r| run(r).unwrap()).collect();
    for (shell, awk) in [
        (&["dash"][..], "mawk"),
        (&["sh"], "gawk"),
        (&["sh"], "gawk --posix"),
        (&["busybox", "sh"], "busybox awk"),
        (&["bash"], "original-awk"),
        (&["dash"], "busybox awk"),
    ] {
        for program in [shell[0], awk.split(' ').next().unwrap()] {
            if !on_path(program) {
                missing(program, "not on PATH");
            }
        }
        if !on_path(shell[0]) || !on_path(awk.split(' ').next().unwrap()) {
            continue;
        }
        for (request, expected) in requests.iter().zip(&expected) {
            let answer = run_with(shell, Some(awk), request.to_string().as_bytes());
            assert_eq!(answer.as_ref(), Ok(expected), "{shell:?} {awk}: {request}");
        }
    }
}

#[test]
fn it_solves_the_equations_and_nobody_gets_lost() {
    let outputs = sim(&json!({
        "population": 1_000_000, "initial_infected": 100, "initial_immune": 0.2, "reproduction_number": 3,
        "latent_days": 4, "infectious_days": 5, "contact_reduction": 0.6, "reduction_start": 20, "reduction_days": 40, "days": 200,
    }));
    let contacts = |day| if (20..60).contains(&day) { 0.4 } else { 1.0 };
    let expected = reference(1e6, [799_900.0, 0.0, 100.0, 200_000.0], 3.0, 4.0, 5.0, contacts, 200);
    let rows = days(&outputs);
    assert_eq!(rows.len(), 201);
    for (day, (row, expected)) in rows.iter().zip(&expected).enumerate() {
        assert!((row.iter().sum::<f64>() - 1e6).abs() < 1e-5, "day {day}: {row:?}");
        for (is, should) in row.iter().zip(expected) {
            assert!((is - should).abs() < 0.1, "day {day}: {row:?} instead of {expected:?}");
        }
    }
}

#[test]
fn without_latent_days_it_is_sir() {
    let outputs = sim(
        &json!({ "population": 5000, "reproduction_number": 2, "latent_days": 0, "infectious_days": 4, "initial_immune": 0, "days": 60 }),
    );
    let expected = reference(5000.0, [4990.0, 0.0, 10.0, 0.0], 2.0, 0.0, 4.0, |_| 1.0, 60);
    for (row, expected) in days(&outputs).iter().zip(&expected) {
        assert!(
            row.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.002),
            "{row:?} instead of {expected:?}"
        );
        assert!(row[1].abs() < 1e-9, "nobody is exposed: {row:?}");
    }
}

#[test]
fn the_final_size_relation_holds() {
    for (r0, latent, immune) in [(1.5, 2.0, 0.1), (3.0, 0.0, 0.0), (15.0, 8.0, 0.9), (0.8, 3.0, 0.0)] {
        let outputs = sim(
            &json!({ "reproduction_number": r0, "latent_days": latent, "initial_immune": immune, "infectious_days": 4, "days": 1000 }),
        );
        let rows = days(&outputs);
        let (first, last) = (rows[0], rows[1000]);
        // Newton's method on ln(x / S0) + R0 (S0 + I0 - x) / N from near zero, where the function is concave and rising.
        let mut x = 1e-9;
        for _ in 0..200 {
            let f = f64::ln(x / first[0]) + r0 * (first[0] + first[2] - x) / 1e6;
            x -= f / (1.0 / x - r0 / 1e6);
        }
        assert!((last[0] - x).abs() < 1.0, "R0 {r0}: {} are left instead of {x}", last[0]);
        let table = outputs["renderable"][0]["data"].as_str().unwrap();
        let told: String = table
            .split("in the end</th><td>")
            .nth(1)
            .unwrap()
            .chars()
            .take_while(|c| *c != '<')
            .filter(|c| *c != ',')
            .collect();
        assert_eq!(told, format!("{x:.0}"));
    }
}

#[test]
fn the_outputs_are_of_four_kinds() {
    let outputs = sim(&json!({}));
    let kinds: Vec<_> = ["renderable", "downloadable"]
        .iter()
        .flat_map(|c| outputs[c].as_array().unwrap())
        .map(|o| (o["media_type"].as_str().unwrap(), o["title"].as_str().unwrap()))
        .collect();
    assert_eq!(kinds, [("table", "Summary"), ("Markdown", "Report"), ("CSV", "Days"), ("Text", "Curve")]);
}

#[test]
fn the_defaults_follow_the_disease_and_are_valid() {
    for disease in ["Influenza", "Measles", "COVID-19"] {
        let meta = json!({ "disease": [{ "value": disease }] });
        let inputs = run(&json!({ "task": "defaults", "meta_param_dict": meta })).unwrap();
        assert_eq!(inputs["meta_parameters"]["disease"]["value"][0]["value"], disease);
        let parameters = inputs["model_parameters"]["Epidemic"].as_object().unwrap();
        let values: serde_json::Map<_, _> =
            parameters.iter().map(|(k, p)| (k.clone(), p["value"].clone())).collect();
        let answer =
            run(&json!({ "task": "parse", "meta_param_dict": meta, "adjustment": { "Epidemic": values } }))
                .unwrap();
        assert_eq!(answer, json!({ "errors_warnings": { "Epidemic": { "errors": {}, "warnings": {} } } }));
    }
}

#[test]
fn each_wrong_parameter_is_named() {
    let answer = run(&json!({
        "task": "parse",
        "meta_param_dict": { "disease": "Gout" },
        "adjustment": { "Epidemic": {
            "population": 1.5, "days": [{ "value": 5000 }], "latent_days": "two", "infectious_days": true,
            "reproduction_number": [], "initial_immune": null, "speed": 1,
        }, "Model": {} },
        "errors_warnings": { "Epidemic": { "errors": { "days": ["odd"] } } },
    }))
    .unwrap();
    let errors = &answer["errors_warnings"];
    assert_eq!(errors["Epidemic"]["errors"]["days"], json!(["odd", "days 5000 > max 1000"]));
    for name in
        ["population", "latent_days", "infectious_days", "reproduction_number", "initial_immune", "speed"]
    {
        assert_eq!(errors["Epidemic"]["errors"][name].as_array().map(Vec::len), Some(1), "{name}: {answer}");
    }
    assert!(errors["meta_parameters"]["errors"]["disease"][0].as_str().unwrap().contains("\"Gout\""));
    assert!(errors["Model"]["errors"]["Model"].is_array());
    let refused = run(&json!({ "task": "sim", "adjustment": { "Epidemic": { "days": -1 } } })).unwrap_err();
    assert_eq!(refused, "epidemic: days: days -1 < min 1\n");
}

#[test]
fn what_is_no_json_is_refused_where_it_breaks() {
    for (request, says) in [
        ("", "expected a value at character 1"),
        ("{\"task\": \"version\",}", "expected a key in quotes at character 20"),
        ("{\"task\": \"ver", "expected the end of a string"),
        ("{\"task\": \"version\"} x", "expected nothing more at character 21"),
        ("{\"task\": 01}", "expected a value at character 10"),
        ("{\"task\": \"\\x\"}", "expected an escape"),
        ("{\"task\": \"\\u12g4\"}", "expected four hexadecimal digits"),
        ("{\"task\": \"a\nb\"}", "expected an escape instead of a control character"),
        ("[\"version\"]", "the request must be an object"),
        ("{\"task\": \"simulate\"}", "unknown task \"simulate\""),
        ("{\"task\": \"sim\", \"adjustment\": 3}", "`adjustment` must be an object"),
    ] {
        let said = run_with(&["sh"], None, request.as_bytes()).unwrap_err();
        assert!(said.contains(says), "{request}: {said}");
    }
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    assert!(run_with(&["sh"], None, deep.as_bytes()).unwrap_err().contains("at most 100 levels"));
}
