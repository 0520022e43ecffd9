//! Arguments of kubelets in kubeadm's files.

use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};

/// An argument in `nodeRegistration.kubeletExtraArgs` of kubeadm's `InitConfiguration` or
/// `JoinConfiguration`: a map up to v1beta3, a list of name and value from v1beta4 on.
pub(super) fn argument<'a>(file: &'a Object, name: &str) -> Option<Value<'a>> {
    let arguments = file.at(&["nodeRegistration", "kubeletExtraArgs"])?;
    match arguments.kind() {
        // Of one that is repeated, the last counts.
        Kind::Sequence => {
            arguments.items().filter(|item| item.str("name") == Some(name)).last()?.get("value")
        }
        _ => arguments.get(name),
    }
}
