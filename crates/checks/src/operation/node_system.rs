//! What facts about a node say about its kernel, mounts and sockets.

use std::collections::BTreeMap;

use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use crate::Verdict;

/// Returns a part of the facts, or the verdict if it was not read.
pub(crate) fn part<'a>(
    node: &'a Object,
    field: &str,
    what: &str,
) -> Result<Value<'a>, Verdict<'a>> {
    let found = node.at(&["system", field]);
    found.filter(|value| !value.is_null()).ok_or_else(|| {
        let place = found.or_else(|| node.at(&["system"])).unwrap_or_else(|| node.value());
        Verdict::unknown(place, format!("{what} of the node `{}` were not read", node.name()))
    })
}

/// Returns the mounts of a node by place, or the verdict if they were not read.
pub(crate) fn mounts(node: &Object) -> Result<BTreeMap<&str, Value<'_>>, Verdict<'_>> {
    let all = part(node, "mounts", "the mounts")?;
    // A later mount on a place hides an earlier one.
    Ok(all.items().filter_map(|mount| Some((mount.str("place")?, mount))).collect())
}
