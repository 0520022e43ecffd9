//! Admission plugins of an API server.

use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use crate::{Change, Claim, Component, Place};

/// Deprecated in 1.10; the whole list of plugins where it is given.
const LEGACY: &str = "admission-control";

pub(super) const DISABLE: &str = "disable-admission-plugins";

/// The plugins that flags switch on and off.
pub(super) struct Plugins {
    /// The flag that switches plugins on.
    pub(super) flag: &'static str,
    pub(super) enabled: Vec<String>,
    pub(super) disabled: Vec<String>,
}

/// Reads them.
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
    /// Whether a flag switches this plugin off, which wins over one that switches it on.
    pub(super) fn disables(&self, plugin: &str) -> bool {
        self.disabled.iter().any(|name| name == plugin)
    }

    /// Whether what the flag does not name is off, also what is on by default.
    pub(super) fn is_whole_list(&self) -> bool {
        self.flag == LEGACY
    }

    /// Whether a flag names this plugin as one that is on.
    pub(super) fn enables(&self, plugin: &str) -> bool {
        self.enabled.iter().any(|name| name == plugin)
    }

    /// Where it is that a plugin which is off by default is off; none where it is on.
    pub(super) fn off<'a>(&self, server: Component<'a>, plugin: &str) -> Option<Place<'a>> {
        let disabled = self.disables(plugin);
        let off = disabled || !self.enables(plugin);
        off.then(|| server.place(if disabled { DISABLE } else { self.flag }))
    }

    /// What takes a plugin out of the list of those that are switched off.
    pub(super) fn allow<'a>(&self, server: Component<'a>, plugin: &str) -> Vec<Change<'a>> {
        let others: Vec<_> = self.disabled.iter().filter(|p| *p != plugin).cloned().collect();
        server.set_list(DISABLE, &others)
    }

    /// What switches a plugin on that is not on by itself.
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

/// The settings of one plugin in an `AdmissionConfiguration`, for each time that it is named.
///
/// An element is an error where they stand in another file.
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
