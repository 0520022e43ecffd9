//! Whom an issuer of tokens logs in.

/// Whom an issuer logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// People, as far as is known.
    People,
    /// Pipelines and ServiceAccounts: they have no second factor.
    Machines,
    /// Both, under one address.
    Either,
}

/// Issuers of pipelines and clusters, by their host (each one's own documentation of OIDC).
const MACHINES: [&str; 11] = [
    "agent.buildkite.com",
    "api.bitbucket.org",
    "api.pipelines.atlassian.com",
    "app.terraform.io",
    "container.googleapis.com",
    "kubernetes",
    "kubernetes.default",
    "oidc.circleci.com",
    "oidc.codefresh.io",
    "token.actions.githubusercontent.com",
    "vstoken.dev.azure.com",
];

/// The host of an address, without its port.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    authority.split(':').next().unwrap_or(authority)
}

/// Whom the issuer at an address logs in.
pub(super) fn who(url: &str) -> Who {
    let host = host(url).to_ascii_lowercase();
    let cluster = host.starts_with("kubernetes.default.svc")
        || host.starts_with("oidc.eks.") && host.contains(".amazonaws.com")
        || host.starts_with("oidc-eks.") && host.ends_with(".api.aws")
        || host.ends_with(".oic.prod-aks.azure.com");
    // Buckets hold a cluster's keys for others to verify its ServiceAccounts; no one logs in there.
    let bucket = host == "storage.googleapis.com"
        || host.ends_with(".blob.core.windows.net")
        || host.ends_with(".amazonaws.com")
            && (host.starts_with("s3.") || host.starts_with("s3-") || host.contains(".s3"));
    // GitHub Enterprise Server.
    let actions = url.trim_end_matches('/').ends_with("/_services/token");
    if MACHINES.contains(&host.as_str()) || cluster || bucket || actions {
        Who::Machines
    } else if host == "gitlab.com" || host.starts_with("gitlab.") {
        Who::Either
    } else {
        Who::People
    }
}

#[cfg(test)]
mod tests {
    use super::{Who, who};

    #[test]
    fn issuers_of_machines_are_known_by_their_host() {
        for (url, expected) in [
            ("https://token.actions.githubusercontent.com", Who::Machines),
            ("https://token.actions.githubusercontent.com.example.com", Who::People),
            ("https://ghe.example.com/_services/token", Who::Machines),
            ("https://oidc.eks.eu-west-1.amazonaws.com/id/ABC", Who::Machines),
            ("https://container.googleapis.com/v1/projects/p", Who::Machines),
            ("https://kubernetes.default.svc.cluster.local", Who::Machines),
            ("https://dex.auth.svc.cluster.local:5556", Who::People),
            ("https://my-oidc.s3.eu-west-1.amazonaws.com", Who::Machines),
            ("https://cognito-idp.eu-west-1.amazonaws.com/pool", Who::People),
            ("https://gitlab.com", Who::Either),
            ("https://gitlab.example.com:8443/", Who::Either),
            ("https://login.microsoftonline.com/t/v2.0", Who::People),
            ("", Who::People),
        ] {
            assert_eq!(who(url), expected, "{url}");
        }
    }
}
