//! Conda's package specifications in pip's words.

use super::conda_names::on_pypi;

/// A conda specification: `channel::name[build options]`, `name>=1,<2`, `name=1.2`, `name 1.2.*`, `name==1.2=build`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FromConda {
    /// A requirement for pip.
    Package(String),
    /// A requirement of the interpreter's version, as in `>=3.9`; empty if any will do.
    Python(String),
    /// Something that only conda has: compilers, system libraries, conda's own tools.
    CondaOnly(String),
}

/// Translates one specification; `None` if it can't be understood.
pub(super) fn from_conda(spec: &str) -> Option<FromConda> {
    let spec = spec.split('#').next().unwrap_or_default().trim();
    // `channel/subdir::name`: where conda looks is not where pip does.
    let spec = spec.rsplit("::").next().unwrap_or_default().trim();
    // `name[version='>=1', build=…]`
    let (spec, bracket) = match spec.split_once('[') {
        Some((head, tail)) => (head.trim(), Some(tail)),
        None => (spec, None),
    };
    let end = spec
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(spec.len());
    let (name, rest) = spec.split_at(end);
    let name = name.to_ascii_lowercase();
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    let within = |key| bracket.and_then(|inner| bracketed(inner, key));
    let version = version(within("version").unwrap_or(rest.trim()))?;
    let build = within("build").or_else(|| build(rest.trim()));
    if name == "python" {
        return Some(FromConda::Python(version));
    }
    Some(match on_pypi(&name, build) {
        Some(project) => FromConda::Package(format!("{project}{version}")),
        None => FromConda::CondaOnly(name),
    })
}

/// What a key of `[version='>=1,<2', build=py39_0]` says.
fn bracketed<'a>(inner: &'a str, key: &str) -> Option<&'a str> {
    let value = inner.get(inner.find(&format!("{key}="))? + key.len() + 1..)?;
    match value.strip_prefix(['\'', '"']) {
        Some(quoted) => quoted.split(['\'', '"']).next(),
        None => value.split([',', ']']).next(),
    }
}

/// The third part: of `=1.2=py39_0`, `==1.2=py39_0` or `1.2 py39_0`.
fn build(rest: &str) -> Option<&str> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    match words.as_slice() {
        [only] => {
            let number = only.trim_start_matches(|c| "<>=!~".contains(c));
            number.rsplit(',').next()?.split_once('=').map(|(_, build)| build)
        }
        [number, build] if number.starts_with(|c: char| c.is_ascii_digit()) => Some(build),
        _ => None,
    }
}

/// `>=1.2,<2`, `=1.2` (any 1.2), `==1.2`, `1.2` (exactly), `1.2.*`, `=1.2=py39_0`: as pip spells it.
fn version(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text == "*" {
        return Some(String::new());
    }
    // A third part, after a space or a second `=`, is the build.
    let text = text.split_whitespace().collect::<Vec<_>>();
    let text = match text.as_slice() {
        [only] => (*only).to_owned(),
        // `>= 1.2` and `name 1.2 build`
        [op, number, ..] if op.chars().all(|c| "<>=!~".contains(c)) => format!("{op}{number}"),
        parts if parts.iter().all(|p| p.ends_with(',') || p.starts_with(',')) => parts.concat(),
        [first, ..] => (*first).trim_end_matches(',').to_owned(),
        [] => return None,
    };
    if text.contains('|') {
        // pip knows no "or".
        return Some(String::new());
    }
    let parts: Option<Vec<String>> = text.split(',').map(|p| clause(p.trim())).collect();
    Some(parts?.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(","))
}

fn clause(text: &str) -> Option<String> {
    let end = text.find(|c: char| !"<>=!~".contains(c)).unwrap_or(text.len());
    let (op, number) = text.split_at(end);
    let (number, build) = number.split_once('=').map_or((number, None), |(n, b)| (n, Some(b)));
    if !number.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '*' | '+' | '-' | '!')) {
        return None;
    }
    if number.is_empty() || number == "*" {
        return Some(String::new());
    }
    let starred = number.ends_with('*');
    let plain = number.trim_end_matches(['*', '.']);
    Some(match (op, starred) {
        ("=", _) if build.is_none() => format!("=={plain}.*"),
        ("" | "==" | "=", true) => format!("=={plain}.*"),
        ("!=", true) => format!("!={plain}.*"),
        ("" | "==" | "=", false) => format!("=={number}"),
        // pip takes no star after an ordering.
        (op, _) => format!("{op}{plain}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications_are_translated() {
        for (conda, pip) in [
            ("numpy", "numpy"),
            ("numpy>=1.2", "numpy>=1.2"),
            ("numpy >=1.2,<2", "numpy>=1.2,<2"),
            ("numpy >= 1.2", "numpy>=1.2"),
            ("numpy=1.2", "numpy==1.2.*"),
            ("numpy=1.2.*", "numpy==1.2.*"),
            ("numpy==1.2.3", "numpy==1.2.3"),
            ("numpy=1.2.3=py39_0", "numpy==1.2.3"),
            ("numpy 1.2.3 py39_0", "numpy==1.2.3"),
            ("numpy 1.2.*", "numpy==1.2.*"),
            ("numpy>=1.2.*", "numpy>=1.2"),
            ("numpy!=1.3.*", "numpy!=1.3.*"),
            ("numpy=*", "numpy"),
            ("numpy>=1|<0.5", "numpy"),
            ("conda-forge::pandas>=1", "pandas>=1"),
            ("conda-forge/linux-64::pandas", "pandas"),
            ("Bokeh # for plots", "bokeh"),
            ("scipy[version='>=1.5,<2', build=x]", "scipy>=1.5,<2"),
            ("pytorch=2.1", "torch==2.1.*"),
        ] {
            assert_eq!(from_conda(conda), Some(FromConda::Package(pip.into())), "{conda}");
        }
        assert_eq!(from_conda("python>=3.9"), Some(FromConda::Python(">=3.9".into())));
        assert_eq!(from_conda("python=3.10"), Some(FromConda::Python("==3.10.*".into())));
        assert_eq!(from_conda("python"), Some(FromConda::Python(String::new())));
        assert_eq!(from_conda("pip"), Some(FromConda::CondaOnly("pip".into())));
        for (conda, only) in [
            ("libblas=*=*mkl", "libblas"),
            ("_libgcc_mutex=0.1=main", "_libgcc_mutex"),
            ("tk=8.6.12=h1ccaba5_0", "tk"),
            ("thing 1.2 h1ccaba5_0", "thing"),
            ("thing[version='>=1.5,<2', build='h1_0']", "thing"),
        ] {
            assert_eq!(from_conda(conda), Some(FromConda::CondaOnly(only.into())), "{conda}");
        }
        assert_eq!(from_conda("thing=1.2=py39h1_0"), Some(FromConda::Package("thing==1.2".into())));
        for broken in ["", "::", "-x", "numpy>=$(rm)"] {
            assert_eq!(from_conda(broken), None, "{broken}");
        }
    }
}
