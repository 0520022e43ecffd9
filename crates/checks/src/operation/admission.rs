//! Admission plugins of an API server.

use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use crate::{Change, Claim, Component, Place};

/// Deprecated in 1.10. If set, it is the complete list of plugins.
const LEGACY: &str = "admission-control";

pub(super) const DISABLE: &str = "disable-admission-plugins";

/// The plugins enabled and disabled by flags.
pub(super) struct Plugins {
    /// The flag that enables plugins.
    pub(super) flag: &'static str,
    pub(super) enabled: Vec<String>,
    pub(super) disabled: Vec<String>,
}

/// Reads the flags.
pub(super) fn plugins(server: Component<'_>) -> Result<Plugins, Claim<'_>> {
    const ENABLE: &str = "enable-admission-plugins";
    if server.flag(LEGACY).is_some() {
        let enabled = server.known_list(LEGACY)?.unwrap_or_default();
        return Ok(Plugins { flag: LEGACY, enabled, disabled: Vec::new() });
    }
    let enabled = server.known_list(ENABLE)?.unwrap_or_default();
    let disabled = server.known_list(DISABLE)?.unwrap_or_default();
    Ok(Plugins { flag: ENABLE, enabled, disabled })
}

impl Plugins {
    /// Whether a flag disables this plugin, which takes precedence over enabling it.
    pub(super) fn disables(&self, plugin: &str) -> bool {
        self.disabled.iter().any(|name| name == plugin)
    }

    /// Whether plugins that are not in the flag are disabled, even default ones.
    pub(super) fn is_whole_list(&self) -> bool {
        self.flag == LEGACY
    }

    /// Whether a flag enables this plugin.
    pub(super) fn enables(&self, plugin: &str) -> bool {
        self.enabled.iter().any(|name| name == plugin)
    }

    /// Returns where a plugin that is off by default is disabled. `None` if it is enabled.
    pub(super) fn off<'a>(&self, server: Component<'a>, plugin: &str) -> Option<Place<'a>> {
        let disabled = self.disables(plugin);
        let off = disabled || !self.enables(plugin);
        off.then(|| server.place(if disabled { DISABLE } else { self.flag }))
    }

    /// Returns the changes that remove a plugin from the disabled ones.
    pub(super) fn allow<'a>(&self, server: Component<'a>, plugin: &str) -> Vec<Change<'a>> {
        let others: Vec<_> = self.disabled.iter().filter(|p| *p != plugin).cloned().collect();
        server.set_list(DISABLE, &others)
    }

    /// Returns the changes that enable a plugin that is off by default.
    pub(super) fn enable<'a>(&self, server: Component<'a>, plugin: &str) -> Vec<Change<'a>> {
        let mut changes = Vec::new();
        if self.disables(plugin) {
            changes = self.allow(server, plugin);
            if changes.is_empty() {
                return changes;
            }
        }
        if !self.enables(plugin) {
            let mut all = self.enabled.clone();
            all.push(plugin.to_owned());
            match server.set_list(self.flag, &all) {
                added if added.is_empty() => return added,
                added => changes.extend(added),
            }
        }
        changes
    }
}

/// Returns the settings of a plugin in an `AdmissionConfiguration`, for each occurrence.
///
/// An element is an error if they are in another file.
pub(crate) fn configurations<'a>(
    file: &'a Object,
    plugin: &'static str,
) -> impl Iterator<Item = Result<Value<'a>, Claim<'a>>> {
    let plugins = file.value().list("plugins").filter(move |p| p.str("name") == Some(plugin));
    plugins.filter_map(|entry| {
        let own = entry.get("configuration").filter(|c| !c.is_null());
        own.map(Ok).or_else(|| {
            let path =
                entry.get("path").filter(|path| path.as_str().is_some_and(|p| !p.is_empty()))?;
            let why =
                format!("the configuration of the plugin is in `{}`", path.as_str().unwrap_or(""));
            Some(Err(Claim::unknown(path, why)))
        })
    })
}
