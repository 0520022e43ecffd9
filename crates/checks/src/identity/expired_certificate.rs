//! PV-I029.

use std::collections::HashSet;

use jiff::SignedDuration;
use pavisade_macros::check;
use pavisade_model::{Confidence, Severity, State, kinds};
use pavisade_snapshot::{ClusterFacts, Object, Presented};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubeconfig::{entries, is_kubeconfig};
use crate::certificate::{Validity, read_bundle, read_der};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict, View, Why};

/// Expired or expiring certificate
///
/// ## Why
/// When a certificate expires, what depends on it stops working: the API server, a node, or every
/// request that a webhook must see. In a hurry, people then disable verification, and a webhook
/// with `failurePolicy: Ignore` is silently skipped.
///
/// ## Fix
/// Renew the certificate and automate its renewal: `kubeadm certs renew` or an upgrade for the
/// control plane, `rotateCertificates` for kubelets, cert-manager for webhooks.
#[check(
    id = "PV-I029",
    severity = High,
    scope = Object,
    on = [
        CLUSTER,
        KUBECONFIG,
        MUTATING_WEBHOOK_CONFIGURATION,
        VALIDATING_WEBHOOK_CONFIGURATION,
        API_SERVICE,
        CUSTOM_RESOURCE_DEFINITION,
    ],
    reads = [NODE]
)]
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExpiredCertificate {
    /// Report a certificate this number of days before it expires, or when less than a tenth of its
    /// lifetime remains if that is later, because short-lived certificates are renewed late.
    days: u32,
}

impl Default for ExpiredCertificate {
    fn default() -> Self {
        Self { days: 30 }
    }
}

impl Check for ExpiredCertificate {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let at = |value: Value<'a>, field| Place::At(value, field);
        if let Some(cluster) = ClusterFacts::read(object) {
            let Some((place, certificates)) = cluster.certificates() else {
                return Verdict::unknown(object.value(), "no server was asked for its certificate");
            };
            let certificates: Vec<_> = certificates.collect();
            let presented = certificates.iter().map(|entry| self.presented(*entry, cx));
            return Verdict::all(presented.chain(unasked(place, &certificates, cx)));
        }
        if object.is(kinds::KUBECONFIG) {
            if !is_kubeconfig(object) {
                return Verdict::NotApplicable;
            }
            let clusters = entries(object, "clusters", "cluster").map(|(name, cluster)| {
                let data = cluster.str("certificate-authority-data");
                let of = format!("the certificate authority of cluster `{name}`");
                self.bundle(data, &of, at(cluster, "certificate-authority-data".into()), cx)
            });
            let users = entries(object, "users", "user").map(|(name, user)| {
                let data = user.str("client-certificate-data");
                let of = format!("the certificate of user `{name}`");
                self.leaf(data, &of, at(user, "client-certificate-data".into()), cx)
            });
            return Verdict::all(clusters.chain(users));
        }
        let of_one = |value: Option<Value<'a>>, of: &str| {
            // cert-manager's injector sets it later.
            let injected = !cx.is_live() && is_injected(object);
            let value = value.filter(|_| !injected)?;
            let place = at(value, "caBundle".into());
            let verdict = self.bundle(value.str("caBundle"), of, place, cx);
            Some(if cx.is_live() { verdict } else { unsure(verdict) })
        };
        if object.is(kinds::API_SERVICE) {
            let spec = object.at(&["spec"]);
            return of_one(spec, "the certificate authority of the API service")
                .unwrap_or(Verdict::NotApplicable);
        }
        if object.is(kinds::CUSTOM_RESOURCE_DEFINITION) {
            let config = object
                .at(&["spec", "conversion", "webhook", "clientConfig"])
                .or_else(|| object.at(&["spec", "conversion", "webhookClientConfig"]));
            return of_one(config, "the certificate authority of the conversion webhook")
                .unwrap_or(Verdict::NotApplicable);
        }
        let webhooks = object.value().list("webhooks");
        Verdict::all(webhooks.filter_map(|webhook| {
            let of = format!(
                "the certificate authority of webhook `{}`",
                webhook.str("name").unwrap_or("")
            );
            of_one(webhook.get("clientConfig"), &of)
        }))
    }
}

