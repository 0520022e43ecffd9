//! kubeconfig files, as opposed to other files of the same kind.

use pavisade_snapshot::Object;
use pavisade_yaml::Value;

/// Whether it is a kubeconfig: other tools use `v1` `Config` too.
pub(super) fn is_kubeconfig(file: &Object) -> bool {
    ["clusters", "users", "contexts"].iter().any(|list| file.at(&[list]).is_some())
}

/// Returns the named entries of a list with their inner map (`clusters` with `cluster`, `users`
/// with `user`).
pub(super) fn entries<'a>(
    file: &'a Object,
    list: &str,
    inner: &'static str,
) -> impl Iterator<Item = (&'a str, Value<'a>)> {
    let items = file.at(&[list]).into_iter().flat_map(Value::items);
    items.filter_map(move |item| Some((item.str("name").unwrap_or(""), item.get(inner)?)))
}
