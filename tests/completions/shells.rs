//! Real shells: what their first Tab makes of a line.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::support::{Sandbox, missing, on_path};

fn path_with_csw() -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_csw")).parent().unwrap();
    format!("{}:{}", program.display(), std::env::var("PATH").unwrap())
}

/// A zsh on a terminal that writes its line to the file `line` at Ctrl-G.
const ZSHRC: &str = r#"
PS1='ready> '
fpath=($PWD/zfunc $fpath)
autoload -Uz compinit && compinit -u -D
show() { print -r -- "[$BUFFER]" > line; zle reset-prompt }
zle -N show
bindkey '^G' show
"#;

/// The line after these keys in a zsh of its own.
fn zsh(sandbox: &Sandbox, zshrc: &str, keys: &str) -> String {
    sandbox.write(".zshrc", zshrc);
    let mut command = Command::new("zsh");
    command
        .args(["-d", "-i"])
        .current_dir(sandbox.work())
        .env_clear()
        .env("PATH", path_with_csw())
        .env("HOME", sandbox.home())
        .env("ZDOTDIR", sandbox.work())
        .env("TERM", "xterm");
    let mut session = rexpect::session::spawn_command(command, Some(60_000)).unwrap();
    session.exp_string("ready> ").unwrap();
    session.send(keys).unwrap();
    session.send("\u{7}").unwrap();
    session.flush().unwrap();
    let file = sandbox.work().join("line");
    let begun = std::time::Instant::now();
    while !file.exists() {
        assert!(begun.elapsed().as_secs() < 60, "zsh has shown no line");
        std::thread::yield_now();
    }
    session.send("\u{15}exit\r").unwrap();
    session.flush().unwrap();
    session.exp_eof().unwrap();
    let line = sandbox.read("line").trim_end().to_owned();
    std::fs::remove_file(file).unwrap();
    line
}

#[test]
fn zsh_completes_at_the_first_tab() {
    if !on_path("zsh") {
        return missing("zsh", "not on PATH");
    }
    let sandbox = Sandbox::new();
    sandbox.write("zfunc/_csw", sandbox.csw(["completions", "zsh"]).ok());
    sandbox.sh_model("Echo", r#"echo '{"meta_parameters": {}, "model_parameters": {"Echo": {"rate": {}}}}'"#);
    assert_eq!(zsh(&sandbox, ZSHRC, "csw secr\t"), "[csw secrets ]");
    assert_eq!(zsh(&sandbox, ZSHRC, "csw secr\tro\t"), "[csw secrets rotate-key ]");
    // The value follows at once.
    assert_eq!(
        zsh(&sandbox, ZSHRC, "csw jobs run -n Test/Echo --set Echo.\t3"),
        "[csw jobs run -n Test/Echo --set Echo.rate=3]"
    );
    // The other way that people load it.
    let sourced = ZSHRC.replace("fpath=($PWD/zfunc $fpath)", "") + "source <(csw completions zsh)\n";
    assert_eq!(zsh(&sandbox, &sourced, "csw secr\t"), "[csw secrets ]");
}

#[test]
fn fish_completes_at_the_first_tab() {
    if !on_path("fish") {
        return missing("fish", "not on PATH");
    }
    let sandbox = Sandbox::new();
    let script = sandbox.csw(["completions", "fish"]).ok();
    let folder = sandbox.home().join(".config/fish/completions");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("csw.fish"), script).unwrap();
    let offered = |line: &str| {
        let output = Command::new("fish")
            .args(["-c", &format!("complete -C '{line}'")])
            .current_dir(sandbox.work())
            .env_clear()
            .env("PATH", path_with_csw())
            .env("HOME", sandbox.home())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(offered("csw secr").starts_with("secrets\t"), "{}", offered("csw secr"));
    assert!(offered("csw jobs run --out").contains("--out\t"));
}

#[test]
fn bash_completes_at_the_first_tab() {
    if !on_path("bash") {
        return missing("bash", "not on PATH");
    }
    let sandbox = Sandbox::new();
    sandbox.write("csw.bash", sandbox.csw(["completions", "bash"]).ok());
    let bin = sandbox.home().join("bin");
    std::fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_csw"), bin.join("csw")).unwrap();
    let mut command = Command::new("bash");
    command
        .args(["--noprofile", "--norc", "-i"])
        .current_dir(sandbox.work())
        .env_clear()
        .env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()))
        .env("HOME", sandbox.home())
        .env("TERM", "xterm")
        .env("PS1", "ready> ");
    let mut session = rexpect::session::spawn_command(command, Some(60_000)).unwrap();
    session.exp_string("ready> ").unwrap();
    session.send_line(". ./csw.bash; echo lo''aded").unwrap();
    session.exp_string("loaded").unwrap();
    session.exp_string("ready> ").unwrap();
    session.send("csw compl\tba\t> script; echo wri''tten\r").unwrap();
    session.flush().unwrap();
    session.exp_string("written").unwrap();
    session.send_line("exit").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(sandbox.read("script"), sandbox.csw(["completions", "bash"]).ok());
}
