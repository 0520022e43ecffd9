//! Which workloads serve an Ingress or Route.
//!
//! The IngressClass names the controller, and its pods are known by their labels or the repository
//! of their image, as the projects publish them. Where one of the two is missing, which pods connect
//! is not known ([`Doubt::Controller`]): they may have any labels. The same holds if workloads were not
//! read. Routes of Gateway API are always unknown; other names of a workload or namespace say nothing.

use pavisade_images::reference::{self, Image};
use pavisade_model::kinds;
use pavisade_snapshot::{Container, Pod};
use pavisade_yaml::Value;

use crate::cluster::{Party, Workload};
use crate::connections::Connections;
use crate::engine::{Engine, PartyId};
use crate::network::Network;
use crate::selector::Selector;
use crate::service::Entry;
use crate::verdict::{Doubt, Verdict};

/// A controller whose own pods connect to the backends.
struct Project {
    /// `spec.controller` of an IngressClass, or a part of it up to a slash.
    controllers: &'static [&'static str],
    /// Labels of its pods: all of one list.
    labels: &'static [&'static [(&'static str, &'static str)]],
    /// Repositories of its image, without the registry and the folders of a mirror.
    images: &'static [&'static str],
}

const NAME: &str = "app.kubernetes.io/name";
const COMPONENT: &str = "app.kubernetes.io/component";

/// The place of OpenShift's router, which serves Routes, in [`PROJECTS`].
const ROUTER: usize = 0;

const PROJECTS: [Project; 8] = [
    Project {
        controllers: &["openshift.io/ingress-to-route"],
        labels: &[&[("ingresscontroller.operator.openshift.io/deployment-ingresscontroller", "*")]],
        images: &["openshift/origin-haproxy-router"],
    },
    Project {
        controllers: &["k8s.io/ingress-nginx"],
        labels: &[&[(NAME, "ingress-nginx"), (COMPONENT, "controller")]],
        images: &["ingress-nginx/controller", "nginx-ingress-controller"],
    },
    Project {
        controllers: &["nginx.org/ingress-controller"],
        labels: &[&[(NAME, "nginx-ingress")]],
        images: &["nginx/nginx-ingress", "nginx-ic/nginx-plus-ingress"],
    },
    Project {
        controllers: &["traefik.io/ingress-controller"],
        labels: &[&[(NAME, "traefik")]],
        images: &["traefik"],
    },
    Project {
        controllers: &["haproxy.org/ingress-controller"],
        labels: &[&[(NAME, "kubernetes-ingress")]],
        images: &["haproxytech/kubernetes-ingress"],
    },
    Project {
        controllers: &["haproxy-ingress.github.io/controller"],
        labels: &[&[(NAME, "haproxy-ingress")]],
        images: &["haproxy-ingress"],
    },
    Project {
        // Envoy connects, and its image says nothing: others run it, too.
        controllers: &["projectcontour.io/ingress-controller"],
        labels: &[&[(NAME, "contour"), (COMPONENT, "envoy")]],
        images: &[],
    },
    Project {
        controllers: &["ingress-controllers.konghq.com/kong"],
        labels: &[&[(NAME, "kong"), (COMPONENT, "app")], &[(NAME, "gateway"), (COMPONENT, "app")]],
        images: &["library/kong", "kong/kong", "kong/kong-gateway"],
    },
];

/// Who connects to the backends of Ingresses and Routes.
#[derive(Debug, Clone)]
pub struct Serving {
    /// The parties of each project, in the order of [`PROJECTS`].
    projects: Vec<Vec<PartyId>>,
    /// Pods that may have any labels, for a controller that is not known.
    any: PartyId,
    /// Whether `any` is taken for every controller.
    assumed: bool,
}

