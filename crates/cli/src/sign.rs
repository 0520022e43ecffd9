//! `pavisade sign` and `pavisade attest`.

use std::path::Path;

use anyhow::{Context as _, bail};
use pavisade_oci::{Attachment, Digest, Refusal, Registries, Remote};
use pavisade_scan::Timestamp;
use pavisade_signing::{
    Artifact, BUNDLE, KeyKind, SIGN, SecretKey, SignedBy, ToSign, Witnesses, bundle,
    certificate_answer, certificate_request, log_answer, log_request, predicate_type, sign,
    statement, timestamp_request,
};
use serde_json::{Value, json};

use crate::args::{AttestArgs, PUBLIC_FULCIO, SignArgs, With};
use crate::image::statements;
use crate::output::{named, output, place};
use crate::registry::{Meant, Remotes};
use crate::terminal::quoted;
use crate::verify::{beside, type_word};
use crate::{Outcome, bounded, image, keys, print, terminal};

const MAX_FILE: u64 = 4 << 30;
const MAX_PREDICATE: u64 = 16 << 20;
/// Bytes of an answer of an authority or a log.
const MAX_ANSWER: u64 = 8 << 20;

pub(crate) fn run(args: &SignArgs) -> anyhow::Result<Outcome> {
    let remotes = Remotes::new(&args.registry)?;
    let to = match target(&args.target, &remotes)? {
        Ok(to) => to,
        Err(refusal) => return Ok(told(&refusal)),
    };
    let signer = Signer::of(&args.with, &remotes)?;
    let (text, kind) = match &to {
        Target::File(bytes) => (signer.bundle(ToSign::Bytes(bytes))?, None),
        Target::Image(remote, digest) => {
            let name = format!("{}/{}", remote.registry, remote.repository);
            let payload = statement(&name, &digest.to_string(), SIGN, &json!({}));
            let payload = payload.context("the image has no digest")?;
            (signer.bundle(ToSign::Statement(&payload))?, Some(SIGN))
        }
    };
    let line = put(&to, &args.target, args.output.as_deref(), &remotes, &text, kind)?;
    let output = args.output.as_deref();
    tell(output, &format!("{line}\n{}\n", signer.hint(&to, &args.target, output, kind)))
}

/// Says what was done: beside a bundle on standard output, on standard error.
fn tell(output: Option<&Path>, said: &str) -> anyhow::Result<Outcome> {
    if output != Some(Path::new("-")) {
        return print(said.as_bytes());
    }
    for line in said.lines() {
        terminal::say("", line);
    }
    Ok(Outcome::Clean)
}

pub(crate) fn attest(args: &AttestArgs) -> anyhow::Result<Outcome> {
    if args.predicate.is_none() && !args.sbom && !args.vulnerabilities {
        bail!("name what is stated: --type and --predicate, --sbom or --vulnerabilities");
    }
    let remotes = Remotes::new(&args.registry)?;
    let to = match target(&args.target, &remotes)? {
        Ok(to) => to,
        Err(refusal) => return Ok(told(&refusal)),
    };
    let mut statements: Vec<(String, Value)> = Vec::new();
    if let (Some(kind), Some(file)) = (&args.kind, &args.predicate) {
        let kind = predicate_type(kind)
            .with_context(|| format!("--type {kind}: it is no known type, and not a URI"))?;
        let text = bounded::bytes(file, MAX_PREDICATE)?;
        let predicate = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not JSON", file.display()))?;
        statements.push((kind, predicate));
    }
    if args.sbom || args.vulnerabilities {
        let Target::Image(remote, digest) = &to else {
            bail!("--sbom and --vulnerabilities are about images of registries");
        };
        let pinned = Remote { wanted: digest.clone().into(), ..remote.clone() };
        let Some(made) = statements::made(args, &pinned, &remotes)? else {
            return Ok(Outcome::Incomplete);
        };
        statements.extend(made);
    }
    if args.output.is_some() && statements.len() > 1 {
        bail!("--output takes one statement, and {} were asked for", statements.len());
    }
    let signer = Signer::of(&args.with, &remotes)?;
    let digest = to.digest();
    let name = match &to {
        Target::Image(remote, _) => format!("{}/{}", remote.registry, remote.repository),
        Target::File(_) => {
            args.target.file_name().unwrap_or_default().to_string_lossy().into_owned()
        }
    };
    let mut said = String::new();
    let output = args.output.as_deref();
    for (kind, predicate) in &statements {
        let payload = statement(&name, &digest, kind, predicate).context("no digest")?;
        let text = signer.bundle(ToSign::Statement(&payload))?;
        said += &put(&to, &args.target, output, &remotes, &text, Some(kind))?;
        said += &format!(" ({kind})\n");
    }
    for (kind, _) in &statements {
        said += &format!("{}\n", signer.hint(&to, &args.target, output, Some(kind)));
    }
    tell(output, &said)
}

