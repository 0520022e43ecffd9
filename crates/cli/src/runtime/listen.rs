//! The API server's audit webhook (`--audit-webhook-config-file`): events that are sent to us.
//!
//! Without TLS only a loopback address is served; with TLS, clients must present a certificate of
//! the given authority. Requests are bounded in size and time, connections in number.

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full, Limited};
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
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::audit::Judge;
use crate::args::runtime::Listen;
use crate::{Outcome, terminal};

/// The largest request: the API server sends at most 10 MiB at once by default.
const MAX_BODY: usize = 32 << 20;
const MAX_CONNECTIONS: usize = 64;
/// For the handshake, and for a request from its first byte to its last.
const PATIENCE: Duration = Duration::from_secs(30);

/// The judge, or nothing after the output was closed.
type Shared = Arc<Mutex<Judge>>;

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
    let judge = Arc::new(Mutex::new(judge));
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("--listen {address}"))?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let own = listener.local_addr().context("the address of the listener")?;
        terminal::say("", &format!("listening on {scheme}://{own}"));
        tokio::select! {
            served = serve(listener, tls, &judge) => served,
            ended = ended() => ended,
        }
    })?;
    // Requests that are still being answered end with the runtime.
    runtime.shutdown_timeout(PATIENCE);
    match Arc::try_unwrap(judge) {
        Ok(judge) => judge.into_inner().unwrap_or_else(PoisonError::into_inner).finish(),
        Err(_) => bail!("a request did not end in {} s", PATIENCE.as_secs()),
    }
}

/// Waits for an interrupt or a request to terminate.
async fn ended() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).context("waiting for signals")?;
        tokio::select! {
            interrupt = tokio::signal::ctrl_c() => interrupt.context("waiting for signals"),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.context("waiting for signals")
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
    judge: &Shared,
) -> anyhow::Result<()> {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = places.clone().acquire_owned().await.context("places for connections")?;
        // A connection that failed before it was there is its client's affair; where there are
        // too many open files, the next one waits.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (tls, judge) = (tls.clone(), judge.clone());
        tokio::spawn(async move {
            match tls {
                None => connection(stream, &judge).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) = timeout(PATIENCE, tls.accept(stream)).await {
                        connection(stream, &judge).await;
                    }
                }
            }
            drop(place);
        });
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, judge: &Shared) {
    let answer = service_fn(|request| answer(request, judge));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // The client sees what went wrong; events that were not answered are sent again.
    let _ = http.serve_connection(TokioIo::new(stream), answer).await;
}

async fn answer(
    request: Request<Incoming>,
    judge: &Shared,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, text) = judged(request, judge).await;
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    Ok(response)
}

async fn judged(request: Request<Incoming>, judge: &Shared) -> (StatusCode, &'static str) {
    if request.method() != Method::POST {
        return (StatusCode::METHOD_NOT_ALLOWED, "send audit events with POST\n");
    }
    let body = Limited::new(request.into_body(), MAX_BODY).collect();
    let body = match timeout(PATIENCE, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => {
            return (StatusCode::PAYLOAD_TOO_LARGE, "the request is too large or broken\n");
        }
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the request took too long\n"),
    };
    let Ok(text) = std::str::from_utf8(&body) else {
        return (StatusCode::BAD_REQUEST, "not UTF-8\n");
    };
    let mut judge = judge.lock().unwrap_or_else(PoisonError::into_inner);
    match judge.audit("webhook", text).and_then(|()| judge.flush()) {
        Ok(()) => (StatusCode::OK, ""),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "alerts cannot be written\n"),
    }
}
