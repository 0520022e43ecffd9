//! PV-P039.

use jiff::Timestamp;
use pavisade_macros::check;

use super::compared;
use super::leaf::{Leaf, day};
use crate::known::{Disk, Disks, Secret};
use crate::probe::Seen;
use crate::{Ask, Closed, Component, EndpointProbe, Offer, Target, Verdict};

/// Server presents another certificate than its file contains
///
/// ## Why
/// The certificate was renewed, and the process still uses the old one: it will expire although its
/// renewal seems to work, or it was replaced because its key was stolen. Or another program answers.
///
/// ## Fix
/// Find out which program listens at the port, and restart it, or let it reload the certificate.
#[check(id = "PV-P039", severity = Medium, scope = World)]
pub(crate) struct OutdatedCertificateServed {}

impl EndpointProbe for OutdatedCertificateServed {
    const AT: &'static [Component] = Component::TLS;
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K07";
    const COMPARES: bool = true;

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::Handshake(Offer::Current)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        compared(seen, "a certificate", |_, served| {
            let mut verdicts = of_files(&seen.known.disks(seen.target.address), served);
            // The file of the process says more than a Secret that it may come from.
            if !verdicts.iter().any(is_decided) {
                verdicts.extend(of_secrets(&seen.known.secrets, served));
            }
            verdicts
        })
    }
}

fn is_decided(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Open { .. } | Verdict::Closed(..))
}

/// Compares a certificate with the files of the processes that may serve it.
fn of_files(disks: &Disks<'_>, served: &Leaf) -> Vec<Verdict> {
    let verdicts: Vec<_> = disks.all.iter().map(|disk| of_file(disk, served)).collect();
    let Some(why) = disks.doubt.as_ref().filter(|_| !verdicts.is_empty()) else { return verdicts };
    let good = verdicts.into_iter().find(|one| matches!(one, Verdict::Closed(..)));
    vec![good.unwrap_or_else(|| Verdict::Unknown(why.clone()))]
}

/// Compares a certificate with the file that the process was started with.
fn of_file(disk: &Disk, served: &Leaf) -> Verdict {
    let place = &disk.place;
    let read = disk.certificate.clone();
    let own = read.and_then(|der| Leaf::read(&der).ok_or_else(|| "it is not valid".to_owned()));
    match own {
        Ok(own) => one(&own, served, place, disk.time),
        Err(why) => Verdict::Unknown(format!("the certificate in {place} was not read: {why}")),
    }
}

/// Compares a certificate with those in Secrets that have the same names and a key of the same
/// kind. No Secret says who serves it, and copies in several namespaces may differ in age.
fn of_secrets(secrets: &[Secret], served: &Leaf) -> Option<Verdict> {
    let read = |secret: &Secret| Some((secret.place.clone(), Leaf::read(&secret.certificate)?));
    let all = secrets.iter().filter_map(read);
    let all: Vec<_> = all.filter(|(_, own)| own.has_identity_of(served)).collect();
    let same = all.iter().find(|(_, own)| own.digest() == served.digest());
    let (place, newest) = all.iter().max_by_key(|(_, own)| own.validity().0)?;
    let is_newer = newest.validity().0 > served.validity().0;
    Some(match (same, is_newer) {
        (Some((same, _)), false) => {
            Verdict::Closed(Closed::Good, format!("it is the certificate in {same}"))
        }
        (Some((same, _)), true) => Verdict::Unknown(format!(
            "it is the certificate in {same}, but a newer one for the same names is in {place}"
        )),
        (None, true) => Verdict::Open {
            message: format!(
                "a newer certificate for the same names is in {place}, which the server does not \
                 present"
            ),
            proof: differ(served, newest),
        },
        (None, false) => Verdict::Unknown(format!(
            "the server presents another certificate than {place} contains, which is not newer \
             and may be a copy"
        )),
    })
}

fn differ(served: &Leaf, file: &Leaf) -> String {
    let shown =
        |leaf: &Leaf| format!("{} valid from {}", leaf.fingerprint(), day(leaf.validity().0));
    format!("served {}; file {}", shown(served), shown(file))
}

fn one(own: &Leaf, served: &Leaf, place: &str, time: Option<Timestamp>) -> Verdict {
    if own.digest() == served.digest() {
        return Verdict::Closed(Closed::Good, format!("it is the certificate in {place}"));
    }
    let ((own_from, _), (from, until)) = (own.validity(), served.validity());
    if own_from < from {
        let when = time.map_or_else(String::new, |time| format!(" on {}", day(time.as_second())));
        return Verdict::Unknown(format!(
            "the server presents a newer certificate (valid from {}) than {place} contained{when}: \
             collect the facts again",
            day(from)
        ));
    }
    let message = match own_from > from {
        true => format!(
            "the server still presents its old certificate (valid until {}), although a newer one \
             is in {place}",
            day(until)
        ),
        false => format!("the server presents another certificate than is in {place}"),
    };
    Verdict::Open { message, proof: differ(served, own) }
}
