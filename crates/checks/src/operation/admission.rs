//! Admission plugins of an API server.

use crate::{Claim, Component};

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
