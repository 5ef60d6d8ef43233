//! What comes back from models that do well.

use serde_json::json;

use super::Attempt;

const EMPTY: &str = "{'renderable': [], 'downloadable': []}";

#[test]
fn a_simulation_has_version_outputs_and_timings() {
    let ended = Attempt::python(
        "def run_model(meta_param_dict, adjustment):\n    print('hällo')\n    return {'renderable': [{'media_type': \
         'CSV', 'title': 'Größe 🌍', 'data': str(meta_param_dict) + str(adjustment['a'])}], 'downloadable': []}\n",
    )
    .kwargs(json!({"meta_param_dict": {"n": 1}, "adjustment": {"a": {"ü": [1.5, null, true]}}}))
    .run();
    assert_eq!(ended.outputs()["renderable"][0]["data"], "{'n': 1}{'ü': [1.5, None, True]}");
    assert_eq!(ended.outputs()["renderable"][0]["title"], "Größe 🌍");
    assert_eq!(ended.result["model_version"], "1.2.3");
    assert_eq!(ended.result["version"], "v1");
    let seconds = ended.result["meta"]["task_times"][0].as_f64().unwrap();
    assert!(seconds > 0.0 && seconds < 5.0);
    assert_eq!(ended.log, "hällo\n");
}

#[test]
fn the_other_tasks_return_what_the_functions_return() {
    let functions = "
def get_inputs(meta):
    return {'meta_parameters': meta, 'model_parameters': {'One': {'x': 1}, 'Two': {}}}

def validate_inputs(meta, adjustment, errors_warnings):
    errors_warnings['Two']['errors']['y'] = [sorted(adjustment)]
    return {'errors_warnings': errors_warnings}
";
    let ended = Attempt::python(functions).with("task", "version").run();
    assert_eq!(ended.outputs(), &json!({"version": "1.2.3"}));
    assert!(ended.result.get("model_version").is_none());
    let ended = Attempt::python(functions)
        .with("task", "defaults")
        .kwargs(json!({"meta_param_dict": {"m": 2}}))
        .run();
    assert_eq!(
        ended.outputs(),
        &json!({"meta_parameters": {"m": 2}, "model_parameters": {"One": {"x": 1}, "Two": {}}})
    );
    // Sections that the caller left out are there.
    let ended =
        Attempt::python(functions).with("task", "parse").kwargs(json!({"adjustment": {"One": {}}})).run();
    assert_eq!(
        ended.outputs()["errors_warnings"],
        json!({"One": {"errors": {}, "warnings": {}}, "Two": {"errors": {"y": [["One", "Two"]]}, "warnings": {}}})
    );
    let given =
        json!({"errors_warnings": {"Two": {"errors": {}, "warnings": {}}}, "adjustment": {"Two": {}}});
    let ended = Attempt::python(functions).with("task", "parse").kwargs(given).run();
    assert_eq!(ended.outputs()["errors_warnings"]["Two"]["errors"], json!({"y": [["Two"]]}));
}

#[test]
fn sections_that_the_caller_left_out_are_empty_for_run_model() {
    let functions = "
def get_inputs(meta):
    return {'meta_parameters': {}, 'model_parameters': {'One': {}, 'Two': {}}}

def run_model(meta, adjustment):
    import copy, pickle
    assert adjustment['One'] == {'x': 1} and adjustment['Two'] == {}
    assert type(pickle.loads(pickle.dumps(adjustment))) is dict and copy.deepcopy(adjustment) == adjustment
    return adjustment['Three']
";
    let ended = Attempt::python(functions).kwargs(json!({"adjustment": {"One": {"x": 1}}})).run();
    ended.fails_with(&["KeyError: 'Three'", "in run_model"]);
}

#[test]
fn an_async_run_model_is_awaited() {
    let ended = Attempt::python(&format!(
        "import asyncio\nasync def run_model(meta, adjustment):\n    await asyncio.sleep(0)\n    return {EMPTY}\n"
    ))
    .run();
    assert_eq!(ended.outputs(), &json!({"renderable": [], "downloadable": []}));
}

#[test]
fn what_is_not_json_becomes_json() {
    let functions = r#"
import collections, dataclasses, datetime, decimal, enum, pathlib, uuid

class Scalar:                      # what numpy's and pandas' own types look like
    def item(self): return 7

class Array:
    def tolist(self): return [Scalar(), float('inf')]

class Color(enum.Enum):
    RED = 'red'

@dataclasses.dataclass
class Point:
    x: int
    y: object

Pair = collections.namedtuple('Pair', 'a b')

def run_model(meta, adjustment):
    out = lambda media, data: {'media_type': media, 'title': 't', 'data': data}
    odd = {
        'nan': float('nan'), 'inf': -float('inf'), 1: 'int', None: 'none', False: 'no', (1, 2): 'tuple',
        'scalar': Scalar(), 'array': Array(), 'decimal': decimal.Decimal('1.5'), 'set': {3, 1, 2},
        'date': datetime.date(2020, 1, 2), 'time': datetime.datetime(2020, 1, 2, 3, 4), 'path': pathlib.Path('/a/b'),
        'point': Point(1, {2.5: b'text'}), 'enum': Color.RED, 'pair': Pair(1, 2), 'uuid': uuid.UUID(int=5),
        'ordered': collections.OrderedDict(a=1), 'half': 'a\ud800b',
    }
    return {
        'renderable': [out('bokeh', odd), out('PNG', b'\x00\xff'), out('CSV', b'a,\xc3\xa4')],
        'downloadable': (out('PDF', bytearray(b'%PDF')), out('MP4', memoryview(b'mp4')), out('PNG', 'AP8=')),
    }
"#;
    let ended = Attempt::python(functions).run();
    let outputs = ended.outputs();
    assert_eq!(
        outputs["renderable"][0]["data"],
        json!({
            "nan": null, "inf": null, "1": "int", "null": "none", "false": "no", "(1, 2)": "tuple",
            "scalar": 7, "array": [7, null], "decimal": 1.5, "set": [1, 2, 3],
            "date": "2020-01-02", "time": "2020-01-02T03:04:00", "path": "/a/b",
            "point": {"x": 1, "y": {"2.5": "text"}}, "enum": "red", "pair": [1, 2],
            "uuid": "00000000-0000-0000-0000-000000000005", "ordered": {"a": 1}, "half": "a?b",
        })
    );
    assert_eq!(outputs["renderable"][1]["data"], "AP8=");
    assert_eq!(outputs["renderable"][2]["data"], "a,ä");
    assert_eq!(outputs["downloadable"][0]["data"], "JVBERg==");
    assert_eq!(outputs["downloadable"][1]["data"], "bXA0");
    assert_eq!(outputs["downloadable"][2]["data"], "AP8=");
}

