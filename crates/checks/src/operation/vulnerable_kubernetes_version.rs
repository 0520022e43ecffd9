//! PV-O013.

use pavisade_macros::check;
use pavisade_model::{Confidence, Program, kinds};
use pavisade_snapshot::{ClusterFacts, Object};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::version::Running;
use crate::advisories::{UNTIL, of_component};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Kubernetes version with known vulnerabilities
///
/// ## Why
/// Exploits are public. The list of vulnerabilities ends on the date that each message states.
/// Later ones are not known to this check, so a version is never reported as free of
/// vulnerabilities. Vendors (such as EKS, GKE and OpenShift) backport fixes without changing the
/// version; for their clusters, findings have low confidence. Only components whose version the API
/// reports are checked.
///
/// ## Fix
/// Upgrade to a version with the fix, preferably the latest patch release of a supported minor
/// version: first the control plane, then the nodes.
#[check(id = "PV-O013", severity = Medium, scope = Object, on = [CLUSTER, NODE])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VulnerableKubernetesVersion {}

impl Check for VulnerableKubernetesVersion {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if !cx.is_live() {
            return Verdict::NotApplicable;
        }
        if object.is(kinds::NODE) {
            return node(object);
        }
        let Some(cluster) = ClusterFacts::read(object) else { return Verdict::NotApplicable };
        let place = Place::field(object.value(), &ClusterFacts::VERSION);
        let text = cluster.version();
        let version = match read(text, "the API server", &place) {
            Ok(version) => version,
            Err(claim) => return claim.into(),
        };
        let mut claims = claims(version, Program::ApiServer, None, &place);
        let known = if claims.is_empty() { "none of them affects it; " } else { "" };
        let why = format!(
            "the list of known vulnerabilities ends at {UNTIL}: {known}it is not known whether \
             later ones affect the API server `{}` or the kubelets",
            text.unwrap_or("")
        );
        claims.push(Claim::unknown(place, why).instance("age"));
        Verdict::from_claims(claims)
    }
}

fn node<'a>(node: &'a Object) -> Verdict<'a> {
    let path = ["status", "nodeInfo", "kubeletVersion"];
    let place = Place::field(node.value(), &path);
    let text = node.at(&path).and_then(Value::as_str);
    let version = match read(text, "the kubelet", &place) {
        Ok(version) => version,
        Err(claim) => return claim.into(),
    };
    let system = node.at(&["status", "nodeInfo", "operatingSystem"]).and_then(Value::as_str);
    let claims = claims(version, Program::Kubelet, system, &place);
    match claims.is_empty() {
        // Counted as unknown. The finding for the cluster has the reason, once for all nodes.
        true => Verdict::Unknown(Vec::new()),
        false => Verdict::Fails(claims),
    }
}

fn read<'t, 'a>(
    text: Option<&'t str>,
    who: &str,
    place: &Place<'a>,
) -> Result<Running<'t>, Claim<'a>> {
    let why = match text {
        None => format!("{who} does not report its version"),
        Some(text) => match Running::read(text) {
            Some(version) => return Ok(version),
            None => format!("`{text}` is not a version of {who}"),
        },
    };
    Err(Claim::unknown(place.clone(), why))
}

/// Returns the vulnerabilities of a component's version. `system` is that of the node, `linux` or
/// `windows`.
fn claims<'a>(
    version: Running<'_>,
    program: Program,
    system: Option<&str>,
    place: &Place<'a>,
) -> Vec<Claim<'a>> {
    let of = of_component(program);
    let of = of.filter(|(_, windows)| !windows || system.is_none_or(|s| s == "windows"));
    let early = ["-alpha", "-beta", "-rc"].iter().any(|mark| version.suffix.starts_with(mark));
    let found = of.filter_map(|(advisory, windows)| {
        let (major, minor, patch) = advisory.fixed(version.number, early)?;
        let (major_now, minor_now, patch_now) = version.number;
        let message = format!(
            "{} {major_now}.{minor_now}.{patch_now}{} has {} ({}), fixed in {major}.{minor}.{patch}; \
             the list ends at {UNTIL}",
            program.name(),
            version.suffix,
            advisory.cve,
            advisory.title,
        );
        let claim = Claim::fails(place.clone(), message)
            .severity(advisory.severity)
            .instance(advisory.cve)
            .advice(format!("Upgrade {} to {major}.{minor}.{patch} or later.", program.name()));
        let sure = version.is_upstream() && (!windows || system.is_some());
        Some(claim.confidence(if sure { Confidence::High } else { Confidence::Low }))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_compared_with_its_own_components_list() {
        let cves = |text: &str, program, system| {
            let source = pavisade_yaml::Source::new("t", "a: b");
            let doc = pavisade_yaml::read(&source).docs.remove(0);
            let place = Place::from(doc.root());
            let version = Running::read(text).unwrap();
            let found = claims(version, program, system, &place);
            found.iter().map(|c| (c.instance.clone(), c.confidence)).collect::<Vec<_>>()
        };
        let of = |cve: &str, confidence| vec![(cve.to_owned(), Some(confidence))];
        use Confidence::{High, Low};
        let api = Program::ApiServer;
        assert_eq!(cves("v1.29.3", api, None), of("CVE-2024-3177", High));
        assert_eq!(cves("v1.29.4", api, None), []);
        assert_eq!(cves("v1.29.4-rc.0", api, None), of("CVE-2024-3177", Low));
        assert_eq!(cves("v1.29.3-eks-a737599", api, None), of("CVE-2024-3177", Low));
        assert_eq!(cves("v1.29.3+k3s1", api, None), of("CVE-2024-3177", High));
        let kubelet = Program::Kubelet;
        assert_eq!(cves("v1.30.2", kubelet, Some("linux")), []);
        assert_eq!(cves("v1.30.2", kubelet, Some("windows")), of("CVE-2024-5321", High));
        assert_eq!(cves("v1.30.2", kubelet, None), of("CVE-2024-5321", Low));
        assert_eq!(cves("v1.37.2", kubelet, Some("windows")), []);
        // Errors in the feed: #104980, #91507 and #112513 of kubernetes/kubernetes.
        for (program, cve, affected, fixed) in [
            (kubelet, "CVE-2021-25741", "v1.19.14", "v1.19.15"),
            (kubelet, "CVE-2021-25741", "v1.22.1", "v1.22.2"),
            (kubelet, "CVE-2020-10749", "v1.17.6", "v1.17.7"),
            (api, "CVE-2022-3172", "v1.21.14", "v1.22.14"),
        ] {
            let has = |text| cves(text, program, Some("linux")).iter().any(|(c, _)| c == cve);
            assert!(has(affected) && !has(fixed), "{cve}");
        }
    }
}
