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
