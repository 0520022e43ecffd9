//! PV-N052.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{list, text_element};
use crate::{Check, Claim, Component, Cx, OnControlPlane, Part, Place, Verdict, View};

/// Weak cipher suites
///
/// ## Why
/// RC4 and 3DES are broken, CBC with SHA-256 is vulnerable to timing attacks, and with `RSA` key
/// exchange, anyone who later obtains the key of the server can decrypt recorded traffic. No
/// component enables these suites by default.
///
/// ## Fix
/// Remove them from the list, or remove the setting: the default contains none of them.
#[check(
    id = "PV-N052",
    severity = Medium,
    scope = Related,
    programs = [ApiServer, ControllerManager, Scheduler, Etcd, Kubelet],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WeakCipherSuite {
    /// Also report an API server, etcd or kubelet without a list of suites, as some standards
    /// require. The default contains no weak suites.
    explicit: bool,
}

impl Check for WeakCipherSuite {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        match part {
            Part::File(file) if file.is(kinds::KUBELET_CONFIGURATION) => self.file(file),
            Part::File(_) => Verdict::NotApplicable,
            Part::Component(component) => self.flags(component, cx).unwrap_or_else(Verdict::from),
        }
    }
}

impl WeakCipherSuite {
    fn file<'a>(&self, file: &'a Object) -> Verdict<'a> {
        const FIELD: &str = "tlsCipherSuites";
        let suites: Vec<_> = match list(file.value(), &[FIELD]) {
            Ok(suites) => suites.collect(),
            Err(wrong) => return wrong.into(),
        };
        if suites.is_empty() {
            return self.absent(Place::field(file.value(), &[FIELD]), FIELD, "the kubelet");
        }
        Verdict::from_claims(suites.into_iter().filter_map(|value| match text_element(value) {
            Ok(name) => {
                let why = weakness(name)?;
                Some(Claim::fails(value, format!("the kubelet accepts `{name}`: {why}")).remove())
            }
            Err(wrong) => Some(wrong.into()),
        }))
    }

    fn flags<'a>(&self, component: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
        let name = component.name();
        let flag = if name == "etcd" { "cipher-suites" } else { "tls-cipher-suites" };
        let suites = component.known_list(flag)?.unwrap_or_default();
        if suites.is_empty() {
            return Ok(match name {
                "kubelet" => component
                    .kubelet_file(cx)
                    .unwrap_or_else(|| self.absent(component.place(flag), flag, name)),
                "kube-apiserver" | "etcd" => self.absent(component.place(flag), flag, name),
                _ => Verdict::Holds,
            });
        }
        let (weak, strong): (Vec<_>, Vec<_>) =
            suites.into_iter().partition(|suite| weakness(suite).is_some());
        let Some(first) = weak.first() else { return Ok(Verdict::Holds) };
        let more = match weak.len() {
            1 => String::new(),
            n => format!(" and {} more weak ones", n - 1),
        };
        let why = weakness(first).unwrap_or("");
        let message = format!("{name} accepts `{first}`{more}: {why}");
        let claim = Claim::fails(component.place(flag), message);
        Ok(claim.changes(component.set_list(flag, &strong)).into())
    }

    fn absent<'a>(&self, place: Place<'a>, setting: &str, who: &str) -> Verdict<'a> {
        if !self.explicit {
            // Go's default.
            return Verdict::Holds;
        }
        Verdict::fails(place, format!("`{setting}` is not set: the default of {who} applies"))
    }
}

/// Returns the weakness of a suite, by name (Go's `tls.InsecureCipherSuites`).
fn weakness(name: &str) -> Option<&'static str> {
    if name.contains("_RC4_") {
        Some("RC4 is broken")
    } else if name.contains("_3DES_") {
        Some("3DES is broken")
    } else if name.ends_with("_CBC_SHA256") {
        Some("CBC with SHA-256 is vulnerable to timing attacks")
    } else if name.starts_with("TLS_RSA_") {
        Some("recorded traffic can be decrypted with the key of the server")
    } else {
        None
    }
}
