//! Which requests go through a proxy: the rules beside curl's, and every client of the program.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use csw::http::Proxies;

use crate::support::{Csw, RecordingProxy, Sandbox, Up, on_path, require};

/// Variables (`P` is the proxy, `Q` one where nobody listens), what is asked for, whether it goes through the proxy.
type Case = (&'static [(&'static str, &'static str)], &'static str, bool);

const AS_CURL: &[Case] = &[
    (&[], "http://a.example", false),
    (&[("http_proxy", "P")], "http://a.example", true),
    (&[("http_proxy", "P")], "https://a.example", false),
    (&[("https_proxy", "P")], "https://a.example", true),
    (&[("HTTPS_PROXY", "P")], "https://a.example", true),
    (&[("https_proxy", "P")], "http://a.example", false),
    (&[("all_proxy", "P")], "http://a.example", true),
    (&[("ALL_PROXY", "P")], "https://a.example", true),
    (&[("ALL_PROXY", "Q"), ("http_proxy", "P")], "http://a.example", true),
    (&[("http_proxy", ""), ("all_proxy", "P")], "http://a.example", true),
    (&[("https_proxy", "P"), ("HTTPS_PROXY", "Q")], "https://a.example", true),
    (&[("http_proxy", "P"), ("no_proxy", "")], "http://a.example", true),
    (&[("http_proxy", "P"), ("no_proxy", "*")], "http://a.example", false),
    (&[("http_proxy", "P"), ("NO_PROXY", "*")], "http://10.1.2.3", false),
    (&[("http_proxy", "P"), ("no_proxy", "b.example"), ("NO_PROXY", "*")], "http://a.example", true),
    (&[("http_proxy", "P"), ("no_proxy", "a.example")], "http://a.example", false),
    (&[("http_proxy", "P"), ("no_proxy", "a.example")], "http://x.y.a.example:8080", false),
    (&[("http_proxy", "P"), ("no_proxy", "a.example")], "http://xa.example", true),
    (&[("http_proxy", "P"), ("no_proxy", "a.example")], "http://a.example.org", true),
    (&[("http_proxy", "P"), ("no_proxy", "x.a.example")], "http://a.example", true),
    (&[("http_proxy", "P"), ("no_proxy", ".a.example")], "http://x.a.example", false),
    (&[("http_proxy", "P"), ("no_proxy", ".a.example")], "http://a.example", false),
    (&[("http_proxy", "P"), ("no_proxy", ".a.example")], "http://xa.example", true),
    (&[("http_proxy", "P"), ("no_proxy", "A.Example")], "http://a.EXAMPLE", false),
    (&[("http_proxy", "P"), ("no_proxy", "a.example.")], "http://a.example", false),
    (&[("http_proxy", "P"), ("no_proxy", "a.example")], "http://a.example./", false),
    (&[("http_proxy", "P"), ("no_proxy", "b.example, a.example")], "http://a.example", false),
    (&[("http_proxy", "P"), ("no_proxy", "b.example a.example")], "http://a.example", false),
    (&[("http_proxy", "P"), ("no_proxy", ",,a.example,")], "http://a.example", false),
    (&[("http_proxy", "P"), ("no_proxy", "ample")], "http://a.example", true),
    (&[("http_proxy", "P"), ("no_proxy", "10.1.2.3")], "http://10.1.2.3", false),
    (&[("http_proxy", "P"), ("no_proxy", "10.1.2.4")], "http://10.1.2.3", true),
    (&[("http_proxy", "P"), ("no_proxy", "10.0.0.0/8")], "http://10.1.2.3:6443", false),
    (&[("http_proxy", "P"), ("no_proxy", "10.1.2.0/24")], "http://10.1.3.3", true),
    (&[("http_proxy", "P"), ("no_proxy", "10.9.9.9/8")], "http://10.1.2.3", false),
    (&[("http_proxy", "P"), ("no_proxy", "10.0.0.0/33")], "http://10.1.2.3", true),
    (&[("http_proxy", "P"), ("no_proxy", "fd00::7")], "http://[fd00::7]", false),
    (&[("http_proxy", "P"), ("no_proxy", "fd00::/16")], "http://[fd12::7]", true),
];

