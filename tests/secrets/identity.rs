use std::fs;
use std::path::PathBuf;

use age::x25519;
use secrecy::ExposeSecret as _;

use crate::support::Sandbox;

fn store(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".config/csw/secrets.age")
}

fn identity(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".config/csw/identity.txt")
}

/// A sandbox with one secret, `k` = `hunter2`.
fn with_a_secret() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.csw(["secrets", "set", "k"]).stdin("hunter2").ok();
    sandbox
}

/// Every command that needs the store fails with this text, and changes nothing.
fn fails_and_changes_nothing(sandbox: &Sandbox, message: &str) {
    let before = (fs::read(store(sandbox)).unwrap(), fs::read(identity(sandbox)).ok());
    for args in [
        &["get", "k"][..],
        &["list"],
        &["set", "k", "other"],
        &["delete", "k"],
        &["export", "--yes"],
        &["rotate-key"],
    ] {
        let output = sandbox.csw(["secrets"].iter().chain(args)).output();
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{args:?}: {}", output.stderr);
        assert!(output.stderr.contains(message), "{args:?}: {}", output.stderr);
        assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    }
    assert_eq!(before, (fs::read(store(sandbox)).unwrap(), fs::read(identity(sandbox)).ok()));
}

#[test]
fn an_identity_that_others_can_read_is_closed_with_a_word() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for command in [&["get", "k"][..], &["list"], &["set", "k", "other"], &["rotate-key"]] {
        let sandbox = with_a_secret();
        let path = identity(&sandbox);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let run = || sandbox.csw(["secrets"].iter().chain(command)).output();
        let output = run();
        assert_eq!(output.code, 0, "{command:?}: {}", output.stderr);
        assert!(output.stderr.contains("identity.txt holds a secret"), "{command:?}: {}", output.stderr);
        assert!(output.stderr.contains("mode 0644"), "{}", output.stderr);
        assert_eq!(mode(&path), 0o600, "{command:?}");
        assert!(!run().stderr.contains("holds a secret"), "it is said once");
    }
}

#[test]
fn tokens_that_others_can_read_are_told_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    let settings = sandbox.write("csw.yaml", "scheduler_token: hunter2hunter2\n");
    let tokens = sandbox.write("tokens", "hunter3hunter3\n");
    let open =
        |path: &PathBuf, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for path in [&settings, &tokens] {
        open(path, 0o644);
    }
    let output = sandbox.csw(["cluster", "info"]).output();
    assert!(
        output.stderr.contains("csw.yaml holds a token, and others can read it: `chmod 600 "),
        "{}",
        output.stderr
    );
    let up = ["up", "--listen", "127.0.0.1:0", "--data", "data"];
    let up = crate::support::Up::start(sandbox.csw(up).env("CSW_SCHEDULER_TOKEN_FILE", &tokens));
    assert!(up.said().contains("tokens holds a secret"), "{}", up.said());
    assert_eq!(fs::metadata(&tokens).unwrap().permissions().mode() & 0o777, 0o600);
    open(&settings, 0o600);
    assert!(!sandbox.csw(["cluster", "info"]).output().stderr.contains("holds a token"));
}

#[test]
fn a_missing_identity_is_not_made_anew() {
    let sandbox = with_a_secret();
    fs::remove_file(identity(&sandbox)).unwrap();
    fails_and_changes_nothing(&sandbox, "no identity at ");
    assert!(!identity(&sandbox).exists());
}

#[test]
fn another_identity_is_refused() {
    let sandbox = with_a_secret();
    fs::write(identity(&sandbox), x25519::Identity::generate().to_string().expose_secret()).unwrap();
    fails_and_changes_nothing(&sandbox, "is not a key of ");
}

#[test]
fn a_file_that_is_no_identity_is_not_quoted() {
    let sandbox = with_a_secret();
    fs::write(identity(&sandbox), "# mine\nAGE-SECRET-KEY-hunter2\n").unwrap();
    fails_and_changes_nothing(&sandbox, "line 2 is no key that csw knows");
    fs::write(identity(&sandbox), "# mine\n").unwrap();
    fails_and_changes_nothing(&sandbox, "it holds no key");
}

#[test]
fn a_tampered_store_is_refused() {
    let sandbox = with_a_secret();
    let good = fs::read_to_string(store(&sandbox)).unwrap();
    // A character of the payload, near the end.
    let at = good.trim_end().rfind('\n').unwrap() - 10;
    let other = if good.as_bytes()[at] == b'A' { "B" } else { "A" };
    let mut bad = good.clone();
    bad.replace_range(at..=at, other);
    for text in [bad.as_str(), &good[..good.len() / 2], "", "hello\n"] {
        fs::write(store(&sandbox), text).unwrap();
        fails_and_changes_nothing(&sandbox, "is damaged or was tampered with");
    }
    fs::write(store(&sandbox), good).unwrap();
    assert_eq!(sandbox.csw(["secrets", "get", "k"]).ok(), "hunter2\n");
}

#[test]
fn other_age_programs_can_read_it() {
    let sandbox = with_a_secret();
    let text = fs::read_to_string(identity(&sandbox)).unwrap();
    assert!(text.contains("# public key: age1"), "{text}");
    let key: x25519::Identity = text.lines().find(|l| !l.starts_with('#')).unwrap().parse().unwrap();
    let sealed = fs::read(store(&sandbox)).unwrap();
    let plain = age::decrypt(&key, &sealed).unwrap();
    let plain: serde_json::Value = serde_json::from_slice(&plain).unwrap();
    assert_eq!(plain, serde_json::json!({"cluster": {"k": "hunter2"}}));
}

