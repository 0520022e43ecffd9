//! `pavisade runtime quarantine` and `release`.

use anyhow::Context as _;
use jiff::SignedDuration;
use pavisade_access::quarantine::release_expired;
use pavisade_access::quarantine::{Quarantine, quarantine as cut_off, release as end};
use tokio::runtime::Runtime;

use crate::args::runtime::{QuarantineArgs, ReleaseArgs};
use crate::cluster;
use crate::{Outcome, terminal};

pub(super) fn quarantine(args: &QuarantineArgs) -> anyhow::Result<Outcome> {
    let QuarantineArgs { namespace, time, reason, server, .. } = args;
    let pod = named(&args.pod);
    let time = SignedDuration::try_from(*time).unwrap_or(SignedDuration::MAX);
    let (made, allowing) = runtime()?.block_on(async {
        let api = cluster::api(server).await?;
        anyhow::Ok(cut_off(&api, (namespace, pod), time, reason).await?)
    })?;
    let until = made.end.map(|end| format!(" until {end}")).unwrap_or_default();
    let text = format!(
        "Pod {namespace}/{pod} is quarantined{until} by the NetworkPolicy {}.\n\
         Connections that exist already may continue. Nothing is cut off if the network plugin does \
         not enforce NetworkPolicies.\n",
        made.policy
    );
    crate::print(text.as_bytes())?;
    for other in &allowing {
        let (policy, directions) = (&other.policy, other.directions.join(" and "));
        terminal::say(
            "warning",
            &format!("the NetworkPolicy {policy} also selects the pod, and may allow {directions}"),
        );
    }
    if allowing.is_empty() {
        return Ok(Outcome::Clean);
    }
    let text = "remove the labels of the pod that these policies select, or change the policies";
    terminal::say("", text);
    Ok(Outcome::Incomplete)
}

pub(super) fn release(args: &ReleaseArgs) -> anyhow::Result<Outcome> {
    let (ended, left) = runtime()?.block_on(async {
        let api = cluster::api(&args.server).await?;
        anyhow::Ok(match args.pod.as_deref().map(named) {
            Some(pod) => {
                let namespace = args.namespace.as_deref().unwrap_or("default");
                (end(&api, namespace, pod).await?, Vec::new())
            }
            None => release_expired(&api, args.namespace.as_deref()).await?,
        })
    })?;
    let line = |one: &Quarantine| {
        format!(
            "Pod {}/{} is released: the NetworkPolicy {} is removed.\n",
            one.namespace, one.pod, one.policy
        )
    };
    let text: String = ended.iter().map(line).collect();
    let text = if text.is_empty() { "No quarantine has expired.\n".to_owned() } else { text };
    crate::print(text.as_bytes())?;
    for policy in &left {
        terminal::say("not removed", &format!("NetworkPolicy {policy}"));
    }
    Ok(if left.is_empty() { Outcome::Clean } else { Outcome::Incomplete })
}

/// Returns the name of a pod, which may be written as for kubectl.
fn named(pod: &str) -> &str {
    ["pod/", "pods/", "po/"].iter().find_map(|kind| pod.strip_prefix(kind)).unwrap_or(pod)
}

fn runtime() -> anyhow::Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("could not start the connection")
}
