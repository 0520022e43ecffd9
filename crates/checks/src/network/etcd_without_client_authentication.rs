//! PV-N023.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::loopback::is_loopback_url;
use crate::{Check, Claim, Component, Cx, FlagSource, OnComponent, Place, Verdict};

/// etcd clients are not authenticated
///
/// ## Why
/// etcd does not apply Kubernetes RBAC: anyone who can connect to it can read every Secret and
/// grant themselves cluster-admin.
///
/// ## Fix
/// Set `--client-cert-auth=true`, set `--trusted-ca-file` to a CA that signs only certificates of
/// etcd clients, and listen only on `https` addresses.
#[check(id = "PV-N023", severity = Critical, scope = Object, programs = [Etcd], fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EtcdWithoutClientAuthentication {}

impl Check for EtcdWithoutClientAuthentication {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        component.judged("etcd", |etcd| Ok(of_etcd(etcd, judge(etcd)?)))
    }
}

fn judge(etcd: Component<'_>) -> Result<Option<Claim<'_>>, Claim<'_>> {
    match plain_address(etcd)? {
        Some(claim) => Ok(Some(claim)),
        None => without_certificate(etcd),
    }
}

/// Returns the verdict on an etcd: that of an application is less severe.
pub(super) fn of_etcd<'a>(etcd: Component<'a>, claim: Option<Claim<'a>>) -> Verdict<'a> {
    match claim {
        None => Verdict::Holds,
        Some(claim) if holds_the_cluster(etcd) => claim.into(),
        Some(claim) => {
            let severity = claim.severity.unwrap_or(Severity::Medium);
            claim.severity(severity.min(Severity::Medium)).into()
        }
    }
}

/// Whether it is the etcd of the control plane, not one of an application.
pub(super) fn holds_the_cluster(component: Component<'_>) -> bool {
    let object = component.object();
    component.source() == FlagSource::Kubeadm
        || object.namespace() == "kube-system"
        // The file of a static pod may omit the namespace.
        || object.kind() == "Pod" && object.namespace().is_empty()
        // A process on a node of the cluster.
        || object.is(kinds::NODE_FACTS)
}

/// Returns a claim for an address with plain HTTP, where no client certificate can be required.
fn plain_address(etcd: Component<'_>) -> Result<Option<Claim<'_>>, Claim<'_>> {
    const LISTEN: &str = "listen-client-urls";
    let mut listens: Vec<(Place<'_>, String)> = Vec::new();
    match etcd.known(LISTEN)? {
        Some(flag) => listens.push((flag.place.into(), flag.value.into_owned())),
        // kubeadm sets it. The default of etcd is localhost.
        None if etcd.source() == FlagSource::Kubeadm => {}
        None => listens.push((etcd.place(LISTEN), "http://localhost:2379".to_owned())),
    }
    // If set, it serves a gateway to the same data without gRPC.
    if let Some(flag) = etcd.known("listen-client-http-urls")? {
        listens.push((flag.place.into(), flag.value.into_owned()));
    }
    let urls =
        listens.iter().flat_map(|(place, urls)| urls.split(',').map(move |url| (place, url)));
    let urls = urls.map(|(place, url)| (place, url.trim()));
    let plain: Vec<_> = urls.filter(|(_, url)| url.starts_with("http://")).collect();
    let open = plain.iter().find(|(_, url)| !is_loopback_url(url));
    let Some((place, url)) = open.or_else(|| plain.first()) else { return Ok(None) };
    let claim = Claim::fails(
        (*place).clone(),
        format!("etcd serves `{url}` without TLS to anyone who can reach the address"),
    );
    Ok(Some(match open {
        Some(_) => claim,
        // Only reachable within the same network namespace.
        None => claim.severity(Severity::Medium),
    }))
}

/// Returns where etcd is told to make its own certificate, which it does if it has no other: then it
/// ignores whether clients need one (`ClientSelfCert` and `PeerSelfCert` of its `embed` package).
pub(super) fn makes_its_own<'a>(
    etcd: Component<'a>,
    flag: &str,
    files: [&str; 2],
) -> Result<Option<Place<'a>>, Claim<'a>> {
    // kubeadm sets the files.
    if etcd.source() == FlagSource::Kubeadm || !etcd.known_bool(flag, false)? {
        return Ok(None);
    }
    for file in files {
        if etcd.known(file)?.is_some_and(|file| !file.value.is_empty()) {
            return Ok(None);
        }
    }
    Ok(Some(etcd.place(flag)))
}

fn without_certificate(etcd: Component<'_>) -> Result<Option<Claim<'_>>, Claim<'_>> {
    const ASKS: &str = "client-cert-auth";
    if let Some(place) = makes_its_own(etcd, "auto-tls", ["cert-file", "key-file"])? {
        let message = "etcd does not require certificates from its clients: `--auto-tls` replaces \
                       all other settings of TLS";
        return Ok(Some(Claim::fails(place, message)));
    }
    if etcd.known_bool(ASKS, false)? {
        return Ok(None);
    }
    let authority = etcd.known("trusted-ca-file")?.is_some_and(|file| !file.value.is_empty());
    Ok(match etcd.known(ASKS)? {
        // etcd requires certificates if it has a CA to verify them
        // (transport.TLSInfo.ServerConfig), although its documentation does not guarantee that.
        // kubeadm sets both flags.
        Some(flag) if authority => Some(
            Claim::fails(
                flag.place,
                format!(
                    "etcd has `--{ASKS}={}`: it requests certificates from clients only because \
                     `--trusted-ca-file` is set",
                    flag.value
                ),
            )
            .severity(Severity::Low)
            .changes(etcd.set_flag(ASKS, "true")),
        ),
        None if authority => None,
        Some(flag) => {
            Some(Claim::fails(flag.place, "etcd does not require certificates from its clients"))
        }
        None => Some(Claim::fails(
            etcd.place(ASKS),
            "etcd does not require certificates from its clients: `--client-cert-auth` is not set",
        )),
    })
}
