//! What facts about a node say about its kernel, mounts and sockets.

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
