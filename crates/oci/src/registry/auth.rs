//! Authentication at registries: basic authentication, and tokens from the token service that the
//! registry names (distribution's "Token Authentication Specification" and its OAuth 2 variant).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde::Deserialize;

use super::Endpoint;
use super::challenge::Challenge;
use super::credentials::{Credential, CredentialFiles, Looked};
use super::fault::{Cause, Fault, brief};
use super::http::{self, Asked, Failure, Http};

/// The largest answer of a token service in bytes.
const MAX_ANSWER: u64 = 1 << 20;

/// The credentials and tokens of a run.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The value of the `Authorization` header by endpoint.
    given: Mutex<HashMap<Endpoint, String>>,
    /// The credentials found; each helper is called only once.
    looked: Mutex<HashMap<Endpoint, Looked>>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

impl Keys {
    /// Returns the `Authorization` header for an endpoint.
    pub(super) fn header(&self, endpoint: &Endpoint) -> Option<String> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).get(endpoint).cloned()
    }

    fn looked(&self, files: &CredentialFiles, endpoint: &Endpoint) -> Looked {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let find = || files.find(&endpoint.key, &endpoint.repository);
        looked.entry(endpoint.clone()).or_insert_with(find).clone()
    }

    /// Obtains the authorization that a challenge asks for. `refused` is the one that was rejected.
    ///
    /// # Errors
    /// No credentials give access to the registry, or its token service fails.
    pub(super) fn answer(
        &self,
        http: &Http,
        files: &CredentialFiles,
        endpoint: &Endpoint,
        challenges: &[Challenge],
        refused: Option<&str>,
    ) -> Result<(), Failure> {
        // Another thread may have obtained it in the meantime.
        let known = self.header(endpoint);
        if known.is_some() && known.as_deref() != refused {
            return Ok(());
        }
        let looked = self.looked(files, endpoint);
        let of = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
        let header = match (of("bearer"), of("basic"), &looked.credential) {
            (Some(_), _, Some(Credential::Token(token))) => format!("Bearer {token}"),
            (Some(bearer), _, credential) => {
                let token = token(http, endpoint, bearer, credential.as_ref())
                    .map_err(|refusal| refusal.failure(endpoint, &looked, files))?;
                format!("Bearer {token}")
            }
            (None, Some(_), Some(Credential::Password(name, password))) => basic(name, password),
            (None, Some(_), _) => return Err(denied(endpoint, &looked, files, "").into()),
            (None, None, _) => {
                let message =
                    format!("{} requires an unsupported authentication scheme", endpoint.key);
                return Err(Fault::new(Cause::Answer, message).into());
            }
        };
        // The same authorization was already rejected.
        if refused == Some(header.as_str()) {
            return Err(denied(endpoint, &looked, files, "").into());
        }
        self.given.lock().unwrap_or_else(PoisonError::into_inner).insert(endpoint.clone(), header);
        Ok(())
    }

    /// Returns the error for denied access, with advice.
    pub(super) fn denied(&self, files: &CredentialFiles, endpoint: &Endpoint, why: &str) -> Fault {
        denied(endpoint, &self.looked(files, endpoint), files, why)
    }
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// Why there is no token.
enum Refusal {
    Denied(String),
    Other(Failure),
}

impl Refusal {
    fn failure(self, endpoint: &Endpoint, looked: &Looked, files: &CredentialFiles) -> Failure {
        match self {
            Self::Denied(why) => denied(endpoint, looked, files, &why).into(),
            Self::Other(failure) => failure,
        }
    }
}

