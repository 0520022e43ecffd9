//! PV-N031.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Program runs without authentication
///
/// ## Why
/// Anyone who can reach the port is an administrator of the program: any pod in the cluster, unless
/// a policy prevents it, or an attacker through a server-side request forgery.
/// `console-without-login` reports dashboards of the cluster.
///
/// ## Fix
/// Remove the option, and set a password or token from a Secret.
#[check(
    id = "PV-N031",
    severity = High,
    confidence = Medium,
    scope = Object,
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingAuthentication {}

/// A setting that disables the login of a program.
struct Switch {
    /// The name in the image or on the command line. Empty if the flag is specific enough.
    program: &'static str,
    flag: &'static str,
    /// Values that disable the login. A flag without a value is `true`.
    values: &'static [&'static str],
    what: &'static str,
    /// Whether removing it has no effect other than enabling the login.
    removable: bool,
}

const fn switch(
    program: &'static str,
    flag: &'static str,
    values: &'static [&'static str],
    what: &'static str,
    removable: bool,
) -> Switch {
    Switch { program, flag, values, what, removable }
}

const TRUE: &[&str] = &["true", "1", "t"];

const FLAGS: [Switch; 9] = [
    switch("", "api.insecure", TRUE, "Traefik's dashboard", true),
    switch("", "skip-grant-tables", TRUE, "MySQL", true),
    switch("mongo", "noauth", TRUE, "MongoDB", true),
    switch("redis", "protected-mode", &["no"], "Redis", false),
    switch("valkey", "protected-mode", &["no"], "Valkey", false),
    switch("", "NotebookApp.token", &["", "''", "\"\""], "Jupyter", false),
    switch("", "ServerApp.token", &["", "''", "\"\""], "Jupyter", false),
    switch("", "IdentityProvider.token", &["", "''", "\"\""], "Jupyter", false),
    switch("code-server", "auth", &["none"], "code-server", false),
];

/// Environment variables, like [`FLAGS`].
const VARIABLES: [Switch; 12] = [
    switch("", "POSTGRES_HOST_AUTH_METHOD", &["trust"], "PostgreSQL", false),
    switch("", "MYSQL_ALLOW_EMPTY_PASSWORD", ANY, "MySQL", false),
    switch("", "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", ANY, "MariaDB", false),
    switch("", "ALLOW_EMPTY_PASSWORD", &["yes", "true", "1"], "the program", false),
    switch("", "xpack.security.enabled", &["false"], "Elasticsearch", false),
    switch("", "DISABLE_SECURITY_PLUGIN", &["true"], "OpenSearch", false),
    switch("", "plugins.security.disabled", &["true"], "OpenSearch", false),
    switch("", "NEO4J_AUTH", &["none"], "Neo4j", false),
    switch("", "INFLUXDB_HTTP_AUTH_ENABLED", &["false"], "InfluxDB", false),
    switch("", "ME_CONFIG_BASICAUTH", &["false"], "mongo-express", false),
    switch("", "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED", &["true"], "Weaviate", false),
    switch("", "DOCKER_TLS_CERTDIR", &[""], "the Docker daemon", false),
];

/// The MySQL images accept any text that is not empty.
const ANY: &[&str] = &["*"];

impl Check for MissingAuthentication {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let words: Vec<_> = words(container).collect();
        let program = |name: &str| {
            name.is_empty()
                || container.image().contains(name)
                || words.iter().any(|(word, _)| word.contains(name) && !word.starts_with('-'))
        };
        let of_flags = FLAGS.iter().filter(|s| program(s.program)).filter_map(|switch| {
            let mut places = words.iter().enumerate().filter(|(_, (w, _))| names(w, switch.flag));
            places.find_map(|(at, (word, place))| {
                let (value, alone) = match word.split_once('=') {
                    Some((_, value)) => (value, true),
                    None => match words.get(at + 1).filter(|(next, _)| !next.starts_with('-')) {
                        // A flag without a value may be followed by a positional argument.
                        Some((next, _)) if !switch.values.contains(&"true") => (*next, false),
                        _ => ("true", true),
                    },
                };
                let whole = alone && place.as_str() == Some(word);
                match switch.values.contains(&value).then(|| login(switch, &words))? {
                    Login::None => Some(claim(switch, *place, word, whole && switch.removable)),
                    Login::Password => None,
                    Login::Unknown(file) => {
                        let why = format!("it is not known whether `{file}` sets a password");
                        Some(Claim::unknown(*place, why).instance(switch.flag))
                    }
                }
            })
        });
        let variables = container.value().list("env").filter_map(|variable| {
            let value = variable.get("value")?;
            let switch = VARIABLES.iter().find(|s| Some(s.flag) == variable.str("name"))?;
            let text = value.scalar_text()?;
            let text = text.trim();
            let off = match switch.values {
                ["*"] => !text.is_empty() && !text.contains('$'),
                values => values.iter().any(|v| v.eq_ignore_ascii_case(text)),
            };
            let applies = match switch.flag {
                // Clients of the daemon set it too.
                "DOCKER_TLS_CERTDIR" => serves_docker(container),
                flag if flag.contains("EMPTY") => !has_password(container, flag),
                _ => true,
            };
            if !off || !applies {
                return None;
            }
            let hidden = container.value().list("envFrom").next().is_some();
            Some(match hidden && switch.flag.contains("EMPTY") {
                true => {
                    let why = "a password may be set through `envFrom`";
                    Claim::unknown(value, why).instance(switch.flag)
                }
                false => claim(switch, value, switch.flag, false),
            })
        });
        let claims: Vec<_> = of_flags.chain(variables).chain(unread(container)).collect();
        let known = |name: &&str| {
            let image = container.image().rsplit('/').next().unwrap_or("");
            image.contains(*name) || words.iter().any(|(word, _)| word.ends_with(*name))
        };
        // The settings of other programs are not known.
        match claims.is_empty() && !PROGRAMS.iter().any(known) {
            true => Verdict::NotApplicable,
            false => Verdict::from_claims(claims),
        }
    }
}

