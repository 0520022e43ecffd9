//! Formatting of the engine's results.

use pavisade_netpol::{
    Addresses, By, Connections, Doubt, End, Engine, Group, Network, Operator, Protocol, Reach,
    Requirement, Selector, Verdict, Within,
};

use crate::one_line;

/// Options for display.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown {
    /// Whether to show everything without truncation.
    pub full: bool,
    /// Whether to use colors.
    pub color: bool,
    /// The width in columns.
    pub width: usize,
}

impl Shown {
    /// Returns a text in a color, if colors are used.
    pub(super) fn paint(&self, style: Paint, text: &str) -> String {
        let code = match style {
            Paint::Bold => "1",
            Paint::Red => "31",
            Paint::Green => "32",
            Paint::Yellow => "33",
            Paint::Dim => "2",
        };
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A color of the terminal.
#[derive(Debug, Clone, Copy)]
pub(super) enum Paint {
    Bold,
    Red,
    Green,
    Yellow,
    Dim,
}

pub(super) fn end(engine: &Engine, end: &End) -> String {
    match end {
        End::Workload(place) => workload(engine, *place),
        End::Outside(addresses) => outside(addresses),
        End::Controller => "ingress controller".to_owned(),
        End::AnyPod => "any other pod".to_owned(),
    }
}

pub(super) fn workload(engine: &Engine, place: usize) -> String {
    one_line(&engine.network().workloads[place].label())
}

/// Returns `outside`, or the addresses.
pub(super) fn outside(addresses: &Addresses) -> String {
    if *addresses == Addresses::all() {
        return "outside".to_owned();
    }
    let all = addresses.to_string();
    match all.split(',').count() {
        0..=4 => format!("outside ({all})"),
        count => {
            let first: Vec<_> = all.split(',').take(3).collect();
            format!("outside ({} and {} more blocks)", first.join(","), count - 3)
        }
    }
}

/// Returns why connections are uncertain, as a sentence without a period.
pub(super) fn doubt(engine: &Engine, doubt: Doubt) -> String {
    let network = engine.network();
    let policy = |place: usize| one_line(&network.policies[place].label());
    match doubt {
        Doubt::Labels(p) => format!(
            "whether {} selects these pods depends on labels that were not read or that a \
             controller adds",
            policy(p)
        ),
        Doubt::Blocks(p) => format!(
            "whether an address block of {} matches pods depends on the network plugin and on the \
             addresses of the pods",
            policy(p)
        ),
        Doubt::HostNetwork(p) => format!(
            "whether {} matches pods in the network of their node depends on the network plugin",
            policy(p)
        ),
        Doubt::Nodes(p) => format!("which nodes {} selects is not known", policy(p)),
        Doubt::Domains(p) => {
            format!("which addresses the domain names of {} have is not known", policy(p))
        }
        Doubt::Malformed(p) => format!("a part of {} cannot be read", policy(p)),
        Doubt::NamedPort(p) => {
            format!("which number a named port of {} has depends on the pod", policy(p))
        }
        Doubt::Priority(a, b) => format!(
            "{} and {} have the same priority and different rules, and their order is undefined",
            policy(a),
            policy(b)
        ),
        Doubt::Enforced(p) => {
            format!("whether the network plugin enforces {} depends on its version", policy(p))
        }
        Doubt::Vendor(v) => {
            let vendor = one_line(&network.vendors[v].label());
            format!("{vendor} may select these pods, and its rules are not evaluated")
        }
        Doubt::Unread(kind) => format!("not all objects of kind {} were read", kind.kind),
        Doubt::UnreadFile => "a file that may hold policies could not be read".to_owned(),
        Doubt::Controller => {
            "which pods serve it is not known: no IngressClass and workload of a known controller \
             were read"
                .to_owned()
        }
        Doubt::PodsDiffer => "the pods of the workload, or the addresses, differ".to_owned(),
    }
}

/// Why it is not known what leads in from outside: kinds that were not all read, or files.
pub(super) fn unread_entries(network: &Network) -> Vec<String> {
    let kinds = network.unread_entries.iter().map(|kind| kind.kind.to_owned());
    let files = network.assumed.files_unread.then(|| "a file".to_owned());
    kinds.chain(files).collect()
}

/// `TCP 80`, with what is not certain behind it.
pub(super) fn connections(verdict: &Verdict) -> String {
    let (certain, unsure) = (verdict.certain(), verdict.unsure());
    match (certain.is_empty(), unsure.is_empty()) {
        (_, true) => ports(&certain),
        (true, false) => format!("unknown: {}", ports(&unsure)),
        (false, false) => format!("{}; unknown: {}", ports(&certain), ports(&unsure)),
    }
}

/// Formats connections.
pub(super) fn ports(connections: &Connections) -> String {
    match connections.is_all() {
        true => "all ports".to_owned(),
        false => connections.to_string(),
    }
}

pub(super) fn group(group: &Group) -> String {
    let within = match &group.within {
        Within::Namespace(name) => format!("namespace {name}"),
        Within::Selected(all) if all.is_everything() => "any namespace".to_owned(),
        Within::Selected(selector) => format!("namespaces {{{}}}", labels(selector)),
    };
    match group.pods.is_everything() {
        true => format!("any pod in {within}"),
        false => format!("pods {{{}}} in {within}", labels(&group.pods)),
    }
}

pub(super) fn labels(selector: &Selector) -> String {
    let Some(all) = selector.requirements() else { return "unreadable".to_owned() };
    let one = |r: &Requirement| {
        let values = r.values.join("|");
        match (r.operator, r.values.len()) {
            (Operator::In, 1) => format!("{}={values}", r.key),
            (Operator::In, _) => format!("{} in ({values})", r.key),
            (Operator::NotIn, _) => format!("{} not in ({values})", r.key),
            (Operator::Exists, _) => r.key.clone(),
            (Operator::DoesNotExist, _) => format!("!{}", r.key),
        }
    };
    one_line(&all.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// Formats what routes traffic to a workload.
pub(super) fn by(engine: &Engine, by: &By) -> String {
    let network = engine.network();
    let service = |place: &usize| {
        let service = &network.services[*place];
        let what = match service.reach {
            Reach::Nodes => "NodePort Service",
            _ => "LoadBalancer Service",
        };
        one_line(&format!("{what} {}", service.path()))
    };
    match by {
        By::Entry(place) => {
            let entry = &network.entries[*place];
            let namespace = match entry.object.namespace() {
                "" => &network.assumed.namespace,
                namespace => namespace,
            };
            one_line(&format!("{} {namespace}/{}", entry.object.kind(), entry.object.name()))
        }
        By::LoadBalancer(place) | By::NodePort(place) => service(place),
        By::HostNetwork => "the network of its node".to_owned(),
        By::HostPort => "a port of its node".to_owned(),
    }
}

/// Returns a number with its noun.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Default ports of databases, queues and stores.
const STORES: [(u16, &str); 13] = [
    (1433, "SQL Server"),
    (1521, "Oracle"),
    (2379, "etcd"),
    (3306, "MySQL"),
    (4222, "NATS"),
    (5432, "PostgreSQL"),
    (5672, "AMQP"),
    (6379, "Redis"),
    (9042, "Cassandra"),
    (9092, "Kafka"),
    (9200, "Elasticsearch"),
    (11211, "memcached"),
    (27017, "MongoDB"),
];

/// Returns the store that a workload appears to be, by the ports that its pods declare, if one of
/// these ports is in the connections.
pub(super) fn store(engine: &Engine, workload: usize, open: &Connections) -> Option<&'static str> {
    let network = engine.network();
    let parties = network.workloads[workload].parties.iter();
    let numbers = parties.flat_map(|id| &network.parties[*id].ports).map(|port| port.number);
    let mut open = numbers.filter(|number| open.contains(Protocol::Tcp, *number));
    open.find_map(|number| STORES.iter().find(|(port, _)| *port == number)).map(|(_, name)| *name)
}