impl Serving {
    /// Looks for the controllers among the workloads.
    pub fn of(engine: &mut Engine) -> Self {
        let network = engine.network();
        let of = |project: &Project| {
            let workloads = network.workloads.iter().filter(|own| project.runs(own));
            workloads.flat_map(|own| own.parties.iter().copied()).collect()
        };
        let projects = PROJECTS.iter().map(of).collect();
        let everything = Selector::everything;
        let any = Party::imagined(everything(), everything(), network.any_namespace());
        Self { projects, any: engine.add(any), assumed: false }
    }

    /// Takes a party for every controller, as some analysers do.
    pub fn assumed(party: PartyId) -> Self {
        Self { projects: vec![Vec::new(); PROJECTS.len()], any: party, assumed: true }
    }

    /// All pods that are known to serve Ingresses or Routes.
    pub(crate) fn known(&self) -> impl Iterator<Item = PartyId> {
        self.projects.iter().flatten().copied()
    }

    /// What policies say of connections to these ports of a party by what serves an entry.
    pub(crate) fn verdict(
        &self,
        engine: &Engine,
        entry: &Entry,
        ports: &Connections,
        to: PartyId,
    ) -> Verdict {
        let project = project(engine.network(), entry);
        let pods = project.map_or(&[][..], |project| &self.projects[project]);
        let verdicts = pods.iter().map(|from| engine.verdict(*from, to));
        let known = verdicts.reduce(|one, other| one.either(&other));
        // Where workloads were not read, a controller that is known may have other pods too.
        let unread = &engine.network().unread_workloads;
        let (verdict, why) = match known {
            Some(known) if unread.is_empty() => return known.of_ports(ports),
            Some(known) => {
                let why = unread.iter().map(|kind| Doubt::Unread(*kind)).collect();
                (known.either(&engine.verdict(self.any, to)), why)
            }
            None => (engine.verdict(self.any, to), vec![Doubt::Controller]),
        };
        let verdict = verdict.of_ports(ports);
        if self.assumed || verdict.unsure().is_empty() {
            return verdict;
        }
        let doubts = [verdict.doubts, why].concat();
        Verdict { doubts, ..verdict }.tidy()
    }
}

impl Project {
    fn runs(&self, workload: &Workload) -> bool {
        let mut pods = workload.object.pods();
        pods.any(|pod| self.labels.iter().any(|all| has(pod, all)) || self.is_in(pod))
    }

    fn is_in(&self, pod: Pod<'_>) -> bool {
        let runs = |container: Container<'_>| {
            let Image::Reference(image) = reference::of(container) else { return false };
            let repository = image.repository();
            self.images.iter().any(|wanted| {
                let rest = repository.strip_suffix(wanted);
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
            })
        };
        pod.containers().any(runs)
    }
}

fn has(pod: Pod<'_>, wanted: &[(&str, &str)]) -> bool {
    let is = |(key, value): &(&str, &str)| {
        pod.labels().any(|(own, is)| own == *key && (*value == "*" || is == *value))
    };
    wanted.iter().all(is)
}

/// The place of the project whose controller serves an entry, where it is known.
fn project(network: &Network, entry: &Entry) -> Option<usize> {
    let object = &entry.object;
    if object.is(kinds::ROUTE) {
        return Some(ROUTER);
    }
    if object.kind() != "Ingress" {
        return None;
    }
    let field = object.at(&["spec", "ingressClassName"]).and_then(Value::as_str);
    // The annotation is older, and still served.
    let annotation = object.annotation("kubernetes.io/ingress.class");
    let name = field.map(str::to_owned).or_else(|| annotation.map(|name| name.to_string()));
    let mut classes = network.classes.iter().filter(|class| match &name {
        Some(name) => class.name == *name,
        None => class.is_default,
    });
    let class = classes.next()?;
    // Of several defaults, the API server refuses new Ingresses without a class.
    if classes.next().is_some() {
        return None;
    }
    PROJECTS.iter().position(|project| {
        project.controllers.iter().any(|own| {
            let rest = class.controller.strip_prefix(own);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    })
}
