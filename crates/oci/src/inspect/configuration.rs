//! The configuration of an image, and the secrets in it and in its history.

use std::borrow::Cow;
use std::mem::discriminant;

use pavisade_secrets::{Found, Syntax, find_in_text, find_in_words, in_setting, mask_words};
use pavisade_snapshot::{Configuration, Inspection, Secret, SecretPlace};

use crate::{Image, Start, Step};

/// The largest number of names listed of each kind, more than any build creates. All values are
/// checked regardless: the size of the document is bounded.
const MAX_ENTRIES: usize = 10_000;

/// The largest number of secrets kept for each source: environment, labels, command, history.
const MAX_SECRETS: usize = 1_000;

/// Inspects the image configuration.
pub(super) fn read(image: &Image, passwd: &str, inspection: &mut Inspection) {
    let none = Start::default();
    let start = image.configuration.config.as_ref().unwrap_or(&none);
    let variables = || start.env.iter().flatten().filter_map(|entry| entry.split_once('='));
    let names = |names: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        names.take(MAX_ENTRIES).map(str::to_owned).collect()
    };
    // This is one command line: the last word of the entrypoint may be a flag whose value comes
    // first in the arguments.
    let entrypoint = start.entrypoint.iter().flatten();
    let split = entrypoint.clone().count();
    let command = start.cmd.iter().flatten();
    let words: Vec<_> = entrypoint.chain(command).map(String::as_str).collect();
    let mut entrypoint: Vec<_> = mask_words(&words).into_iter().map(Cow::into_owned).collect();
    let command = entrypoint.split_off(split);
    let user = start.user.trim();
    inspection.configuration = Some(Configuration {
        user: user.to_owned(),
        user_id: user_id(user.split(':').next().unwrap_or(""), passwd),
        ports: names(&mut start.exposed_ports.iter().flat_map(|all| all.keys().map(|key| &**key))),
        environment: names(&mut variables().map(|(name, _)| name)),
        labels: names(&mut start.labels.iter().flat_map(|all| all.keys().map(|key| &**key))),
        entrypoint,
        command,
        odd: start.odd.clone(),
    });
    let mut found = Vec::new();
    let secrets = &mut found;
    for (name, value) in variables() {
        if let Some(found) = in_setting(name, value) {
            push(secrets, found, name, SecretPlace::Environment);
        }
    }
    for (name, value) in start.labels.iter().flatten() {
        if let Some(found) = in_setting(name, value) {
            push(secrets, found, name, SecretPlace::Label);
        }
    }
    find_in_words(&words, &mut |_, name, found| {
        push(secrets, found, name, SecretPlace::Command);
    });
    let mut layer = 0;
    let history = image.configuration.history.iter().flatten();
    for (step, number) in history.zip(1..) {
        let made = (!step.empty_layer).then_some(layer);
        layer += u32::from(!step.empty_layer);
        in_step(step, number, made, secrets);
    }
    inspection.secrets.append(&mut found);
}

/// Returns the ID of a user.
fn user_id(user: &str, passwd: &str) -> Option<u32> {
    user.parse().ok().or_else(|| {
        let mut entries = passwd.lines().map(|line| line.split(':'));
        entries.find_map(|mut fields| {
            let is_named = fields.next() == Some(user);
            fields.nth(1).filter(|_| is_named)?.parse().ok()
        })
    })
}

fn in_step(step: &Step, number: u32, layer: Option<u32>, secrets: &mut Vec<Secret>) {
    let Some(text) = &step.created_by else { return };
    let nop = text.trim_start_matches("/bin/sh -c #(nop)").trim_start();
    let place = || SecretPlace::History { step: number, layer };
    // Secrets in the environment or a label are reported there.
    let told = |secrets: &[Secret], name: &str, place: SecretPlace| {
        secrets.iter().any(|secret| secret.place == place && secret.name == name)
    };
    let settings = |rest: &str| -> Vec<(String, String)> {
        let entries = rest.split_once('=').into_iter();
        entries.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
    };
    for (word, twin) in [
        ("ENV ", Some(SecretPlace::Environment)),
        ("LABEL ", Some(SecretPlace::Label)),
        ("ARG ", None),
    ] {
        let Some(rest) = nop.strip_prefix(word) else { continue };
        for (name, value) in settings(rest) {
            let value = value.trim_matches(['"', '\'']);
            let told = twin.as_ref().is_some_and(|twin| told(secrets, &name, twin.clone()));
            if let (false, Some(found)) = (told, in_setting(&name, value)) {
                push(secrets, found, &name, place());
            }
        }
        return;
    }
    let mut found: Vec<(&str, Found)> = Vec::new();
    let mut add = |name, what| {
        if !found.contains(&(name, what)) {
            found.push((name, what));
        }
    };
    let command = command(text);
    find_in_text(&command, Syntax::Settings).iter().for_each(|hit| add(hit.name, hit.found));
    // The shell takes its command as one word.
    find_in_words(&["sh", "-c", &command], &mut |_, name, what| add(name, what));
    for (name, what) in found {
        push(secrets, what, name, place());
    }
}

