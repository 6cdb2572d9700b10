//! What must be on the machine, and how does it get there?
//!
//! A machine with Rust, git, node and a C compiler is enough to start. The rest are Debian packages,
//! npm packages and, for the tests, one Python environment.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell;

/// A program a task needs and the Debian package that has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    program: &'static str,
    package: &'static str,
    why: &'static str,
}

const CMAKE: Need = Need { program: "cmake", package: "cmake", why: "builds libopus" };
const CHROMIUM: Need =
    Need { program: "chromium", package: "chromium", why: "the browser of the page tests" };
const COTURN: Need =
    Need { program: "turnserver", package: "coturn", why: "the relay of a page test" };

const SIPP: Need =
    Need { program: "sipp", package: "sip-tester", why: "the far end of the SIP tests" };
const BARESIP: Need =
    Need { program: "baresip", package: "baresip-core", why: "a telephone of the SIP tests" };
const IP: Need = Need { program: "ip", package: "iproute2", why: "a network of a test's own" };
const KAMAILIO: Need =
    Need { program: "kamailio", package: "kamailio", why: "a proxy of the SIP tests" };
const PYTHON: Need =
    Need { program: "python3", package: "python3-venv", why: "the Python peers of the tests" };
const VALGRIND: Need =
    Need { program: "valgrind", package: "valgrind", why: "counts the instructions of a packet" };
const RTPENGINE: Need =
    Need { program: "rtpengine", package: "rtpengine-daemon", why: "a relay to compare with" };
const JANUS: Need = Need { program: "janus", package: "janus", why: "a relay to compare with" };

/// What builds the pages.
const NODE_LEAST: (u32, u32) = (20, 19);

/// What `demo` and `bench` need.
pub(crate) const TO_BUILD: &[Need] = &[CMAKE];
/// What `test` needs.
pub(crate) const TO_TEST: &[Need] =
    &[CMAKE, PYTHON, CHROMIUM, COTURN, SIPP, BARESIP, IP, KAMAILIO, VALGRIND];
/// What `bench peers` needs beside that.
pub(crate) const TO_COMPARE: &[Need] = &[RTPENGINE, JANUS];
/// What `bench sip` needs beside that of `bench`.
pub(crate) const TO_BENCH_SIP: &[Need] = &[RTPENGINE, SIPP];

/// Installs what is missing when root; else says the exact command and fails.
pub(crate) fn programs(needs: &[Need]) -> Result<()> {
    for (program, from) in [("node", "nodejs"), ("npm", "npm"), ("cc", "gcc")] {
        if !shell::has(program) {
            bail!("{program} is missing; install it first (Debian: apt-get install {from})");
        }
    }
    node_is_new_enough()?;
    let missing: Vec<Need> = needs.iter().copied().filter(|n| !shell::has(n.program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    for need in &missing {
        eprintln!("missing: {} ({})", need.program, need.why);
    }
    if !is_root() || !shell::has("apt-get") {
        bail!("run this, then start again: sudo apt-get install -y {}", packages.join(" "));
    }
    apt_get(&["update", "-q"])?;
    apt_get(&[&["install", "-y", "-q", "--no-install-recommends"], packages.as_slice()].concat())
}

fn node_is_new_enough() -> Result<()> {
    let said = shell::output("node", &["--version"])?;
    let mut parts = said.trim().trim_start_matches('v').split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
        bail!("node --version says {said:?}");
    };
    if (major, minor) < NODE_LEAST {
        bail!("node {major}.{minor} is too old: the pages need {}.{}", NODE_LEAST.0, NODE_LEAST.1);
    }
    Ok(())
}

/// Its words go to standard error: what a task prints may be for a machine.
fn apt_get(args: &[&str]) -> Result<()> {
    let mut command = shell::command("apt-get", args);
    command.env("DEBIAN_FRONTEND", "noninteractive").stdout(std::io::stderr());
    shell::run_command(command)
}

/// Makes `.venv` with the Python peers of the interop tests, once per list of requirements.
pub(crate) fn python() -> Result<()> {
    environment(&shell::root().join(".venv"), "tests/interop/requirements.txt")
}

/// Makes an environment with the OpenAPI fuzzer, apart from the peers: each has pins of its own.
pub(crate) fn fuzzer() -> Result<()> {
    environment(&fuzz_environment(), "tests/fuzz/requirements.txt")
}

/// Makes an environment for the sample bots, with no more of their frameworks than they use.
pub(crate) fn sample_bots() -> Result<()> {
    let folder = shell::target().join("bots/venv");
    environment_with(&folder, "examples/bots/requirements.txt", &["--no-deps", "--no-compile"])
}

/// Makes an environment with the server of S3's kind, with no more of its packages than it uses.
pub(crate) fn bucket() -> Result<()> {
    let folder = shell::target().join("s3/venv");
    environment_with(&folder, "tests/s3/requirements.txt", &["--no-deps", "--no-compile"])
}

/// The Python that has it.
pub(crate) fn fuzz_python() -> PathBuf {
    fuzz_environment().join("bin/python")
}

fn fuzz_environment() -> PathBuf {
    shell::target().join("fuzz/venv")
}

/// Makes an environment with the Python peers of `bench peers`, apart from that of the tests.
pub(crate) fn python_peers() -> Result<()> {
    environment(&peers_environment(), "bench/peers/requirements.txt")
}

/// The Python that has them.
pub(crate) fn peers_python() -> PathBuf {
    peers_environment().join("bin/python")
}

fn peers_environment() -> PathBuf {
    shell::target().join("peers/venv")
}

fn environment(folder: &Path, requirements: &str) -> Result<()> {
    environment_with(folder, requirements, &[])
}

fn environment_with(folder: &Path, requirements: &str, options: &[&str]) -> Result<()> {
    let stamp = folder.join("requirements.txt");
    let wanted = read(&shell::root().join(requirements))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == wanted) {
        return Ok(());
    }
    let python = if shell::has("python3") { "python3" } else { "python" };
    let path = folder.to_string_lossy();
    shell::run(python, &["-m", "venv", &path])?;
    let own = folder.join("bin/python");
    let install = ["-m", "pip", "install", "--quiet", "-r", requirements];
    shell::run(&own.to_string_lossy(), &[&install[..], options].concat())?;
    std::fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
}

/// Installs the npm packages of the pages, unless the lock file is the one they were installed for.
pub(crate) fn npm() -> Result<()> {
    let web = shell::root().join("web");
    let lock = read(&web.join("package-lock.json"))?;
    let stamp = web.join("node_modules/.installed-for");
    if std::fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == lock) {
        return Ok(());
    }
    let mut ci = shell::command("npm", &["ci", "--no-audit", "--no-fund"]);
    ci.current_dir(&web);
    shell::run_command(ci)?;
    std::fs::write(&stamp, lock).with_context(|| format!("writing {}", stamp.display()))
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

/// Whether this runs as root.
pub(crate) fn is_root() -> bool {
    shell::output("id", &["-u"]).is_ok_and(|id| id.trim() == "0")
}
