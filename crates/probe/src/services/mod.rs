//! Probes of other components.

mod controller_manager_config;
mod controller_manager_metrics;
mod controller_manager_profiling;
mod dns_lists_services;
mod docker_without_certificate;
mod docker_without_tls;
mod egress_reachable;
mod insecure_controller_manager;
mod insecure_scheduler;
mod kube_proxy_config;
mod kube_proxy_metrics;
mod kube_proxy_profiling;
mod node_port_reachable;
mod prometheus_open;
mod registry_open;
mod scheduler_config;
mod scheduler_metrics;
mod scheduler_profiling;

pub(crate) use controller_manager_config::ControllerManagerConfig;
pub(crate) use controller_manager_metrics::ControllerManagerMetrics;
pub(crate) use controller_manager_profiling::ControllerManagerProfiling;
pub(crate) use dns_lists_services::DnsListsServices;
pub(crate) use docker_without_certificate::DockerWithoutCertificate;
pub(crate) use docker_without_tls::DockerWithoutTls;
pub(crate) use egress_reachable::EgressReachable;
pub(crate) use insecure_controller_manager::InsecureControllerManager;
pub(crate) use insecure_scheduler::InsecureScheduler;
pub(crate) use kube_proxy_config::KubeProxyConfig;
pub(crate) use kube_proxy_metrics::KubeProxyMetrics;
pub(crate) use kube_proxy_profiling::KubeProxyProfiling;
pub(crate) use node_port_reachable::NodePortReachable;
pub(crate) use prometheus_open::PrometheusOpen;
pub(crate) use registry_open::RegistryOpen;
pub(crate) use scheduler_config::SchedulerConfig;
pub(crate) use scheduler_metrics::SchedulerMetrics;
pub(crate) use scheduler_profiling::SchedulerProfiling;
