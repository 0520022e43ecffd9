//! PV-N023.

use std::net::IpAddr;

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, FlagSource, OnComponent, Place, Verdict};

/// etcd that serves clients without a certificate.
///
/// ## Why
/// etcd knows no RBAC of Kubernetes: whoever may talk to it reads every Secret and writes whatever
/// makes them cluster-admin.
///
/// ## Fix
/// Set `--client-cert-auth=true` and `--trusted-ca-file` to an authority that signs nothing but
/// etcd's clients, and listen on `https` addresses only.
#[check(id = "PV-N023", severity = Critical, scope = Object, programs = [Etcd], mends = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EtcdWithoutClientAuthentication {}

impl Check for EtcdWithoutClientAuthentication {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        if component.name() != "etcd" {
            return Verdict::NotApplicable;
        }
        if let Some(file) = setting(component, "config-file") {
            let why = format!("etcd reads its settings from the file `{}`", file.1);
            return Verdict::unknown(file.0, why);
        }
        match plain_address(component).or_else(|| without_certificate(component)) {
            None => Verdict::Holds,
            Some(claim) if holds_the_cluster(component) => claim.into(),
            Some(claim) => {
                let severity = claim.severity.unwrap_or(Severity::Medium);
                claim.severity(severity.min(Severity::Medium)).into()
            }
        }
    }
}

/// Whether it is the control plane's etcd, not one that an application brings.
pub(super) fn holds_the_cluster(component: Component<'_>) -> bool {
    let object = component.object();
    component.source() == FlagSource::Kubeadm
        || object.namespace() == "kube-system"
        // A static pod's file may leave the namespace out.
        || object.kind() == "Pod" && object.namespace().is_empty()
}

/// etcd takes every flag from a variable of the environment as well; the flag wins.
fn setting<'a>(component: Component<'a>, flag: &str) -> Option<(Place<'a>, String)> {
    if let Some(flag) = component.flag(flag) {
        return Some((flag.place.into(), flag.value.into_owned()));
    }
    let name = format!("ETCD_{}", flag.to_ascii_uppercase().replace('-', "_"));
    let containers = component.object().pods().flat_map(Pod::containers);
    let variable = containers
        .flat_map(|container| container.value().list("env"))
        .find(|variable| variable.str("name") == Some(&name))?;
    let value = variable.get("value")?;
    Some((value.into(), value.as_str()?.to_owned()))
}

/// An address at which etcd speaks plain HTTP, where it can ask nobody for a certificate.
fn plain_address(component: Component<'_>) -> Option<Claim<'_>> {
    let (place, urls) = match setting(component, "listen-client-urls") {
        Some((place, urls)) => (place, urls),
        // kubeadm sets it; etcd itself listens on localhost.
        None if component.source() == FlagSource::Kubeadm => return None,
        None => (component.place("listen-client-urls"), "http://localhost:2379".to_owned()),
    };
    let plain: Vec<_> =
        urls.split(',').map(str::trim).filter(|url| url.starts_with("http://")).collect();
    let open = plain.iter().find(|url| !is_loopback(url));
    let url = open.or_else(|| plain.first())?;
    let claim = Claim::fails(
        place,
        format!("etcd serves `{url}` without TLS, to anybody who reaches the address"),
    );
    Some(match open {
        Some(_) => claim,
        // Only what runs in the same network namespace gets there.
        None => claim.severity(Severity::Medium),
    })
}

pub(super) fn is_loopback(url: &str) -> bool {
    let host = url.trim_start_matches("http://").trim_start_matches("https://");
    let host = host.split('/').next().unwrap_or(host);
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn without_certificate(component: Component<'_>) -> Option<Claim<'_>> {
    let asks = setting(component, "client-cert-auth");
    let authority = setting(component, "trusted-ca-file");
    let kubeadm = component.source() == FlagSource::Kubeadm;
    match asks {
        Some((_, value)) if is_true(&value) => None,
        // etcd asks for certificates whenever it has an authority to verify them with
        // (transport.TLSInfo.ServerConfig), which its documentation does not promise. kubeadm
        // sets both flags.
        Some((place, value)) if kubeadm || authority.is_some() => Some(
            Claim::fails(
                place,
                format!(
                    "etcd is told `--client-cert-auth={value}`: it asks clients for a certificate \
                     only because `--trusted-ca-file` is set"
                ),
            )
            .severity(Severity::Low)
            .changes(component.set_flag("client-cert-auth", "true")),
        ),
        None if kubeadm || authority.is_some() => None,
        Some((place, _)) => Some(Claim::fails(place, "etcd asks its clients for no certificate")),
        None => Some(Claim::fails(
            component.place("client-cert-auth"),
            "etcd asks its clients for no certificate: `--client-cert-auth` is not set",
        )),
    }
}

/// Go's strconv.ParseBool.
fn is_true(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}
