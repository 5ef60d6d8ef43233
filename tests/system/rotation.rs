//! Secrets that change while the system runs.

use crate::support::on_each_cluster;
use serde_json::json;

use super::harness::System;
use super::quick::quick;

on_each_cluster!(
    #[tokio::test(flavor = "multi_thread")]
    secrets_change_while_simulations_run
);

async fn secrets_change_while_simulations_run() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let written = |app: &str| vec![("Test/Quick".to_owned(), quick(folder.path(), app))];
    let settings = "  jobs: {max_running: 3}\n";
    let Some(system) = System::with_web_app(written, settings).await else { return };
    system.apply();
    let forward = system.serve();
    let submit = async |ids: std::ops::Range<u32>| {
        let mut submitted = Vec::new();
        for n in ids {
            let id = format!("job-{n}");
            let numbers = json!({"number": n, "seconds": if n < 3 { 15 } else { 0 }});
            let kwargs = json!({"meta_param_dict": {}, "adjustment": {"Numbers": numbers}});
            system.sim(&forward, "Test/Quick", &id, kwargs).await;
            submitted.push(id);
        }
        submitted
    };
    let early = submit(0..9).await;
    let started =
        |app: &crate::support::WebApp| app.requests().iter().any(|r| r.path.starts_with("/ran/started/"));
    system.web_app.until("a simulation runs", started).await;
    let password = |user: &str| {
        let name = format!("REDIS_{}_PW", user.to_uppercase());
        system.csw(&["svc", "secrets", "get", &name]).ok().trim().to_owned()
    };
    let users = ["admin", "scheduler", "executor"];
    let old: Vec<String> = users.iter().map(|user| password(user)).collect();
    system.csw(&["svc", "secrets", "rotate", "redis"]).ok();
    system.csw(&["svc", "secrets", "set", "CS_API_TOKEN"]).stdin("another").ok();
    system.web_app.set_token("another");
    let applied = system.csw(&["svc", "apply", "--wait", "--timeout", "3m"]).output();
    assert_eq!(applied.code, 0, "{}\n{}\n{}", applied.stdout, applied.stderr, system.story());
    let late = submit(9..12).await;
    let all = [early, late].concat();
    system.until_pushed(&all).await;
    for id in &all {
        let pushed = system.pushed(id);
        assert_eq!(pushed[0]["status"], "SUCCESS", "{id}: {pushed:?}\n{}", system.story());
    }
    // Those that ran went on.
    let runs = |id: &str| {
        let path = format!("/ran/started/{id}");
        system.web_app.requests().iter().filter(|r| r.path == path).count()
    };
    assert_eq!((0..3).map(|n| runs(&format!("job-{n}"))).collect::<Vec<_>>(), [1, 1, 1]);
    for (user, old) in users.iter().zip(old) {
        let new = password(user);
        assert_ne!(new, old, "{user}");
        assert!(system.redis(user, &old, &["PING"]).contains("WRONGPASS"), "{user}");
        let answer = system.redis(user, &new, &["GET", "job-none"]);
        assert!(!answer.contains("WRONGPASS") && !answer.contains("NOAUTH"), "{user}: {answer}");
    }
    assert_eq!(system.keys_of_jobs().await, Vec::<String>::new());
}
