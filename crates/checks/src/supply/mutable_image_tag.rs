//! PV-S001.

use pavisade_macros::check;
use pavisade_model::Confidence;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, NamedImage, OnImage, Verdict};
use pavisade_images::reference::{self as image, Image};

/// Mutable image tag
///
/// ## Why
/// `latest`, a missing tag, and tags such as `main` or `stable` refer to a different image over
/// time: what runs is not what was tested, and anyone who can push to the registry decides what the
/// next pod runs.
///
/// ## Fix
/// Specify the version and the digest: `registry.example.com/app:1.4.2@sha256:…`.
#[check(id = "PV-S001", severity = Medium, together = Image, scope = Object)]
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MutableImageTag {
    /// Words that identify mutable tags. A tag with a digit is not mutable.
    moving: Vec<String>,
}

impl Default for MutableImageTag {
    fn default() -> Self {
        Self { moving: image::moving() }
    }
}

impl Check for MutableImageTag {
    type On = OnImage;

    fn check<'a>(&self, named: NamedImage<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let place = named.place();
        let reference = match named.image() {
            Image::Reference(reference) => reference,
            Image::Absent => return Verdict::NotApplicable,
            Image::Unclear(why) => return Verdict::unknown(place, why),
        };
        if !reference.moves_by(&self.moving) {
            return Verdict::Holds;
        }
        match reference.tag {
            Some(tag) => Claim::fails(place, format!("{named} has the mutable tag `{tag}`")),
            None if is_own_name(named) => Claim::fails(
                place,
                format!(
                    "{named} has no tag, which means `latest`, unless a tool (Skaffold, Tilt, \
                     Kustomize) replaces the name with the image that it built"
                ),
            )
            .confidence(Confidence::Low),
            None => Claim::fails(place, format!("{named} has no tag, which means `latest`")),
        }
        .into()
    }
}

/// Whether the image has the name of the workload or container and no repository, as builders use
/// for what they build. Images of Docker Hub's library are often named like their workload too.
fn is_own_name(named: NamedImage<'_>) -> bool {
    const LIBRARY: [&str; 36] = [
        "alpine",
        "bash",
        "busybox",
        "caddy",
        "cassandra",
        "consul",
        "debian",
        "docker",
        "elasticsearch",
        "ghost",
        "golang",
        "haproxy",
        "hello-world",
        "httpd",
        "influxdb",
        "kibana",
        "logstash",
        "mariadb",
        "memcached",
        "mongo",
        "mysql",
        "nats",
        "nginx",
        "node",
        "php",
        "postgres",
        "python",
        "rabbitmq",
        "redis",
        "registry",
        "solr",
        "tomcat",
        "traefik",
        "ubuntu",
        "vault",
        "wordpress",
    ];
    let name = named.text();
    !name.contains('/')
        && !LIBRARY.contains(&name)
        && (named.object().name() == name || named.subject_container() == Some(name))
}
