//! Probes of the container in which they run.

mod facts;
mod pod_block_devices;
mod pod_dangerous_capabilities;
mod pod_host_path;
mod pod_host_processes;
mod pod_may_gain_privileges;
mod pod_root_user;
mod pod_runtime_socket;
mod pod_secrets_in_environment;
mod pod_service_account_token;
mod pod_token_gains_permissions;
mod pod_token_reads_secrets;
mod pod_token_runs_code;
mod pod_without_seccomp;
mod pod_writable_kernel_file;
mod pod_writable_root;
mod rights;

pub(crate) use pod_block_devices::PodBlockDevices;
pub(crate) use pod_dangerous_capabilities::PodDangerousCapabilities;
pub(crate) use pod_host_path::PodHostPath;
pub(crate) use pod_host_processes::PodHostProcesses;
pub(crate) use pod_may_gain_privileges::PodMayGainPrivileges;
pub(crate) use pod_root_user::PodRootUser;
pub(crate) use pod_runtime_socket::PodRuntimeSocket;
pub(crate) use pod_secrets_in_environment::PodSecretsInEnvironment;
pub(crate) use pod_service_account_token::PodServiceAccountToken;
pub(crate) use pod_token_gains_permissions::PodTokenGainsPermissions;
pub(crate) use pod_token_reads_secrets::PodTokenReadsSecrets;
pub(crate) use pod_token_runs_code::PodTokenRunsCode;
pub(crate) use pod_without_seccomp::PodWithoutSeccomp;
pub(crate) use pod_writable_kernel_file::PodWritableKernelFile;
pub(crate) use pod_writable_root::PodWritableRoot;

pub use facts::{Mount, PodFacts, own_namespace};
pub use rights::{Right, Rights, rights};

use crate::{Closed, Verdict};

/// Judges something that could be read: `wrong` says what is wrong with it.
fn judged<T>(
    fact: Option<&T>,
    what: &str,
    wrong: impl FnOnce(&T) -> Option<(String, String)>,
) -> Verdict {
    let Some(fact) = fact else {
        return Verdict::Unknown(format!("{what} cannot be read"));
    };
    match wrong(fact) {
        Some((message, proof)) => Verdict::Open { message, proof },
        None => Verdict::Closed(Closed::Good, format!("{what}: nothing was found")),
    }
}

/// Returns the verdicts on the container of this process.
pub fn judge_pod(
    facts: &PodFacts,
    host: &str,
    probes: &[&'static crate::Registered],
) -> Vec<crate::Outcome> {
    let judge = |probe: &&'static crate::Registered| {
        let crate::Kind::Pod { judge } = &probe.kind else { return None };
        let subject =
            pavisade_model::Subject::Endpoint { component: "pod".into(), address: host.into() };
        let verdict = judge(facts);
        let (exchanges, audited) = (Vec::new(), Vec::new());
        Some(crate::Outcome { probe, subject, verdict, exchanges, audited })
    };
    probes.iter().filter_map(judge).collect()
}

#[cfg(test)]
mod tests;
