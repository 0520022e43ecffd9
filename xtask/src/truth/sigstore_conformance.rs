//! `sigstore-conformance`: bundles that must verify, and bundles that must be rejected.
//!
//! The README of the suite describes where a case's artifact, key, identity and trust root are. A
//! key file or trust root that cannot be read counts as rejected.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use pavisade_signing::{
    Accept, Artifact, Contents, Evidence, Match, Policy, PublicKey, TrustRoot, verify,
};

use super::Outcome;

const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

pub(super) fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let cases = folder.join("bundle-verify");
    let mut folders = Vec::new();
    for entry in fs::read_dir(&cases).with_context(|| format!("reading {}", cases.display()))? {
        let path = entry?.path();
        if path.join("bundle.sigstore.json").is_file() {
            folders.push(path);
        }
    }
    folders.sort();
    for case in folders {
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let wanted = !name.ends_with("_fail");
        let artifact = match fs::read(case.join("artifact")) {
            Ok(bytes) => bytes,
            Err(_) => fs::read(cases.join("a.txt")).context("reading a.txt")?,
        };
        // An artifact known only by its digest must have the same result.
        let digest = format!("sha256:{}", sha256(&artifact));
        let digest = Artifact::digest(&digest).context("a digest")?;
        for artifact in [Artifact::of(&artifact), digest] {
            let said = judge(&case, &artifact);
            if std::env::var_os("VERBOSE").is_some() {
                println!("{name}: {said:?}");
            }
            let got = said.is_ok();
            outcome.count(got == wanted, || match said {
                Ok(()) => format!("{name}: must be refused, and is verified"),
                Err(why) => format!("{name}: must be verified, and is refused: {why}"),
            });
        }
    }
    Ok(outcome)
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn judge(case: &Path, artifact: &Artifact<'_>) -> Result<(), String> {
    let text = |file: &str| fs::read_to_string(case.join(file)).ok();
    let or = |file: &str, otherwise: &str| {
        let found = text(file).unwrap_or_else(|| otherwise.to_owned());
        Match::Exact(found.trim().to_owned())
    };
    let accept = match text("key.pub") {
        Some(pem) => Accept::Key(PublicKey::from_pem(&pem).map_err(|error| error.to_string())?),
        None => Accept::Identity {
            subject: or("identity", IDENTITY),
            issuer: or("issuer", ISSUER),
            repository: None,
            workflow: None,
            reference: None,
        },
    };
    let root = match text("trusted_root.json") {
        Some(json) => TrustRoot::read(json.as_bytes()).map_err(|why| why.to_string())?,
        None => TrustRoot::public(),
    };
    let bundle = fs::read(case.join("bundle.sigstore.json")).map_err(|error| error.to_string())?;
    let evidence = Evidence::bundle(&bundle).map_err(|why| format!("form: {why}"))?;
    let policy = Policy { accept: vec![accept], contents: Contents::Any, ..Policy::default() };
    let now = std::time::UNIX_EPOCH
        .elapsed()
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .and_then(|second| pavisade_scan::Timestamp::from_second(second).ok())
        .ok_or("no time")?;
    verify(&evidence, artifact, &root, &policy, now)
        .map(|_| ())
        .map_err(|refused| format!("{}: {refused}", refused.stage))
}
