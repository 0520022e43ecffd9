//! Who receives credentials, and which servers are trusted.

use std::sync::Arc;

use super::*;
use crate::registry::Cause;

/// Starts a server that requires a token and names its token service.
fn guarded(sample: &Sample, realm: String, token: &'static str) -> Server {
    let sample = sample.clone();
    Server::start(move |request| {
        if request.path.starts_with("/token") {
            return Reply::new(200, json!({"token": token}).to_string());
        }
        if request.header("authorization") == format!("Bearer {token}") {
            return sample.answer(request);
        }
        let realm = if realm.is_empty() {
            format!("http://{}/token", request.header("host"))
        } else {
            realm.clone()
        };
        let challenge = format!(
            r#"Bearer realm="{realm}",service="sample",scope="repository:team/app:pull,push""#
        );
        Reply::new(401, "").with("WWW-Authenticate", challenge)
    })
}

fn denied(found: Result<Vec<String>, Refusal>) -> String {
    match found {
        Err(Refusal::Registry(fault)) if fault.cause == Cause::Denied => fault.message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tokens_are_asked_for_once_and_for_pulling() {
    let server = guarded(&Sample::new(), String::new(), "abc");
    assert_eq!(ask(&server).unwrap(), ["left-pad 1.0.0"]);
    let requests = server.requests();
    let of_token: Vec<_> = requests.iter().filter(|r| r.path.starts_with("/token")).collect();
    let [one] = &*of_token else { panic!("{of_token:?}") };
    assert_eq!(one.path, "/token?service=sample&scope=repository%3Ateam%2Fapp%3Apull");
    assert_eq!(one.header("authorization"), "");

    let folder = tempfile::tempdir().unwrap();
    let server = guarded(&Sample::new(), String::new(), "abc");
    let access = Access { credentials: login(folder.path(), &server.host()), ..access(&[&server]) };
    assert_eq!(read(access, remote(&server, "1"), "linux/amd64").unwrap(), ["left-pad 1.0.0"]);
    for request in server.requests() {
        let sent = request.header("authorization");
        let is_token = request.path.starts_with("/token");
        // The password goes only to the token service.
        assert_eq!(sent.starts_with("Basic "), is_token, "{request:?}");
    }
}

#[test]
fn a_token_that_ends_meanwhile_is_renewed() {
    let sample = Sample::new();
    let server = Server::start(move |request| {
        if request.path.starts_with("/token") {
            return Reply::new(200, format!(r#"{{"access_token":"t{}"}}"#, request.nth));
        }
        // The first token is valid only for the manifest.
        let wanted = if request.path.contains("/manifests/") { "Bearer t0" } else { "Bearer t1" };
        if request.header("authorization") == wanted {
            return sample.answer(request);
        }
        let challenge = format!(r#"Bearer realm="http://{}/token""#, request.header("host"));
        Reply::new(401, "").with("WWW-Authenticate", challenge)
    });
    assert_eq!(ask(&server).unwrap(), ["left-pad 1.0.0"]);
}

#[test]
fn refresh_tokens_are_posted() {
    let sample = Sample::new();
    let server = Server::start(move |request| {
        if request.path == "/token" && request.method == "POST" {
            return match request.body.contains("refresh_token=long+lived") {
                true => Reply::new(200, r#"{"access_token":"abc"}"#),
                false => Reply::new(401, ""),
            };
        }
        if request.header("authorization") == "Bearer abc" {
            return sample.answer(request);
        }
        let challenge = format!(r#"Bearer realm="http://{}/token""#, request.header("host"));
        Reply::new(401, "").with("WWW-Authenticate", challenge)
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.json");
    let known = json!({"auths": {server.host(): {"identitytoken": "long lived"}}});
    fs::write(&file, known.to_string()).unwrap();
    let credentials = CredentialFiles { files: vec![file], programs: None };
    let access = Access { credentials, ..access(&[&server]) };
    assert_eq!(read(access, remote(&server, "1"), "linux/amd64").unwrap(), ["left-pad 1.0.0"]);
}

#[test]
fn passwords_open_registries_that_ask_for_them() {
    let sample = Sample::new();
    let start = move || {
        let sample = sample.clone();
        Server::start(move |request| match request.header("authorization") {
            "Basic YW5uOnNlY3JldA==" => sample.answer(request),
            _ => Reply::new(401, "").with("WWW-Authenticate", r#"Basic realm="here""#),
        })
    };
    let (folder, server) = (tempfile::tempdir().unwrap(), start());
    let credentials = login(folder.path(), &server.host());
    let with = Access { credentials: credentials.clone(), ..access(&[&server]) };
    assert_eq!(read(with, remote(&server, "1"), "linux/amd64").unwrap(), ["left-pad 1.0.0"]);

    // Credentials for another registry are not tried, and the message lists the file.
    let other = start();
    let with = Access { credentials, ..access(&[&other]) };
    let message = denied(read(with, remote(&other, "1"), "linux/amd64"));
    assert!(message.contains("config.json") && message.contains(&other.host()), "{message}");
    assert!(other.requests().iter().all(|request| request.header("authorization").is_empty()));
}

#[test]
fn a_wrong_password_is_not_tried_again_and_not_told() {
    for kind in ["Basic", "Bearer"] {
        let server = Server::start(move |request| {
            let challenge = format!(r#"{kind} realm="http://{}/token""#, request.header("host"));
            let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}"#;
            Reply::new(401, body).with("WWW-Authenticate", challenge)
        });
        let folder = tempfile::tempdir().unwrap();
        let credentials = login(folder.path(), &server.host());
        let with = Access { credentials, ..access(&[&server]) };
        let message = denied(read(with, remote(&server, "1"), "linux/amd64"));
        assert!(message.contains("config.json") && message.contains("wrong password"), "{message}");
        assert!(!message.contains("secret"), "{message}");
        assert_eq!(server.requests().len(), 2, "{kind}");
    }
}

#[test]
fn credentials_follow_no_redirect_to_another_host() {
    let sample = Sample::new();
    let blobs = sample.clone();
    let storage = Server::start(move |request| {
        let path = request.path.trim_end_matches("?signed");
        blobs.answer(&Request { path: path.to_owned(), ..request.clone() })
    });
    let to = storage.host();
    let origin = Server::start(move |request| {
        if request.header("authorization").is_empty() {
            return Reply::new(401, "").with("WWW-Authenticate", r#"Basic realm="here""#);
        }
        if request.path.contains("/blobs/") {
            let location = format!("http://{to}{}?signed", request.path);
            return Reply::new(307, "").with("Location", location);
        }
        sample.answer(request)
    });
    let folder = tempfile::tempdir().unwrap();
    let credentials = login(folder.path(), &origin.host());
    let with = Access { credentials: credentials.clone(), ..access(&[&origin, &storage]) };
    assert_eq!(read(with, remote(&origin, "1"), "linux/amd64").unwrap(), ["left-pad 1.0.0"]);
    let there = storage.requests();
    assert_eq!(there.len(), 2);
    assert!(there.iter().all(|request| request.header("authorization").is_empty()), "{there:?}");

    // A redirect to a host where plain HTTP is not allowed is not followed.
    let with = Access { credentials, ..access(&[&origin]) };
    let found = read(with, remote(&origin, "1"), "linux/amd64");
    let Err(Refusal::Registry(fault)) = found else { panic!("{found:?}") };
    assert_eq!(fault.cause, Cause::Redirect);
    assert!(fault.remedy.contains(&storage.host()), "{fault:?}");
    assert_eq!(storage.requests().len(), 2);
}

#[test]
fn a_challenge_of_another_host_is_not_answered() {
    let storage = Server::start(|request| {
        let challenge = format!(r#"Bearer realm="http://{}/token""#, request.header("host"));
        Reply::new(401, "").with("WWW-Authenticate", challenge)
    });
    let to = storage.host();
    let origin = Server::start(move |request| {
        Reply::new(302, "").with("Location", format!("http://{to}{}", request.path))
    });
    let folder = tempfile::tempdir().unwrap();
    let credentials = login(folder.path(), &origin.host());
    let with = Access { credentials, ..access(&[&origin, &storage]) };
    assert!(read(with, remote(&origin, "1"), "linux/amd64").is_err());
    let there = storage.requests();
    assert_eq!(there.len(), 1, "{there:?}");
    assert_eq!(there[0].header("authorization"), "");
}

#[test]
fn redirects_end() {
    let server =
        Server::start(|request| Reply::new(302, "").with("Location", format!("{}x", request.path)));
    let found = ask(&server);
    let Err(Refusal::Registry(fault)) = found else { panic!("{found:?}") };
    assert_eq!(fault.cause, Cause::Redirect);
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn a_private_authority_counts_where_it_is_named() {
    let key = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let authority = key.cert.pem().into_bytes();
    let chain = vec![key.cert.der().clone()];
    let secret = rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, secret.unwrap())
        .unwrap();
    let config = Arc::new(config);
    let sample = Sample::new();
    let wrap = Box::new(move |stream| -> Box<dyn server::Stream> {
        let connection = rustls::ServerConnection::new(config.clone()).unwrap();
        Box::new(rustls::StreamOwned::new(connection, stream))
    });
    let server = Server::start_with(wrap, move |request| sample.answer(request));
    let trusting = Access { authorities: authority, ..access(&[]) };
    let found = read(trusting.clone(), remote(&server, "1"), "linux/amd64");
    assert_eq!(found.unwrap(), ["left-pad 1.0.0"]);
    for (access, cause) in [
        (access(&[]), Cause::Tls),
        // Allowing plain HTTP neither makes a certificate valid nor disables TLS on the server.
        (access(&[&server]), Cause::Unreachable),
        (Access { authorities: b"no certificate".to_vec(), ..trusting }, Cause::Access),
    ] {
        let found = read(access, remote(&server, "1"), "linux/amd64");
        let Err(Refusal::Registry(fault)) = found else { panic!("{found:?}") };
        assert_eq!(fault.cause, cause, "{fault:?}");
    }
}

#[test]
fn without_being_asked_to_nothing_goes_without_tls() {
    let server = Server::start(|_| Reply::new(200, ""));
    let found = read(access(&[]), remote(&server, "1"), "linux/amd64");
    let Err(Refusal::Registry(fault)) = found else { panic!("{found:?}") };
    assert_eq!(fault.cause, Cause::Tls, "{fault:?}");
    assert!(fault.remedy.contains("--plain-http"), "{fault:?}");
    assert!(server.requests().iter().all(|request| request.headers.is_empty()));
}