/// Programs with a setting in [`FLAGS`] or [`VARIABLES`].
const PROGRAMS: [&str; 17] = [
    "code-server",
    "dind",
    "elasticsearch",
    "influxdb",
    "jupyter",
    "mariadb",
    "mongo",
    "mysql",
    "mysqld",
    "neo4j",
    "notebook",
    "opensearch",
    "postgres",
    "redis",
    "traefik",
    "valkey",
    "weaviate",
];

/// Returns claims for settings whose value is in another object.
fn unread<'a>(container: Container<'a>) -> impl Iterator<Item = Claim<'a>> {
    let variables = container.value().list("env");
    variables.filter(|v| v.get("valueFrom").is_some_and(|from| !from.is_null())).filter_map(|v| {
        let switch = VARIABLES.iter().find(|s| Some(s.flag) == v.str("name"))?;
        let why = format!("the value of `{}` comes from another object", switch.flag);
        Some(Claim::unknown(v, why).instance(switch.flag))
    })
}

fn claim<'a>(switch: &Switch, place: Value<'a>, written: &str, fixable: bool) -> Claim<'a> {
    let written = written.split('=').next().unwrap_or(written);
    let claim =
        Claim::fails(place, format!("`{written}` disables authentication for {}", switch.what))
            .instance(switch.flag);
    if fixable { claim.remove() } else { claim }
}

/// Whether a word of a command line is that flag: `--flag`, `-flag`, `--flag=value`.
fn names(word: &str, flag: &str) -> bool {
    let Some(rest) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
        return false;
    };
    rest.split('=').next() == Some(flag)
}

/// Returns the words of command and arguments, including those of a shell script, each with its
/// element.
fn words<'a>(container: Container<'a>) -> impl Iterator<Item = (&'a str, Value<'a>)> {
    let lists = ["command", "args"].into_iter();
    let elements = lists.flat_map(move |list| container.value().list(list));
    elements.flat_map(|element| {
        let text = element.as_str().unwrap_or("");
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let words = lines.flat_map(str::split_whitespace).map(move |word| (word, element));
        // An empty element is a value: `--flag ""`.
        let empty = text.is_empty().then_some(("", element));
        words.chain(empty)
    })
}

/// A login that is required although the setting disables it.
enum Login<'a> {
    None,
    Password,
    /// It depends on this file.
    Unknown(&'a str),
}

fn login<'a>(switch: &Switch, words: &[(&'a str, Value<'a>)]) -> Login<'a> {
    let sets = |option: &str| {
        words.iter().enumerate().filter(|(_, (word, _))| word.starts_with('-')).any(
            |(at, (word, _))| {
                let (name, value) = match word.split_once('=') {
                    Some(written) => written,
                    None => (*word, words.get(at + 1).map_or("", |(next, _)| *next)),
                };
                let name = name.trim_start_matches('-');
                name.rsplit('.').next() == Some(option)
                    && !value.trim_matches(['"', '\'']).is_empty()
            },
        )
    };
    match switch.flag {
        // Protected mode only rejects other hosts while there is no password.
        "protected-mode" if ["requirepass", "aclfile", "user"].into_iter().any(sets) => {
            Login::Password
        }
        "protected-mode" => {
            let file = words.iter().find(|(word, _)| word.ends_with(".conf"));
            file.map_or(Login::None, |(file, _)| Login::Unknown(file))
        }
        // Without a token, Jupyter requires the password, if set.
        flag if flag.ends_with(".token")
            && ["password", "hashed_password"].into_iter().any(sets) =>
        {
            Login::Password
        }
        _ => Login::None,
    }
}

/// Whether a password is set anyway, so that allowing an empty one has no effect. For MySQL and
/// MariaDB, only that of root counts.
fn has_password(container: Container<'_>, switch: &str) -> bool {
    let own = switch.starts_with("MYSQL_") || switch.starts_with("MARIADB_");
    let wanted = if own { "ROOT_PASSWORD" } else { "PASSWORD" };
    container.value().list("env").any(|variable| {
        let name = variable.str("name").unwrap_or("");
        let password = name.contains(wanted) && !name.contains("EMPTY");
        let set = variable.get("valueFrom").is_some_and(|v| !v.is_null())
            || variable.get("value").and_then(Value::as_str).is_some_and(|v| !v.is_empty());
        password && set
    })
}

/// Whether it is `docker:dind`, whose daemon then listens on port 2375 for everyone.
fn serves_docker(container: Container<'_>) -> bool {
    let image = container.image();
    image.contains("docker") && image.contains("dind")
}
