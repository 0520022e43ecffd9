//! Classification of token issuers.

/// Who an issuer authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// People, as far as is known.
    People,
    /// Pipelines and ServiceAccounts, which have no second factor.
    Machines,
    /// Both, at the same URL.
    Either,
}

/// Issuers of pipelines and clusters by host, according to their OIDC documentation.
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

/// Returns the host of a URL, without its port.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    authority.split(':').next().unwrap_or(authority)
}

/// Returns who the issuer at a URL authenticates.
pub(super) fn who(url: &str) -> Who {
    let host = host(url).to_ascii_lowercase();
    let cluster = host.starts_with("kubernetes.default.svc")
        || host.starts_with("oidc.eks.") && host.contains(".amazonaws.com")
        || host.starts_with("oidc-eks.") && host.ends_with(".api.aws")
        || host.ends_with(".oic.prod-aks.azure.com");
    // Buckets contain the keys of a cluster for verifying its ServiceAccounts. They have no login.
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