#[test]
fn recipients_can_decrypt_too() {
    let sandbox = with_a_secret();
    let friend = x25519::Identity::generate();
    let recipients = sandbox.home().join(".config/csw/recipients.txt");
    fs::write(&recipients, format!("# a friend\n{}\n", friend.to_public())).unwrap();
    sandbox.csw(["secrets", "rotate-key"]).ok();
    let theirs = sandbox.write("friend.txt", friend.to_string().expose_secret());
    assert_eq!(sandbox.csw(["secrets", "get", "k"]).env("CSW_IDENTITY", &theirs).ok(), "hunter2\n");

    fs::write(&recipients, "# a friend\nage1oops\n").unwrap();
    let output = sandbox.csw(["secrets", "set", "k", "other"]).output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("recipients.txt:2: expected an age public key"), "{}", output.stderr);
    let missing = sandbox.csw(["secrets", "set", "k", "other"]).env("CSW_RECIPIENTS", "absent").output();
    assert!(missing.code == 1 && missing.stderr.contains("absent"), "{}", missing.stderr);
    assert_eq!(sandbox.csw(["secrets", "get", "k"]).ok(), "hunter2\n");
}

#[test]
fn a_rotation_shuts_the_old_key_out_and_keeps_it() {
    let sandbox = with_a_secret();
    let old = fs::read(identity(&sandbox)).unwrap();
    let output = sandbox.csw(["secrets", "rotate-key"]).output();
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(sandbox.csw(["secrets", "get", "k"]).ok(), "hunter2\n");
    let kept: Vec<PathBuf> = fs::read_dir(sandbox.home().join(".config/csw"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.to_string_lossy().contains("identity.txt.old-"))
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(fs::read(&kept[0]).unwrap(), old);
    let with_old = sandbox.csw(["secrets", "get", "k"]).env("CSW_IDENTITY", &kept[0]).output();
    assert!(with_old.stderr.contains("is not a key of"), "{}", with_old.stderr);
    let nothing = Sandbox::new().csw(["secrets", "rotate-key"]).output();
    assert!(nothing.code == 1 && nothing.stderr.contains("there are no secrets"), "{}", nothing.stderr);
}

#[test]
fn a_link_to_the_store_stays_a_link() {
    let sandbox = with_a_secret();
    let elsewhere = sandbox.work().join("dotfiles.age");
    fs::rename(store(&sandbox), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, store(&sandbox)).unwrap();
    sandbox.csw(["secrets", "set", "k", "other"]).ok();
    assert!(fs::symlink_metadata(store(&sandbox)).unwrap().is_symlink());
    assert_eq!(sandbox.csw(["secrets", "get", "k"]).ok(), "other\n");
}

/// `csw` on a terminal of its own.
fn on_a_terminal(sandbox: &Sandbox, args: &[&str]) -> rexpect::session::PtySession {
    rexpect::session::spawn_command(sandbox.csw(args).into_command(), Some(20_000)).unwrap()
}

#[test]
fn a_passphrase_is_asked_for_on_a_terminal_only() {
    let sandbox = with_a_secret();
    let mut rotate = on_a_terminal(&sandbox, &["secrets", "rotate-key", "--passphrase"]);
    rotate.exp_string("New passphrase").unwrap();
    rotate.send_line("correct horse").unwrap();
    rotate.exp_string("again").unwrap();
    rotate.send_line("correct horse").unwrap();
    let seen = rotate.exp_eof().unwrap();
    assert!(seen.contains("Made a new key"), "{seen}");
    assert!(!seen.contains("horse"), "{seen}");
    assert!(
        fs::read_to_string(identity(&sandbox)).unwrap().starts_with("-----BEGIN AGE ENCRYPTED FILE-----")
    );

    fails_and_changes_nothing(
        &sandbox,
        "is protected by a passphrase, which can be typed only on a terminal",
    );

    let mut get = on_a_terminal(&sandbox, &["secrets", "get", "k"]);
    get.exp_string("Passphrase for ").unwrap();
    get.send_line("correct horse").unwrap();
    assert!(get.exp_eof().unwrap().contains("hunter2"));

    let mut wrong = on_a_terminal(&sandbox, &["secrets", "get", "k"]);
    wrong.exp_string("Passphrase for ").unwrap();
    wrong.send_line("battery staple").unwrap();
    let seen = wrong.exp_eof().unwrap();
    assert!(
        seen.contains("wrong passphrase") && !seen.contains("staple") && !seen.contains("hunter2"),
        "{seen}"
    );
}

#[test]
fn a_value_is_asked_for_unseen_and_twice() {
    let sandbox = Sandbox::new();
    let mut set = on_a_terminal(&sandbox, &["secrets", "set", "k"]);
    set.exp_string("Value of k").unwrap();
    set.send_line("one").unwrap();
    set.exp_string("again").unwrap();
    set.send_line("two").unwrap();
    set.exp_string("They differ").unwrap();
    set.exp_string("Value of k").unwrap();
    set.send_line("hunter2").unwrap();
    set.exp_string("again").unwrap();
    set.send_line("hunter2").unwrap();
    let seen = set.exp_eof().unwrap();
    assert!(seen.contains("Set `k`") && !seen.contains("hunter2"), "{seen}");
    assert_eq!(sandbox.csw(["secrets", "get", "k"]).ok(), "hunter2\n");

    for (answer, shown) in [("n", false), ("y", true)] {
        let mut export = on_a_terminal(&sandbox, &["secrets", "export"]);
        export.exp_string("Print the values of all secrets?").unwrap();
        export.send(answer).unwrap();
        export.flush().unwrap();
        assert_eq!(export.exp_eof().unwrap().contains("hunter2"), shown);
    }
}
