//! Who can reach a Service of type LoadBalancer, according to the Service alone.

use pavisade_model::Gap;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use super::address::{block, cover_everything, is_private};
use crate::Why;
use crate::field::{list, text_element};

/// Who can reach the load balancer.
#[derive(Debug, Clone)]
pub(super) enum Reach {
    /// A private network, or listed addresses.
    Limited,
    /// The internet, unless something outside the files restricts it.
    Open,
    /// It could not be determined. Contains the reason.
    Unknown(Why),
}

/// The required value of an annotation.
enum Says {
    /// `true`, case-insensitive.
    True,
    /// Anything except `false` and the empty value.
    NotFalse,
    /// This word, case-insensitive.
    Word(&'static str),
    /// Anything except the empty value.
    Anything,
}

/// Annotations for a load balancer in a private network.
const INTERNAL: [(&str, Says); 18] = [
    ("service.beta.kubernetes.io/aws-load-balancer-internal", Says::NotFalse),
    ("service.beta.kubernetes.io/aws-load-balancer-scheme", Says::Word("internal")),
    ("networking.gke.io/load-balancer-type", Says::Word("internal")),
    ("cloud.google.com/load-balancer-type", Says::Word("internal")),
    ("service.beta.kubernetes.io/azure-load-balancer-internal", Says::True),
    ("service.beta.kubernetes.io/openstack-internal-load-balancer", Says::True),
    ("service.beta.kubernetes.io/oci-load-balancer-internal", Says::True),
    ("oci-network-load-balancer.oraclecloud.com/internal", Says::True),
    ("service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type", Says::Word("intranet")),
    ("service.beta.kubernetes.io/alicloud-loadbalancer-address-type", Says::Word("intranet")),
    ("service.kubernetes.io/qcloud-loadbalancer-internal-subnetid", Says::Anything),
    ("service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type", Says::Word("private")),
    ("service.beta.kubernetes.io/do-loadbalancer-network", Says::Word("internal")),
    ("load-balancer.hetzner.cloud/disable-public-network", Says::True),
    ("service.beta.kubernetes.io/scw-loadbalancer-private", Says::True),
    ("yandex.cloud/load-balancer-type", Says::Word("internal")),
    ("lb.stackit.cloud/internal-lb", Says::True),
    ("service.beta.kubernetes.io/cce-load-balancer-internal-vpc", Says::True),
];

/// Annotations with a list of allowed clients.
const ALLOWED: [&str; 4] = [
    "service.beta.kubernetes.io/azure-allowed-ip-ranges",
    "service.beta.kubernetes.io/azure-allowed-service-tags",
    "service.beta.kubernetes.io/do-loadbalancer-allow-rules",
    "service.beta.kubernetes.io/linode-loadbalancer-firewall-acl",
];

/// Annotations whose effect depends on something outside the files.
const ELSEWHERE: [(&str, &str); 6] = [
    ("service.beta.kubernetes.io/aws-load-balancer-security-groups", "security groups"),
    ("service.beta.kubernetes.io/linode-loadbalancer-firewall-id", "firewall"),
    ("metallb.universe.tf/address-pool", "address pool"),
    ("metallb.io/address-pool", "address pool"),
    ("projectcalico.org/ipv4pools", "address pool"),
    ("projectcalico.org/ipv6pools", "address pool"),
];

/// Annotations that request addresses.
const ADDRESSES: [&str; 6] = [
    "metallb.universe.tf/loadBalancerIPs",
    "metallb.io/loadBalancerIPs",
    "lbipam.cilium.io/ips",
    "io.cilium/lb-ipam-ips",
    "kube-vip.io/loadbalancerIPs",
    "projectcalico.org/loadBalancerIPs",
];

/// Classes with load balancers in a private network by default, as the AWS Load Balancer Controller
/// creates.
const INTERNAL_CLASSES: [&str; 4] = [
    "service.k8s.aws/nlb",
    "eks.amazonaws.com/nlb",
    "networking.gke.io/l4-regional-internal",
    "tailscale",
];

/// Returns who can reach the load balancer.
pub(super) fn reach(service: &Object) -> Reach {
    let says = |key: &str, what: &Says| {
        service.annotation(key).map(str::trim).is_some_and(|value| match what {
            Says::True => value.eq_ignore_ascii_case("true"),
            Says::NotFalse => !value.is_empty() && !value.eq_ignore_ascii_case("false"),
            Says::Word(word) => value.eq_ignore_ascii_case(word),
            Says::Anything => !value.is_empty(),
        })
    };
    let present = |key: &str| says(key, &Says::Anything);
    if INTERNAL.iter().any(|(key, what)| says(key, what))
        || ALLOWED.into_iter().filter_map(|key| service.annotation(key)).any(lists_some)
        || is_internal_by_class(service)
    {
        return Reach::Limited;
    }
    match (source_ranges(service), addresses(service)) {
        (Reach::Limited, _) | (_, Reach::Limited) => return Reach::Limited,
        (Reach::Unknown(why), _) | (_, Reach::Unknown(why)) => return Reach::Unknown(why),
        (Reach::Open, Reach::Open) => {}
    }
    match ELSEWHERE.iter().find(|(key, _)| present(key)) {
        Some((key, what)) => {
            Reach::Unknown(format!("the {what} in `{key}` determines who can reach it").into())
        }
        None => Reach::Open,
    }
}

/// Whether such a list allows some clients but not all: address blocks in any notation, Azure's tag
/// for the internet, a deny list.
pub(super) fn lists_some(list: &str) -> bool {
    let words = list.split(|c: char| !(c.is_ascii_alphanumeric() || ".:/".contains(c)));
    let of_word = |word: &str| {
        let bare = ["cidr:", "ip:"].into_iter().find_map(|form| word.strip_prefix(form));
        block(bare.unwrap_or(word))
    };
    let blocks: Vec<_> = words.clone().filter_map(of_word).collect();
    let mut open = words.filter(|word| ["Internet", "denyList"].contains(word));
    !list.trim().is_empty() && open.next().is_none() && !cover_everything(&blocks)
}

/// Returns the effect of `loadBalancerSourceRanges`, or of the annotation that applies if it is
/// absent.
pub(super) fn source_ranges(service: &Object) -> Reach {
    let listed = list(service.value(), &["spec", "loadBalancerSourceRanges"])
        .and_then(|ranges| ranges.map(text_element).collect::<Result<Vec<_>, _>>());
    let mut ranges = match listed {
        Ok(ranges) => ranges,
        Err(wrong) => return Reach::Unknown(wrong.into()),
    };
    if ranges.is_empty() {
        let annotation =
            service.annotation("service.beta.kubernetes.io/load-balancer-source-ranges");
        let parts = annotation.into_iter().flat_map(|a| a.split(','));
        ranges = parts.map(str::trim).filter(|r| !r.is_empty()).collect();
    }
    if ranges.is_empty() {
        return Reach::Open;
    }
    let mut blocks = Vec::new();
    for range in ranges {
        match block(range) {
            Some(block) => blocks.push(block),
            None => {
                let why = format!("the source range `{range}` cannot be parsed");
                return Reach::Unknown(Why::of(Gap::Form, why));
            }
        }
    }
    if cover_everything(&blocks) { Reach::Open } else { Reach::Limited }
}

/// Returns the effect of the Service's requested or assigned addresses: private ones are only
/// reachable from inside.
fn addresses(service: &Object) -> Reach {
    let asked = ADDRESSES.into_iter().filter_map(|key| service.annotation(key));
    let asked = asked.chain(service.at(&["spec", "loadBalancerIP"]).and_then(Value::as_str));
    let given = service.at(&["status", "loadBalancer", "ingress"]);
    let given = given.into_iter().flat_map(Value::items).filter_map(|entry| entry.str("ip"));
    let mut any = false;
    for address in asked.flat_map(|a| a.split(',')).chain(given).map(str::trim) {
        match block(address) {
            _ if address.is_empty() => {}
            Some(block) if is_private(&block) => any = true,
            Some(_) => return Reach::Open,
            None => {
                let why = format!("the address `{address}` is not known");
                return Reach::Unknown(why.into());
            }
        }
    }
    if any { Reach::Limited } else { Reach::Open }
}

fn is_internal_by_class(service: &Object) -> bool {
    let word = |key: &str| service.annotation(key).map(str::trim);
    if word("service.beta.kubernetes.io/aws-load-balancer-scheme") == Some("internet-facing")
        || word("service.beta.kubernetes.io/aws-load-balancer-internal").is_some()
    {
        return false;
    }
    let class = service.at(&["spec", "loadBalancerClass"]).and_then(Value::as_str);
    class.is_some_and(|class| INTERNAL_CLASSES.contains(&class))
        || matches!(
            word("service.beta.kubernetes.io/aws-load-balancer-type"),
            Some("external" | "nlb-ip")
        )
}
