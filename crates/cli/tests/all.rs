//! All integration tests of this crate in one program: each program more is linked anew.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail like tests")]

#[cfg(unix)]
mod etcd;
mod registry;
mod started;
#[path = "../../signing/tests/world/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests of `signing` use more of it")]
mod world;

mod access;
mod action;
mod choice;
mod cluster;
mod cluster_audit;
mod cluster_images;
mod cluster_network;
mod collected;
mod config;
mod container_files;
mod database_faults;
mod databases;
#[cfg(target_os = "linux")]
mod deployed;
mod ended;
mod english;
mod exit_codes;
mod explained_advisory;
mod faults;
mod fix;
mod grants;
mod images;
mod integrity;
mod kubelets;
mod least_privilege;
mod mfa_admission;
mod mistakes;
mod network;
#[cfg(unix)]
mod nodes;
mod old_results;
mod own_frameworks;
mod pages;
mod probe;
mod program;
mod pss;
mod quarantine;
mod registries;
mod registry_faults;
mod replace;
#[cfg(target_os = "linux")]
mod restarts;
mod runtime;
#[cfg(unix)]
mod runtime_webhook;
mod same_findings;
mod secrets;
mod signed_images;
mod signing;
mod snapshots;
#[cfg(unix)]
mod storage;
mod usage;
mod vulnerabilities;
mod vulnerable_image;
