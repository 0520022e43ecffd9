//! Credential plugins (`client.authentication.k8s.io`, KEP-541), run once.
//!
//! The client library would run a plugin once for headers and again for certificates. A user would
//! be asked for a one-time password several times, and the second use would be rejected.

use std::io::{self, IsTerminal as _};
use std::process::{Command, Stdio};

use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};
use pavisade_yaml::{Source, Value, read};
use serde_json::json;

/// Runs the plugin and returns its credentials in the form of a kubeconfig.
///
/// # Errors
/// The reason, without the output of the plugin, which may be secret.
pub(crate) fn run(exec: &ExecConfig) -> Result<AuthInfo, String> {
    let command = exec.command.as_deref().ok_or("its credential plugin has no `command`")?;
    let version = exec.api_version.as_deref().ok_or("its credential plugin has no `apiVersion`")?;
    let terminal = io::stdin().is_terminal();
    let interactive = match exec.interactive_mode {
        Some(ExecInteractiveMode::Never) => false,
        Some(ExecInteractiveMode::Always) if !terminal => {
            return Err(
                "its credential plugin requires input, and standard input is not a terminal".into(),
            );
        }
        _ => terminal,
    };
    let mut spec = json!({ "interactive": interactive });
    if exec.provide_cluster_info {
        let cluster = exec
            .cluster
            .as_ref()
            .ok_or("its credential plugin requires information about the cluster")?;
        spec["cluster"] = serde_json::to_value(cluster).map_err(|error| error.to_string())?;
    }
    let info = json!({ "apiVersion": version, "kind": "ExecCredential", "spec": spec });
    let mut program = Command::new(command);
    program.args(exec.args.iter().flatten()).env("KUBERNETES_EXEC_INFO", info.to_string());
    for variable in exec.env.iter().flatten() {
        if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
            program.env(name, value);
        }
    }
    for name in exec.drop_env.iter().flatten() {
        program.env_remove(name);
    }
    let stdin = if interactive { Stdio::inherit() } else { Stdio::null() };
    let output = program.stdin(stdin).stderr(Stdio::inherit()).output().map_err(|error| {
        let hint = exec.install_hint.as_deref().map(|hint| format!(". {}", hint.trim()));
        format!(
            "its credential plugin `{command}` cannot be started: {error}{}",
            hint.unwrap_or_default()
        )
    })?;
    if !output.status.success() {
        return Err(format!("the credential plugin failed ({}): log in again", output.status));
    }
    credential(&String::from_utf8_lossy(&output.stdout), version)
}

fn credential(text: &str, version: &str) -> Result<AuthInfo, String> {
    let documents = read(&Source::new("credential", text));
    let answer = documents.docs.first().map(|doc| doc.root());
    let answer = answer.filter(|answer| answer.str("kind") == Some("ExecCredential"));
    let answer = answer.ok_or("the credential plugin printed no ExecCredential")?;
    if answer.str("apiVersion") != Some(version) {
        return Err(format!("the credential plugin does not support `{version}`"));
    }
    let field = |name: &str| {
        let value = answer.at(&["status", name]).and_then(Value::as_str);
        value.filter(|text| !text.is_empty())
    };
    let (token, certificate, key) =
        (field("token"), field("clientCertificateData"), field("clientKeyData"));
    if certificate.is_some() != key.is_some() {
        return Err(
            "the credential plugin returned a certificate without its key, or a key without its \
             certificate"
                .into(),
        );
    }
    if token.is_none() && certificate.is_none() {
        return Err("the credential plugin returned neither a token nor a certificate".into());
    }
    // A kubeconfig contains PEM in base64.
    let base64 = |text: Option<&str>| text.map(super::base64);
    let auth = json!({
        "token": token,
        "client-certificate-data": base64(certificate),
        "client-key-data": base64(key),
    });
    serde_json::from_value(auth)
        .map_err(|_| "the response of the credential plugin is not valid".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "client.authentication.k8s.io/v1";

    #[test]
    fn an_answer_is_a_token_or_a_certificate_with_its_key() {
        let answer = |status: &str| {
            let text = format!("apiVersion: {V1}\nkind: ExecCredential\nstatus: {status}\n");
            credential(&text, V1)
        };
        assert!(answer("{token: a}").unwrap().token.is_some());
        let both = answer("{clientCertificateData: PEM, clientKeyData: KEY}").unwrap();
        assert_eq!(both.client_certificate_data.as_deref(), Some("UEVN"));
        for (status, says) in [
            ("{clientCertificateData: PEM}", "without its key"),
            ("{token: ''}", "neither a token nor a certificate"),
            ("{}", "neither a token nor a certificate"),
        ] {
            let error = answer(status).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        for (text, says) in [
            ("", "printed no ExecCredential"),
            ("hunter2", "printed no ExecCredential"),
            ("{\"kind\":\"ExecCredential\",\"apiVersion\":\"x/v1beta1\"}", "does not support"),
        ] {
            let error = credential(text, V1).unwrap_err();
            assert!(error.contains(says) && !error.contains("hunter2"), "{error}");
        }
    }
}