/// Rules of Go and kubectl that curl has not, and what never goes through a proxy.
const BEYOND_CURL: &[Case] = &[
    (&[("http_proxy", "P"), ("no_proxy", "fd00::/8")], "http://[fd12::7]:80", false),
    (&[("HTTP_PROXY", "P")], "http://a.example", true),
    (&[("HTTP_PROXY", "P"), ("REQUEST_METHOD", "GET")], "http://a.example", false),
    (&[("http_proxy", "P"), ("REQUEST_METHOD", "GET")], "http://a.example", true),
    (&[("http_proxy", "P"), ("no_proxy", "a.example:8080")], "http://a.example:8080", false),
    (&[("http_proxy", "P"), ("no_proxy", "a.example:8080")], "http://x.a.example:8080", false),
    (&[("http_proxy", "P"), ("no_proxy", "a.example:8080")], "http://a.example", true),
    (&[("http_proxy", "P"), ("no_proxy", "a.example:80")], "http://a.example", false),
    (&[("https_proxy", "P"), ("no_proxy", "a.example:443")], "https://a.example", false),
    (&[("http_proxy", "P"), ("no_proxy", "a.example:port")], "http://a.example", true),
    (&[("http_proxy", "P"), ("no_proxy", "10.1.2.3:6443")], "http://10.1.2.3:6443", false),
    (&[("http_proxy", "P"), ("no_proxy", "[fd00::7]:6443")], "http://[fd00::7]:6443", false),
    (&[("http_proxy", "P"), ("no_proxy", "[fd00::7]:6443")], "http://[fd00::7]:80", true),
    (&[("http_proxy", "P"), ("no_proxy", "*.a.example")], "http://x.a.example", false),
    (&[("http_proxy", "P"), ("no_proxy", "*.a.example")], "http://a.example", true),
    (&[("http_proxy", "P"), ("no_proxy", "b.example,*")], "http://a.example", false),
    (&[("http_proxy", "P"), ("no_proxy", "bücher.example")], "http://xn--bcher-kva.example", false),
    (&[("http_proxy", "P")], "http://127.0.0.1:8888", false),
    (&[("http_proxy", "P")], "http://127.1", false),
    (&[("http_proxy", "P")], "http://127.77.0.1", false),
    (&[("all_proxy", "P")], "https://[::1]:6443", false),
    (&[("http_proxy", "P")], "http://[::ffff:127.0.0.1]", false),
    (&[("http_proxy", "P")], "http://0.0.0.0:8888", false),
    (&[("http_proxy", "P")], "http://LocalHost:8888", false),
    (&[("http_proxy", "P")], "http://localhost.", false),
    (&[("http_proxy", "P")], "http://registry.localhost", false),
    (&[("http_proxy", "P")], "http://notlocalhost", true),
    (&[("http_proxy", "P")], "http://localhost.example", true),
    (&[("http_proxy", "P")], "http://169.254.169.254/latest", false),
    (&[("http_proxy", "P")], "http://[fe80::1]", false),
    (&[("http_proxy", "P")], "http://outputs-processor.csw.svc", false),
    (&[("http_proxy", "P")], "http://scheduler.csw.svc.cluster.local:8888", false),
    (&[("http_proxy", "P")], "http://svc", true),
    (&[("http_proxy", "P")], "http://scheduler", true),
    (&[("http_proxy", "P"), ("KUBERNETES_SERVICE_HOST", "10.96.0.1")], "http://scheduler", false),
    (&[("https_proxy", "P"), ("KUBERNETES_SERVICE_HOST", "10.96.0.1")], "https://10.96.0.1", false),
    (&[("https_proxy", "P"), ("KUBERNETES_SERVICE_HOST", "10.96.0.1")], "https://10.96.0.2", true),
];

fn environment(case: &Case, proxy: &str) -> Vec<(String, String)> {
    let value = |v: &str| match v {
        "P" => proxy.to_owned(),
        "Q" => "http://127.0.0.1:9".to_owned(),
        other => other.to_owned(),
    };
    case.0.iter().map(|(name, v)| ((*name).to_owned(), value(v))).collect()
}

#[test]
fn the_rules_are_those_that_curl_go_and_kubectl_share() {
    let proxy = "http://p.example:3128/";
    for case in AS_CURL.iter().chain(BEYOND_CURL) {
        let proxies = Proxies::read(environment(case, proxy));
        let found = proxies.of(&case.1.parse().unwrap()).map(ToString::to_string);
        assert_eq!(found.as_deref(), case.2.then_some(proxy), "{case:?}");
    }
}

/// A server that ends every connection at once.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            drop(connection);
        }
    });
    address
}

#[test]
fn curl_has_the_same_rules() {
    if !require("curl") {
        return;
    }
    let server = nobody();
    let proxy = RecordingProxy::start(&server);
    for case in AS_CURL {
        let mut curl = Command::new("curl");
        curl.args([
            "-q",
            "--silent",
            "--globoff",
            "--max-time",
            "20",
            "--connect-to",
            &format!("::{server}"),
            case.1,
        ]);
        let mut kept = vec![("PATH".to_owned(), std::env::var("PATH").unwrap())];
        kept.extend(environment(case, &proxy.url));
        curl.env_clear().envs(kept).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert_eq!(!proxy.take().is_empty(), case.2, "{case:?}");
    }
}

