//! One running `offhook`, started on free ports and ended with its test.

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long a server may take to say that it is ready, on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// A server process; killed when dropped.
pub(crate) struct Server {
    child: Child,
    ready: Value,
}

impl Server {
    /// Starts `offhook` with these arguments and `--json`, and waits for its ready line.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::run(offhook(args).stderr(Stdio::inherit()))
    }

    /// The same, with a log of this level in a file.
    pub(crate) fn start_with_log(args: &[&str], level: &str, log: &Path) -> Self {
        let log = std::fs::File::create(log).expect("a file for the log");
        Self::run(offhook(args).env("OFFHOOK_LOG", level).stderr(log))
    }

    /// A platform that sends its webhooks to a gateway that will listen there.
    pub(crate) fn platform(gateway: &str) -> Self {
        let (free, webhook) = ("127.0.0.1:0", format!("http://{gateway}/webhooks/whatsapp"));
        let args = ["platform", "--listen", free, "--media", free, "--webhook", &webhook];
        Self::start(&[&args[..], &["--no-handshake"]].concat())
    }

    fn run(command: &mut Command) -> Self {
        let mut child =
            command.arg("--json").stdout(Stdio::piped()).spawn().expect("starting offhook");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (line, first) = mpsc::channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            if let Some(Ok(text)) = lines.next() {
                let _gone = line.send(text).is_err();
            }
            for _rest in lines {}
        });
        let ready = first.recv_timeout(READY_WITHIN).expect("a ready line");
        Self { child, ready: serde_json::from_str(&ready).expect("the ready line is JSON") }
    }

    /// An address the ready line gave.
    pub(crate) fn url(&self, name: &str) -> String {
        self.ready[name].as_str().expect("an address in the ready line").to_owned()
    }

    /// SIGTERM: please stop.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)
            .expect("asking our own process");
    }

    /// The exit code, once the process has ended by itself.
    pub(crate) fn exit_code(mut self, within: Duration) -> Option<i32> {
        let child = &mut self.child;
        wait_for("end of the process", within, || child.try_wait().expect("our own process")).code()
    }

    /// SIGKILL: no goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killing our own process");
        self.child.wait().expect("waiting for our own process");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.child.kill().is_err();
        let _already_waited = self.child.wait().is_err();
    }
}

/// A command of the binary under test.
pub(crate) fn offhook(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offhook"));
    command
        .args(args)
        .env("OFFHOOK_LOG", "warn")
        .env("OFFHOOK_TEST_API_KEY", "demo-api-key")
        .env("OFFHOOK_TEST_TOKEN", "demo-token")
        .env("OFFHOOK_TEST_APP_SECRET", "demo-app-secret")
        .env("OFFHOOK_TEST_VERIFY_TOKEN", "demo-verify")
        .env("OFFHOOK_TEST_PASSWORD", "demo");
    command
}

/// A free TCP address on the loopback.
pub(crate) fn free_tcp() -> String {
    free(|address| TcpListener::bind(address).is_ok())
}

/// A free UDP address on the loopback.
pub(crate) fn free_udp() -> String {
    free(|address| UdpSocket::bind(address).is_ok())
}

/// Below the ports that the kernel gives to whoever asks for any, so that what is free is so until its server
/// listens there; and no two tests are given the same.
fn free(is_free: impl Fn(SocketAddr) -> bool) -> String {
    const FIRST: u32 = 20_000;
    const PORTS: u32 = 12_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);

    let next = || {
        // Another run of these tests begins elsewhere.
        let nth = std::process::id().wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + nth % PORTS).expect("the last of them is a port");
        SocketAddr::from(([127, 0, 0, 1], port))
    };
    let found = (0..PORTS).map(|_| next()).find(|address| is_free(*address));
    found.expect("a free port").to_string()
}

/// Asks again and again until there is an answer, and fails with `what` when there is none in time.
pub(crate) fn wait_for<T>(what: &str, within: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(start.elapsed() < within, "no {what} within {within:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The gateway's configuration for a demo number on this platform, in `folder`.
pub(crate) fn gateway_config(folder: &Path, platform: &str, listen: &str) -> String {
    let flow = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/flow.toml");
    let text = include_str!("gateway.toml")
        .replace("{platform}", platform)
        .replace("{listen}", listen)
        .replace("{media}", "127.0.0.1:0")
        .replace("{flow}", flow);
    let path = folder.join("gateway.toml");
    std::fs::write(&path, text).expect("writing the configuration");
    path.to_string_lossy().into_owned()
}
