//! The clusters that tests run on: one of the oldest release that csw supports, one of the newest, both at once.
//!
//! `CSW_TEST_KUBECONFIG` lists their kubeconfigs, as `KUBECONFIG` does. A test of a cluster is a function, and
//! [`on_each_cluster`] makes a test of it for each: `NAME::oldest` and `NAME::newest`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{OnceLock, RwLock};

use serde_json::Value;

use super::require::missing;

/// Which of the clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// Without PodSecurity admission; it may have no StorageClass and need not enforce NetworkPolicies.
    Oldest,
    /// With PodSecurity admission, which the tests' namespaces have enforce `restricted`, with a default StorageClass,
    /// and with NetworkPolicies that are enforced.
    Newest,
}

/// The first release whose PodSecurity admission can be relied on.
const FIRST_NEW_MINOR: u64 = 25;

/// A cluster that may be used freely.
#[derive(Debug)]
pub struct TestCluster {
    pub kubeconfig: String,
    /// The `Y` of the server's `v1.Y`.
    pub minor: u64,
    /// Held by those who need the API server, and taken alone by those who stop it.
    pub server: RwLock<()>,
}

thread_local! {
    static CURRENT: Cell<Option<Release>> = const { Cell::new(None) };
}

/// A test's thread belongs to a cluster as long as this lives.
pub struct On(());

impl Drop for On {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

impl Release {
    /// How `CSW_TEST_REQUIRE` calls it.
    fn service(self) -> &'static str {
        match self {
            Self::Oldest => "kubernetes-oldest",
            Self::Newest => "kubernetes-newest",
        }
    }
}

/// Makes the cluster of a release the one that this thread's test runs on; `None` leaves the test out.
pub fn on(release: Release) -> Option<On> {
    if let Err(why) = find(release) {
        missing(release.service(), &why);
        return None;
    }
    CURRENT.set(Some(release));
    Some(On(()))
}

/// The cluster of a release, or why there is none.
pub fn find(release: Release) -> Result<&'static TestCluster, String> {
    let all = all().as_ref().map_err(Clone::clone)?;
    all.get(&release).ok_or_else(|| {
        format!(
            "CSW_TEST_KUBECONFIG names no cluster {} 1.{FIRST_NEW_MINOR}",
            match release {
                Release::Oldest => "before",
                Release::Newest => "from",
            }
        )
    })
}

/// The cluster that this test runs on.
pub fn current() -> Result<&'static TestCluster, String> {
    let all = all().as_ref().map_err(Clone::clone)?;
    // A test that knows of no release, as those of a fake cluster beside a real one, takes any.
    let current = CURRENT.get().map_or_else(|| all.values().next(), |release| all.get(&release));
    current.ok_or_else(|| "CSW_TEST_KUBECONFIG names no kubeconfig".to_owned())
}

fn all() -> &'static Result<BTreeMap<Release, TestCluster>, String> {
    static ALL: OnceLock<Result<BTreeMap<Release, TestCluster>, String>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = BTreeMap::new();
        let list = std::env::var_os("CSW_TEST_KUBECONFIG").unwrap_or_default();
        for path in std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()) {
            let kubeconfig = path.display().to_string();
            let minor = minor(&kubeconfig)?;
            let release = if minor < FIRST_NEW_MINOR { Release::Oldest } else { Release::Newest };
            let cluster = TestCluster { kubeconfig, minor, server: RwLock::default() };
            if let Some(other) = all.insert(release, cluster) {
                return Err(format!(
                    "CSW_TEST_KUBECONFIG names two {release:?} clusters: {}",
                    other.kubeconfig
                ));
            }
        }
        Ok(all)
    })
}

/// Asks a server for its release.
fn minor(kubeconfig: &str) -> Result<u64, String> {
    let output = Command::new("kubectl")
        .args(["--kubeconfig", kubeconfig, "get", "--raw", "/version"])
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("kubectl: {e}"))?;
    let version: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| format!("{kubeconfig}: {}", String::from_utf8_lossy(&output.stderr).trim()))?;
    // Some vendors write `20+`.
    let minor = version["minor"].as_str().unwrap_or_default().trim_end_matches('+');
    minor.parse().map_err(|_| format!("{kubeconfig}: a server whose release can't be told: {version}"))
}

/// Makes tests of a function, one for each cluster: `on_each_cluster!(NAME)`, or with the attribute that runs an `async`
/// one: `on_each_cluster!(#[tokio::test] NAME)`. In `oldest NAME, "why"` and `newest NAME, "why"` it holds for one alone.
#[allow(unused_macros)] // benches have no tests
macro_rules! on_each_cluster {
    ($name:ident) => {
        mod $name {
            $crate::support::on_each_cluster!(@sync oldest Oldest $name);
            $crate::support::on_each_cluster!(@sync newest Newest $name);
        }
    };
    (#[$attribute:meta] $name:ident) => {
        mod $name {
            $crate::support::on_each_cluster!(@async #[$attribute] oldest Oldest $name);
            $crate::support::on_each_cluster!(@async #[$attribute] newest Newest $name);
        }
    };
    (oldest $name:ident, $why:literal) => {
        mod $name {
            $crate::support::on_each_cluster!(@sync oldest Oldest $name);
        }
    };
    (newest $name:ident, $why:literal) => {
        mod $name {
            $crate::support::on_each_cluster!(@sync newest Newest $name);
        }
    };
    (#[$attribute:meta] oldest $name:ident, $why:literal) => {
        mod $name {
            $crate::support::on_each_cluster!(@async #[$attribute] oldest Oldest $name);
        }
    };
    (#[$attribute:meta] newest $name:ident, $why:literal) => {
        mod $name {
            $crate::support::on_each_cluster!(@async #[$attribute] newest Newest $name);
        }
    };
    (@sync $test:ident $release:ident $name:ident) => {
        #[test]
        fn $test() {
            if let Some(_on) = $crate::support::clusters::on($crate::support::clusters::Release::$release) {
                super::$name();
            }
        }
    };
    (@async #[$attribute:meta] $test:ident $release:ident $name:ident) => {
        #[$attribute]
        async fn $test() {
            if let Some(_on) = $crate::support::clusters::on($crate::support::clusters::Release::$release) {
                super::$name().await;
            }
        }
    };
}
pub(crate) use on_each_cluster;

/// A test that asks for a cluster is one of each release.
#[test]
fn tests_of_a_cluster_run_on_each() {
    let asks = ["Space::new", "Space::alone", "System::", "bed().await", "if !require(\"kubernetes"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut folders = vec![root.clone()];
    let mut broken = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for (mark, plain) in [("\n#[test]\n", "fn "), ("\n#[tokio::test", "async fn ")] {
                    for (at, _) in text.match_indices(mark) {
                        let test = &text[at..];
                        let body = &test[..test.find("\n}\n").unwrap_or(test.len())];
                        if let Some(asked) = asks.iter().find(|asked| body.contains(**asked)) {
                            let name = body.split(plain).nth(1).and_then(|rest| rest.split('(').next());
                            let name = name.unwrap_or_default();
                            broken.push(format!(
                                "{}: {name}: {asked}",
                                path.strip_prefix(&root).unwrap().display()
                            ));
                        }
                    }
                }
            }
        }
    }
    // This very test names them all.
    broken.retain(|test| !test.starts_with("support/clusters.rs"));
    assert!(broken.is_empty(), "these need `on_each_cluster!` in place of `#[test]`:\n{}", broken.join("\n"));
}
