//! Admission plugins of an API server.

use crate::{Change, Claim, Component};

pub(super) const DISABLE: &str = "disable-admission-plugins";

/// The plugins that flags switch on and off.
pub(super) struct Plugins {
    /// The flag that switches plugins on.
    pub(super) flag: &'static str,
    pub(super) enabled: Vec<String>,
    pub(super) disabled: Vec<String>,
}

/// Reads them; `--admission-control` (deprecated in 1.10) is the whole list where it is given.
pub(super) fn plugins(server: Component<'_>) -> Result<Plugins, Claim<'_>> {
    const ENABLE: &str = "enable-admission-plugins";
    const LEGACY: &str = "admission-control";
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

    /// Whether a flag names this plugin as one that is on.
    pub(super) fn enables(&self, plugin: &str) -> bool {
        self.enabled.iter().any(|name| name == plugin)
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
