//! Sending: connections, handshakes and HTTP requests. The only code that opens sockets, and only
//! through the [`Gate`].

mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::dns::{Question, names};
use crate::plan::Planned;
use crate::probe::{Kind, Seen};
use crate::{
    Answer, Ask, Component, Exchange, Gate, HttpAsk, Known, Offer, Outcome, Page, Registered,
    Target,
};
use tls::{HTTP2, broken, handshake, old_handshake, settings};

/// The timeout of a TCP connection.
const CONNECT: Duration = Duration::from_millis(1500);
/// The timeout of a response.
const RESPONSE: Duration = Duration::from_secs(5);
/// Connections at the same time while looking for open ports.
const CONNECTIONS: usize = 512;
/// Endpoints at the same time.
const ENDPOINTS: usize = 32;
/// Bytes of a body that are read.
const BODY: usize = 256 << 10;

/// What is known of each endpoint before probes run.
pub type Found = BTreeMap<SocketAddr, Answer>;

/// Connects to all endpoints of a plan. Endpoints that do not respond are tried again if their host
/// responds at another port.
pub async fn discover(gate: &Arc<Gate>, plan: &[Planned]) -> Found {
    let all: BTreeSet<_> = plan.iter().map(|planned| planned.target.address).collect();
    let mut found = connect_all(gate, all.into_iter().collect()).await;
    let alive = alive(&found);
    let silent = found.iter().filter(|(address, answer)| {
        matches!(answer, Answer::Filtered) && alive.contains(&address.ip())
    });
    let silent: Vec<_> = silent.map(|(address, _)| *address).collect();
    found.extend(connect_all(gate, silent).await);
    found
}

/// Returns the hosts that responded at any port.
pub fn alive(found: &Found) -> BTreeSet<IpAddr> {
    let responds = |answer: &Answer| matches!(answer, Answer::Connected | Answer::Refused);
    found.iter().filter(|(_, answer)| responds(answer)).map(|(at, _)| at.ip()).collect()
}

async fn connect_all(gate: &Arc<Gate>, all: Vec<SocketAddr>) -> Found {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut tasks = JoinSet::new();
    for address in all {
        let (gate, room) = (gate.clone(), room.clone());
        tasks.spawn(async move {
            let Ok(_permit) = room.acquire().await else {
                return (address, Answer::Withheld("the run ended".to_owned()));
            };
            let answer = match open(&gate, address, "tcp", &Ask::Connect).await {
                Ok(_) => Answer::Connected,
                Err(answer) => answer,
            };
            (address, answer)
        });
    }
    tasks.join_all().await.into_iter().collect()
}

/// Runs the probes of a plan on the endpoints that were found, and compares them with what is
/// `known`. `told` is called for each endpoint that is done.
pub async fn run(
    gate: &Arc<Gate>,
    plan: Vec<Planned>,
    found: &Found,
    (known, now): (&Known, Timestamp),
    told: &(dyn Fn(&Target) + Sync),
) -> Vec<Outcome> {
    let alive = alive(found);
    let room = Arc::new(Semaphore::new(ENDPOINTS));
    let mut tasks = JoinSet::new();
    for planned in plan {
        let address = planned.target.address;
        // What does not respond to a pod may be cut off.
        if !alive.contains(&address.ip())
            && planned.target.component != Component::Egress
            && !matches!(found.get(&address), Some(Answer::Withheld(_)))
        {
            continue;
        }
        let (gate, room) = (gate.clone(), room.clone());
        let first = found.get(&address).cloned();
        tasks.spawn(async move {
            let _permit = room.acquire().await;
            let exchanges = exchanges(&gate, &planned, first).await;
            (planned, exchanges)
        });
    }
    let mut outcomes = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let Ok((planned, exchanges)) = done else { continue };
        told(&planned.target);
        outcomes.extend(judge(&planned, &exchanges, (known, now)));
    }
    outcomes.sort_by(|a, b| (&a.subject, a.probe.id()).cmp(&(&b.subject, b.probe.id())));
    outcomes
}

