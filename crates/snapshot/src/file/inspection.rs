//! The serialized form of an image's inspection.

use serde::{Deserialize, Serialize};

use super::wire::Sure;
use crate::{Configuration, Inspection, Notable, NotableFile, Secret, SecretPlace};

#[derive(Serialize, Deserialize)]
pub(super) struct Wire {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    configuration: Option<WireConfiguration>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<WireFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<WireSecret>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gaps: Vec<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct WireConfiguration {
    user: String,
    user_id: Option<u32>,
    ports: Vec<String>,
    environment: Vec<String>,
    labels: Vec<String>,
    entrypoint: Vec<String>,
    command: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    odd: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct WireFile {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    layer: Option<u32>,
    why: String,
    #[serde(default)]
    below: u32,
}

#[derive(Serialize, Deserialize)]
struct WireSecret {
    what: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    place: WirePlace,
    confidence: Sure,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WirePlace {
    File { path: String, layer: Option<u32>, line: u32, removed: bool },
    Environment,
    Label,
    Command,
    History { step: u32, layer: Option<u32> },
}

impl Wire {
    /// Returns the number of listed items.
    pub(super) fn rows(&self) -> usize {
        let listed = |c: &WireConfiguration| {
            [&c.ports, &c.environment, &c.labels, &c.entrypoint, &c.command, &c.odd]
                .iter()
                .map(|list| list.len())
                .sum::<usize>()
        };
        let configured = self.configuration.as_ref().map_or(0, listed);
        configured + self.files.len() + self.secrets.len() + self.gaps.len()
    }
}

impl From<&Inspection> for Wire {
    fn from(inspection: &Inspection) -> Self {
        let file = |file: &NotableFile| WireFile {
            path: file.path.to_string(),
            layer: file.layer,
            why: word(file.why).to_owned(),
            below: file.below,
        };
        let secret = |secret: &Secret| WireSecret {
            what: secret.what.to_string(),
            name: secret.name.clone(),
            place: (&secret.place).into(),
            confidence: secret.confidence.into(),
        };
        Self {
            configuration: inspection.configuration.as_ref().map(Into::into),
            files: inspection.files.iter().map(file).collect(),
            secrets: inspection.secrets.iter().map(secret).collect(),
            gaps: inspection.gaps.clone(),
        }
    }
}

fn word(why: Notable) -> &'static str {
    Notable::ALL.iter().find(|(known, _)| *known == why).map_or("", |(_, word)| word)
}

impl TryFrom<Wire> for Inspection {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        let file = |file: WireFile| -> Result<NotableFile, Self::Error> {
            let known = Notable::ALL.iter().find(|(_, word)| *word == file.why);
            let (why, _) = known.ok_or("a file of an image is listed for no known reason")?;
            let WireFile { path, layer, below, .. } = file;
            Ok(NotableFile { path: path.into(), layer, why: *why, below })
        };
        let secret = |secret: WireSecret| Secret {
            what: secret.what.into(),
            name: secret.name,
            place: secret.place.into(),
            confidence: secret.confidence.into(),
        };
        Ok(Self {
            configuration: wire.configuration.map(Into::into),
            files: wire.files.into_iter().map(file).collect::<Result<_, _>>()?,
            secrets: wire.secrets.into_iter().map(secret).collect(),
            gaps: wire.gaps,
        })
    }
}

impl From<&Configuration> for WireConfiguration {
    fn from(configuration: &Configuration) -> Self {
        let c = configuration.clone();
        Self {
            user: c.user,
            user_id: c.user_id,
            ports: c.ports,
            environment: c.environment,
            labels: c.labels,
            entrypoint: c.entrypoint,
            command: c.command,
            odd: c.odd,
        }
    }
}

impl From<WireConfiguration> for Configuration {
    fn from(wire: WireConfiguration) -> Self {
        Self {
            user: wire.user,
            user_id: wire.user_id,
            ports: wire.ports,
            environment: wire.environment,
            labels: wire.labels,
            entrypoint: wire.entrypoint,
            command: wire.command,
            odd: wire.odd,
        }
    }
}

impl From<&SecretPlace> for WirePlace {
    fn from(place: &SecretPlace) -> Self {
        match place {
            SecretPlace::File { path, layer, line, removed } => {
                Self::File { path: path.to_string(), layer: *layer, line: *line, removed: *removed }
            }
            SecretPlace::Environment => Self::Environment,
            SecretPlace::Label => Self::Label,
            SecretPlace::Command => Self::Command,
            SecretPlace::History { step, layer } => Self::History { step: *step, layer: *layer },
        }
    }
}

impl From<WirePlace> for SecretPlace {
    fn from(wire: WirePlace) -> Self {
        match wire {
            WirePlace::File { path, layer, line, removed } => {
                Self::File { path: path.into(), layer, line, removed }
            }
            WirePlace::Environment => Self::Environment,
            WirePlace::Label => Self::Label,
            WirePlace::Command => Self::Command,
            WirePlace::History { step, layer } => Self::History { step, layer },
        }
    }
}