/// Lowers the confidence for a bundle in a file: many programs replace it in the cluster, and an
/// expired one would not work.
fn unsure(verdict: Verdict<'_>) -> Verdict<'_> {
    let (Verdict::Fails(mut claims) | Verdict::Unknown(mut claims)) = verdict else {
        return verdict;
    };
    for claim in claims.iter_mut().filter(|claim| claim.state == State::Fails) {
        claim.confidence = Some(Confidence::Low);
        claim.message.push_str(", unless it is replaced in the cluster");
    }
    Verdict::from_claims(claims)
}

/// Whether cert-manager's injector sets the bundle.
fn is_injected(object: &Object) -> bool {
    ["cert-manager.io/inject-ca-from", "cert-manager.io/inject-ca-from-secret"]
        .into_iter()
        .chain(["cert-manager.io/inject-apiserver-ca", "service.beta.openshift.io/inject-cabundle"])
        .any(|key| object.annotation(key).is_some())
}

/// Returns claims for kubelets whose certificates were not read.
fn unasked<'a>(
    place: Value<'a>,
    certificates: &[Presented<'a>],
    cx: &View<'a>,
) -> Option<Verdict<'a>> {
    let unknown = |why: Why| Some(Claim::unknown(place, why).instance("kubelets").into());
    if let Some(why) = cx.gap(kinds::NODE) {
        let tell = |why: &str| format!("not every kubelet was asked for its certificate: {why}");
        return unknown(why.told(tell));
    }
    let asked = certificates.iter().filter_map(|entry| entry.of?.strip_prefix("kubelet "));
    let asked: HashSet<_> = asked.collect();
    let nodes = cx.list(kinds::NODE).objects.into_iter().map(Object::name);
    let missing: Vec<_> = nodes.filter(|name| !asked.contains(name)).collect();
    let first = missing.first()?;
    let others = match missing.len() - 1 {
        0 => String::new(),
        n => format!(", nor were {n} others"),
    };
    let why = format!("the kubelet of node `{first}` was not asked for its certificate{others}");
    unknown(why.into())
}

impl ExpiredCertificate {
    /// Checks the certificates of a server, or the user's own: a chain, leaf first.
    fn presented<'a>(&self, presented: Presented<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let entry = presented.value;
        let of = match (presented.of.unwrap_or("a server"), presented.address) {
            (of, Some(address)) => format!("{of} (`{address}`)"),
            (of, None) => of.to_owned(),
        };
        if let Some(error) = presented.error {
            return Verdict::unknown(
                entry,
                format!("the certificate of {of} could not be retrieved: {error}"),
            );
        }
        let chain: Result<Vec<_>, _> =
            presented.chain().map(|der| read_der(der.unwrap_or(""))).collect();
        let chain = match chain {
            Ok(chain) if !chain.is_empty() => chain,
            Ok(_) => return Verdict::unknown(entry, format!("{of} presented no certificate")),
            Err(error) => {
                return Verdict::unknown(entry, format!("the certificate of {of}: {error}"));
            }
        };
        let claims = chain.iter().enumerate().filter_map(|(index, certificate)| {
            let claim = if index == 0 {
                self.claim(certificate, &format!("the certificate of {of}"), entry.into(), cx)
            } else {
                let what = format!("`{}` in the chain of {of}", certificate.subject);
                // Clients may have another path to a trusted CA.
                self.claim(certificate, &what, entry.into(), cx)
                    .map(|claim| claim.confidence(Confidence::Medium))
            };
            claim.map(|claim| claim.instance(certificate.subject.clone()))
        });
        Verdict::from_claims(claims)
    }

    /// Checks a user's certificate, possibly followed by those of its issuers.
    fn leaf<'a>(&self, data: Option<&str>, of: &str, place: Place<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let Some(data) = data else { return Verdict::NotApplicable };
        match read_bundle(data) {
            Ok(found) => match found.first() {
                Some(leaf) => Verdict::from_claims(self.claim(leaf, of, place, cx)),
                None => Verdict::NotApplicable,
            },
            Err(why) => Verdict::unknown(place, format!("{of}: {why}")),
        }
    }

    /// Checks CA certificates, of which one valid is sufficient: old ones remain during rotation.
    fn bundle<'a>(
        &self,
        data: Option<&str>,
        of: &str,
        place: Place<'a>,
        cx: &Cx<'a>,
    ) -> Verdict<'a> {
        let Some(data) = data else { return Verdict::NotApplicable };
        let found = match read_bundle(data) {
            Ok(found) => found,
            Err(why) => return Verdict::unknown(place, format!("{of}: {why}")),
        };
        let valid = found.iter().filter(|certificate| certificate.from <= cx.now());
        match valid.max_by_key(|certificate| certificate.until).or_else(|| found.first()) {
            Some(last) => Verdict::from_claims(self.claim(last, of, place, cx)),
            // Blank: set later.
            None => Verdict::NotApplicable,
        }
    }

    fn claim<'a>(
        &self,
        certificate: &Validity,
        of: &str,
        place: Place<'a>,
        cx: &Cx<'a>,
    ) -> Option<Claim<'a>> {
        let Validity { from, until, .. } = certificate;
        let now = cx.now();
        if *until < now {
            return Some(Claim::fails(place, format!("{of} expired at {until}")));
        }
        if *from > now {
            let message = format!("{of} is not valid before {from}");
            return Some(Claim::fails(place, message).severity(Severity::Medium));
        }
        let left = until.duration_since(now);
        let soon = SignedDuration::from_hours(24 * i64::from(self.days));
        (left < soon.min(until.duration_since(*from) / 10)).then(|| {
            let days = left.as_hours() / 24;
            let message = format!("{of} expires in {days} days, at {until}");
            Claim::fails(place, message).severity(Severity::Medium)
        })
    }
}