/// Gives each probe its exchanges.
fn judge<'a>(
    planned: &'a Planned,
    exchanges: &'a [Arc<Exchange>],
    (known, now): (&'a Known, Timestamp),
) -> impl Iterator<Item = Outcome> + 'a {
    let at = |index: Option<usize>| index.and_then(|index| exchanges.get(index)).cloned();
    let (control, plain_control) = (at(planned.control), at(planned.plain_control));
    planned.uses.iter().filter_map(move |(probe, places)| {
        let probe: &'static Registered = probe;
        let Kind::Endpoint { judge, .. } = &probe.kind else { return None };
        let own: Vec<_> =
            places.iter().filter_map(|place| exchanges.get(*place).cloned()).collect();
        // A port may serve one thing with TLS, and another one without.
        let is_plain =
            own.iter().any(|exchange| matches!(&exchange.ask, Ask::Http(ask) if !ask.tls));
        let control = if is_plain { &plain_control } else { &control };
        let seen = Seen {
            target: &planned.target,
            exchanges: own.clone(),
            control: control.clone(),
            known,
            now: now.as_second(),
        };
        let verdict = (judge.0)(&seen);
        Some(Outcome::endpoint(probe, &planned.target, verdict, own))
    })
}

async fn exchanges(gate: &Gate, planned: &Planned, known: Option<Answer>) -> Vec<Arc<Exchange>> {
    let mut all = Vec::new();
    for ask in &planned.asks {
        let answer = match &known {
            // Nothing more is sent to an endpoint that is closed.
            Some(answer) if !matches!(answer, Answer::Connected) => answer.clone(),
            Some(_) => accepted(send(gate, &planned.target, ask).await),
            None => send(gate, &planned.target, ask).await,
        };
        all.push(Arc::new(Exchange { ask: ask.clone(), answer }));
    }
    all
}

/// Converts the answer of a port that accepted a connection before. That it does not now proves
/// nothing: it may limit connections.
fn accepted(answer: Answer) -> Answer {
    match answer {
        Answer::Refused | Answer::Filtered => Answer::Failed(
            "the port accepted a connection before, but not for this request".to_owned(),
        ),
        other => other,
    }
}

/// Sends one request.
async fn send(gate: &Gate, target: &Target, ask: &Ask) -> Answer {
    let first = once(gate, target, ask).await;
    match first {
        // An alert is lost if the connection is reset before it is read.
        Answer::Failed(_) => once(gate, target, ask).await,
        answer => answer,
    }
}

async fn once(gate: &Gate, target: &Target, ask: &Ask) -> Answer {
    let kind = match ask {
        Ask::Connect => "tcp",
        Ask::Handshake(_) => "tls",
        Ask::Settings => "http2",
        Ask::Http(_) => "http",
        Ask::Dns(_) => "dns",
    };
    let stream = match open(gate, target.address, kind, ask).await {
        Ok(stream) => stream,
        Err(answer) => return answer,
    };
    let agent = gate.agent();
    let answer = async {
        match ask {
            Ask::Connect => Answer::Connected,
            Ask::Dns(question) => dns(stream, question).await,
            Ask::Handshake(Offer::Current) => match handshake(stream, target, &[]).await {
                Ok((_, facts)) => Answer::Tls(Box::new(facts)),
                Err(answer) => answer,
            },
            Ask::Settings => match handshake(stream, target, &HTTP2).await {
                Ok((stream, _)) => settings(stream).await,
                Err(answer) => answer,
            },
            Ask::Handshake(offer) => old_handshake(stream, *offer).await,
            Ask::Http(ask) if ask.tls => match handshake(stream, target, &[]).await {
                Ok((stream, _)) => http(stream, target, ask, &agent).await,
                Err(answer) => answer,
            },
            Ask::Http(ask) => http(stream, target, ask, &agent).await,
        }
    };
    let remaining = gate.remaining();
    match timeout(RESPONSE.min(remaining), answer).await {
        Ok(answer) => answer,
        Err(_) if remaining < RESPONSE => {
            Answer::Failed("no response before the end of the run (deadline)".to_owned())
        }
        Err(_) => Answer::Failed(format!("no response within {} s", RESPONSE.as_secs())),
    }
}

