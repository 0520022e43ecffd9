//! `pavisade verify`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use pavisade_oci::{Attachments, Limits, Platform, Refusal, Store, Wanted};
use pavisade_report::{Verification, verification, verification_json};
use pavisade_scan::Timestamp;
use pavisade_signing::{
    Accept, Artifact, Contents, Evidence, Match, PREDICATES, PUBLIC_DATE, Policy, PublicKey,
    Refused, Stage, TrustRoot, Verified, VerifiedImage, Why, predicate_type, verify,
};

use crate::args::{Choose, Trust, VerifyArgs};
use crate::evidence::Found;
use crate::output::{output, place};
use crate::registry::{Meant, Remotes};
use crate::terminal::quoted;
use crate::{Outcome, bounded, evidence, image, terminal};

/// Bytes of a file that is verified: they are read at once.
const MAX_FILE: u64 = 4 << 30;
const MAX_SMALL: u64 = 32 << 20;

pub(crate) fn run(args: &VerifyArgs) -> anyhow::Result<Outcome> {
    let (root, root_name) = root(&args.trust)?;
    let policy = policy(&args.trust, &args.types)?;
    let now = Timestamp::now();
    let beside = beside(&args.target);
    let file = args.bundle.clone().or_else(|| beside.is_file().then_some(beside));
    let looked;
    let (digest, judged, gaps) = match &file {
        Some(bundle) => {
            looked = bundle.display().to_string();
            let bytes = bounded::bytes(bundle, MAX_SMALL)?;
            let (content, named) = target(&args.target)?;
            let artifact = match &named {
                Some(digest) => Artifact::digest(digest).context("the digest is not valid")?,
                None => Artifact::of(&content),
            };
            let said = judge(Evidence::bundle(&bytes), &artifact, &root, &policy, now);
            (artifact.name(), vec![(looked.clone(), said)], Vec::new())
        }
        None => {
            let remotes = Remotes::new(&args.registry)?;
            let kept = kept(args, &root, &policy, now);
            let found = match kept.map_or_else(|| fetched(args, &remotes), Ok) {
                Ok(found) => found,
                Err(image::Fault::Choice(text)) => bail!(text),
                Err(image::Fault::Refused(refusal)) => {
                    terminal::say("error", &image::told(&refusal));
                    return Ok(Outcome::Incomplete);
                }
                Err(other) => {
                    terminal::say("error", &other.to_string());
                    return Ok(Outcome::Incomplete);
                }
            };
            looked = found.looked.to_owned();
            let judged = judge_all(&found, &root, &policy, now);
            (found.digest, judged, found.gaps)
        }
    };
    let target = args.target.display().to_string();
    let target = target.strip_prefix("docker://").unwrap_or(&target);
    let mut told = Verification {
        target,
        digest: &digest,
        verified: Vec::new(),
        refused: Vec::new(),
        gaps: &gaps,
        looked: &looked,
        root: &root_name,
    };
    for (place, one) in &judged {
        match one {
            Ok(verified) => told.verified.push((place.clone(), verified)),
            Err(refused) => told.refused.push((place.clone(), refused)),
        }
    }
    let options = pavisade_report::Options {
        color: terminal::color(args.color, false),
        width: terminal::width(args.width),
        ..pavisade_report::Options::default()
    };
    output(None)?.put(&place(None), |out| match args.json {
        true => verification_json(&told, out),
        false => verification(&told, args.explain, &options, out),
    })?;
    if told.verified.is_empty() && !args.json {
        advise(&told, &policy, file.is_some());
    }
    for problem in root.problems() {
        terminal::say("not read", &format!("trust root: {problem}"));
    }
    Ok(match (told.verified.is_empty(), gaps.is_empty()) {
        (false, _) => Outcome::Clean,
        (true, true) => Outcome::Findings,
        (true, false) => Outcome::Incomplete,
    })
}

/// What was found by an earlier run, where it is enough. A tag may lead elsewhere now, so that digests
/// alone are looked for.
fn kept(args: &VerifyArgs, root: &TrustRoot, policy: &Policy, now: Timestamp) -> Option<Found> {
    let Meant::Remote(remote) = Meant::of(&args.target) else { return None };
    let Wanted::Digest(digest) = remote.wanted else { return None };
    if args.registry.no_cache {
        return None;
    }
    let found = evidence::read(&digest.to_string())?;
    judge_all(&found, root, policy, now).iter().any(|(_, one)| one.is_ok()).then_some(found)
}

