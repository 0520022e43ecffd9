//! Namespaces that are exempt from Pod Security in the API server's configuration.

use pavisade_checks::components;
use pavisade_model::kinds;
use pavisade_snapshot::{Object, World};
use pavisade_yaml::Value;

/// The flag with the path of the API server's admission configuration.
const CONFIGURATION: &str = "admission-control-config-file";

/// Whether every API server in the files is known not to read an admission configuration. If there
/// is none in the files, it may be elsewhere and read one.
fn is_idle(world: &World) -> bool {
    let servers = world.objects().flat_map(components).filter(|c| c.name() == "kube-apiserver");
    let mut servers =
        servers.map(|server| matches!(server.known(CONFIGURATION), Ok(None))).peekable();
    servers.peek().is_some() && servers.all(|idle| idle)
}

/// Whether an admission configuration exempts the namespace.
pub(crate) fn exempt(world: &World, namespace: &str) -> bool {
    let named = |configuration: Value<'_>| {
        let names = configuration.at(&["exemptions", "namespaces"]);
        names.is_some_and(|names| names.items().any(|name| name.as_str() == Some(namespace)))
    };
    let plugins =
        world.of_kind(kinds::ADMISSION_CONFIGURATION).flat_map(|file| file.value().list("plugins"));
    let mut of_plugins = plugins
        .filter(|plugin| plugin.str("name") == Some("PodSecurity"))
        .filter_map(|plugin| plugin.get("configuration"));
    let mut own = world.of_kind(kinds::POD_SECURITY_CONFIGURATION).map(Object::value);
    (of_plugins.any(named) || own.any(named)) && !is_idle(world)
}