impl<E: Into<Failure>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// Requests a token for pulling.
fn token(
    http: &Http,
    endpoint: &Endpoint,
    challenge: &Challenge,
    credential: Option<&Credential>,
) -> Result<String, Refusal> {
    let wrong = |what: &str| Fault::new(Cause::Answer, format!("{} {what}", endpoint.key));
    let realm = challenge.get("realm").unwrap_or_default();
    let mut url = Url::parse(realm).map_err(|_| wrong("has no token service address"))?;
    let scope = if endpoint.writes {
        format!("repository:{}:pull,push", endpoint.repository)
    } else {
        scope(challenge.get("scope"), &endpoint.repository)
    };
    let service = challenge.get("service").unwrap_or_default();
    let mut asked = Asked::default();
    if let Some(Credential::Identity(token)) = credential {
        let mut form = Url::parse("form:").map_err(|_| wrong("cannot be reached"))?;
        form.query_pairs_mut()
            .append_pair("grant_type", "refresh_token")
            .append_pair("service", service)
            .append_pair("client_id", "pavisade")
            .append_pair("scope", &scope)
            .append_pair("refresh_token", token);
        asked.form = form.query().map(str::to_owned);
    } else {
        let mut query = url.query_pairs_mut();
        if !service.is_empty() {
            query.append_pair("service", service);
        }
        query.append_pair("scope", &scope);
        drop(query);
        if let Some(Credential::Password(name, password)) = credential {
            asked.authorization = Some(basic(name, password));
        }
    }
    let place = http::host(&url);
    let answer = http.send(&url, &asked)?;
    let status = answer.status();
    if matches!(status.as_u16(), 400 | 401 | 403) {
        let body =
            http::body(answer, MAX_ANSWER, &http.patience).ok().flatten().unwrap_or_default();
        return Err(Refusal::Denied(said(&body)));
    }
    let fault =
        |what: String| Fault::new(Cause::Answer, format!("the token service {place} {what}"));
    if !status.is_success() {
        let passes = status.as_u16() == 429 || status.is_server_error();
        let fault = fault(format!("returned {status}"));
        return Err(Refusal::Other(Failure { fault, passes }));
    }
    let body = http::body(answer, MAX_ANSWER, &http.patience).map_err(|_| Failure {
        fault: fault("sent an incomplete response".to_owned()),
        passes: true,
    })?;
    let answer = body.and_then(|body| serde_json::from_slice::<Answer>(&body).ok());
    let token = answer.and_then(|answer| answer.token.or(answer.access_token));
    let is_valid =
        |token: &String| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    Ok(token.filter(is_valid).ok_or_else(|| fault("returned no token".to_owned()))?)
}

/// Returns the scope of a token: the one in the challenge, limited to pulling.
fn scope(said: Option<&str>, repository: &str) -> String {
    let pulls = |part: &str| {
        let (name, actions) = part.rsplit_once(':')?;
        let fits = name.starts_with("repository:") && actions.split(',').any(|a| a == "pull");
        fits.then(|| format!("{name}:pull"))
    };
    let all: Vec<_> = said.unwrap_or_default().split_whitespace().filter_map(pulls).collect();
    if all.is_empty() { format!("repository:{repository}:pull") } else { all.join(" ") }
}

/// Returns the error for denied access, which lists where credentials were looked for.
fn denied(endpoint: &Endpoint, looked: &Looked, files: &CredentialFiles, why: &str) -> Fault {
    let Endpoint { key, repository, .. } = endpoint;
    let image = format!("{key}/{repository}");
    let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
    let mut problems = looked.problems.join("; ");
    if !problems.is_empty() {
        problems = format!("; {problems}");
    }
    match &looked.place {
        Some(file) => {
            let (does, right) =
                if endpoint.writes { ("write to", "push") } else { ("read", "pull") };
            let message = format!(
                "{key} does not allow the credentials of {} to {does} {image}{why}{problems}",
                file.display()
            );
            let remedy =
                format!("log in again (`docker login {key}`), or ask for permission to {right}");
            Fault::new(Cause::Denied, message).remedy(remedy)
        }
        None => {
            let places = match &*files.places() {
                "" => "no credentials file was found".to_owned(),
                places => format!("there are no credentials for {key} in {places}"),
            };
            let message = format!("{image} does not exist or is private{why}: {places}{problems}");
            let remedy = format!("check the name, or log in with `docker login {key}`");
            Fault::new(Cause::Denied, message).remedy(remedy)
        }
    }
}

/// Reads the error message of a registry (distribution specification, "Error Codes").
pub(super) fn said(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Errors {
        #[serde(default)]
        errors: Vec<Error>,
        #[serde(default)]
        details: String,
    }
    #[derive(Deserialize)]
    struct Error {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let Ok(said) = serde_json::from_slice::<Errors>(body) else { return String::new() };
    match said.errors.first() {
        Some(Error { code, message }) if message.is_empty() => brief(code),
        Some(Error { message, .. }) => brief(message),
        None => brief(&said.details),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_asked_for_pulling_alone() {
        for (said, expect) in [
            (None, "repository:a/b:pull"),
            (Some("repository:a/b:pull,push"), "repository:a/b:pull"),
            (Some("repository:other/b:pull"), "repository:other/b:pull"),
            (Some("repository:a/b:push registry:catalog:*"), "repository:a/b:pull"),
            (
                Some("repository:a/b:pull repository:c:pull,*"),
                "repository:a/b:pull repository:c:pull",
            ),
        ] {
            assert_eq!(scope(said, "a/b"), expect, "{said:?}");
        }
    }
}
