//! Whom a Service of type LoadBalancer lets in, from the Service alone.

use pavisade_model::Gap;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use super::address::Cidr;
use crate::Why;
use crate::field::{list, text_element};

/// Whom the load balancer serves.
#[derive(Debug, Clone)]
pub(super) enum Reach {
    /// A network of its own, or addresses that are listed.
    Limited,
    /// The internet, where nothing outside the files says otherwise.
    Open,
    /// It could not be determined, and why.
    Unknown(Why),
}

/// What an annotation must say.
enum Says {
    /// `true`, in any case.
    True,
    /// Anything but `false` and nothing.
    NotFalse,
    /// This word, in any case.
    Word(&'static str),
    /// Anything but nothing.
    Anything,
}

/// Annotations that keep the load balancer inside a private network.
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

/// Annotations that list whom the load balancer lets in.
const ALLOWED: [&str; 4] = [
    "service.beta.kubernetes.io/azure-allowed-ip-ranges",
    "service.beta.kubernetes.io/azure-allowed-service-tags",
    "service.beta.kubernetes.io/do-loadbalancer-allow-rules",
    "service.beta.kubernetes.io/linode-loadbalancer-firewall-acl",
];

/// Annotations that leave the answer to something outside the files.
const ELSEWHERE: [(&str, &str); 6] = [
    ("service.beta.kubernetes.io/aws-load-balancer-security-groups", "security groups"),
    ("service.beta.kubernetes.io/linode-loadbalancer-firewall-id", "firewall"),
    ("metallb.universe.tf/address-pool", "address pool"),
    ("metallb.io/address-pool", "address pool"),
    ("projectcalico.org/ipv4pools", "address pool"),
    ("projectcalico.org/ipv6pools", "address pool"),
];

/// Annotations that ask for addresses.
const ADDRESSES: [&str; 6] = [
    "metallb.universe.tf/loadBalancerIPs",
    "metallb.io/loadBalancerIPs",
    "lbipam.cilium.io/ips",
    "io.cilium/lb-ipam-ips",
    "kube-vip.io/loadbalancerIPs",
    "projectcalico.org/loadBalancerIPs",
];

/// Classes whose load balancers are in a private network unless an annotation says otherwise: the
/// AWS Load Balancer Controller makes internal ones by default.
const INTERNAL_CLASSES: [&str; 4] = [
    "service.k8s.aws/nlb",
    "eks.amazonaws.com/nlb",
    "networking.gke.io/l4-regional-internal",
    "tailscale",
];

/// Whom the load balancer serves.
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

/// Whether such a list names someone, and not everyone: blocks in whatever notation, Azure's tag
/// for the internet, a list of those who may not come.
pub(super) fn lists_some(list: &str) -> bool {
    let words = list.split(|c: char| !(c.is_ascii_alphanumeric() || ".:/".contains(c)));
    let block = |word: &str| {
        let bare = ["cidr:", "ip:"].into_iter().find_map(|form| word.strip_prefix(form));
        Cidr::read(bare.unwrap_or(word))
    };
    let blocks: Vec<_> = words.clone().filter_map(block).collect();
    let mut open = words.filter(|word| ["Internet", "denyList"].contains(word));
    !list.trim().is_empty() && open.next().is_none() && !Cidr::cover_everything(&blocks)
}

/// `loadBalancerSourceRanges`, or the annotation that counts where it is absent.
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
        match Cidr::read(range) {
            Some(block) => blocks.push(block),
            None => {
                let why = format!("the source range `{range}` cannot be parsed");
                return Reach::Unknown(Why::of(Gap::Form, why));
            }
        }
    }
    if Cidr::cover_everything(&blocks) { Reach::Open } else { Reach::Limited }
}

/// Addresses that the Service asks for or was given: private ones are reached from inside only.
fn addresses(service: &Object) -> Reach {
    let asked = ADDRESSES.into_iter().filter_map(|key| service.annotation(key));
    let asked = asked.chain(service.at(&["spec", "loadBalancerIP"]).and_then(Value::as_str));
    let given = service.at(&["status", "loadBalancer", "ingress"]);
    let given = given.into_iter().flat_map(Value::items).filter_map(|entry| entry.str("ip"));
    let mut any = false;
    for address in asked.flat_map(|a| a.split(',')).chain(given).map(str::trim) {
        match Cidr::read(address) {
            _ if address.is_empty() => {}
            Some(block) if block.is_private() => any = true,
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
