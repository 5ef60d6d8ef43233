//! A model that takes next to no time, and tells when it runs.

/// Tells the web app when it runs, and answers when it was told to wait no longer.
const FUNCTIONS: &str = r#"
import os
import time
import urllib.request


def tell(what):
    request = urllib.request.Request(os.environ["WEB_APP"] + "ran/" + what + "/" + os.environ["JOB_ID"], method="POST")
    urllib.request.urlopen(request, timeout=30).read()


def get_version():
    return "1.0.0"


def get_inputs(meta_param_dict):
    return {"meta_parameters": {}, "model_parameters": {}}


def validate_inputs(meta_param_dict, adjustment, errors_warnings):
    return {"errors_warnings": errors_warnings}


def run_model(meta_param_dict, adjustment):
    tell("started")
    time.sleep(adjustment["Numbers"].get("seconds", 0))
    text = "The number is " + str(adjustment["Numbers"]["number"])
    return {"renderable": [{"media_type": "Markdown", "title": "Number", "data": text}], "downloadable": []}
"#;

/// The file of the model `Test/Quick`, whose functions are in `folder`.
pub fn quick(folder: &std::path::Path, web_app: &str) -> String {
    let package = folder.join("cs-config/cs_config");
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.join("__init__.py"), "").unwrap();
    std::fs::write(package.join("functions.py"), FUNCTIONS).unwrap();
    // A model that says nothing of it reaches nobody but csw.
    let url: url::Url = web_app.parse().unwrap();
    let (host, port) = (url.host_str().unwrap(), url.port().unwrap());
    format!(
        "owner: Test\ntitle: Quick\ntimestamp: \"2026-01-15 09:00\"\nrepo_url: {}\nentry: {{python: {{}}}}\nsim_time_limit: 2m\n\
         env: {{WEB_APP: \"{web_app}\"}}\nnetwork: {{egress: [{{cidr: {host}/32, ports: [{port}]}}]}}\nresources:\n  requests: {{cpu: 0.01, memory: 16M}}\n  limits: {{cpu: 1, memory: 128M}}\n",
        folder.display()
    )
}