fn fetched(args: &VerifyArgs, remotes: &Remotes) -> Result<Found, image::Fault> {
    let found = attached(&args.target, args.name.clone(), remotes)?;
    if !args.registry.no_cache && matches!(Meant::of(&args.target), Meant::Remote(_)) {
        evidence::keep(&found);
    }
    Ok(found)
}

/// The type of a statement as `--type` takes it.
pub(crate) fn type_word(uri: &str) -> String {
    let known = PREDICATES.iter().find(|(_, known)| *known == uri);
    known.map_or_else(|| quoted(uri), |(name, _)| (*name).to_owned())
}

/// What may be done where nothing is accepted.
fn advise(told: &Verification<'_>, policy: &Policy, is_file: bool) {
    // Here the certificate held, and only the policy did not accept its holder: what a certificate
    // claims that was not verified is nothing to advise.
    let proven = told.refused.iter().find_map(|(_, refused)| match refused.why {
        Why::NotAccepted(_) => refused.claimed.as_ref(),
        _ => None,
    });
    let statement = told.refused.iter().find_map(|(_, refused)| match &refused.why {
        Why::OnlyAStatement(kind) => Some(kind),
        _ => None,
    });
    let not_logged = told.refused.iter().any(|(_, refused)| refused.why == Why::NotLogged);
    if let (Some(proven), true) = (proven, policy.accept.is_empty()) {
        let (subject, issuer) = (quoted(&proven.subject), quoted(&proven.issuer));
        let text = format!("if you trust them: --identity {subject} --issuer {issuer}");
        terminal::say("", &text);
    } else if let Some(kind) = statement {
        let kind = type_word(kind);
        terminal::say("", &format!("statements of this type are accepted with --type {kind}"));
    } else if policy.accept.is_empty() {
        let what = "name an accepted signer: --key FILE, or --identity and --issuer";
        terminal::say("", what);
    } else if not_logged {
        terminal::say("", "signatures that are in no log are accepted with --without-log");
    } else if told.refused.is_empty() && told.gaps.is_empty() && !is_file {
        terminal::say("", "`pavisade sign` signs an image");
    }
}

type Judged = Result<Verified, Box<Refused>>;

fn judge(
    evidence: Result<Evidence, Why>,
    artifact: &Artifact<'_>,
    root: &TrustRoot,
    policy: &Policy,
    now: Timestamp,
) -> Judged {
    match evidence {
        Ok(evidence) => verify(&evidence, artifact, root, policy, now),
        Err(why) => {
            Err(Box::new(Refused { stage: Stage::Form, why, steps: Vec::new(), claimed: None }))
        }
    }
}

/// Verifies all that is attached to an image, each with its place.
pub(crate) fn judge_all(
    found: &Found,
    root: &TrustRoot,
    policy: &Policy,
    now: Timestamp,
) -> Vec<(String, Judged)> {
    let Some(artifact) = Artifact::digest(&found.digest) else { return Vec::new() };
    let all = found.attached.iter().map(|one| {
        let evidence = match &*one.media_type {
            kind if kind.starts_with("application/vnd.dev.sigstore.bundle") => {
                Evidence::bundle(&one.bytes)
            }
            kind => Evidence::legacy(kind, &one.bytes, &one.annotations),
        };
        (one.place.clone(), judge(evidence, &artifact, root, policy, now))
    });
    all.collect()
}

/// The image, verified, where one of its signatures is.
pub(crate) fn verified(found: &Found, judged: &[(String, Judged)]) -> Option<VerifiedImage> {
    let all = judged.iter().filter_map(|(_, one)| one.as_ref().ok().cloned()).collect();
    VerifiedImage::of(&found.digest, all)
}

