//! PV-O041.

use pavisade_macros::check;
use pavisade_model::Confidence;
use pavisade_snapshot::{ClusterFacts, Object};
use schemars::JsonSchema;
use serde::Deserialize;

use super::version::Running;
use crate::{Check, Claim, Cx, OnObject, Place, Timestamp, Verdict};

/// End-of-life Kubernetes version
///
/// ## Why
/// A minor version gets no security fixes after its end of life: vulnerabilities found later are
/// public and not fixed. Some providers offer extended support for a fee; for their clusters,
/// findings have low confidence.
///
/// ## Fix
/// Upgrade by one minor version at a time, starting with the control plane. Plan the upgrade before
/// the end of life.
#[check(
    id = "PV-O041",
    severity = Medium,
    scope = Object,
    on = [
        CLUSTER,
        KUBEADM_CLUSTER_CONFIGURATION,
        KUBEADM_CONTROL_PLANE,
        AWS_MANAGED_CONTROL_PLANE,
        EKSCTL_CLUSTER_CONFIG
    ]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EndOfLifeKubernetes {}

impl Check for EndOfLifeKubernetes {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let path: &[&str] = match object.kind() {
            "Cluster" => &ClusterFacts::VERSION,
            "ClusterConfiguration" => &["kubernetesVersion"],
            // eksctl
            "ClusterConfig" => &["metadata", "version"],
            _ => &["spec", "version"],
        };
        let Some(value) = object.at(path).filter(|v| !v.is_null()) else {
            return match object.kind() {
                "Cluster" => {
                    let place = Place::field(object.value(), path);
                    Verdict::unknown(place, "the API server does not report its version")
                }
                _ => Verdict::NotApplicable,
            };
        };
        let text = value.scalar_text().unwrap_or_default();
        // A version that kubeadm resolves on the internet: `stable`, `latest-1`, `ci/latest`.
        let Some(minor) = minor(&text) else {
            return Verdict::unknown(value, format!("`{text}` is not a Kubernetes version"));
        };
        let (since, ended) = match ended(minor, cx.now()) {
            Ok(None) => return Verdict::Holds,
            Ok(Some(date)) => (format!("since {date}"), true),
            Err(()) => (String::new(), false),
        };
        if !ended {
            let why = format!("the end of life of Kubernetes 1.{minor} is not known here");
            return Verdict::unknown(value, why);
        }
        let provider = matches!(object.kind(), "ClusterConfig" | "AWSManagedControlPlane")
            || Running::read(&text).is_some_and(|version| !version.is_upstream());
        let claim = Claim::fails(
            value,
            format!("Kubernetes 1.{minor} gets no more security fixes {since}"),
        );
        if provider { claim.confidence(Confidence::Low) } else { claim }.into()
    }
}

/// Parses `v1.34.2`, `1.34`, `stable-1.34`.
fn minor(text: &str) -> Option<u32> {
    let channel = ["stable-", "latest-"].into_iter().find_map(|c| text.strip_prefix(c));
    let text = channel.unwrap_or(text);
    let rest = text.strip_prefix('v').unwrap_or(text).strip_prefix("1.")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// Returns the end-of-life date of a minor version, if it has passed. An error if it is not known.
fn ended(minor: u32, now: Timestamp) -> Result<Option<&'static str>, ()> {
    let date = match ENDS.iter().find(|(of, _)| *of == minor) {
        Some((_, date)) => *date,
        None if minor < FIRST => BEFORE,
        None => return Err(()),
    };
    let end: Timestamp = format!("{date}T23:59:59Z").parse().map_err(|_| ())?;
    Ok((now > end).then_some(date))
}

/// The last end-of-life date of versions before the first in the table.
const FIRST: u32 = 20;
const BEFORE: &str = "2021-10-28";

/// Minor versions and their end-of-life dates (kubernetes.io/releases, as of September 2026).
/// Future dates are planned, and have changed by days at most so far.
const ENDS: [(u32, &str); 18] = [
    (20, "2022-02-28"),
    (21, "2022-06-28"),
    (22, "2022-12-08"),
    (23, "2023-02-28"),
    (24, "2023-07-28"),
    (25, "2023-10-28"),
    (26, "2024-02-28"),
    (27, "2024-07-16"),
    (28, "2024-10-22"),
    (29, "2025-02-28"),
    (30, "2025-07-15"),
    (31, "2025-11-11"),
    (32, "2026-02-28"),
    (33, "2026-06-28"),
    (34, "2026-10-27"),
    (35, "2027-02-28"),
    (36, "2027-06-28"),
    (37, "2027-10-28"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_written_in_many_ways() {
        for (text, expected) in [
            ("v1.34.2", Some(34)),
            ("1.34", Some(34)),
            ("stable-1.34", Some(34)),
            ("v1.33.5-eks-a737599", Some(33)),
            ("stable", None),
            ("${KUBERNETES_VERSION}", None),
            ("ci/latest", None),
        ] {
            assert_eq!(minor(text), expected, "{text}");
        }
    }

    #[test]
    fn every_version_that_is_known_has_an_end() {
        assert!(ENDS.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0 && pair[0].1 < pair[1].1));
        assert_eq!(ENDS[0].0, FIRST);
        assert_eq!(ENDS[ENDS.len() - 1].0, pavisade_model::KubernetesVersion::LATEST.minor);
        assert!(ended(19, Timestamp::UNIX_EPOCH).is_ok());
        for (_, date) in ENDS {
            assert!(format!("{date}T00:00:00Z").parse::<Timestamp>().is_ok());
        }
    }
}
