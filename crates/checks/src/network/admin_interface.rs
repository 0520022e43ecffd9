//! Programs with an administrative web interface, by their images and by common names of their
//! Services.

use pavisade_images::reference as image;

/// The last parts of an image's path, and the description.
const IMAGES: [(&str, &str); 31] = [
    ("adminer", "Adminer"),
    ("akhq", "AKHQ"),
    ("argocli", "the Argo Workflows server"),
    ("centraldashboard", "the Kubeflow dashboard"),
    ("cerebro", "Cerebro"),
    ("code-server", "code-server"),
    ("flower", "Flower"),
    ("headlamp", "Headlamp"),
    ("hubble-ui", "Hubble"),
    ("jenkins", "Jenkins"),
    ("jenkins/jenkins", "Jenkins"),
    ("jupyterhub", "JupyterHub"),
    ("kafka-ui", "Kafka UI"),
    ("kubernetesui/dashboard", "the Kubernetes Dashboard"),
    ("kubernetesui/dashboard-web", "the Kubernetes Dashboard"),
    ("kubernetes-dashboard-amd64", "the Kubernetes Dashboard"),
    ("kubeview", "KubeView"),
    ("longhorn-ui", "Longhorn"),
    ("minimal-notebook", "Jupyter"),
    ("scipy-notebook", "Jupyter"),
    ("mongo-express", "mongo-express"),
    ("nifi", "NiFi"),
    ("octant", "Octant"),
    ("pgadmin4", "pgAdmin"),
    ("phpmyadmin", "phpMyAdmin"),
    ("portainer", "Portainer"),
    ("portainer-ce", "Portainer"),
    ("prom/alertmanager", "Alertmanager"),
    ("prom/prometheus", "Prometheus"),
    ("prometheus/prometheus", "Prometheus"),
    ("weaveworks/scope", "Weave Scope"),
];

/// Common names of Services, and the description.
const SERVICES: [(&str, &str); 6] = [
    ("argo-server", "the Argo Workflows server"),
    ("kubernetes-dashboard", "the Kubernetes Dashboard"),
    ("longhorn-frontend", "Longhorn"),
    ("phpmyadmin", "phpMyAdmin"),
    ("pgadmin", "pgAdmin"),
    ("weave-scope-app", "Weave Scope"),
];

/// Returns the description for an image.
pub(super) fn by_image(text: &str) -> Option<&'static str> {
    let image::Image::Reference(reference) = image::read(text) else { return None };
    let repository = reference.repository();
    let is = |wanted: &str| {
        let before = repository.strip_suffix(wanted);
        before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    IMAGES.iter().find(|(wanted, _)| is(wanted)).map(|(_, what)| *what)
}

/// Returns the description for a Service, by name only.
pub(super) fn by_service(name: &str) -> Option<&'static str> {
    SERVICES.iter().find(|(wanted, _)| *wanted == name).map(|(_, what)| *what)
}