/// Returns the command of a step. BuildKit writes `RUN |2 A=1 B=2 /bin/sh -c … # buildkit`; each
/// build argument gets its own line.
fn command(text: &str) -> String {
    let text = text.trim();
    let text = text.strip_suffix("# buildkit").unwrap_or(text);
    let text = text.strip_prefix("RUN ").unwrap_or(text).trim_start();
    let arguments = text.strip_prefix('|').and_then(|rest| rest.split_once(' '));
    match arguments.and_then(|(_, rest)| rest.split_once(SHELL)) {
        Some((arguments, command)) => format!("{}\n{command}", arguments.replace(' ', "\n")),
        None => text.strip_prefix(SHELL).unwrap_or(text).to_owned(),
    }
}

const SHELL: &str = "/bin/sh -c ";

fn push(secrets: &mut Vec<Secret>, found: Found, name: &str, place: SecretPlace) {
    let of_place = |secret: &&Secret| discriminant(&secret.place) == discriminant(&place);
    if secrets.iter().filter(of_place).count() < MAX_SECRETS {
        secrets.push(Secret {
            what: found.what().into(),
            name: name.to_owned(),
            place,
            confidence: found.confidence(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(steps: &[&str], env: &[&str]) -> Vec<String> {
        let step = |text: &&str| Step { created_by: Some((*text).to_owned()), empty_layer: true };
        let start = Start {
            env: Some(env.iter().map(|entry| (*entry).to_owned()).collect()),
            ..Start::default()
        };
        let configuration = crate::Configuration {
            config: Some(start),
            history: Some(steps.iter().map(step).collect()),
            ..crate::Configuration::default()
        };
        let image = Image { configuration, ..Image::default() };
        let mut inspection = Inspection::default();
        read(&image, "", &mut inspection);
        let told = |secret: Secret| {
            let place = match secret.place {
                SecretPlace::History { step, .. } => format!("{step}"),
                other => format!("{other:?}"),
            };
            format!("{place} {} {}", secret.what, secret.name)
        };
        inspection.secrets.into_iter().map(told).collect()
    }

    #[test]
    fn secrets_of_builds_are_told_once() {
        for (steps, env, expect) in [
            (
                &["ENV DB_PASSWORD=hunter2"][..],
                &["DB_PASSWORD=hunter2"][..],
                &["Environment a secret DB_PASSWORD"][..],
            ),
            // Set in one step and removed in another.
            (
                &["/bin/sh -c #(nop)  ENV DB_PASSWORD=hunter2"],
                &["DB_PASSWORD="],
                &["1 a secret DB_PASSWORD"],
            ),
            (
                &[
                    "ARG NPM_TOKEN",
                    "RUN |2 VERSION=1 NPM_TOKEN=q7Zr0kPn2VxY8sTdL4wJ /bin/sh -c npm ci # buildkit",
                ],
                &[],
                &["2 a secret NPM_TOKEN"],
            ),
            (
                &["RUN /bin/sh -c curl -u me:hunter2 https://h.internal/ # buildkit"],
                &[],
                &["1 a secret u"],
            ),
            (&["/bin/sh -c mysql -phunter2"], &[], &["1 a secret p"]),
            // Key fingerprints, digests and templates.
            (
                &[
                    "ENV GPG_KEY=E3FF2839C048B25C084DEBE9B26995E310250568",
                    "ARG TOKEN",
                    "RUN |1 TOKEN= /bin/sh -c true",
                    "RUN /bin/sh -c curl -H \"Authorization: Bearer $TOKEN\" x",
                ],
                &[
                    "GPG_KEY=E3FF2839C048B25C084DEBE9B26995E310250568",
                    "PYTHON_SHA256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                ],
                &[],
            ),
        ] {
            assert_eq!(found(steps, env), expect, "{steps:?}");
        }
    }

    #[test]
    fn commands_are_told_without_their_secrets() {
        let list = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        let start = Start {
            entrypoint: list(&["app", "--token", "q7Zr0kPn", "--password"]),
            cmd: list(&["hunter2", "--port", "80"]),
            ..Start::default()
        };
        let configuration =
            crate::Configuration { config: Some(start), ..crate::Configuration::default() };
        let image = Image { configuration, ..Image::default() };
        let mut inspection = Inspection::default();
        read(&image, "", &mut inspection);
        let told = inspection.configuration.unwrap();
        assert_eq!(told.entrypoint, ["app", "--token", "••••", "--password"]);
        assert_eq!(told.command, ["••••", "--port", "80"]);
        assert_eq!(inspection.secrets.len(), 2);
    }

    #[test]
    fn nothing_hides_behind_many_others() {
        let mut env: Vec<_> = (0..20_000).map(|n| format!("V{n}=1")).collect();
        env.push("DB_PASSWORD=hunter2".to_owned());
        let env: Vec<_> = env.iter().map(String::as_str).collect();
        assert_eq!(found(&[], &env), ["Environment a secret DB_PASSWORD"]);
        // Many secrets in one source do not displace those of another.
        let many: Vec<_> = (0..2_000).map(|n| format!("DB{n}_PASSWORD=hunter2")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let all = found(&["ARG NPM_TOKEN=q7Zr0kPn2VxY8sTdL4wJ"], &many);
        assert_eq!(all.len(), MAX_SECRETS + 1);
        assert_eq!(all[MAX_SECRETS], "1 a secret NPM_TOKEN");
    }

    #[test]
    fn users_have_numbers() {
        let passwd = "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:\napp:x:1000:1000::/:\nbad:x\n";
        for (user, expect) in [
            ("0", Some(0)),
            ("10001", Some(10001)),
            ("toor", Some(0)),
            ("app", Some(1000)),
            ("bad", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(user_id(user, passwd), expect, "{user}");
        }
    }
}