/// What is signed.
enum Target {
    File(Vec<u8>),
    Image(Remote, Digest),
}

impl Target {
    fn digest(&self) -> String {
        match self {
            Self::File(bytes) => Artifact::of(bytes).name(),
            Self::Image(_, digest) => digest.to_string(),
        }
    }
}

fn told(refusal: &Refusal) -> Outcome {
    terminal::say("error", &image::told(refusal));
    Outcome::Incomplete
}

fn target(path: &Path, remotes: &Remotes) -> anyhow::Result<Result<Target, Refusal>> {
    match Meant::of(path) {
        Meant::Wrong(why) => bail!(why),
        Meant::Path if path.is_dir() => {
            bail!("{} is a folder: sign an image in its registry, or a file", path.display())
        }
        Meant::Path => Ok(Ok(Target::File(bounded::bytes(path, MAX_FILE)?))),
        Meant::Remote(remote) => {
            let store = remotes.store(remote.clone());
            let candidates = store.candidates(&pavisade_oci::Platform::here());
            let digest = match candidates {
                Ok(all) => all.into_iter().next().and_then(|one| one.digest),
                Err(refusal) => return Ok(Err(refusal)),
            };
            let digest = digest.context("the image has no digest")?;
            Ok(Ok(Target::Image(remote, digest)))
        }
    }
}

/// Writes or attaches a bundle, and says where it is.
fn put(
    to: &Target,
    path: &Path,
    file: Option<&Path>,
    remotes: &Remotes,
    text: &str,
    kind: Option<&str>,
) -> anyhow::Result<String> {
    let own = beside(path);
    match to {
        Target::Image(remote, digest) if file.is_none() => {
            let annotations = [
                ("dev.sigstore.bundle.content", "dsse-envelope".to_owned()),
                ("dev.sigstore.bundle.predicateType", kind.unwrap_or_default().to_owned()),
                ("org.opencontainers.image.created", now()?.to_string()),
            ];
            let attachment = Attachment {
                media_type: BUNDLE,
                bytes: text.as_bytes(),
                annotations: &annotations,
            };
            let placed = remotes
                .registries()
                .attach(remote, digest, &attachment)
                .map_err(|refusal| anyhow::anyhow!("{}", image::told(&refusal)))
                .context("attaching the signature")?;
            let listed = match placed.tag {
                Some(tag) => format!(", listed by the tag {tag}"),
                None => String::new(),
            };
            Ok(format!("signed {digest}: {}{listed}", placed.manifest))
        }
        _ => {
            let file = named(file.or(match to {
                Target::File(_) => Some(&own),
                Target::Image(..) => None,
            }));
            output(file)?.put(&place(file), |out| out.write_all(text.as_bytes()))?;
            Ok(format!("signed {}: {}", to.digest(), place(file)))
        }
    }
}

/// The present, or the time that documents name, so that the same input gives the same document.
fn now() -> anyhow::Result<Timestamp> {
    match image::set_time()? {
        Some(time) => Ok(time),
        None => Timestamp::from_second(Timestamp::now().as_second()).context("the clock"),
    }
}

/// Who signs, and who bears witness.
struct Signer<'a> {
    key: SecretKey,
    certificate: Option<Vec<u8>>,
    with: &'a With,
    registries: &'a Registries,
}

