//! Which project on PyPI a package of conda is.
//!
//! Conda has more than Python's projects: libraries in C, compilers, R's packages. PyPI has foreign projects under some of
//! their names (`tk`, `zlib`), which must not be installed in their place.

/// Projects that conda calls otherwise than PyPI does.
const RENAMED: [(&str, &str); 24] = [
    ("brotli-python", "brotli"),
    ("dask-core", "dask"),
    ("docker-py", "docker"),
    ("geopandas-base", "geopandas"),
    ("lz4-python", "lz4"),
    ("matplotlib-base", "matplotlib"),
    ("msgpack-python", "msgpack"),
    ("numpy-base", "numpy"),
    ("opencv", "opencv-python"),
    ("py-opencv", "opencv-python"),
    ("py-xgboost", "xgboost"),
    ("pyqt", "PyQt5"),
    ("pytables", "tables"),
    ("python-blosc", "blosc"),
    ("python-blosc2", "blosc2"),
    ("python-fastjsonschema", "fastjsonschema"),
    ("python-flatbuffers", "flatbuffers"),
    ("python-graphviz", "graphviz"),
    ("python-tzdata", "tzdata"),
    ("python-xxhash", "xxhash"),
    ("pytorch", "torch"),
    ("pyyaml", "PyYAML"),
    ("seaborn-base", "seaborn"),
    ("tensorflow-gpu", "tensorflow"),
];

/// Names that look as if they were of a family that is not Python's.
const PYTHON_ALL_THE_SAME: [&str; 8] =
    ["libcst", "libpysal", "librosa", "libsass", "libtmux", "lib50", "libusb1", "libarchive-c"];

/// The name on PyPI; `None` for what is no project of Python, which its name says, or else its `build`, as in
/// `tk=8.6.12=h1ccaba5_0`: builds of Python's projects name the Python they are for.
pub(super) fn on_pypi<'a>(name: &'a str, build: Option<&str>) -> Option<&'a str> {
    if let Some((_, pypi)) = RENAMED.iter().find(|(conda, _)| *conda == name) {
        return Some(pypi);
    }
    if PYTHON_ALL_THE_SAME.contains(&name) {
        return Some(name);
    }
    let listed = include_str!("conda_only.txt").lines().any(|line| line == name);
    let families = [
        "_",
        "r-",
        "lib",
        "font-ttf-",
        "xorg-",
        "gcc_",
        "gxx_",
        "perl-",
        "aws-c-",
        "cuda-",
        "mpi4py-",
        "rb-",
    ];
    let platforms =
        ["_linux-64", "_linux-aarch64", "_osx-64", "_osx-arm64", "_win-64", "-cos6-x86_64", "-cos7-x86_64"];
    let of_a_family =
        families.iter().any(|f| name.starts_with(f)) || platforms.iter().any(|p| name.ends_with(p));
    // Builds that say nothing, as `0` and `*`, don't count.
    let built_for_no_python = build.is_some_and(|b| b.starts_with('h') && !b.contains("py"));
    (!listed && !of_a_family && !built_for_no_python).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_no_projects_of_python() {
        for (name, build) in [
            ("tk", None),
            ("zlib", None),
            ("openssl", Some("h7f8727e_0")),
            ("_libgcc_mutex", Some("main")),
            ("ld_impl_linux-64", None),
            ("sysroot_linux-64", None),
            ("libblas", None),
            ("r-base", None),
            ("r-dplyr", Some("r42h6dc32e9_0")),
            ("some-library", Some("h1ccaba5_0")),
            ("pip", None),
        ] {
            assert_eq!(on_pypi(name, build), None, "{name}");
        }
    }

    #[test]
    fn projects_of_python_keep_their_names_or_have_another() {
        for (name, build, pypi) in [
            ("numpy", None, "numpy"),
            ("alpha", Some("py311_0"), "alpha"),
            ("tqdm", Some("pyhd8ed1ab_0"), "tqdm"),
            ("numba", Some("py39h51133e4_0"), "numba"),
            ("pytorch", Some("h1_0"), "torch"),
            ("librosa", None, "librosa"),
            ("pytz", Some("0"), "pytz"),
            ("scipy", Some("*"), "scipy"),
        ] {
            assert_eq!(on_pypi(name, build), Some(pypi), "{name}");
        }
    }

    #[test]
    fn the_list_is_sorted_and_names_each_once() {
        let names: Vec<&str> =
            include_str!("conda_only.txt").lines().filter(|l| !l.starts_with('#')).collect();
        assert!(names.is_sorted() && names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(RENAMED.is_sorted() && RENAMED.iter().all(|(conda, _)| !names.contains(conda)));
    }
}
