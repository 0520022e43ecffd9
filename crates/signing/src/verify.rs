//! The verification of one signature: every step must hold, and what is unknown refuses.
//!
//! The order is: the signature itself, what it is about, timestamps, logs, what the logs' entries say,
//! the certificate at each time that somebody vouches for, certificate logs, and who signed. Nothing
//! is believed before it is verified, so the order decides only which reason is told first.

use jiff::{SignedDuration, Timestamp};

use crate::certificate::Certificate;
use crate::chain::{self, CODE_SIGNING};
use crate::checkpoint::Checkpoint;
use crate::entry::{self, Verifier};
use crate::evidence::{Entry, Evidence, Material, Signed, pre_authentication};
use crate::hash::{Artifact, Hash};
use crate::key::{KeyKind, PublicKey};
use crate::legacy::Simple;
use crate::policy::{Accept, Contents, Policy};
use crate::result::{
    Clock, Content, Identity, Logged, Refused, Signer, Stage, Step, Verified, Why,
};
use crate::root::{Log, TrustRoot};
use crate::sign::SIGN;
use crate::text::{base64, hex};
use crate::{identity, merkle, sct, statement, timestamp};

/// How far clocks may differ.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Verifies a signature over an artifact.
///
/// # Errors
/// A step refuses, or cannot tell.
pub fn verify(
    evidence: &Evidence,
    artifact: &Artifact<'_>,
    root: &TrustRoot,
    policy: &Policy,
    now: Timestamp,
) -> Result<Verified, Box<Refused>> {
    let mut run = Run { evidence, artifact, root, policy, now, steps: Vec::new() };
    match run.all() {
        Ok(verified) => Ok(verified),
        Err((stage, why)) => {
            let claimed = match &evidence.material {
                Material::Certificates(all) => all
                    .first()
                    .map(|leaf| Box::new(identity::of(leaf, String::new())))
                    .filter(|identity| !identity.subject.is_empty()),
                Material::Key(_) => None,
            };
            Err(Box::new(Refused { stage, why, steps: run.steps, claimed }))
        }
    }
}

struct Run<'a> {
    evidence: &'a Evidence,
    artifact: &'a Artifact<'a>,
    root: &'a TrustRoot,
    policy: &'a Policy,
    now: Timestamp,
    steps: Vec<Step>,
}

type Stop = (Stage, Why);

fn at(stage: Stage) -> impl Fn(Why) -> Stop {
    move |why| (stage, why)
}

impl<'a> Run<'a> {
    fn all(&mut self) -> Result<Verified, Stop> {
        let evidence = self.evidence;
        self.steps.push(Step::Form(evidence.form));
        let leaf = match &evidence.material {
            Material::Certificates(all) => all.first(),
            Material::Key(_) => None,
        };
        let (key, rule) = self.key()?;
        self.steps.push(Step::Signature { kind: key.kind(), digest: self.artifact.name() });
        let content = self.subject().map_err(at(Stage::Subject))?;
        let (mut times, foreign) = self.timestamps()?;
        let logs = self.logs(&mut times)?;
        self.entries(&key, leaf)?;
        let latest = self.now.saturating_add(SKEW).unwrap_or(Timestamp::MAX);
        if let Some(time) = times.iter().find(|time| time.at > latest) {
            return Err((Stage::Timestamp, Why::Future(time.at)));
        }
        let signer = match leaf {
            Some(leaf) => {
                if times.is_empty() {
                    return Err((Stage::Timestamp, foreign.unwrap_or(Why::NoTime)));
                }
                let identity = self.certificate(leaf, &times)?;
                Signer::Identity(Box::new(self.accepted(identity)?))
            }
            None => {
                if times.is_empty() {
                    self.steps.push(Step::NoTime);
                }
                self.steps.push(Step::Accepted { rule });
                Signer::Key { fingerprint: key.fingerprint(), kind: key.kind() }
            }
        };
        self.predicate(&content)?;
        let (digest, form) = (self.artifact.name(), evidence.form);
        let steps = std::mem::take(&mut self.steps);
        Ok(Verified { digest, content, signer, form, times, logs, steps })
    }