#[test]
fn what_cannot_be_json_is_named_with_its_place() {
    for (value, parts) in [
        (
            "{'renderable': [{'a': object()}], 'downloadable': []}",
            vec!["run_model['renderable'][0]['a'] is of type builtins.object"],
        ),
        (
            "{'renderable': [{'media_type': 'CSV', 'title': 't', 'data': b'\\xff'}], 'downloadable': []}",
            vec!["run_model['renderable'][0]['data'] is bytes that are not UTF-8"],
        ),
        ("{'a': {1: 1, '1': 2}, 'b': object()}", vec!["run_model['a'] has two keys that are '1' as text"]),
        ("None", vec!["run_model returned NoneType; expected a dict"]),
        ("(x for x in [])", vec!["run_model returned generator; expected a dict"]),
        (
            "{'renderable': {}}",
            vec!["`renderable` must be a list of outputs, found an object", "`downloadable` is missing"],
        ),
        ("circle()", vec!["nested too deeply, or holds itself"]),
        (
            "{'renderable': 10 ** 400, 'downloadable': []}",
            vec!["`renderable` must be a list of outputs, found a number"],
        ),
    ] {
        let ended = Attempt::python(&format!(
            "def circle():\n    a = {{}}\n    a['a'] = a\n    return a\n\ndef run_model(meta, adjustment):\n    return {value}\n"
        ))
        .run();
        ended.fails_with(&parts);
    }
}

#[test]
fn a_large_result_comes_whole() {
    let ended = Attempt::python(
        "def run_model(meta, adjustment):\n    return {'renderable': [], 'downloadable': [{'media_type': 'Text', \
         'title': 't', 'data': 'ab' * (25 << 20)}, {'media_type': 'PNG', 'title': 'p', 'data': b'x' * (12 << 20)}]}\n",
    )
    .run();
    let outputs = ended.outputs();
    assert_eq!(outputs["downloadable"][0]["data"].as_str().unwrap().len(), 50 << 20);
    assert_eq!(outputs["downloadable"][1]["data"].as_str().unwrap().len(), 16 << 20);
}

#[test]
fn the_model_sees_its_own_environment_and_nothing_of_ours() {
    let functions = r"
import os, sys, json
def run_model(meta, adjustment):
    print(os.environ['API_KEY'], flush=True)
    data = json.dumps([sorted(k for k in os.environ if k.startswith('CSW')), os.environ['PLAIN'], os.environ['API_KEY'],
                       os.getcwd(), sys.stdin.read(), sorted(int(f) for f in os.listdir('/proc/self/fd'))[:3]])
    raise_for = os.environ['API_KEY'] if adjustment.get('fail') else None
    if raise_for: raise RuntimeError('bad key ' + raise_for)
    return {'renderable': [{'media_type': 'Text', 'title': 't', 'data': data}], 'downloadable': []}
";
    let attempt = Attempt::python(functions)
        .with("secret_names", json!(["API_KEY"]))
        .with("env", json!({"PLAIN": "text"}))
        .env("API_KEY", "s3cr3t-value")
        .env("CSW_JOB_TOKEN", "token-of-the-attempt");
    let ended = attempt.run();
    let data: serde_json::Value =
        serde_json::from_str(ended.outputs()["renderable"][0]["data"].as_str().unwrap()).unwrap();
    let workdir = attempt.sandbox.work().join("model").canonicalize().unwrap();
    assert_eq!(data, json!([[], "text", "s3cr3t-value", workdir, "", [0, 1, 2]]));
    assert_eq!(ended.log, "******\n");
    let ended = attempt.kwargs(json!({"adjustment": {"fail": true}})).run();
    ended.fails_with(&["RuntimeError: bad key ******"]);
    assert!(!ended.log.contains("s3cr3t-value"));
}

#[test]
fn every_python_that_is_here_runs_the_harness() {
    let mut ran = 0;
    for minor in 8..=14 {
        let name = format!("python3.{minor}");
        let works = std::process::Command::new(&name).arg("-c").arg("pass").output();
        if !works.is_ok_and(|o| o.status.success()) {
            continue;
        }
        let functions =
            format!("def run_model(meta, adjustment):\n    print('x')\n    return {{**{EMPTY}, 1: {{2}}}}\n");
        let ended = Attempt::python(&functions).with("entry", json!({"python": {"interpreter": name}})).run();
        assert_eq!(ended.outputs()["1"], json!([2]), "{name}");
        ran += 1;
    }
    assert!(ran > 0, "no python3.x on PATH");
}
