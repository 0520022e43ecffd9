//! PV-N048.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::etcd_without_client_authentication::holds_the_cluster;
use crate::component::components;
use crate::{Check, Claim, Component, Cx, FlagSource, OnComponent, Verdict, View};

/// etcd trusts the cluster CA
///
/// ## Why
/// Every kubelet, and everyone whose certificate request is approved, has a certificate from the CA
/// of the API server. If etcd trusts the same CA, all of them can read and write etcd, bypassing
/// RBAC.
///
/// ## Fix
/// Create a dedicated CA for etcd, use it to sign the certificates of etcd and of the API server's
/// etcd client, and set it in `--trusted-ca-file`.
#[check(
    id = "PV-N048",
    severity = High,
    scope = Related,
    programs = [Etcd],
    reads = [POD]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SharedEtcdAuthority {}

impl Check for SharedEtcdAuthority {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        if component.name() != "etcd" || !holds_the_cluster(component) {
            return Verdict::NotApplicable;
        }
        judge(component, cx).unwrap_or_else(Verdict::from)
    }
}

fn judge<'a>(etcd: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    const TRUSTED: &str = "trusted-ca-file";
    let Some(own) = etcd.known(TRUSTED)?.filter(|flag| !flag.value.is_empty()) else {
        // Go verifies certificates with the authorities of the system then. PV-N023 reports an etcd
        // that asks for none, and kubeadm sets the file.
        let asks = etcd.known_bool("client-cert-auth", false)?;
        if etcd.source() == FlagSource::Kubeadm || !asks {
            return Ok(Verdict::NotApplicable);
        }
        let message = format!(
            "`--{TRUSTED}` is not set: etcd accepts certificates of every authority that the system \
             trusts"
        );
        return Ok(Verdict::fails(etcd.place("client-cert-auth"), message));
    };
    let own = on_node(etcd, &own.value);
    let mut objects = vec![etcd.object()];
    if etcd.source() == FlagSource::CommandLine {
        let here = |pod: &&Object| pod.namespace() == etcd.object().namespace();
        objects.extend(cx.list(kinds::POD).objects.into_iter().filter(here));
    }
    let servers = objects.into_iter().flat_map(components);
    let servers: Vec<_> = servers.filter(|c| c.name() == "kube-apiserver").collect();
    if servers.is_empty() {
        let why = format!("the API server's `--client-ca-file` is not {}", cx.here());
        return Ok(Verdict::unknown(etcd.place(TRUSTED), why));
    }
    let mut unknown = None;
    for server in servers {
        let theirs = match server.known("client-ca-file") {
            Ok(Some(flag)) => on_node(server, &flag.value),
            Ok(None) => continue,
            Err(claim) => {
                unknown = Some(claim.why());
                continue;
            }
        };
        if theirs == own {
            let message = format!(
                "etcd trusts `{own}`, the CA for clients of the API server: everyone with a \
                 certificate from the cluster can read and write etcd"
            );
            return Ok(Verdict::fails(etcd.place(TRUSTED), message));
        }
    }
    Ok(unknown.map_or(Verdict::Holds, |why| Verdict::unknown(etcd.place(TRUSTED), why)))
}

/// Returns the file on the node for a path in the container, according to mounted directories.
fn on_node(component: Component<'_>, path: &str) -> String {
    if component.source() == FlagSource::Kubeadm {
        return path.to_owned();
    }
    let pods = component.object().pods();
    let mounted = pods.flat_map(|pod| {
        let containers = pod.containers();
        let mounts = containers.flat_map(|container| container.value().list("volumeMounts"));
        mounts.filter_map(move |mount| {
            let inner = mount.str("mountPath")?.trim_end_matches('/');
            let rest = path.strip_prefix(inner).filter(|r| r.is_empty() || r.starts_with('/'))?;
            let named = |volume: &Value<'_>| volume.str("name") == mount.str("name");
            let volume = pod.volumes().find(named)?;
            let outer = volume.at(&["hostPath", "path"])?.as_str()?.trim_end_matches('/');
            Some((inner.len(), format!("{outer}{rest}")))
        })
    });
    mounted.max_by_key(|(length, _)| *length).map_or_else(|| path.to_owned(), |(_, path)| path)
}
