//! Probes of kubelets without credentials.

mod cadvisor_exposed;
mod kubelet_anonymous_attach;
mod kubelet_anonymous_checkpoint;
mod kubelet_anonymous_config;
mod kubelet_anonymous_container_logs;
mod kubelet_anonymous_container_metrics;
mod kubelet_anonymous_exec;
mod kubelet_anonymous_health;
mod kubelet_anonymous_logs;
mod kubelet_anonymous_metrics;
mod kubelet_anonymous_pods;
mod kubelet_anonymous_port_forward;
mod kubelet_anonymous_profiling;
mod kubelet_anonymous_resource_metrics;
mod kubelet_anonymous_run;
mod kubelet_anonymous_running_pods;
mod kubelet_anonymous_stats;
mod kubelet_health_exposed;
mod kubelet_read_only_pods;

pub(crate) use cadvisor_exposed::CadvisorExposed;
pub(crate) use kubelet_anonymous_attach::KubeletAnonymousAttach;
pub(crate) use kubelet_anonymous_checkpoint::KubeletAnonymousCheckpoint;
pub(crate) use kubelet_anonymous_config::KubeletAnonymousConfig;
pub(crate) use kubelet_anonymous_container_logs::KubeletAnonymousContainerLogs;
pub(crate) use kubelet_anonymous_container_metrics::KubeletAnonymousContainerMetrics;
pub(crate) use kubelet_anonymous_exec::KubeletAnonymousExec;
pub(crate) use kubelet_anonymous_health::KubeletAnonymousHealth;
pub(crate) use kubelet_anonymous_logs::KubeletAnonymousLogs;
pub(crate) use kubelet_anonymous_metrics::KubeletAnonymousMetrics;
pub(crate) use kubelet_anonymous_pods::KubeletAnonymousPods;
pub(crate) use kubelet_anonymous_port_forward::KubeletAnonymousPortForward;
pub(crate) use kubelet_anonymous_profiling::KubeletAnonymousProfiling;
pub(crate) use kubelet_anonymous_resource_metrics::KubeletAnonymousResourceMetrics;
pub(crate) use kubelet_anonymous_run::KubeletAnonymousRun;
pub(crate) use kubelet_anonymous_running_pods::KubeletAnonymousRunningPods;
pub(crate) use kubelet_anonymous_stats::KubeletAnonymousStats;
pub(crate) use kubelet_health_exposed::KubeletHealthExposed;
pub(crate) use kubelet_read_only_pods::KubeletReadOnlyPods;

use crate::probe::Seen;
use crate::shape::{closed, uncontrolled};
use crate::{Answer, Ask, Verdict};

/// Judges a request about a pod that does not exist. Only a client that passed authentication and
/// authorization learns that there is no such pod.
fn missing_pod(seen: &Seen<'_>, message: &str) -> Verdict {
    let Some(exchange) = seen.exchanges.first() else {
        return Verdict::Unknown("nothing was sent".to_owned());
    };
    let Answer::Http(page) = &exchange.answer else { return closed(&exchange.answer) };
    let text = page.text();
    let is_kubelets = text.contains("pod does not exist")
        || text.contains("pod \"none\" does not exist")
        || text.contains("pod \"none_pavisade-probe\"");
    let control = seen.control.as_ref().map(|control| &control.answer);
    let same = matches!(control, Some(Answer::Http(other)) if other.body == page.body);
    if is_kubelets && let Some(why) = control.and_then(uncontrolled) {
        return Verdict::Unknown(why);
    }
    match page.status {
        404 | 400 | 500 if is_kubelets && !same => Verdict::Open {
            message: message.to_owned(),
            proof: match &exchange.ask {
                Ask::Http(ask) => {
                    let path = ask.path.split('?').next().unwrap_or_default();
                    format!("{} {path}: {}, the pod does not exist", ask.method, page.status)
                }
                other => other.to_string(),
            },
        },
        // No status of success is possible for a pod that does not exist.
        200..=299 => Verdict::Closed(
            crate::Closed::NotServed,
            format!("status {} for a pod that does not exist: it is not a kubelet", page.status),
        ),
        _ => closed(&exchange.answer),
    }
}
