//! The techniques of MITRE ATT&CK that probes use, with their names.

/// Techniques by id.
const TECHNIQUES: [(&str, &str); 16] = [
    ("T1046", "Network Service Discovery"),
    ("T1078.001", "Valid Accounts: Default Accounts"),
    ("T1098", "Account Manipulation"),
    ("T1098.006", "Account Manipulation: Additional Container Cluster Roles"),
    ("T1133", "External Remote Services"),
    ("T1190", "Exploit Public-Facing Application"),
    ("T1499", "Endpoint Denial of Service"),
    ("T1528", "Steal Application Access Token"),
    ("T1552.001", "Unsecured Credentials: Credentials In Files"),
    ("T1552.005", "Unsecured Credentials: Cloud Instance Metadata API"),
    ("T1552.007", "Unsecured Credentials: Container API"),
    ("T1562.001", "Impair Defenses: Disable or Modify Tools"),
    ("T1609", "Container Administration Command"),
    ("T1610", "Deploy Container"),
    ("T1611", "Escape to Host"),
    ("T1613", "Container and Resource Discovery"),
];

/// Returns the name of a technique.
pub fn technique(id: &str) -> Option<&'static str> {
    TECHNIQUES.iter().find(|(known, _)| *known == id).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_technique_has_a_name_and_is_used() {
        let used = || crate::REGISTRY.iter().flat_map(|probe| probe.techniques);
        for id in used() {
            assert!(technique(id).is_some(), "{id}");
        }
        for (id, _) in TECHNIQUES {
            assert!(used().any(|used| *used == id), "{id}");
        }
    }
}