    /// The key that signed: that of the certificate, or one that the policy names.
    fn key(&self) -> Result<(PublicKey, usize), Stop> {
        let hint = match &self.evidence.material {
            Material::Certificates(all) => {
                let leaf = all.first().ok_or((Stage::Form, Why::Missing("the certificate")))?;
                let key = leaf.key().map_err(|error| {
                    (Stage::Certificate, Why::Document("the certificate's key", error.to_string()))
                })?;
                self.signature(&key)?;
                return Ok((key, 0));
            }
            Material::Key(hint) => hint,
        };
        let keys =
            self.policy.accept.iter().enumerate().filter_map(|(rule, accept)| match accept {
                Accept::Key(key) => Some((rule, key)),
                Accept::Identity { .. } => None,
            });
        let keys: Vec<_> = keys.collect();
        if keys.is_empty() {
            return Err((Stage::Policy, Why::NoKey));
        }
        // A hint that is a digest names the key; others are free text.
        let digest = hint.as_ref().filter(|hint| base64(hint).is_some_and(|it| it.len() == 32));
        let fitting: Vec<_> = match digest {
            Some(digest) => {
                let named = keys.iter().filter(|(_, key)| key.hint() == *digest);
                named.copied().collect()
            }
            None => keys,
        };
        if let (true, Some(digest)) = (fitting.is_empty(), digest) {
            let digest = base64(digest).map(|digest| format!("sha256:{}", hex(&digest)));
            return Err((Stage::Policy, Why::OtherKey(digest.unwrap_or_default())));
        }
        let mut why = (Stage::Signature, Why::Signature);
        for (rule, key) in fitting {
            match self.signature(key) {
                Ok(()) => return Ok((key.clone(), rule)),
                Err(other) => why = other,
            }
        }
        Err(why)
    }

    fn signature(&self, key: &PublicKey) -> Result<(), Stop> {
        let signature = self.evidence.content.signature();
        let holds = match &self.evidence.content {
            Signed::Envelope { kind, payload, .. } => {
                key.verifies(&pre_authentication(kind, payload), signature)
            }
            Signed::Simple { payload, .. } => key.verifies(payload, signature),
            Signed::Message { .. } => match self.artifact.bytes() {
                Some(bytes) => key.verifies(bytes, signature),
                None if key.kind() == KeyKind::Ed25519 => {
                    return Err((Stage::Signature, Why::NeedsContent));
                }
                None => [Hash::Sha256, Hash::Sha384, Hash::Sha512].iter().any(|hash| {
                    let digest = self.artifact.hashed(*hash);
                    digest.is_some_and(|digest| key.verifies_digest(*hash, &digest, signature))
                }),
            },
        };
        if holds { Ok(()) } else { Err((Stage::Signature, Why::Signature)) }
    }

    fn subject(&self) -> Result<Content, Why> {
        match &self.evidence.content {
            Signed::Message { .. } => Ok(Content::Artifact),
            Signed::Envelope { kind, payload, .. } => {
                statement::about(kind, payload, self.artifact)
            }
            Signed::Simple { payload, .. } => {
                let simple: Simple = serde_json::from_slice(payload)
                    .map_err(|error| Why::Document("the signed text", error.to_string()))?;
                let Simple { critical } = simple;
                if critical.kind != "cosign container image signature" {
                    return Err(Why::NotAStatement(critical.kind.chars().take(100).collect()));
                }
                if critical.image.digest != self.artifact.name() {
                    let other = critical.image.digest.chars().take(160).collect();
                    return Err(Why::OtherSubject(other, self.artifact.name()));
                }
                let name = Some(critical.identity.reference).filter(|name| !name.is_empty());
                Ok(Content::Image { name })
            }
        }
    }

    /// Times of authorities of the trust root. A token of somebody else vouches for nothing, and
    /// refuses nothing where another time is there; one that is broken refuses.
    fn timestamps(&mut self) -> Result<(Vec<Clock>, Option<Why>), Stop> {
        let (mut times, mut foreign) = (Vec::new(), None);
        for token in &self.evidence.timestamps {
            match timestamp::verify(token, self.evidence.content.signature(), self.root) {
                Ok(clock) => {
                    self.steps.push(Step::Timestamp(clock.clone()));
                    times.push(clock);
                }
                Err(Why::UnknownAuthority) => {
                    self.steps.push(Step::UnknownAuthority);
                    foreign = Some(Why::UnknownAuthority);
                }
                Err(why) => return Err((Stage::Timestamp, why)),
            }
        }
        Ok((times, foreign))
    }

    fn logs(&mut self, times: &mut Vec<Clock>) -> Result<Vec<Logged>, Stop> {
        let mut logged = Vec::new();
        for entry in &self.evidence.entries {
            let log = self.root.logs.iter().find(|log| log.id == entry.log_id);
            let Some(log) = log else {
                if self.policy.log {
                    return Err((Stage::Log, Why::UnknownLog));
                }
                self.steps.push(Step::UnknownLog);
                continue;
            };
            let promised = promise(entry, log).map_err(at(Stage::Log))?;
            // The number is signed by the promise alone; a proof has its own.
            let mut index = promised.is_some().then_some(entry.index);
            if let Some(clock) = promised {
                if !log.valid.holds(clock.at) {
                    return Err((Stage::Log, Why::UnknownLog));
                }
                self.steps.push(Step::Promise(clock.clone()));
                times.push(clock);
            }
            // A key has no time at which it ends: without a time, the log counts if it does now.
            if !times.iter().all(|time| log.valid.holds(time.at))
                || times.is_empty() && !log.valid.holds(self.now)
            {
                return Err((Stage::Log, Why::UnknownLog));
            }
            let place = |index| Logged { log: log.url.clone(), index };
            if let Some(proven) = inclusion(entry, log).map_err(at(Stage::Log))? {
                self.steps.push(Step::Inclusion(place(proven)));
                index = index.or(Some(proven));
            }
            let Some(index) = index else {
                let what = "the proof or promise that the log holds the entry";
                return Err((Stage::Log, Why::Missing(what)));
            };
            logged.push(place(index));
        }
        if logged.is_empty() && self.policy.log {
            return Err((Stage::Log, Why::NotLogged));
        }
        Ok(logged)
    }

