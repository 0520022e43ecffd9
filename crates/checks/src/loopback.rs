//! Detection of loopback addresses.

use std::net::IpAddr;

/// Whether a host is the local machine: `localhost`, `127.0.0.0/8`, `::1`, and IPv4-mapped IPv6
/// (`::ffff:127.0.0.1`). A name with such a prefix (`127.0.0.1.nip.io`) can be any machine.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    // An IPv6 address may have a zone: `::1%lo`.
    let bare = host.split('%').next().unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(is_loopback)
}

/// Whether an address is loopback, including IPv4-mapped IPv6.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Like [`is_loopback_host`], for an address with an optional scheme, login, port and path.
pub(crate) fn is_loopback_url(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    let host = match address.rsplit_once(':') {
        // An IPv6 address without brackets has no port.
        Some((host, _)) if host.ends_with(']') || !host.contains(':') => host,
        _ => address,
    };
    is_loopback_host(host)
}

#[cfg(test)]
mod tests {
    use super::{is_loopback_host, is_loopback_url};

    #[test]
    fn the_own_machine_has_many_addresses() {
        for host in [
            "localhost",
            "LocalHost",
            "127.0.0.1",
            "127.8.9.1",
            "::1",
            "[::1]",
            "0:0:0:0:0:0:0:1",
            "::ffff:127.0.0.1",
            "[::ffff:7f00:1]",
            "::1%lo",
        ] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in [
            "",
            "0.0.0.0",
            "::",
            "10.0.0.1",
            "::ffff:10.0.0.1",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "127.evil.example",
            "[localhost",
        ] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[test]
    fn an_address_is_read_to_its_host() {
        for url in [
            "http://127.0.0.1:2379",
            "http://[::1]:80/a",
            "localhost:8080",
            "::1",
            "https://me:x@localhost/a",
            "http://[::ffff:127.0.0.1]:1?b",
            "127.0.0.1",
        ] {
            assert!(is_loopback_url(url), "{url}");
        }
        for url in [
            "http://127.0.0.1.nip.io:80",
            "http://localhost@evil.example/",
            "http://h/127.0.0.1",
            "http://[::ffff:10.0.0.1]:80",
            "",
            "http://",
        ] {
            assert!(!is_loopback_url(url), "{url}");
        }
    }
}
