use std::ffi::OsString;

/// The words of the command line that is being completed, from the program to the one before the cursor's.
pub(super) fn words() -> Vec<String> {
    before(std::env::args_os(), index())
}

/// The word that the cursor is in, as far as it is there.
pub(in crate::cli) fn typed() -> Option<String> {
    let mut words = std::env::args_os().skip_while(|a| a != "--").skip(1);
    let word = match index() {
        Some(index) => words.nth(index),
        None => words.last(),
    };
    word.map(|word| word.to_string_lossy().into_owned())
}

/// Which word the cursor is in, where the shell says it.
fn index() -> Option<usize> {
    std::env::var("_CLAP_COMPLETE_INDEX").ok()?.parse().ok()
}

/// Shells call `csw -- csw jobs status …`; some say which word the cursor is in, for others it is the last.
fn before(args: impl Iterator<Item = OsString>, index: Option<usize>) -> Vec<String> {
    let mut words: Vec<String> =
        args.skip_while(|a| a != "--").skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    words.truncate(index.unwrap_or_else(|| words.len().saturating_sub(1)));
    words
}

/// The last value that one of these options has among the words: `--name x`, `--name=x`, `-n x`, `-nx`.
pub(super) fn value_of(words: &[String], options: &[&str]) -> Option<String> {
    let mut found = None;
    for (at, word) in words.iter().enumerate() {
        for option in options {
            if word == option {
                // An option at the end has no value yet.
                found = words.get(at + 1).cloned().or(found);
                continue;
            }
            let Some(rest) = word.strip_prefix(option) else { continue };
            match rest.strip_prefix('=') {
                Some(value) => found = Some(value.to_owned()),
                None if !option.starts_with("--") => found = Some(rest.to_owned()),
                None => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_before_the_cursor() {
        let args = ["csw", "--", "csw", "jobs", "status", "a"].map(OsString::from);
        assert_eq!(before(args.clone().into_iter(), None), ["csw", "jobs", "status"]);
        assert_eq!(before(args.clone().into_iter(), Some(1)), ["csw"]);
        assert_eq!(before(args.into_iter(), Some(9)), ["csw", "jobs", "status", "a"]);
        assert_eq!(before(["csw"].map(OsString::from).into_iter(), None), [""; 0]);
    }

    #[test]
    fn values_of_options_are_found_in_each_form() {
        let of = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            value_of(&words, &["-n", "--name"])
        };
        assert_eq!(of("csw -n a"), Some("a".to_owned()));
        assert_eq!(of("csw --name=a -nb"), Some("b".to_owned()));
        assert_eq!(of("csw --names a -n"), None);
        assert_eq!(of("csw --name a -n"), Some("a".to_owned()));
    }
}
