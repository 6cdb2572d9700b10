//! What did the gateways ask the platform? A wire between both that keeps a copy of one direction.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

/// The copies, one for each connection.
type Copies = Arc<Mutex<Vec<Arc<Mutex<Kept>>>>>;

/// What came over one connection.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    /// When so many bytes were there.
    came: Vec<(usize, SystemTime)>,
}

/// A wire to the platform.
pub(crate) struct Tee {
    url: String,
    copies: Copies,
}

impl Tee {
    /// A wire to this address.
    pub(crate) fn to(url: &str) -> Self {
        let host = url.strip_prefix("http://").expect("a plain HTTP address").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let copies = Copies::default();
        let kept = Arc::clone(&copies);
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let (Ok(near), Ok(far)) = (near, TcpStream::connect(&host)) else { return };
                let copy: Arc<Mutex<Kept>> = Arc::default();
                locked(&kept).push(Arc::clone(&copy));
                join(&near, &far, copy);
            }
        });
        Self { url, copies }
    }

    /// Where the wire begins.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// All that was asked.
    pub(crate) fn text(&self) -> String {
        let copies = locked(&self.copies);
        let texts = copies.iter().map(|copy| locked(copy).text());
        texts.collect()
    }

    /// When each action was asked for, by action and call; a `connect` by its opaque data.
    pub(crate) fn actions(&self) -> BTreeMap<(String, String), Vec<SystemTime>> {
        let mut actions: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for copy in locked(&self.copies).iter() {
            let copy = locked(copy);
            for (at, request) in copy.requests() {
                let Some(action) = field(&request, "action") else { continue };
                let name = if action == "connect" { "biz_opaque_callback_data" } else { "call_id" };
                let Some(call) = field(&request, name) else { continue };
                actions.entry((action, call)).or_default().push(at);
            }
        }
        actions
    }
}

impl Kept {
    fn keep(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.came.push((self.bytes.len(), SystemTime::now()));
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Every POST, and when it came.
    fn requests(&self) -> Vec<(SystemTime, String)> {
        let text = self.text();
        let mut start = 0;
        let mut requests = Vec::new();
        for request in text.split_inclusive("POST /") {
            // What precedes a request ends with how it begins.
            let at = self.came.iter().find(|(there, _)| *there >= start);
            requests.extend(at.map(|(_, at)| (*at, request.to_owned())));
            start += request.len();
        }
        requests
    }
}

/// The text of a field of a request's JSON.
fn field(request: &str, name: &str) -> Option<String> {
    let (_, rest) = request.split_once(&format!("\"{name}\":\""))?;
    rest.split_once('"').map(|(text, _)| text.to_owned())
}

fn join(near: &TcpStream, far: &TcpStream, copy: Arc<Mutex<Kept>>) {
    let clone = |stream: &TcpStream| stream.try_clone().expect("one more handle");
    let (up, down) = ((clone(near), clone(far)), (clone(far), clone(near)));
    std::thread::spawn(move || pump(up.0, up.1, |bytes| locked(&copy).keep(bytes)));
    std::thread::spawn(move || pump(down.0, down.1, |_| {}));
}

/// Carries one direction until one end is gone; then both are.
fn pump(mut from: TcpStream, mut to: TcpStream, mut keep: impl FnMut(&[u8])) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        keep(&bytes[..read]);
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _gone = (from.shutdown(Shutdown::Both).is_err(), to.shutdown(Shutdown::Both).is_err());
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