/// Opens a connection, if the gate permits it.
async fn open(
    gate: &Gate,
    address: SocketAddr,
    kind: &str,
    ask: &Ask,
) -> Result<TcpStream, Answer> {
    let passed = gate.pass(address, kind, &json!(ask.to_string())).await;
    passed.map_err(|withheld| Answer::Withheld(withheld.to_string()))?;
    match timeout(CONNECT, TcpStream::connect(address)).await {
        Err(_) => Err(Answer::Filtered),
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(match error.kind() {
            std::io::ErrorKind::ConnectionRefused => Answer::Refused,
            std::io::ErrorKind::TimedOut => Answer::Filtered,
            _ => Answer::Failed(error.to_string()),
        }),
    }
}

async fn dns(mut stream: TcpStream, question: &Question) -> Answer {
    let read = async {
        stream.write_all(&question.message()).await?;
        let length = stream.read_u16().await?;
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message).await?;
        Ok(message)
    };
    match read.await {
        Ok(message) => names(&message).map_or_else(
            || Answer::Failed("the response is not one of a DNS server".to_owned()),
            Answer::Names,
        ),
        Err(error) => Answer::Failed(std::io::Error::to_string(&error)),
    }
}

async fn http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    target: &Target,
    ask: &HttpAsk,
    agent: &str,
) -> Answer {
    let HttpAsk { method, path, headers, body, .. } = ask;
    let mut request = hyper::Request::builder()
        .method(*method)
        .uri(path)
        .header("host", target.address.to_string())
        .header("user-agent", agent)
        .header("connection", "close");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let body = Full::new(Bytes::from(body.clone().unwrap_or_default()));
    let Ok(request) = request.body(body) else {
        return Answer::Failed("the request is not valid".to_owned());
    };
    let handshake = hyper::client::conn::http1::Builder::new()
        .max_buf_size(64 << 10)
        .handshake(TokioIo::new(stream))
        .await;
    let (mut sender, connection) = match handshake {
        Ok(both) => both,
        Err(error) => return Answer::Failed(error.to_string()),
    };
    let connection = tokio::spawn(connection);
    let answer = match sender.send_request(request).await {
        Ok(response) => page(response).await,
        Err(error) => not_http(&error),
    };
    connection.abort();
    answer
}

async fn page(response: hyper::Response<hyper::body::Incoming>) -> Answer {
    let (parts, mut body) = response.into_parts();
    let headers = parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let mut page = Page {
        status: parts.status.as_u16(),
        headers: headers.collect(),
        body: Vec::new(),
        cut: false,
    };
    while let Some(frame) = body.frame().await {
        // What was read is enough if the connection breaks.
        let Ok(frame) = frame else {
            page.cut = true;
            break;
        };
        let Some(data) = frame.data_ref() else { continue };
        let room = BODY - page.body.len();
        page.body.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() >= room {
            page.cut = true;
            break;
        }
    }
    Answer::Http(page)
}

fn not_http(error: &hyper::Error) -> Answer {
    let mut at: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = at {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            if io.kind() == std::io::ErrorKind::UnexpectedEof {
                return Answer::Failed("the connection was closed without a response".to_owned());
            }
            return broken(io);
        }
        at = cause.source();
    }
    // It began like HTTP.
    if error.is_parse_too_large() {
        return Answer::Failed("the head of the response is longer than what is read".to_owned());
    }
    if error.is_parse() {
        return Answer::NotHttp(error.to_string());
    }
    if error.is_incomplete_message() {
        return Answer::NotHttp("the connection was closed without a response".to_owned());
    }
    Answer::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_was_open_is_not_closed_by_a_later_failure() {
        for answer in [Answer::Refused, Answer::Filtered] {
            assert_eq!(crate::shape::closed(&accepted(answer)).word(), "unknown");
        }
        assert!(matches!(accepted(Answer::NotTls), Answer::NotTls));
    }
}