/// What csw asks a proxy for when this environment is added.
fn asked(proxy: &RecordingProxy, csw: Csw, environment: &[(&str, &str)]) -> Vec<String> {
    let csw = environment.iter().fold(csw, |csw, (name, value)| csw.env(name, value));
    let output = csw.env("all_proxy", &proxy.url).output();
    assert_ne!(output.code, 70, "{}", output.stderr);
    proxy.take()
}

#[test]
fn a_scheduler_is_asked_through_the_proxy_unless_it_is_near() {
    let sandbox = Sandbox::new();
    let up = Up::start(sandbox.csw(["up", "--listen", "127.0.0.1:0"]));
    let server = up.url.trim_start_matches("http://").trim_end_matches('/');
    let proxy = RecordingProxy::start(server);
    let list = || sandbox.csw(["jobs", "list", "-o", "name"]);
    let far = [("CSW_SCHEDULER", "http://far.example:8888")];
    let seen = asked(&proxy, list(), &far);
    assert!(seen[0].starts_with("GET http://far.example:8888/api/v1/jobs"), "{seen:?}");
    assert_eq!(asked(&proxy, list(), &[far[0], ("NO_PROXY", "far.example:8888")]), [""; 0]);
    // What goes through is the answer itself.
    let output = list().env("CSW_SCHEDULER", far[0].1).env("http_proxy", &proxy.url).output();
    assert!(output.stderr.contains("`far.example:8888` is no name of this listener"), "{}", output.stderr);
    proxy.take();

    for host in ["127.0.0.1", "localhost"] {
        let near = format!("http://{host}:{}/", server.rsplit_once(':').unwrap().1);
        for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
            list().env("CSW_SCHEDULER", &near).env(name, &proxy.url).ok();
            assert_eq!(proxy.take(), [""; 0], "{near} {name}");
        }
    }
}

#[test]
fn a_simulation_on_this_machine_uses_no_proxy() {
    let sandbox = Sandbox::new();
    sandbox.write("dice/run.sh", "case $(cat) in\n*'\"version\"'*) echo '{\"version\": \"1\"}' ;;\n*'\"sim\"'*) echo '{\"renderable\": [], \"downloadable\": []}' ;;\n*) echo '{\"errors_warnings\": {}}' ;;\nesac\n");
    sandbox.write("config/Me/M.yaml", "owner: Me\ntitle: M\ntimestamp: 2020-10-29 09:29\nrepo_url: ./dice\nentry: {command: [sh, run.sh]}\n");
    let proxy = RecordingProxy::start(&nobody());
    let run = sandbox.csw(["jobs", "run", "-n", "Me/M", "--out", "out"]);
    run.env("http_proxy", &proxy.url).env("all_proxy", &proxy.url).ok();
    assert_eq!(proxy.take(), [""; 0]);
}

#[test]
fn an_api_server_is_asked_through_the_proxy_unless_it_is_near_or_its_kubeconfig_names_one() {
    let sandbox = Sandbox::new();
    let server = nobody();
    let proxy = RecordingProxy::start(&server);
    let kubeconfig = |server: &str, own: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: \"{server}\"{own}}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\n\
             contexts: [{{name: k, context: {{cluster: c, user: u}}}}]\ncurrent-context: k\n"
        );
        sandbox.write("kubeconfig", text)
    };
    let doctor = || sandbox.csw(["cluster", "doctor"]).env("KUBECONFIG", sandbox.work().join("kubeconfig"));
    kubeconfig("https://k8s.example:6443", "");
    let seen = asked(&proxy, doctor(), &[]);
    assert!(seen.iter().all(|r| r == "CONNECT k8s.example:6443 HTTP/1.1") && !seen.is_empty(), "{seen:?}");
    for exempt in ["k8s.example:6443,", "*", ",,.example", "10.0.0.0/33,k8s.example"] {
        assert_eq!(
            asked(&proxy, doctor(), &[("NO_PROXY", exempt), ("HTTPS_PROXY", &proxy.url)]),
            [""; 0],
            "{exempt}"
        );
    }
    for near in
        [format!("https://{server}"), "https://localhost:1".to_owned(), "http://127.0.0.1:1".to_owned()]
    {
        kubeconfig(&near, "");
        assert_eq!(
            asked(&proxy, doctor(), &[("HTTPS_PROXY", &proxy.url), ("http_proxy", &proxy.url)]),
            [""; 0],
            "{near}"
        );
    }
    // What a kubeconfig names counts, as with kubectl.
    kubeconfig("https://k8s.example:6443", &format!(", proxy-url: \"{}\"", proxy.url));
    let own = doctor().env("https_proxy", "http://127.0.0.1:9").env("NO_PROXY", "*").output();
    assert_eq!(own.code, 4, "{}", own.stderr);
    assert_eq!(proxy.take()[0], "CONNECT k8s.example:6443 HTTP/1.1");
}

