//! PV-O011.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::is_read_by_kubeadm;
use crate::{Check, Claim, Component, Cx, OnControlPlane, Part, Place, Verdict, View};

/// A kubelet whose certificates are not renewed.
///
/// ## Why
/// A client certificate that is not renewed ends with its node, or is made to live for years: then
/// a stolen one stays good as long. A serving certificate that the kubelet signs itself proves
/// nothing to the API server that runs commands through it.
///
/// ## Fix
/// Set `rotateCertificates: true` and `serverTLSBootstrap: true` in the kubelet's configuration,
/// and let an approver check the requests for serving certificates.
#[check(
    id = "PV-O011",
    severity = Low,
    scope = Related,
    programs = [ControllerManager, Kubelet],
    parts = ["client", "server"],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION, KUBEADM_CLUSTER_CONFIGURATION, KUBEADM_INIT_CONFIGURATION, KUBEADM_JOIN_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnrotatedKubeletCertificate {}

impl Check for UnrotatedKubeletCertificate {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        match part {
            Part::File(file) => {
                let client = client(file, cx).map(|claim| claim.part("client"));
                let server = server(file).map(|claim| claim.part("server"));
                Verdict::from_claims(client.into_iter().chain(server))
            }
            Part::Component(kubelet) if kubelet.name() == "kubelet" => {
                let parts =
                    [("client", "rotate-certificates"), ("server", "rotate-server-certificates")];
                let verdicts =
                    parts.into_iter().map(|(part, flag)| from_flag(kubelet, part, flag, cx));
                Verdict::all(verdicts.chain([from_gates(kubelet)]))
            }
            Part::Component(manager) if manager.name() == "kube-controller-manager" => {
                match from_gates(manager) {
                    // It is on by default, and more is not its part.
                    Verdict::NotApplicable => Verdict::Holds,
                    verdict => verdict,
                }
            }
            Part::Component(_) => Verdict::NotApplicable,
        }
    }
}

const GATE: &str = "RotateKubeletServerCertificate";

fn client<'a>(file: &'a Object, cx: &View<'a>) -> Option<Claim<'a>> {
    let place = Place::field(file.value(), &["rotateCertificates"]);
    let set = file.at(&["rotateCertificates"]).filter(|r| !r.is_null());
    let message = match set.map(|r| r.as_bool()) {
        Some(Some(true)) => return None,
        _ if is_read_by_kubeadm(file, cx) => return None,
        Some(None) => return Some(Claim::unknown(place, "this is no boolean")),
        Some(Some(false)) => "the kubelet's client certificate is not renewed",
        None => {
            "`rotateCertificates` is not set and is false by default: the kubelet's client \
             certificate is not renewed"
        }
    };
    Some(Claim::fails(place, message).set(true))
}

fn server(file: &Object) -> Option<Claim<'_>> {
    let gate = file.at(&["featureGates", GATE]);
    if let Some(gate) = gate.filter(|gate| gate.as_bool() == Some(false)) {
        let message = "the kubelet's serving certificate is not renewed: the feature is off";
        return Some(Claim::fails(gate, message).remove());
    }
    let place = Place::field(file.value(), &["serverTLSBootstrap"]);
    let set = file.at(&["serverTLSBootstrap"]).filter(|b| !b.is_null());
    let own = file.at(&["tlsCertFile"]).and_then(|f| f.as_str()).is_some_and(|f| !f.is_empty());
    match set.map(|b| b.as_bool()) {
        Some(Some(true)) => None,
        Some(None) => Some(Claim::unknown(place, "this is no boolean")),
        _ if own => Some(Claim::unknown(
            place,
            "whether `tlsCertFile` is renewed is up to whoever writes it",
        )),
        _ => {
            let message = "`serverTLSBootstrap` is not true: the kubelet serves with a \
                           certificate of its own making, which is not renewed and which nobody \
                           can verify";
            Some(Claim::fails(place, message).set(true))
        }
    }
}

/// The feature that kubelet and controller manager need for serving certificates, on by default.
fn from_gates(component: Component<'_>) -> Verdict<'_> {
    const FLAG: &str = "feature-gates";
    const OFF: [&str; 3] = ["false", "False", "FALSE"];
    let gates = match component.known_list(FLAG) {
        Ok(gates) => gates.unwrap_or_default(),
        Err(claim) => return claim.into(),
    };
    let of = |gate: &String| gate.split('=').next() == Some(GATE);
    let last = gates.iter().rev().find(|gate| of(gate));
    let off = last.and_then(|gate| gate.split_once('=')).is_some_and(|(_, on)| OFF.contains(&on));
    if !off {
        return Verdict::NotApplicable;
    }
    let others: Vec<_> = gates.iter().filter(|gate| !of(gate)).cloned().collect();
    let message = "serving certificates of kubelets are not renewed: the feature is off";
    let claim = Claim::fails(component.place(FLAG), message);
    claim.part("server").changes(component.set_list(FLAG, &others)).into()
}

fn from_flag<'a>(
    kubelet: Component<'a>,
    part: &'static str,
    flag: &str,
    cx: &View<'a>,
) -> Verdict<'a> {
    if kubelet.flag(flag).is_none()
        && let Some(verdict) = kubelet.kubelet_file(cx)
    {
        return verdict;
    }
    match kubelet.known_bool(flag, false) {
        Ok(true) => Verdict::Holds,
        Ok(false) => {
            let message = format!("`--{flag}` is not true: the certificate is not renewed");
            let claim = Claim::fails(kubelet.place(flag), message);
            claim.part(part).changes(kubelet.set_flag(flag, "true")).into()
        }
        Err(claim) => claim.part(part).into(),
    }
}
