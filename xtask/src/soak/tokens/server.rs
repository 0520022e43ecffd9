//! The same configurations and tokens on a real API server: each valid configuration is a separate
//! authenticator, with an issuer that this program serves over TLS. Tokens are sent as
//! `TokenReview`s.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use pavisade_policy::Keys;
use pavisade_yaml::{Source, read, to_json};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use testbed::Shape;

use super::cases::{self, Case, ISSUER};
use super::{Issuer, SHOWN, agrees, authentication, judge};
use crate::live::api::{Api, Call};

const REVIEW: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
/// The time that authenticators have to fetch the documents of their issuers.
const READY: Duration = Duration::from_secs(120);

/// Compares up to `count` tokens.
pub(in crate::soak) fn run(count: u32, _: u64) -> anyhow::Result<()> {
    let (issuer, other) = (Issuer::new("one")?, Issuer::new("two")?);
    let (authority, port) = serve(issuer.keys())?;
    // One invalid configuration would make the whole file invalid.
    let mut valid: Vec<(Case, String)> = Vec::new();
    let mut authenticators = Vec::new();
    for mut one in cases::configurations() {
        let url = format!("https://127.0.0.1:{port}/{}", valid.len());
        one.text = one.text.replace(ISSUER, &url);
        let documents = read(&Source::new("authentication.yaml", one.text.clone()));
        let document = documents.docs.first().context("no configuration")?;
        let mut jwt: Value = serde_json::from_str(&to_json(document.root()))?;
        let Some([own]) = jwt["jwt"].as_array_mut().map(Vec::as_mut_slice) else { continue };
        let plain =
            own["issuer"]["url"] == json!(url) && own["issuer"].get("discoveryURL").is_none();
        if !plain || !authentication(&one.text)?.faults.is_empty() || valid.len() == 64 {
            continue;
        }
        own["issuer"]["certificateAuthority"] = json!(authority);
        authenticators.push(own.clone());
        valid.push((one, url));
    }
    let configuration = json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": authenticators,
    });
    let shape =
        Shape { authentication_config: Some(configuration.to_string()), ..Shape::default() };
    let cluster = match testbed::start(&shape, &format!("tokens-{}", std::process::id())) {
        Ok(cluster) => cluster,
        Err(skipped) => {
            println!("{skipped}");
            return Ok(());
        }
    };
    let api = Api::of(&cluster.kubeconfig())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut all = Vec::new();
    for (one, url) in &valid {
        for (name, mut claims, good) in cases::tokens(&one.claims, now) {
            // Only a server fetches what distributed claims refer to.
            if claims.get("_claim_names").is_some() {
                continue;
            }
            if claims["iss"] == json!(ISSUER) {
                claims["iss"] = json!(url);
            }
            let token = if good { &issuer } else { &other }.sign(&claims)?;
            all.push((one, name, token));
        }
    }
    // Every configuration is tried with a second factor and without, whatever the count is.
    let (first, mut rest): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(_, name, _)| name == "valid" || name == "no factor");
    rest.truncate(usize::try_from(count)?.saturating_sub(first.len()));
    let all = [first, rest].concat();
    let review = |token: &str| {
        Call::post(
            REVIEW,
            &json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}),
        )
    };
    let started = Instant::now();
    let answers = loop {
        let answers = api.send_all(all.iter().map(|(.., token)| review(token)).collect())?;
        let waits = answers.iter().any(|answer| {
            answer.body["status"]["error"]
                .as_str()
                .is_some_and(|why| why.contains("not initialized"))
        });
        if !waits {
            break answers;
        }
        ensure!(started.elapsed() < READY, "the authenticators are not ready");
        sleep(Duration::from_secs(2));
    };
    let keys = Keys::read(&issuer.keys().to_string()).map_err(anyhow::Error::msg)?;
    let (mut accepted, mut wrong) = (0, Vec::new());
    for ((one, name, token), answer) in all.iter().zip(answers) {
        ensure!(answer.status == 201, "a review got {}: {}", answer.status, answer.body);
        let status = &answer.body["status"];
        let truth = json!({
            "accepted": status["authenticated"] == true,
            "username": status["user"]["username"],
            // The API server adds this group to every authenticated user.
            "groups": status["user"]["groups"].as_array().map(|groups| {
                groups.iter().filter(|group| *group != "system:authenticated").collect::<Vec<_>>()
            }),
        });
        accepted += usize::from(truth["accepted"] == true);
        let ours = judge(&one.text, token, &keys, now as f64)?;
        let meant = one.expect(name).is_none_or(|expect| truth["accepted"] == json!(expect));
        if !meant || !agrees(&ours, &truth) {
            wrong.push(format!(
                "{}: {name}\n  the API server: {status}\n  we say {ours:?}",
                one.name
            ));
        }
    }
    wrong.iter().take(SHOWN).for_each(|one| println!("{one}"));
    println!("{} configurations, {} tokens, {accepted} accepted", valid.len(), all.len());
    ensure!(wrong.is_empty(), "{} verdicts differ", wrong.len());
    ensure!(valid.len() >= 30 && accepted * 10 >= all.len(), "too little was compared");
    Ok(())
}

/// Serves the documents of all issuers. Returns the certificate and the port.
fn serve(keys: Value) -> anyhow::Result<(String, u16)> {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.map_err(anyhow::Error::msg)?)?;
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, keys) = (config.clone(), keys.clone());
            std::thread::spawn(move || answer(stream, config, port, &keys));
        }
    });
    Ok((made.cert.pem(), port))
}

/// Answers one request: discovery, or keys.
fn answer(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    port: u16,
    keys: &Value,
) -> anyhow::Result<()> {
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(config)?, stream));
    let mut first = String::new();
    stream.read_line(&mut first)?;
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let issuer = path.split("/.well-known/").next().unwrap_or_default();
    let url = format!("https://127.0.0.1:{port}{issuer}");
    let body = match path.ends_with("/keys") {
        true => keys.clone(),
        false => json!({
            "issuer": url,
            "jwks_uri": format!("{url}/keys"),
            "id_token_signing_alg_values_supported": ["ES256"],
        }),
    }
    .to_string();
    let stream = stream.get_mut();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}
