//! What every program needs of a system.

use std::path::{Path, PathBuf};

/// Programs, libraries, and what is known of processors and processes. What /proc tells of other processes than the
/// model's own, their environment above all, is closed by Landlock for itself.
const READ: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
    "/run/opengl-driver",
    "/var/cache/fontconfig",
    "/proc",
    "/sys/bus",
    "/sys/class",
    "/sys/devices",
    "/sys/fs/cgroup",
    "/sys/kernel/mm",
];

/// Of /etc: names, networks, certificates, the loader, time, fonts, and the configuration of languages.
const ETC: &[&str] = &[
    "ImageMagick-6",
    "ImageMagick-7",
    "OpenCL",
    "R",
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "debian_version",
    "fonts",
    "gai.conf",
    "group",
    "host.conf",
    "hostname",
    "hosts",
    "inputrc",
    "julia",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "ld.so.preload",
    "locale.alias",
    "locale.conf",
    "localtime",
    "lsb-release",
    "magic",
    "mime.types",
    "networks",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "pki/ca-trust",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
    "profile",
    "protocols",
    "resolv.conf",
    "services",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
];

/// Of /etc too, whatever follows: versions.
const ETC_BEGIN: &[&str] = &["java", "python", "maven"];

/// What these hold is nobody's.
pub(super) const DEVICES: &[&str] =
    &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/kfd", "/dev/dri"];

/// Of /dev too, whatever follows: graphics processors.
const DEVICES_BEGIN: &[&str] = &["nvidia"];

/// Where processes share memory and semaphores by names that they make up.
pub(super) const SHARED_MEMORY: &str = "/dev/shm";

/// What a program may read, as far as it exists here.
pub(super) fn readable() -> Vec<PathBuf> {
    let etc = Path::new("/etc");
    let named = READ.iter().map(PathBuf::from).chain(ETC.iter().map(|name| etc.join(name)));
    named.chain(beginning(etc, ETC_BEGIN)).filter(|path| path.exists()).collect()
}

/// Devices that a program may use, as far as they exist here.
pub(super) fn devices() -> Vec<PathBuf> {
    let named = DEVICES.iter().map(PathBuf::from);
    named.chain(beginning(Path::new("/dev"), DEVICES_BEGIN)).filter(|path| path.exists()).collect()
}

fn beginning(folder: &Path, with: &[&str]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let begins =
        |name: &std::ffi::OsStr| name.to_str().is_some_and(|n| with.iter().any(|b| n.starts_with(b)));
    entries.filter(|entry| begins(&entry.file_name())).map(|entry| entry.path()).collect()
}

/// Folders of a user's home in which programs keep credentials.
const CREDENTIALS: &[&str] = &[
    ".aws",
    ".azure",
    ".config/gcloud",
    ".config/gh",
    ".docker",
    ".git-credentials",
    ".gnupg",
    ".kube",
    ".netrc",
    ".password-store",
    ".pypirc",
    ".ssh",
];

/// Where programs keep their users' credentials.
pub fn credentials(home: &Path) -> Vec<PathBuf> {
    CREDENTIALS.iter().map(|name| home.join(name)).collect()
}
