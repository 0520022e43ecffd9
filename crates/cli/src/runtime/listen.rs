//! The API server's audit webhook (`--audit-webhook-config-file`): events that are sent to us.
//!
//! Without TLS only a loopback address is served; with TLS, clients must present a certificate of
//! the given authority. Requests are bounded in size and time, connections in number.

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::judge::Judge;
use crate::args::runtime::Listen;
use crate::signals::stopped;
use crate::{Outcome, terminal};

/// The largest request. A batch holds up to 400 events, and no limit of bytes unless the API server
/// has `--audit-webhook-truncate-enabled` (10 MiB then).
const MAX_BODY: usize = 64 << 20;
const MAX_CONNECTIONS: usize = 256;
/// How many requests are read and evaluated at the same time.
const MAX_REQUESTS: usize = 16;
/// For a request from its first byte to its last.
const PATIENCE: Duration = Duration::from_secs(30);
/// For the handshake, which costs unauthenticated clients nothing.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// What connections share.
struct Shared {
    judge: Mutex<Judge>,
    requests: Semaphore,
    /// The output was closed, so nothing more can be reported.
    closed: Notify,
}

pub(super) fn run(args: &Listen, judge: Judge) -> anyhow::Result<Outcome> {
    let Some(address) = args.address else { bail!("no address") };
    let tls = match (&args.tls_cert, &args.tls_key, &args.client_ca) {
        (Some(certificate), Some(key), Some(authority)) => {
            Some(TlsAcceptor::from(Arc::new(config(certificate, key, authority)?)))
        }
        _ if !address.ip().is_loopback() => bail!(
            "--listen {address}: without TLS only a loopback address is served; add --tls-cert, \
             --tls-key and --client-ca"
        ),
        _ => None,
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("starting threads")?;
    let shared = Arc::new(Shared {
        judge: Mutex::new(judge),
        requests: Semaphore::new(MAX_REQUESTS),
        closed: Notify::new(),
    });
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("--listen {address}"))?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let own = listener.local_addr().context("the address of the listener")?;
        terminal::say("", &format!("listening on {scheme}://{own}"));
        tokio::select! {
            served = serve(listener, tls, &shared) => served,
            () = shared.closed.notified() => bail!("alerts cannot be written"),
            stopped = stopped() => stopped,
        }
    })?;
    // Requests that are still being answered end with the runtime.
    runtime.shutdown_timeout(PATIENCE);
    match Arc::try_unwrap(shared) {
        Ok(shared) => shared.judge.into_inner().unwrap_or_else(PoisonError::into_inner).finish(),
        Err(_) => bail!("a request did not end in {} s", PATIENCE.as_secs()),
    }
}

fn config(certificate: &Path, key: &Path, authority: &Path) -> anyhow::Result<ServerConfig> {
    let certificates = |file: &Path| -> anyhow::Result<Vec<_>> {
        let all = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
        let all: Vec<_> =
            all.with_context(|| format!("{}: not certificates (PEM)", file.display()))?;
        if all.is_empty() {
            bail!("{}: no certificate", file.display());
        }
        Ok(all)
    };
    let mut roots = RootCertStore::empty();
    for root in certificates(authority)? {
        roots.add(root).with_context(|| format!("{}: not an authority", authority.display()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let clients = clients.build().with_context(|| authority.display().to_string())?;
    let private = PrivateKeyDer::from_pem_file(key);
    let private = private.with_context(|| format!("{}: not a private key (PEM)", key.display()))?;
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS versions")?
        .with_client_cert_verifier(clients)
        .with_single_cert(certificates(certificate)?, private)
        .with_context(|| format!("{} and {}", certificate.display(), key.display()))
}

async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: &Arc<Shared>,
) -> anyhow::Result<()> {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = places.clone().acquire_owned().await.context("places for connections")?;
        // A connection may fail before it is accepted. If there are too many open files, wait.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (tls, shared) = (tls.clone(), shared.clone());
        tokio::spawn(async move {
            match tls {
                None => connection(stream, &shared).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(stream)).await {
                        connection(stream, &shared).await;
                    }
                }
            }
            drop(place);
        });
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Arc<Shared>) {
    let answer = service_fn(|request| answer(request, shared));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // The client sees what went wrong; events that were not answered are sent again.
    let _ = http.serve_connection(TokioIo::new(stream), answer).await;
}

async fn answer(
    request: Request<Incoming>,
    shared: &Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, text) = judged(request, shared).await;
    if status.is_client_error() && status != StatusCode::METHOD_NOT_ALLOWED {
        // The API server does not send such a batch again, so its events are lost.
        let why = format!("webhook: a request was refused with {status}: {}", text.trim_end());
        let shared = shared.clone();
        tokio::task::spawn_blocking(move || {
            shared.judge.lock().unwrap_or_else(PoisonError::into_inner).counts.unread(&why);
        });
    }
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    Ok(response)
}

async fn judged(request: Request<Incoming>, shared: &Arc<Shared>) -> (StatusCode, &'static str) {
    if request.method() != Method::POST {
        return (StatusCode::METHOD_NOT_ALLOWED, "send audit events with POST\n");
    }
    let Ok(_place) = shared.requests.acquire().await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "ended\n");
    };
    let body = Limited::new(request.into_body(), MAX_BODY).collect();
    let body = match timeout(PATIENCE, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return (StatusCode::PAYLOAD_TOO_LARGE, "the request is too large\n");
        }
        // The client is gone, and sends the batch again.
        Ok(Err(_)) => return (StatusCode::SERVICE_UNAVAILABLE, "the request broke off\n"),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the request took too long\n"),
    };
    let evaluating = shared.clone();
    let evaluated = tokio::task::spawn_blocking(move || {
        let text = std::str::from_utf8(&body).ok()?;
        let mut judge = evaluating.judge.lock().unwrap_or_else(PoisonError::into_inner);
        Some(judge.audit("webhook", text).and_then(|()| judge.flush()))
    });
    match evaluated.await {
        Ok(Some(Ok(()))) => (StatusCode::OK, ""),
        Ok(None) => (StatusCode::BAD_REQUEST, "not UTF-8\n"),
        Ok(Some(Err(_))) | Err(_) => {
            shared.closed.notify_one();
            (StatusCode::INTERNAL_SERVER_ERROR, "alerts cannot be written\n")
        }
    }
}