#[test]
fn a_registry_is_asked_through_the_proxy_unless_it_is_near() {
    let sandbox = Sandbox::new();
    let server = nobody();
    let proxy = RecordingProxy::start(&server);
    let list =
        |registry: &str| sandbox.csw(["images", "list", "--registry", "--cr", registry, "--project", "p"]);
    let seen = asked(&proxy, list("registry.example"), &[]);
    assert!(seen.iter().any(|r| r == "CONNECT registry.example:443 HTTP/1.1"), "{seen:?}");
    assert_eq!(asked(&proxy, list("registry.example"), &[("no_proxy", "example:443")]), [""; 0]);
    for near in [server.as_str(), "localhost:1", "r.localhost:1"] {
        assert_eq!(asked(&proxy, list(near), &[("https_proxy", &proxy.url)]), [""; 0], "{near}");
    }
}

#[test]
fn a_bucket_is_asked_through_the_proxy_unless_it_is_near() {
    let sandbox = Sandbox::new();
    sandbox.write("config/Me/M.yaml", "owner: Me\ntitle: M\ntimestamp: 2020-10-29 09:29\nrepo_url: ./dice\nentry: {command: [sh, run.sh]}\n");
    sandbox.write("dice/run.sh", "case $(cat) in\n*'\"version\"'*) echo '{\"version\": \"1\"}' ;;\n*'\"sim\"'*) echo '{\"renderable\": [], \"downloadable\": []}' ;;\n*) echo '{\"errors_warnings\": {}}' ;;\nesac\n");
    let proxy = RecordingProxy::start(&nobody());
    let run = |bucket: &str| {
        sandbox
            .csw(["jobs", "run", "-n", "Me/M", "--out", "out", "--bucket", bucket])
            .env("AWS_ACCESS_KEY_ID", "k")
            .env("AWS_SECRET_ACCESS_KEY", "s")
            .env("AWS_REGION", "r")
    };
    let seen = asked(&proxy, run("s3://b"), &[("AWS_ENDPOINT_URL", "http://s3.example")]);
    assert!(seen.iter().any(|r| r.contains(" http://s3.example/b/")), "{seen:?}");
    for (variable, bucket) in [("AWS_ENDPOINT_URL", "s3://b"), ("STORAGE_EMULATOR_HOST", "gs://b")] {
        assert_eq!(asked(&proxy, run(bucket), &[(variable, "http://127.0.0.1:1")]), [""; 0], "{bucket}");
    }
}

#[test]
fn git_and_pip_know_too_what_is_near() {
    if !require("python3") || !on_path("git") {
        return;
    }
    let sandbox = Sandbox::new();
    let server = nobody();
    let proxy = RecordingProxy::start(&server);
    let model = |url: &str| {
        sandbox.write(
            "config/Me/M.yaml",
            format!("owner: Me\ntitle: M\ntimestamp: 2020-10-29 09:29\nrepo_url: {url}\n"),
        );
    };
    let prepare = || sandbox.csw(["models", "-n", "Me/M", "prepare"]);
    model("https://git.example/a/b");
    assert_eq!(asked(&proxy, prepare(), &[])[0], "CONNECT git.example:443 HTTP/1.1");
    assert_eq!(asked(&proxy, prepare(), &[("NO_PROXY", "git.example")]), [""; 0]);
    model(&format!("http://{server}/a/b"));
    assert_eq!(asked(&proxy, prepare(), &[("http_proxy", &proxy.url)]), [""; 0]);

    sandbox.write("m/requirements.txt", "only-there==1\n");
    model("./m");
    let index = format!("http://{server}/simple");
    let only = [("PIP_INDEX_URL", index.as_str()), ("PIP_RETRIES", "0"), ("http_proxy", &proxy.url)];
    assert_eq!(asked(&proxy, prepare(), &only), [""; 0]);
    // pip takes no index without TLS on its own.
    let trusted = ("PIP_TRUSTED_HOST", "pypi.example");
    let far = [("PIP_INDEX_URL", "http://pypi.example/simple"), trusted, only[1], only[2]];
    let seen = asked(&proxy, prepare(), &far);
    assert!(seen.iter().any(|r| r.starts_with("GET http://pypi.example/simple/only-there")), "{seen:?}");
}
