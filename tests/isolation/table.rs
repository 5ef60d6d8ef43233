//! What each level of isolation holds: the README's table, and how a model tries each of its cells.

/// What is tried, in the README's words, and what comes of it at `none`, `process` and `container`. A cell begins with
/// `yes` or `no`.
pub const ROWS: &[(&str, &str, [&str; 3])] = &[
    ("own", "reads its repository, its environment and the system's programs", ["yes", "yes", "yes"]),
    ("scratch", "writes in its own folder: HOME and TMPDIR", ["yes", "yes", "yes"]),
    ("granted", "reads and writes what `reads` and `writes` of its file name", ["yes", "yes", "yes"]),
    ("csw", "reads the environment of csw and its executors", ["no; as root yes", "no", "no"]),
    ("other", "reads the environment of other models' processes", ["yes", "no", "no"]),
    ("signal", "sends signals to them", ["yes", "no (Linux 6.12)", "no"]),
    ("see", "sees that they are there, and their arguments", ["yes", "yes", "no"]),
    ("identity", "reads the age identity and the secrets file", ["yes", "no", "no"]),
    ("jobs", "reads the store, results and other jobs", ["yes", "no", "no"]),
    ("models", "reads other models' repositories", ["yes", "no", "no"]),
    ("home", "reads the rest of your home: keys, tokens, settings", ["yes", "no", "no"]),
    ("repository", "writes in its repository", ["yes", "no", "no"]),
    ("elsewhere", "writes elsewhere", ["yes", "no", "no: a /tmp of its own"]),
    ("privileges", "has root's privileges, or gets them from set-uid programs", ["yes", "no", "no"]),
    ("network", "reaches the network", ["yes", "yes", "no; with `network: {internet: true}` yes"]),
    ("sockets", "reaches sockets of your other programs: Docker's, an ssh agent's", ["yes", "yes", "no"]),
];

/// The table as the README has it.
pub fn markdown() -> String {
    let mut text = String::from("| a model… | `none` | `process` | `container` |\n|---|---|---|---|\n");
    for (_, what, [none, process, container]) in ROWS {
        text.push_str(&format!("| {what} | {none} | {process} | {container} |\n"));
    }
    text
}
