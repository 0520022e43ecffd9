//! What whoever makes a signature, certificate, entry or timestamp does wrong.

use pavisade_signing::Stage;

use super::said;
use crate::world::{Forged, NOW, SERVER, STAMP, Spec, World};

pub(super) type Bend = (&'static str, fn(&mut Spec), Stage);

pub(super) const MADE: &[Bend] = &[
    ("signature by another key", |s| s.forged = Forged::Signature, Stage::Signature),
    ("certificate by another authority", |s| s.forged = Forged::Leaf, Stage::Certificate),
    ("promise by another key", |s| s.forged = Forged::Promise, Stage::Log),
    ("checkpoint by another key", |s| s.forged = Forged::Checkpoint, Stage::Log),
    ("timestamp by another key", |s| s.forged = Forged::Stamp, Stage::Timestamp),
    ("certificate timestamp by another key", |s| s.forged = Forged::Sct, Stage::CertificateLog),
    ("no certificate timestamp", |s| s.sct = false, Stage::CertificateLog),
    ("certificate timestamp of an unknown log", |s| s.sct_log = false, Stage::CertificateLog),
    ("certificate timestamp before its log", |s| s.sct_time -= 200_000, Stage::CertificateLog),
    ("certificate timestamp after its log", |s| s.sct_time += 200_000, Stage::CertificateLog),
    ("logged before the certificate", |s| s.log_time -= 3600, Stage::Certificate),
    ("logged after the certificate", |s| s.log_time += 900, Stage::Certificate),
    ("logged in the future", |s| s.log_time += 80_000, Stage::Timestamp),
    (
        "timestamp before the certificate",
        |s| {
            s.stamp_time -= 3600;
            s.tsa.from -= 86_400;
        },
        Stage::Certificate,
    ),
    (
        "timestamp after the certificate",
        |s| {
            s.stamp_time += 900;
            s.tsa.until += 86_400;
        },
        Stage::Certificate,
    ),
    (
        "timestamp when the authority's certificate had ended",
        |s| s.tsa.until = NOW - 1,
        Stage::Timestamp,
    ),
    ("timestamp before the authority's certificate", |s| s.tsa.from = NOW + 1, Stage::Timestamp),
    (
        "timestamp when the authority did not count yet",
        |s| s.valid_tsa.0 = NOW + 1,
        Stage::Timestamp,
    ),
    (
        "timestamp when the authority did not count any more",
        |s| s.valid_tsa.1 = NOW - 1,
        Stage::Timestamp,
    ),
    ("timestamp over something else", |s| s.stamp_over = Some(vec![1]), Stage::Timestamp),
    ("timestamp whose digest is another", |s| s.stamp_digest = false, Stage::Timestamp),
    ("timestamp that names another certificate", |s| s.stamp_names = false, Stage::Timestamp),
    ("timestamp whose content is of another type", |s| s.stamp_content = false, Stage::Timestamp),
    ("timestamp that was not granted", |s| s.stamp_status = 2, Stage::Timestamp),
    ("timestamp of another version", |s| s.stamp_version = 2, Stage::Timestamp),
    ("certificate for servers", |s| s.leaf.purpose = Some(SERVER), Stage::Certificate),
    ("certificate for timestamps", |s| s.leaf.purpose = Some(STAMP), Stage::Certificate),
    ("certificate for nothing", |s| s.leaf.purpose = None, Stage::Certificate),
    ("certificate that may not sign", |s| s.leaf.usage = Some(0x20), Stage::Certificate),
    ("certificate of an authority", |s| s.leaf.is_authority = true, Stage::Certificate),
    ("certificate that ended before", |s| s.leaf.until = NOW - 1, Stage::Certificate),
    ("certificate that began after", |s| s.leaf.from = NOW + 1, Stage::Certificate),
    ("certificate of another issuer", |s| s.leaf.issuer = "other", Stage::Certificate),
    (
        "certificate with an unknown critical part",
        |s| s.leaf.unknown_critical = true,
        Stage::Certificate,
    ),
    ("certificate with one part twice", |s| s.leaf.twice = true, Stage::Form),
    ("certificate of somebody else", |s| s.leaf.names[0].1 += "x", Stage::Policy),
    (
        "certificate of somebody in another case",
        |s| {
            s.leaf.names[0].1 = s.leaf.names[0].1.to_uppercase();
        },
        Stage::Policy,
    ),
    ("certificate of nobody", |s| s.leaf.names.clear(), Stage::Policy),
    ("certificate of two", |s| s.leaf.names.push((0x81, "eve@evil.example".into())), Stage::Policy),
    ("certificate with a name of an unknown form", |s| s.leaf.names[0].0 = 0x87, Stage::Policy),
    ("certificate with a NUL in its name", |s| s.leaf.names[0].1 += "\0", Stage::Policy),
    (
        "certificate of another provider",
        |s| s.leaf.oidc = Some("https://evil.example".into()),
        Stage::Policy,
    ),
    ("certificate of no provider", |s| s.leaf.oidc = None, Stage::Policy),
    ("authority that is none", |s| s.ca.is_authority = false, Stage::Certificate),
    ("authority that may not sign certificates", |s| s.ca.usage = Some(0x80), Stage::Certificate),
    ("authority for servers", |s| s.ca.purpose = Some(SERVER), Stage::Certificate),
    // The same authority vouches for timestamps.
    (
        "authority that had ended",
        |s| {
            s.ca.until = NOW - 1;
            s.stamp = false;
        },
        Stage::Certificate,
    ),
    (
        "authority that began later",
        |s| {
            s.ca.from = NOW + 1;
            s.stamp = false;
        },
        Stage::Certificate,
    ),
    ("authority of timestamps that had ended", |s| s.ca.until = NOW - 1, Stage::Timestamp),
    ("authority of another name", |s| s.ca.subject = "other", Stage::Certificate),
    (
        "authority with an unknown critical part",
        |s| s.ca.unknown_critical = true,
        Stage::Certificate,
    ),
    ("authority that does not count yet", |s| s.valid_ca.0 = NOW + 1, Stage::Certificate),
    ("authority that does not count any more", |s| s.valid_ca.1 = NOW - 1, Stage::Certificate),
    ("log that does not count yet", |s| s.valid_log.0 = NOW + 1, Stage::Log),
    ("log that does not count any more", |s| s.valid_log.1 = NOW - 1, Stage::Log),
    ("checkpoint of another origin", |s| s.origin = "evil.example - 1".into(), Stage::Log),
    ("checkpoint signed in another name", |s| s.named = "evil.example".into(), Stage::Log),
    ("checkpoint with another hint", |s| s.hint = false, Stage::Log),
    ("checkpoint of another size", |s| s.checkpoint_size = 4, Stage::Log),
    ("checkpoint of another root", |s| s.checkpoint_root = false, Stage::Log),
    ("statement about something else", |s| s.subject = "00".repeat(32), Stage::Subject),
    ("statement about a part of a digest", |s| s.subject.truncate(16), Stage::Subject),
    ("statement about nothing", |s| s.subject.clear(), Stage::Subject),
    ("statement of another type", |s| s.statement_type = "https://evil.example", Stage::Subject),
    ("envelope with something else", |s| s.kind = "text/plain", Stage::Subject),
];

/// A few that need an authority for timestamps alone.
pub(super) const STAMPED: &[Bend] = &[
    ("timestamp authority for code", |s| s.tsa.purpose = Some(SERVER), Stage::Timestamp),
    ("timestamp authority for nothing", |s| s.tsa.purpose = None, Stage::Timestamp),
    ("timestamp authority that may not sign", |s| s.tsa.usage = Some(0x20), Stage::Timestamp),
    ("timestamp authority that is an authority", |s| s.tsa.is_authority = true, Stage::Timestamp),
    ("timestamp authority of nobody", |s| s.forged = Forged::Tsa, Stage::Timestamp),
    ("timestamp authority of another issuer", |s| s.tsa.issuer = "other", Stage::Timestamp),
    (
        "timestamp authority with an unknown part",
        |s| s.tsa.unknown_critical = true,
        Stage::Timestamp,
    ),
    ("no timestamp", |s| s.stamp = false, Stage::Timestamp),
    ("checkpoint by another key", |s| s.forged = Forged::Checkpoint, Stage::Log),
    ("checkpoint of another origin", |s| s.origin = "rekor.example".into(), Stage::Log),
    ("checkpoint in another name", |s| s.named = "rekor.example".into(), Stage::Log),
    (
        "checkpoint of both in another name",
        |s| {
            s.origin = "evil.example".into();
            s.named = "evil.example".into();
        },
        Stage::Log,
    ),
    ("checkpoint with another hint", |s| s.hint = false, Stage::Log),
    ("checkpoint of another size", |s| s.checkpoint_size = 2, Stage::Log),
    ("log that does not count yet", |s| s.valid_log.0 = NOW + 1, Stage::Log),
    ("log that does not count any more", |s| s.valid_log.1 = NOW - 1, Stage::Log),
];

#[test]
fn what_is_made_wrongly_is_refused() {
    let world = World::new();
    let mut wrong = Vec::new();
    for (bends, second) in [(MADE, false), (STAMPED, true)] {
        for (what, bend, stage) in bends {
            let mut spec = Spec { second, ..Spec::default() };
            bend(&mut spec);
            match said(&world, &spec) {
                Err(refused) if refused.stage == *stage => {}
                Err(refused) => wrong.push(format!("{what}: {}: {refused}", refused.stage)),
                Ok(_) => wrong.push(format!("{what}: VERIFIED")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
