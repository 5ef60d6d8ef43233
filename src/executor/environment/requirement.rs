//! Conda's package specifications in pip's words.

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

/// Packages that mean nothing to pip, or come with every environment.
const CONDA_ONLY: [&str; 16] = [
    "pip",
    "setuptools",
    "wheel",
    "conda",
    "mamba",
    "conda-build",
    "anaconda",
    "anaconda-client",
    "gcc",
    "gxx",
    "compilers",
    "cxx-compiler",
    "c-compiler",
    "libgcc",
    "mkl",
    "nodejs",
];

/// Names that differ between conda-forge and PyPI.
const RENAMED: [(&str, &str); 14] = [
    ("pytorch", "torch"),
    ("tensorflow-gpu", "tensorflow"),
    ("matplotlib-base", "matplotlib"),
    ("dask-core", "dask"),
    ("pytables", "tables"),
    ("py-opencv", "opencv-python"),
    ("opencv", "opencv-python"),
    ("msgpack-python", "msgpack"),
    ("pyqt", "PyQt5"),
    ("python-graphviz", "graphviz"),
    ("seaborn-base", "seaborn"),
    ("xarray-dataset", "xarray"),
    ("jupyter-book", "jupyter-book"),
    ("pyyaml", "PyYAML"),
];

/// Translates one specification; `None` if it can't be understood.
pub(super) fn from_conda(spec: &str) -> Option<FromConda> {
    let spec = spec.split('#').next().unwrap_or_default().trim();
    // `channel/subdir::name`: where conda looks is not where pip does.
    let spec = spec.rsplit("::").next().unwrap_or_default().trim();
    // `name[version='>=1', build=…]`
    let (spec, bracket) = match spec.split_once('[') {
        Some((head, tail)) => (head.trim(), bracket_version(tail)),
        None => (spec, None),
    };
    let end = spec
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(spec.len());
    let (name, rest) = spec.split_at(end);
    let name = name.to_ascii_lowercase();
    if name.is_empty() || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let version = version(bracket.as_deref().unwrap_or(rest.trim()))?;
    if name == "python" {
        return Some(FromConda::Python(version));
    }
    if CONDA_ONLY.contains(&name.as_str()) || name.starts_with('_') || is_system_library(&name) {
        return Some(FromConda::CondaOnly(name));
    }
    let renamed = RENAMED.iter().find(|(conda, _)| *conda == name).map_or(name.as_str(), |(_, pypi)| pypi);
    Some(FromConda::Package(format!("{renamed}{version}")))
}

/// `libblas`, `libcurl`: nearly everything of that name, but for a few that are Python.
fn is_system_library(name: &str) -> bool {
    const PYTHON: [&str; 5] = ["librosa", "libpysal", "libsass", "libcst", "libtmux"];
    name.starts_with("lib") && !PYTHON.contains(&name)
}

fn bracket_version(inner: &str) -> Option<String> {
    let at = inner.find("version=")?;
    let value = inner.get(at + 8..)?.trim_start_matches(['\'', '"']);
    Some(value.split(['\'', '"', ']']).next()?.to_owned())
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
        assert_eq!(from_conda("libblas=*=*mkl"), Some(FromConda::CondaOnly("libblas".into())));
        for broken in ["", "::", "-x", "numpy>=$(rm)"] {
            assert_eq!(from_conda(broken), None, "{broken}");
        }
    }
}
