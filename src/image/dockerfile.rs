//! Dockerfiles: rendered from templates, and pinned to the bases that a lock file names.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::ImageError;

/// Renders a template of a Dockerfile or script. Undefined variables are errors.
///
/// # Errors
/// When the template is wrong, or uses what is not there.
pub(super) fn render(file: &str, text: &str, values: impl Serialize) -> Result<String, ImageError> {
    let wrong = |e: minijinja::Error| ImageError::Template { file: file.to_owned(), reason: e.to_string() };
    let mut environment = environment().map_err(wrong)?;
    environment.add_template(file, text).map_err(wrong)?;
    environment.get_template(file).and_then(|t| t.render(minijinja::value::Serde(values))).map_err(wrong)
}

fn environment<'t>() -> Result<Environment<'t>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax =
        SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    if let Ok(syntax) = syntax {
        environment.set_syntax(syntax);
    }
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.add_filter("env_value", env_value);
    Ok(environment)
}

/// A text as a quoted value of `ENV`, `ARG` and `LABEL`.
fn env_value(text: String) -> Result<String, minijinja::Error> {
    if text.contains(['\n', '\r', '\0']) {
        let why = "a Dockerfile cannot hold a value of several lines";
        return Err(minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, why));
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    Ok(quoted)
}

/// The images that a Dockerfile starts from, in order and each once; `scratch` and its own stages are none.
pub(super) fn bases(dockerfile: &str) -> Vec<String> {
    let (mut found, mut stages) = (Vec::new(), Vec::<String>::new());
    for from in dockerfile.lines().filter_map(From::parse) {
        let own = from.image == "scratch" || stages.iter().any(|s| s.eq_ignore_ascii_case(from.image));
        // What depends on an argument is for the builder to know.
        if !own && !from.image.contains('$') && !found.iter().any(|f| f == from.image) {
            found.push(from.image.to_owned());
        }
        stages.extend(from.stage.map(str::to_owned));
    }
    found
}

/// The images that a Dockerfile takes files from in single steps, as in `COPY --from=gcr.io/p/tools`; its own stages are
/// none.
pub(super) fn sources(dockerfile: &str) -> Vec<String> {
    let stages: Vec<&str> =
        dockerfile.lines().filter_map(From::parse).filter_map(|from| from.stage).collect();
    let named = dockerfile.lines().flat_map(|line| {
        let copied = line.split_whitespace().filter_map(|word| word.strip_prefix("--from="));
        let mounts = line.split_whitespace().filter_map(|word| word.strip_prefix("--mount="));
        copied.chain(mounts.flat_map(|mount| mount.split(',').filter_map(|part| part.strip_prefix("from="))))
    });
    let is_image = |name: &&str| {
        !name.contains('$')
            && name.parse::<usize>().is_err()
            && !stages.iter().any(|stage| stage.eq_ignore_ascii_case(name))
    };
    named.filter(is_image).map(str::to_owned).collect()
}

/// Whether the last stage starts from nothing, so that only static programs run.
pub(super) fn is_from_scratch(dockerfile: &str) -> bool {
    dockerfile.lines().filter_map(From::parse).next_back().is_some_and(|from| from.image == "scratch")
}

/// The Dockerfile with other images to start from.
pub(super) fn with_bases(dockerfile: &str, pinned: impl Fn(&str) -> Option<String>) -> String {
    let mut stages = Vec::<String>::new();
    let mut out = String::with_capacity(dockerfile.len());
    for line in dockerfile.split_inclusive('\n') {
        let from = From::parse(line);
        let own = from.as_ref().is_some_and(|f| stages.iter().any(|s| s.eq_ignore_ascii_case(f.image)));
        match from.as_ref().filter(|_| !own).and_then(|f| Some((f.image, pinned(f.image)?))) {
            Some((image, pinned)) => out.push_str(&line.replacen(image, &pinned, 1)),
            None => out.push_str(line),
        }
        stages.extend(from.and_then(|f| f.stage).map(str::to_owned));
    }
    out
}

/// A line `FROM [--platform=…] image [AS stage]`.
struct From<'l> {
    image: &'l str,
    stage: Option<&'l str>,
}

impl<'l> From<'l> {
    fn parse(line: &'l str) -> Option<Self> {
        let mut words = line.split_whitespace();
        words.next().filter(|w| w.eq_ignore_ascii_case("from"))?;
        let mut words = words.skip_while(|w| w.starts_with("--"));
        let image = words.next()?;
        let stage = words.next().filter(|w| w.eq_ignore_ascii_case("as")).and_then(|_| words.next());
        Some(Self { image, stage })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_cannot_leave_their_quotes() {
        let render = |value: &str| render("x", "ENV A={{ v | env_value }}\n", json!({"v": value}));
        assert_eq!(render(r#"a "b" $HOME \n"#).unwrap(), "ENV A=\"a \\\"b\\\" \\$HOME \\\\n\"\n");
        assert!(render("a\nRUN evil").is_err());
        let error = super::render("images/x.Dockerfile", "FROM {{ bas }}", json!({"base": "b"})).unwrap_err();
        assert!(error.to_string().contains("images/x.Dockerfile"), "{error}");
    }

    #[test]
    fn bases_are_found_and_pinned_but_not_stages() {
        let text = "# FROM no\nFROM --platform=$BUILDPLATFORM python:3.12 AS build\nRUN x\nfrom build as two\nFROM $X\nFROM redis:7\nFROM scratch\n";
        assert_eq!(bases(text), ["python:3.12", "redis:7"]);
        let copies = "FROM a AS one\nCOPY --from=one /x /\nCOPY --from=0 /x /\nCOPY --chown=1 --from=gcr.io/p/t:1 /x /\nRUN --mount=type=bind,from=q/r,target=/r x\n";
        assert_eq!(sources(copies), ["gcr.io/p/t:1", "q/r"]);
        assert!(is_from_scratch(text) && !is_from_scratch("FROM scratch as a\nFROM b\n"));
        let pinned =
            with_bases(text, |image| (image == "python:3.12").then(|| "python:3.12@sha256:1".into()));
        assert!(pinned.contains("python:3.12@sha256:1 AS build") && pinned.contains("FROM redis:7\n"));
    }
}