impl<'a> Signer<'a> {
    fn of(with: &'a With, remotes: &'a Remotes) -> anyhow::Result<Self> {
        let registries = remotes.registries();
        let (key, certificate) = match (&with.key, &with.token) {
            (Some(file), _) => (keys::read(file, with.passphrase_file.as_deref())?, None),
            (None, Some(file)) => {
                keys::no_core_dumps();
                let token = keys::secret(file).context("reading the identity token")?;
                let token =
                    std::str::from_utf8(&token).context("the identity token is not text")?;
                // The key lives as long as this process.
                let key = SecretKey::generate(KeyKind::P256).context("making a key")?;
                let certificate = certificate(&key, token.trim(), with, registries)?;
                (key, Some(certificate))
            }
            (None, None) => bail!("name what to sign with: --key FILE, or --identity-token FILE"),
        };
        Ok(Self { key, certificate, with, registries })
    }

    fn bundle(&self, what: ToSign<'_>) -> anyhow::Result<String> {
        let signature = sign(&self.key, what).context("signing")?;
        let by = match &self.certificate {
            Some(der) => SignedBy::Certificate(der),
            None => SignedBy::Key(self.key.public()),
        };
        let mut witnesses = Witnesses::default();
        if let Some(url) = &self.with.timestamps {
            let request = timestamp_request(&signature);
            let kind = "application/timestamp-query";
            let answer = self.post(url, kind, &request).context("asking for a timestamp")?;
            witnesses.timestamps.push(answer);
        }
        let log = match (&self.with.rekor, &self.certificate) {
            _ if self.with.no_log => None,
            (Some(url), _) => Some(url.as_str()),
            (None, Some(_)) => Some("https://rekor.sigstore.dev"),
            (None, None) => None,
        };
        if let Some(url) = log {
            let request = log_request(what, &signature, by).to_string();
            let url = format!("{}/api/v1/log/entries", url.trim_end_matches('/'));
            let answer = self.post(&url, "application/json", request.as_bytes());
            let answer = answer.context("recording the signature in the transparency log")?;
            witnesses.entries.push(log_answer(&answer)?);
        }
        Ok(bundle(what, &signature, by, &witnesses).to_string())
    }

    fn post(&self, url: &str, kind: &str, body: &[u8]) -> anyhow::Result<Vec<u8>> {
        post(self.registries, url, kind, body)
    }

    /// How it is verified; a statement by its type.
    fn hint(
        &self,
        to: &Target,
        target: &Path,
        output: Option<&Path>,
        kind: Option<&str>,
    ) -> String {
        let shown = |path: &Path| quoted(&path.display().to_string());
        let mut text = match (to, output) {
            // A bundle beside an image is about its digest.
            (Target::Image(_, digest), Some(_)) => format!("verify with: pavisade verify {digest}"),
            _ => format!("verify with: pavisade verify {}", shown(target)),
        };
        match output {
            Some(output) if output == Path::new("-") => text += " --bundle BUNDLE",
            Some(output) => text += &format!(" --bundle {}", shown(output)),
            None => {}
        }
        if let Some(key) = &self.with.key {
            let public = key.with_extension("pub");
            match public.is_file() {
                true => text += &format!(" --key {}", shown(&public)),
                false => text += " --key PUBLIC_KEY",
            }
        }
        if self.certificate.is_some() {
            text += " --identity IDENTITY --issuer ISSUER";
        }
        if self.certificate.is_some() && self.with.fulcio != PUBLIC_FULCIO {
            text += " --trust-root TRUST_ROOT";
        }
        if let Some(kind) = kind.filter(|kind| *kind != SIGN) {
            text += &format!(" --type {}", type_word(kind));
        }
        if self.with.rekor.is_none() && (self.certificate.is_none() || self.with.no_log) {
            text += " --without-log";
        }
        text
    }
}

fn post(registries: &Registries, url: &str, kind: &str, body: &[u8]) -> anyhow::Result<Vec<u8>> {
    let answer = registries.post(url, kind, body, MAX_ANSWER);
    answer.map_err(|refusal| anyhow::anyhow!("{}", image::told(&refusal)))
}

fn certificate(
    key: &SecretKey,
    token: &str,
    with: &With,
    registries: &Registries,
) -> anyhow::Result<Vec<u8>> {
    let request = certificate_request(key, token)?;
    let url = format!("{}/api/v2/signingCert", with.fulcio.trim_end_matches('/'));
    let answer = post(registries, &url, "application/json", request.as_bytes())
        .context("asking for a certificate")?;
    Ok(certificate_answer(&answer)?)
}
