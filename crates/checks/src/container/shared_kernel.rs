//! PV-C046.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::text;
use super::root::runs_on_windows;
use crate::{Check, Cx, OnPod, Place, Verdict};

/// Pods that share the kernel of their node.
///
/// ## Why
/// Ordinary containers are processes of the node: one flaw of its kernel is enough to leave them.
/// Code that is not trusted (of customers, of builds, written by a model) belongs behind a second
/// wall: gVisor's own kernel, or a virtual machine.
///
/// ## Fix
/// Set `runtimeClassName` to a RuntimeClass whose handler is a sandbox (gVisor, Kata Containers).
#[check(id = "PV-C046", severity = Low, audience = Strict, scope = Related, reads = [RUNTIME_CLASS])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SharedKernel {
    /// Handlers that are sandboxes besides those of gVisor and Kata Containers.
    sandboxes: Vec<String>,
    /// RuntimeClasses, by name, that are known to be sandboxes; where some are named, a pod of any
    /// other class is told, whether or not the class was read.
    classes: Vec<String>,
}

impl SharedKernel {
    fn is_own(&self, handler: &str) -> bool {
        self.sandboxes.iter().any(|own| own == handler)
    }

    fn is_sandbox(&self, handler: &str) -> bool {
        self.is_own(handler)
            || ["runsc", "gvisor", "kata", "kata-qemu"].contains(&handler)
            || handler.starts_with("kata-")
            || handler.starts_with("runsc-")
            || handler.starts_with("io.containerd.kata")
            || handler.starts_with("io.containerd.runsc")
    }
}

/// Handlers that start ordinary containers.
const ORDINARY: [&str; 8] =
    ["runc", "crun", "youki", "nvidia", "nvidia-cdi", "nvidia-legacy", "spin", "crun-wasm"];

impl Check for SharedKernel {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        if runs_on_windows(pod) {
            return Verdict::NotApplicable;
        }
        let class = match text(pod.spec(), &["runtimeClassName"]) {
            Ok(class) => class.filter(|(name, _)| !name.is_empty()),
            Err(wrong) => return wrong.into(),
        };
        let Some((name, place)) = class else {
            let place = Place::field(pod.spec(), &["runtimeClassName"]);
            return Verdict::fails(
                place,
                "the pod names no RuntimeClass, so it shares its node's kernel",
            );
        };
        let found = cx.get(kinds::RUNTIME_CLASS, "", name);
        let handler = found.and_then(|class| class.at(&["handler"])).and_then(|h| h.as_str());
        match handler {
            Some(handler) if ORDINARY.contains(&handler) && !self.is_own(handler) => {
                Verdict::fails(
                    place,
                    format!(
                        "RuntimeClass `{name}` starts containers by `{handler}`, which is no sandbox"
                    ),
                )
            }
            // What a class starts outweighs what somebody says of its name.
            _ if self.classes.iter().any(|own| own == name) => Verdict::Holds,
            _ if !self.classes.is_empty() => Verdict::fails(
                place,
                format!("RuntimeClass `{name}` is none of those that are said to be sandboxes"),
            ),
            Some(handler) if self.is_sandbox(handler) => Verdict::Holds,
            Some(handler) => Verdict::unknown(
                place,
                format!(
                    "whether `{handler}`, the handler of RuntimeClass `{name}`, is a sandbox is not known"
                ),
            ),
            None => Verdict::unknown(
                place,
                format!("whether RuntimeClass `{name}` is a sandbox is not known: it was not read"),
            ),
        }
    }
}
