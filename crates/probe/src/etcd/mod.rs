//! Probes of etcd without a client certificate.

mod etcd_anonymous_metrics;
mod etcd_metrics_exposed;
mod etcd_old_keys;
mod etcd_peer_open;
mod etcd_peer_without_tls;
mod etcd_readable;
mod etcd_version;
mod etcd_without_tls;

pub(crate) use etcd_anonymous_metrics::EtcdAnonymousMetrics;
pub(crate) use etcd_metrics_exposed::EtcdMetricsExposed;
pub(crate) use etcd_old_keys::EtcdOldKeys;
pub(crate) use etcd_peer_open::EtcdPeerOpen;
pub(crate) use etcd_peer_without_tls::EtcdPeerWithoutTls;
pub(crate) use etcd_readable::EtcdReadable;
pub(crate) use etcd_version::EtcdVersion;
pub(crate) use etcd_without_tls::EtcdWithoutTls;

use crate::Page;
use crate::shape::json;

/// Recognizes the members of etcd, which a peer serves.
fn members(page: &Page) -> Option<String> {
    let body = json(page)?;
    let all = body.as_array()?;
    let is = !all.is_empty() && all.iter().all(|member| member.get("peerURLs").is_some());
    is.then(|| format!("{} members", all.len()))
}
