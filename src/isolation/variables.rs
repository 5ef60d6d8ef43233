//! Environment variables of programs that run what others wrote: the build scripts of packages, above all.

use std::ffi::{OsStr, OsString};
use std::process::Command;

/// What programs need to run at all, to reach the network as the user does, and to build native code.
#[rustfmt::skip]
const TOOLS: &[&str] = &[
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "TERM",
    // Network.
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "SSL_CLIENT_CERT", "NIX_SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC",
    // Folders of the user's.
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "CARGO_HOME", "RUSTUP_HOME",
    // Compilers, libraries, and where they are.
    "CC", "CXX", "CPP", "FC", "F77", "F90", "AR", "AS", "LD", "NM", "RANLIB", "STRIP", "MAKEFLAGS",
    "CFLAGS", "CXXFLAGS", "CPPFLAGS", "FFLAGS", "FCFLAGS", "LDFLAGS", "ARCHFLAGS",
    "LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH",
    "PKG_CONFIG", "PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR", "PKG_CONFIG_SYSROOT_DIR",
    "CMAKE_PREFIX_PATH", "CMAKE_ARGS", "CMAKE_GENERATOR", "CMAKE_BUILD_PARALLEL_LEVEL",
    "CUDA_HOME", "CUDA_PATH", "JAVA_HOME", "R_HOME", "MKLROOT", "BLAS", "LAPACK", "ATLAS",
    "HDF5_DIR", "NETCDF4_DIR", "GDAL_CONFIG", "GDAL_DATA", "GEOS_CONFIG", "GEOS_DIR", "PROJ_DIR", "PROJ_LIB",
    "MACOSX_DEPLOYMENT_TARGET", "SDKROOT", "DEVELOPER_DIR", "SOURCE_DATE_EPOCH",
];

/// The same, by how they begin: locale, and what pip, uv and conda are told (indexes, caches, certificates).
const TOOLS_BEGIN: &[&str] = &["LC_", "PIP_", "UV_", "CONDA_", "MAMBA_", "NIX_"];

/// What git's transports need beside: agents and helpers that hold credentials, and git's own settings.
#[rustfmt::skip]
const GIT: &[&str] = &[
    "SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY", "WAYLAND_DISPLAY",
    "DBUS_SESSION_BUS_ADDRESS", "GNUPGHOME", "GPG_TTY", "KRB5CCNAME", "KRB5_CONFIG", "GH_TOKEN", "GH_HOST",
    "GH_CONFIG_DIR", "GITHUB_TOKEN", "GITLAB_TOKEN", "GLAB_CONFIG_DIR",
];
const GIT_BEGIN: &[&str] = &["GIT_", "GCM_"];

/// Names that hold a secret, whatever they begin with.
const SECRET: &[&str] = &["TOKEN", "PASSWORD", "PASSWD", "SECRET", "API_KEY", "CREDENTIAL"];

/// Leaves the program nothing of this process's environment but what builds and installs need. What the command sets
/// or removes itself stays as it is.
pub fn for_tools(command: &mut Command) {
    pass(command, is_for_tools);
}

/// Leaves git what it needs to act as the user does, with the user's credentials.
pub fn for_git(command: &mut Command) {
    pass(command, |name| is_for_tools(name) || is(name, GIT, GIT_BEGIN));
}

fn is_for_tools(name: &str) -> bool {
    is(name, TOOLS, TOOLS_BEGIN) && !SECRET.iter().any(|word| name.to_ascii_uppercase().contains(word))
}

fn is(name: &str, names: &[&str], begin: &[&str]) -> bool {
    names.contains(&name) || begin.iter().any(|b| name.starts_with(b))
}

fn pass(command: &mut Command, passes: impl Fn(&str) -> bool) {
    let own: Vec<(OsString, Option<OsString>)> =
        command.get_envs().map(|(name, value)| (name.to_owned(), value.map(OsStr::to_owned))).collect();
    command.env_clear();
    for (name, value) in std::env::vars_os() {
        if name.to_str().is_some_and(&passes) {
            command.env(name, value);
        }
    }
    for (name, value) in own {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_for_nobody_and_agents_for_git_alone() {
        for (name, tools, git) in [
            ("PATH", true, true),
            ("https_proxy", true, true),
            ("LC_TIME", true, true),
            ("PIP_INDEX_URL", true, true),
            ("CONDA_TOKEN", false, false),
            ("SSH_AUTH_SOCK", false, true),
            ("GIT_SSH_COMMAND", false, true),
            ("GITHUB_TOKEN", false, true),
            ("AWS_SECRET_ACCESS_KEY", false, false),
            ("AWS_ACCESS_KEY_ID", false, false),
            ("REDIS_EXECUTOR_PW", false, false),
            ("CSW_SCHEDULER_TOKEN", false, false),
            ("CSW_CLUSTER_KEY", false, false),
            ("CS_API_TOKEN", false, false),
            ("KUBECONFIG", false, false),
            ("DATABASE_URL", false, false),
            ("PYTHONPATH", false, false),
        ] {
            assert_eq!(is_for_tools(name), tools, "{name}");
            assert_eq!(is_for_tools(name) || is(name, GIT, GIT_BEGIN), git, "{name}");
        }
    }

    #[test]
    fn what_the_command_says_itself_stays() {
        let mut command = Command::new("true");
        command.env("AWS_REGION", "here").env_remove("PATH");
        for_tools(&mut command);
        let said: Vec<_> = command.get_envs().map(|(n, v)| (n.to_owned(), v.map(OsStr::to_owned))).collect();
        assert!(said.contains(&("AWS_REGION".into(), Some("here".into()))), "{said:?}");
        assert!(!said.iter().any(|(name, value)| name == "PATH" && value.is_some()), "{said:?}");
    }
}
