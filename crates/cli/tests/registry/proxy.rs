//! A proxy before a registry, which hands on what is asked and does to answers what a test says.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    /// How many were asked for this path before.
    pub(crate) nth: usize,
    /// The status that the registry answered with; 0 where it was not asked.
    pub(crate) status: u16,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What the registry answers, and what the proxy makes of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The length that is told in place of the right one.
    pub(crate) length: Option<usize>,
    /// The connection ends after so many bytes of the body.
    pub(crate) cut: Option<usize>,
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

pub(crate) struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
}

/// What is answered in place of the registry, which is asked only by calling the function.
type Fault = dyn Fn(&Asked, &dyn Fn() -> Answer) -> Answer + Send + Sync;

impl Proxy {
    pub(crate) fn start(
        registry: &str,
        fault: impl Fn(&Asked, &dyn Fn() -> Answer) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, stopped, registry) = (asked.clone(), stop.clone(), registry.to_owned());
        let fault: Arc<Fault> = Arc::new(fault);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (seen, fault, registry) = (seen.clone(), fault.clone(), registry.clone());
                thread::spawn(move || {
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
                    one(stream, &registry, &*fault, &seen)
                });
            }
        });
        Self { address, asked, stop }
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// All that was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// What was asked for of one kind: `/blobs/`.
    pub(crate) fn asked_for(&self, part: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.path.contains(part)).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

/// One request of a connection; then it ends.
fn one(stream: TcpStream, registry: &str, fault: &Fault, seen: &Mutex<Vec<Asked>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let (method, path) = line.trim_end().strip_suffix(" HTTP/1.1")?.split_once(' ')?;
    let mut asked = Asked { path: path.to_owned(), ..Asked::default() };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        let values = asked.headers.entry(name.to_ascii_lowercase()).or_default();
        if !values.is_empty() {
            values.push_str(", ");
        }
        values.push_str(value.trim());
    }
    let number = {
        let mut seen = seen.lock().unwrap();
        asked.nth = seen.iter().filter(|other| other.path == asked.path).count();
        seen.push(asked.clone());
        seen.len() - 1
    };
    let upstream = || {
        let answer = hand_on(registry, method, &asked);
        seen.lock().unwrap()[number].status = answer.status;
        answer
    };
    let answer = fault(&asked, &upstream);
    let mut head = format!("HTTP/1.1 {} Told\r\nConnection: close\r\n", answer.status);
    let length = answer.length.unwrap_or(answer.body.len());
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {length}\r\n\r\n");
    let stream = stream.get_mut();
    stream.write_all(head.as_bytes()).ok()?;
    let end = answer.cut.unwrap_or(usize::MAX).min(answer.body.len());
    stream.write_all(&answer.body[..end]).ok()?;
    stream.flush().ok()
}

/// Asks the registry as we were asked, in HTTP/1.0, whose answers end with the connection.
pub(crate) fn hand_on(registry: &str, method: &str, asked: &Asked) -> Answer {
    let mut stream = TcpStream::connect(registry).unwrap();
    let mut head = format!("{method} {} HTTP/1.0\r\n", asked.path);
    for (name, value) in asked.headers.iter().filter(|(name, _)| *name != "connection") {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let status = line.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap();
    let mut answer = Answer::new(status);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim().split_once(':') else { break };
        if !["connection", "content-length"].contains(&&*name.to_ascii_lowercase()) {
            answer.headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    stream.read_to_end(&mut answer.body).unwrap();
    answer
}
