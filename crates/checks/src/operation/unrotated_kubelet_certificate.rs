//! PV-O011.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::is_read_by_kubeadm;
use crate::field::{gate_of, go_bool};
use crate::{Check, Claim, Component, Cx, OnControlPlane, Part, Place, Verdict, View};

/// Kubelet certificates are not rotated
///
/// ## Why
/// A client certificate that is not rotated expires and takes the node down, or it is issued for
/// years, and a stolen one stays valid as long. A self-signed serving certificate does not
/// authenticate the kubelet to the API server, which runs commands through it.
///
/// ## Fix
/// Set `rotateCertificates: true` and `serverTLSBootstrap: true` in the kubelet configuration, and
/// let an approver check the requests for serving certificates.
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
                    // It is on by default, and nothing else is required there.
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
        Some(None) => return Some(Claim::unknown(place, "this is not a boolean")),
        Some(Some(false)) => "the client certificate of the kubelet is not rotated",
        None => {
            "`rotateCertificates` is not set and defaults to false: the client certificate of the \
             kubelet is not rotated"
        }
    };
    Some(Claim::fails(place, message).set(true))
}

fn server(file: &Object) -> Option<Claim<'_>> {
    let gate = file.at(&["featureGates", GATE]);
    if let Some(gate) = gate.filter(|gate| gate.as_bool() == Some(false)) {
        let message = "the serving certificate of the kubelet is not rotated: the feature is \
                       disabled";
        return Some(Claim::fails(gate, message).remove());
    }
    let place = Place::field(file.value(), &["serverTLSBootstrap"]);
    let set = file.at(&["serverTLSBootstrap"]).filter(|b| !b.is_null());
    let own = file.at(&["tlsCertFile"]).and_then(|f| f.as_str()).is_some_and(|f| !f.is_empty());
    match set.map(|b| b.as_bool()) {
        Some(Some(true)) => None,
        Some(None) => Some(Claim::unknown(place, "this is not a boolean")),
        _ if own => Some(Claim::unknown(place, "it is not known whether `tlsCertFile` is rotated")),
        _ => {
            let message = "`serverTLSBootstrap` is not true: the kubelet uses a self-signed \
                           serving certificate, which is not rotated and cannot be verified";
            Some(Claim::fails(place, message).set(true))
        }
    }
}

/// Checks the feature gate for serving certificates, which kubelet and controller manager need and
/// which is on by default.
fn from_gates(component: Component<'_>) -> Verdict<'_> {
    const FLAG: &str = "feature-gates";
    let gates = match component.known_list(FLAG) {
        Ok(gates) => gates.unwrap_or_default(),
        Err(claim) => return claim.into(),
    };
    let of = |gate: &String| gate_of(gate.split('=').next().unwrap_or_default()) == GATE;
    let last = gates.iter().rev().find(|gate| of(gate));
    let off = last.and_then(|gate| gate.split_once('='));
    let off = off.is_some_and(|(_, on)| go_bool(on.trim()) == Some(false));
    if !off {
        return Verdict::NotApplicable;
    }
    let others: Vec<_> = gates.iter().filter(|gate| !of(gate)).cloned().collect();
    let message = "serving certificates of kubelets are not rotated: the feature is disabled";
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
            let message = format!("`--{flag}` is not true: the certificate is not rotated");
            let claim = Claim::fails(kubelet.place(flag), message);
            claim.part(part).changes(kubelet.set_flag(flag, "true")).into()
        }
        Err(claim) => claim.part(part).into(),
    }
}
