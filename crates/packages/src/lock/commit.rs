//! Commits in URLs of JavaScript and Python lock files.

/// Repository hosts that do not need `.git`.
const HOSTS: [&str; 3] = ["github.com", "gitlab.com", "bitbucket.org"];

/// Returns the commit in a repository URL; empty if it is not a repository or refers to a branch.
pub(super) fn of(address: &str) -> &str {
    found(address).filter(|text| is_commit(text)).unwrap_or("")
}

/// Returns whether a text may be a commit hash: SHA-1 or SHA-256, possibly abbreviated.
pub(super) fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn found(address: &str) -> Option<&str> {
    if let Some((url, fragment)) = address.rsplit_once('#') {
        // Yarn: `#commit=…`, with further parameters after `&`.
        let named = fragment.split('&').find_map(|part| part.strip_prefix("commit="));
        if let Some(commit) = named.or_else(|| fragment.strip_prefix("commit:")) {
            return Some(commit);
        }
        // The fragment of an archive URL is the digest of the archive.
        return is_repository(url).then_some(fragment);
    }
    let (_, rest) = address.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> = path.split('/').collect();
    match (host, &parts[..]) {
        ("codeload.github.com", [_, _, "tar.gz" | "zip", commit]) => Some(commit),
        ("github.com", [_, _, "archive" | "tarball", commit])
        | ("bitbucket.org", [_, _, "get", commit]) => commit.split('.').next(),
        _ if HOSTS.contains(&host) => query.split('&').find_map(|pair| pair.strip_prefix("ref=")),
        _ => None,
    }
}

fn is_repository(url: &str) -> bool {
    const SCHEMES: [&str; 7] = ["git:", "git+", "ssh:", "git@", "github:", "gitlab:", "bitbucket:"];
    let url = match url.split_once("://") {
        // `name@https://…`: the scheme starts after the name.
        Some((scheme, _)) => &url[scheme.rfind('@').map_or(0, |at| at + 1)..],
        None => url,
    };
    if SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
        return true;
    }
    let Some((_, rest)) = url.split_once("://") else { return false };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    let is_archive = [".tgz", ".tar.gz", ".zip"].iter().any(|end| path.ends_with(end));
    path.ends_with(".git") || HOSTS.contains(&host) && !is_archive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let sha = "c5a7ba5e0ad98b8db1cb8ce105dd4b768cced318";
        for (address, commit) in [
            ("git+ssh://git@github.com/mochajs/mocha.git#SHA", true),
            ("git@github.com:a/b.git#SHA", true),
            ("github:a/b#SHA", true),
            ("https://github.com/a/b#SHA", true),
            ("https://example.com/a/b.git#SHA", true),
            ("x@https://example.com/a/b.git#commit=SHA&workspace=c", true),
            ("x@git@github.com:a/b.git#commit=SHA", true),
            ("https://codeload.github.com/a/b/tar.gz/SHA", true),
            ("https://github.com/a/b/archive/SHA.tar.gz", true),
            ("https://gitlab.com/api/v4/projects/x/repository/archive.tar.gz?ref=SHA", true),
            // The digest of an archive, a branch, a range.
            ("https://registry.yarnpkg.com/a/-/a-1.0.tgz#SHA", false),
            ("https://github.com/a/b/archive/x.tar.gz#SHA", false),
            ("git+https://example.com/a.git#main", false),
            ("git+https://example.com/a.git#semver:^1", false),
            ("1.0.0", false),
            ("", false),
        ] {
            let address = address.replace("SHA", sha);
            assert_eq!(of(&address), if commit { sha } else { "" }, "{address}");
        }
    }
}