/// Finds an image, and what is attached to it.
pub(crate) fn attached(
    path: &Path,
    name: Option<String>,
    remotes: &Remotes,
) -> Result<Found, image::Fault> {
    let (store, looked) = match Meant::of(path) {
        Meant::Remote(remote) => (remotes.store(remote), "its registry"),
        Meant::Wrong(why) => return Err(image::Fault::Choice(why)),
        Meant::Path => (Store::open(path, Limits::default())?, "the layout"),
    };
    let choose = Choose { platform: None, name };
    let candidates = store.candidates(&Platform::here())?;
    let candidate = image::chosen(candidates, &choose, path)?;
    let digest = candidate.digest.clone().ok_or_else(|| {
        Refusal::NotAnImage(format!("{} has no digest that could be signed", path.display()))
    })?;
    let attached = store.attached(&digest)?;
    let Attachments { found, gaps } = attached;
    Ok(Found { digest: digest.to_string(), attached: found, gaps, looked })
}

/// Where the bundle of a file is kept beside it.
pub(crate) fn beside(target: &Path) -> PathBuf {
    let mut beside = target.as_os_str().to_owned();
    beside.push(".sigstore.json");
    beside.into()
}

/// The bytes of a file, or the digest that stands for it.
fn target(path: &Path) -> anyhow::Result<(Vec<u8>, Option<String>)> {
    if let Some(text) = path.to_str()
        && Artifact::digest(text).is_some()
        && !path.exists()
    {
        return Ok((Vec::new(), Some(text.to_owned())));
    }
    Ok((bounded::bytes(path, MAX_FILE)?, None))
}

/// The trust root, and what users may call it.
pub(crate) fn root(trust: &Trust) -> anyhow::Result<(TrustRoot, String)> {
    let Some(file) = &trust.root else {
        let name = format!("that of the public Sigstore instance, not newer than {PUBLIC_DATE}");
        return Ok((TrustRoot::public(), name));
    };
    let root = TrustRoot::read(&bounded::bytes(file, MAX_SMALL)?)
        .with_context(|| format!("reading {}", file.display()))?;
    let name = format!("{} (sha256:{})", file.display(), root.version());
    Ok((root, name))
}

/// What the command line asks for.
pub(crate) fn policy(trust: &Trust, types: &[String]) -> anyhow::Result<Policy> {
    let mut accept = Vec::new();
    for file in &trust.keys {
        let shown = || format!("reading the public key {}", file.display());
        let pem = fs::read_to_string(file).with_context(shown)?;
        accept.push(Accept::Key(PublicKey::from_pem(&pem).with_context(shown)?));
    }
    let matched = |exact: &Option<String>, pattern: &Option<String>, option: &str| {
        anyhow::Ok(match (exact, pattern) {
            // Also where clap does not refuse it: the narrower one must not be lost.
            (Some(_), Some(_)) => bail!("{option} and its exact form are both given: use one"),
            (Some(exact), None) => Some(Match::Exact(exact.clone())),
            (None, Some(pattern)) => {
                Some(Match::pattern(pattern).with_context(|| option.to_owned())?)
            }
            (None, None) => None,
        })
    };
    let subject = matched(&trust.identity, &trust.identity_pattern, "--identity-pattern")?;
    let issuer = matched(&trust.issuer, &trust.issuer_pattern, "--issuer-pattern")?;
    let exact = |text: &Option<String>| text.clone().map(Match::Exact);
    match (subject, issuer) {
        (Some(subject), Some(issuer)) => accept.push(Accept::Identity {
            subject,
            issuer,
            repository: exact(&trust.repository),
            workflow: None,
            reference: exact(&trust.reference),
        }),
        // Without who identified them, anybody who runs an identity provider could be them.
        (Some(_), None) => bail!("--identity needs --issuer: who must have identified the signer"),
        (None, Some(_)) => bail!("--issuer needs --identity: whom they must have identified"),
        (None, None) if trust.repository.is_some() || trust.reference.is_some() => {
            bail!("--repository and --git-ref go with --identity and --issuer")
        }
        (None, None) => {}
    }
    let types = types.iter().map(|name| {
        predicate_type(name).with_context(|| {
            let known: Vec<_> = PREDICATES.iter().map(|(name, _)| *name).collect();
            format!("--type {name}: it is none of {}, and not a URI", known.join(", "))
        })
    });
    let types = types.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Policy {
        accept,
        log: !trust.without_log,
        certificate_log: !trust.without_certificate_log,
        contents: match types.is_empty() {
            true => Contents::Signatures,
            false => Contents::Types(types),
        },
    })
}
