//! How does Janus relay a call?
//!
//! By its videocall plugin, which is what it has for a call between two: two PeerConnections, packets
//! passed on as they come. One session, two handles a call; signalling goes over a Unix socket. Towards
//! an ice-lite end it stays controlled, so that nobody would choose a path: its caller is a full agent.

use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::{super::place, FarEnds, Relay};
use crate::shell;

/// How long it may take to start, and to answer.
const START_MAX: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(5);

/// Longer names of Unix sockets do not fit into an address.
const SOCKET_NAME_MAX: usize = 100;

/// Where Debian has its plugins and transports.
const LIBRARIES: &str = "/usr/lib/x86_64-linux-gnu/janus";

/// A running Janus; it ends when this is dropped.
#[derive(Debug)]
pub(in crate::bench::peers) struct Janus {
    child: Child,
    socket: UnixDatagram,
    session: u64,
    asked: u64,
    /// Events nobody has asked for yet.
    events: Vec<Value>,
    /// The two handles of each call, by its number.
    handles: std::collections::BTreeMap<u64, [u64; 2]>,
}

impl Janus {
    pub(in crate::bench::peers) fn start(work: &Path) -> Result<Self> {
        let folder = work.join("janus");
        configure(&folder)?;
        let (theirs, ours) = (folder.join("janus.sock"), folder.join("bench.sock"));
        ensure!(
            theirs.as_os_str().len() < SOCKET_NAME_MAX,
            "the build folder's name is too long for a Unix socket in it"
        );
        let child = place::pinned(place::MEASURED, "janus".as_ref())
            .arg("-F")
            .arg(&folder)
            .arg("-o")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start janus (Debian: janus)")?;
        let socket = UnixDatagram::bind(&ours).context("cannot bind a Unix socket")?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let (events, handles) = (Vec::new(), std::collections::BTreeMap::new());
        let mut janus = Self { child, socket, session: 0, asked: 0, events, handles };
        janus.connect(&theirs)?;
        let created = janus.ask(json!({ "janus": "create" }))?;
        janus.session = created["data"]["id"].as_u64().context("no session")?;
        Ok(janus)
    }

    fn connect(&mut self, to: &Path) -> Result<()> {
        let begin = Instant::now();
        while self.socket.connect(to).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("janus does not start: {status}");
            }
            ensure!(begin.elapsed() < START_MAX, "janus does not start in {START_MAX:?}");
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// A handle of the plugin, under a name others can call.
    fn attach(&mut self, name: &str) -> Result<u64> {
        let attached =
            self.ask(json!({ "janus": "attach", "plugin": "janus.plugin.videocall" }))?;
        let handle = attached["data"]["id"].as_u64().context("no handle")?;
        self.tell(handle, json!({ "request": "register", "username": name }), None)?;
        self.event(handle, "registered")?;
        Ok(handle)
    }

    /// Gives a handle an order; its outcome is an event.
    fn tell(&mut self, handle: u64, body: Value, jsep: Option<(&str, &str)>) -> Result<()> {
        let mut message = json!({ "janus": "message", "handle_id": handle, "body": body });
        if let Some((kind, sdp)) = jsep {
            message["jsep"] = json!({ "type": kind, "sdp": sdp, "trickle": false });
        }
        self.ask(message).map(drop)
    }

    /// Sends a request and waits for what answers it; events that come meanwhile are kept.
    fn ask(&mut self, mut request: Value) -> Result<Value> {
        self.asked += 1;
        let transaction = self.asked.to_string();
        request["transaction"] = transaction.as_str().into();
        if self.session != 0 {
            request["session_id"] = self.session.into();
        }
        self.socket.send(request.to_string().as_bytes()).context("cannot reach janus")?;
        loop {
            let message = self.hear()?;
            // What a plugin says later bears the transaction too.
            if message["transaction"] == transaction.as_str() && message["janus"] != "event" {
                ensure!(message["janus"] != "error", "janus: {}", message["error"]);
                return Ok(message);
            }
            self.events.push(message);
        }
    }

    /// Waits for what the plugin says to a handle.
    fn event(&mut self, handle: u64, name: &str) -> Result<Value> {
        loop {
            while let Some(message) = self.events.pop() {
                let said = &message["plugindata"]["data"];
                if message["sender"] != handle {
                    continue;
                }
                ensure!(said["error"].is_null(), "janus: {}", said["error"]);
                if said["result"]["event"] == name {
                    return Ok(message);
                }
            }
            let message = self.hear()?;
            self.events.push(message);
        }
    }

    fn hear(&self) -> Result<Value> {
        let mut buffer = vec![0; 65_536];
        let len = self.socket.recv(&mut buffer).context("janus does not answer")?;
        serde_json::from_slice(&buffer[..len]).context("janus says no JSON")
    }
}

impl Relay for Janus {
    fn open(&mut self, call: u64, far: &mut FarEnds) -> Result<()> {
        let names = [format!("whatsapp-{call}"), format!("browser-{call}")];
        let [whatsapp, browser] = [self.attach(&names[0])?, self.attach(&names[1])?];
        self.handles.insert(call, [whatsapp, browser]);
        let offer = far.full_offer(call)?;
        let order = json!({ "request": "call", "username": names[1] });
        self.tell(whatsapp, order, Some(("offer", &offer)))?;
        let rings = self.event(browser, "incomingcall")?;
        let offer = rings["jsep"]["sdp"].as_str().context("janus offers no SDP")?;
        let answer = far.browser_answers(call, offer)?;
        self.tell(browser, json!({ "request": "accept" }), Some(("answer", &answer)))?;
        let accepted = self.event(whatsapp, "accepted")?;
        let answer = accepted["jsep"]["sdp"].as_str().context("janus answers no SDP")?;
        far.whatsapp_takes(call, answer)
    }

    fn close(&mut self, call: u64) -> Result<()> {
        for handle in self.handles.remove(&call).unwrap_or_default() {
            self.ask(json!({ "janus": "detach", "handle_id": handle }))?;
        }
        self.events.clear();
        Ok(())
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A folder with all it reads: one plugin, one transport, nothing written to disk.
fn configure(folder: &PathBuf) -> Result<()> {
    // What an earlier run left there; there may be nothing.
    drop(fs::remove_dir_all(folder));
    fs::create_dir_all(folder)?;
    let others = |kind: &str, wanted: &str| -> Result<String> {
        let mut names = Vec::new();
        for entry in fs::read_dir(format!("{LIBRARIES}/{kind}"))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".so") && name != wanted {
                names.push(name);
            }
        }
        Ok(names.join(","))
    };
    let general = fs::read_to_string(shell::root().join("bench/peers/janus.jcfg"))?
        .replace("@FOLDER@", &folder.to_string_lossy())
        .replace("@LIBRARIES@", LIBRARIES)
        .replace("@ADDRESS@", place::ADDRESS)
        .replace("@OTHER_PLUGINS@", &others("plugins", "libjanus_videocall.so")?)
        .replace("@OTHER_TRANSPORTS@", &others("transports", "libjanus_pfunix.so")?);
    fs::write(folder.join("janus.jcfg"), general)?;
    let transport = format!(
        "general: {{ enabled = true; json = \"compact\"; path = \"{}\"; type = \"SOCK_DGRAM\" }}\n\
         admin: {{ admin_enabled = false }}\n",
        folder.join("janus.sock").display()
    );
    fs::write(folder.join("janus.transport.pfunix.jcfg"), transport)?;
    fs::write(folder.join("janus.plugin.videocall.jcfg"), "general: { events = false }\n")?;
    Ok(())
}