    fn entries(&mut self, key: &PublicKey, leaf: Option<&Certificate>) -> Result<(), Stop> {
        let verifier = leaf.map_or(Verifier::Key(key), |leaf| Verifier::Certificate(&leaf.der));
        for entry in &self.evidence.entries {
            // Also those of unknown logs: an entry about something else is no mistake.
            let Evidence { content, .. } = self.evidence;
            let kind = entry::verify(entry, content, self.artifact, &verifier);
            self.steps.push(Step::Entry { kind: kind.map_err(at(Stage::Entry))? });
        }
        Ok(())
    }

    fn certificate(&mut self, leaf: &Certificate, times: &[Clock]) -> Result<Identity, Stop> {
        let stop = at(Stage::Certificate);
        if !chain::is_leaf_for(leaf, CODE_SIGNING) {
            return Err(stop(Why::Usage));
        }
        let more = match &self.evidence.material {
            Material::Certificates(all) => all.get(1..).unwrap_or_default(),
            Material::Key(_) => &[],
        };
        let mut found = None;
        let mut why = Why::UnknownIssuer;
        'authorities: for authority in &self.root.authorities {
            let mut issuer = None;
            for time in times {
                match chain::issuer(leaf, authority, more, CODE_SIGNING, time.at) {
                    Ok(certificate) => issuer = Some(certificate),
                    Err(Why::UnknownIssuer) => continue 'authorities,
                    Err(other) => {
                        why = other;
                        continue 'authorities;
                    }
                }
            }
            if let Some(issuer) = issuer {
                found = Some((authority, issuer));
                break;
            }
        }
        let (authority, issuer) = found.ok_or_else(|| stop(why))?;
        self.steps.push(Step::Chain {
            authority: authority.name.clone(),
            from: leaf.not_before,
            until: leaf.not_after,
        });
        if self.policy.certificate_log {
            let log = sct::verify(leaf, &issuer, self.root).map_err(at(Stage::CertificateLog))?;
            self.steps.push(Step::Sct { log });
        }
        Ok(identity::of(leaf, authority.name.clone()))
    }

    fn accepted(&mut self, identity: Identity) -> Result<Identity, Stop> {
        match self.policy.accept.iter().position(|accept| accept.takes(&identity)) {
            Some(rule) => {
                self.steps.push(Step::Accepted { rule });
                Ok(identity)
            }
            None => {
                let Identity { subject, issuer, .. } = &identity;
                let who = format!("signature of {subject} (identified by {issuer})");
                Err((Stage::Policy, Why::NotAccepted(who)))
            }
        }
    }

    fn predicate(&self, content: &Content) -> Result<(), Stop> {
        let kind = match content {
            Content::Statement { predicate_type, .. } => &**predicate_type,
            Content::Artifact | Content::Image { .. } => SIGN,
        };
        let why = match &self.policy.contents {
            Contents::Any => return Ok(()),
            Contents::Signatures if kind == SIGN => return Ok(()),
            Contents::Signatures => Why::OnlyAStatement(kind.to_owned()),
            Contents::Types(wanted) if wanted.iter().any(|one| one == kind) => return Ok(()),
            Contents::Types(_) if kind == SIGN => Why::NoStatement,
            Contents::Types(_) => Why::OtherPredicate(kind.to_owned()),
        };
        Err((Stage::Policy, why))
    }
}

/// The time that a log promised an entry at.
fn promise(entry: &Entry, log: &Log) -> Result<Option<Clock>, Why> {
    let Some(promise) = &entry.promise else { return Ok(None) };
    if !log.key.verifies(entry.promised().as_bytes(), promise) {
        return Err(Why::Promise);
    }
    let at = entry.time.ok_or(Why::Missing("the time of the promise"))?;
    let at = Timestamp::from_second(at).map_err(|_| Why::Promise)?;
    Ok(Some(Clock { at, by: log.url.clone(), is_authority: false }))
}

/// The entry's number in the tree, where there is a proof, which must lead to a root that the log
/// signed.
fn inclusion(entry: &Entry, log: &Log) -> Result<Option<u64>, Why> {
    let Some(proof) = &entry.proof else { return Ok(None) };
    if !merkle::includes(&entry.body, proof.index, proof.size, &proof.path, &proof.root) {
        return Err(Why::Proof);
    }
    let checkpoint = Checkpoint::verify(&proof.checkpoint, log)?;
    if checkpoint.root != proof.root || checkpoint.size != proof.size {
        return Err(Why::Checkpoint("it is about another tree than the proof"));
    }
    Ok(Some(proof.index))
}
