//! What the rendered users may do, by asking a real Redis that was started with the rendered file of users.

use crate::support::{Redis, require};

/// Commands, with `KEY` in the place of a key.
const COMMANDS: &[&[&str]] = &[
    &["GET", "KEY"],
    &["SET", "KEY", "value"],
    &["SET", "KEY", "value", "EX", "60"],
    &["MGET", "KEY"],
    &["MSET", "KEY", "value"],
    &["GETDEL", "KEY"],
    &["GETSET", "KEY", "value"],
    &["APPEND", "KEY", "value"],
    &["STRLEN", "KEY"],
    &["EXISTS", "KEY"],
    &["TYPE", "KEY"],
    &["DUMP", "KEY"],
    &["EXPIRE", "KEY", "60"],
    &["PERSIST", "KEY"],
    &["RENAME", "KEY", "job-renamed"],
    &["COPY", "KEY", "job-copied"],
    &["DEL", "KEY"],
    &["UNLINK", "KEY"],
    &["EVAL", "return redis.call('GET', KEYS[1])", "1", "KEY"],
];

/// Commands of no key.
const KEYLESS: &[&[&str]] = &[
    &["PING"],
    &["SELECT", "0"],
    &["KEYS", "*"],
    &["SCAN", "0"],
    &["RANDOMKEY"],
    &["DBSIZE"],
    &["INFO"],
    &["PUBLISH", "channel", "message"],
    &["CONFIG", "GET", "*"],
    &["CLIENT", "LIST"],
    &["ACL", "LIST"],
    &["ACL", "SETUSER", "intruder", "on"],
    &["MULTI"],
    &["FUNCTION", "LIST"],
    &["SAVE"],
    &["FLUSHDB"],
    &["FLUSHALL"],
    &["MONITOR"],
];

const KEYS: [&str; 7] = ["job-1", "job-", "projects", "projects-2", "job", "JOB-1", "other"];

/// What contracts give the users that are not the administrator.
fn may(user: &str, command: &str, key: Option<&str>) -> bool {
    let Some(key) = key else { return matches!(command, "PING" | "SELECT") };
    match (user, command) {
        ("scheduler", "GET" | "SET") => key.starts_with("job-") || key == "projects",
        ("executor", "GET") => key.starts_with("job-"),
        _ => false,
    }
}

#[test]
fn each_user_may_do_what_it_has_to_and_nothing_else() {
    if !require("redis") {
        return;
    }
    let redis = Redis::start();
    let mut admin = redis.user("admin");
    for user in ["scheduler", "executor"] {
        let mut connection = redis.user(user);
        let mut check = |command: &[&str], key: Option<&str>| {
            // There each time, so that nothing is refused because it is missing.
            if let Some(key) = key {
                assert_eq!(admin.ask(&["SET", key, "there"]), "+OK");
            }
            let words: Vec<&str> =
                command.iter().map(|w| if *w == "KEY" { key.unwrap() } else { *w }).collect();
            let answer = connection.ask(&words);
            let allowed = may(user, command[0], key);
            assert_eq!(!answer.starts_with("-NOPERM"), allowed, "{user}: {words:?}: {answer}");
            assert_eq!(!answer.starts_with('-'), allowed, "{user}: {words:?}: {answer}");
        };
        for key in KEYS {
            COMMANDS.iter().for_each(|command| check(command, Some(key)));
        }
        KEYLESS.iter().for_each(|command| check(command, None));
        // Of the commands that this table doesn't know there is none.
        let rules = admin.ask(&["ACL", "GETUSER", user]);
        let mut given: Vec<&str> = rules.split(' ').filter(|w| w.starts_with('+')).collect();
        given.sort_unstable();
        let wanted: &[&str] = if user == "scheduler" {
            &["+get", "+ping", "+select", "+set"]
        } else {
            &["+get", "+ping", "+select"]
        };
        assert!(rules.contains("-@all") && given == wanted, "{rules}");
    }
    for command in COMMANDS {
        for key in KEYS {
            assert_eq!(admin.ask(&["SET", key, "there"]), "+OK");
            let words: Vec<&str> = command.iter().map(|w| if *w == "KEY" { key } else { *w }).collect();
            let answer = admin.ask(&words);
            assert!(!answer.starts_with('-'), "admin: {words:?}: {answer}");
        }
    }
    for command in [&["ACL", "LIST"][..], &["CONFIG", "GET", "dir"], &["FLUSHALL"]] {
        let answer = admin.ask(command);
        assert!(!answer.starts_with('-'), "admin: {command:?}: {answer}");
    }
}

#[test]
fn nobody_gets_in_without_a_name_and_its_password() {
    if !require("redis") {
        return;
    }
    let redis = Redis::start();
    let mut nobody = redis.connection();
    for command in COMMANDS.iter().chain(KEYLESS) {
        let answer = nobody.ask(command);
        assert!(answer.starts_with("-NOAUTH"), "{command:?}: {answer}");
    }
    let password = |user: &str| redis.password(user);
    let (scheduler, executor) = (password("scheduler"), password("executor"));
    assert_ne!(scheduler, executor);
    for words in [
        &["AUTH", "scheduler"][..],
        &["AUTH", "default", ""],
        &["AUTH", "default", &scheduler],
        &["AUTH", "scheduler", &executor],
        &["AUTH", "executor", &scheduler],
        &["AUTH", "admin", &scheduler],
        &["AUTH", "admin", ""],
    ] {
        let answer = nobody.ask(words);
        assert!(answer.starts_with("-WRONGPASS"), "{words:?}: {answer}");
    }
    // The file of users alone lets nobody in either.
    let file = redis.acl();
    for user in ["admin", "scheduler", "executor"] {
        assert!(!file.contains(&password(user)));
        let line = file.lines().find(|l| l.starts_with(&format!("user {user} "))).unwrap();
        let hash = line.split('#').nth(1).unwrap().split(' ').next().unwrap();
        assert!(nobody.ask(&["AUTH", user, hash]).starts_with("-WRONGPASS"));
    }
}
