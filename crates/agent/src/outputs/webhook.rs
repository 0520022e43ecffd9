//! An HTTP address that gets each alert as JSON, as Falco's forwarders do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;

use super::Alerts;

const TIMEOUT: Duration = Duration::from_secs(10);

/// How often an alert is sent if the webhook answers with a server error. Other alerts wait meanwhile.
const TRIES: u32 = 5;

/// How long an alert is tried while the webhook cannot be reached or asks to come later. The queue is
/// bounded, so that no more alerts wait than fit into it.
const PATIENCE: Duration = Duration::from_secs(600);

/// The longest pause, after pauses of 1, 2, 4, 8 and 16 seconds.
const LONGEST: u32 = 30;

/// A destination.
#[derive(Debug)]
pub(super) struct Hook {
    address: String,
    client: reqwest::blocking::Client,
    /// The first pause.
    pause: Duration,
    patience: Duration,
}

/// Why an alert was not taken.
enum Refused {
    /// It will not be taken later either.
    Forever(String),
    /// The webhook has an error; perhaps because of this alert.
    Failed(String),
    /// The webhook is gone or has too much to do.
    Away(String),
}

/// Why an address is refused, if it is.
pub(super) fn check(address: &str) -> Result<(), String> {
    let url = reqwest::Url::parse(address).map_err(|error| format!("not an address: {error}"))?;
    if url.host_str().is_none() {
        return Err("the address names no host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address must not contain a user or password".to_owned());
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err("alerts go to other machines only over https".to_owned());
    }
    Ok(())
}

fn is_loopback(url: &reqwest::Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback()),
        None => false,
    }
}

impl Hook {
    pub(super) fn new(address: &str) -> anyhow::Result<Self> {
        let client = reqwest::blocking::Client::builder()
            .timeout(TIMEOUT)
            // A redirect could lead anywhere.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("pavisade-agent/", env!("CARGO_PKG_VERSION")));
        // Alerts for this machine must not leave it, even if HTTP_PROXY is set.
        let client = match reqwest::Url::parse(address) {
            Ok(url) if is_loopback(&url) => client.no_proxy(),
            _ => client,
        };
        let client = client.build().context("preparing a webhook")?;
        Ok(Self {
            address: address.to_owned(),
            client,
            pause: Duration::from_secs(1),
            patience: PATIENCE,
        })
    }

    /// Sends what comes until the queue ends.
    pub(super) fn serve(&self, alerts: Alerts, lost: &AtomicU64) {
        for alert in alerts {
            if let Err(why) = self.send(&alert) {
                lost.fetch_add(1, Ordering::Relaxed);
                crate::say(&format!("an alert was not sent: {why}"));
            }
        }
    }

    /// Sends an alert, and waits as long as it is worth.
    fn send(&self, alert: &str) -> Result<(), String> {
        let (mut waited, mut attempt) = (Duration::ZERO, 0);
        loop {
            attempt += 1;
            let why = match self.try_once(alert) {
                Ok(()) if attempt > 1 => {
                    crate::say("the webhook takes alerts again");
                    return Ok(());
                }
                Ok(()) => return Ok(()),
                Err(Refused::Forever(why)) => return Err(why),
                Err(Refused::Failed(why)) if attempt >= TRIES => {
                    return Err(format!("{why} (tried {attempt} times)"));
                }
                Err(Refused::Away(why)) if waited >= self.patience => {
                    return Err(format!("{why} (tried {attempt} times)"));
                }
                Err(Refused::Failed(why) | Refused::Away(why)) => why,
            };
            if attempt == 1 {
                crate::say(&format!("alerts wait for the webhook: {why}"));
            }
            let pause = self.pause * 2u32.saturating_pow(attempt - 1).min(LONGEST);
            std::thread::sleep(pause);
            waited += pause;
        }
    }

    fn try_once(&self, alert: &str) -> Result<(), Refused> {
        let request = self.client.post(&self.address).body(alert.to_owned());
        // Without the address, which may hold a token.
        let answer = request.header("content-type", "application/json").send();
        let answer = answer.map_err(|error| Refused::Away(error.without_url().to_string()))?;
        let status = answer.status();
        let why = format!("the webhook answered {status}");
        match status.as_u16() {
            _ if status.is_success() => Ok(()),
            429 | 502..=504 => Err(Refused::Away(why)),
            _ if status.is_server_error() => Err(Refused::Failed(why)),
            _ => Err(Refused::Forever(why)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Answers one request after another, and returns their bodies.
    fn server(answers: &'static [&'static str]) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let mut bodies = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                let mut part = [0; 1024];
                while !request.ends_with(b"}") {
                    let read = stream.read(&mut part).unwrap();
                    request.extend(&part[..read]);
                }
                let text = String::from_utf8(request).unwrap();
                bodies.push(text.split_once("\r\n\r\n").unwrap().1.to_owned());
                let head =
                    format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(head.as_bytes()).unwrap();
            }
            bodies
        });
        (address, thread)
    }

    fn hook(address: &str) -> Hook {
        crate::provide_cryptography();
        let patience = Duration::from_millis(20);
        Hook { pause: Duration::from_millis(1), patience, ..Hook::new(address).unwrap() }
    }

    #[test]
    fn an_alert_is_sent_again_until_it_is_taken() {
        let (address, thread) = server(&["503 Busy", "429 Later", "500 Error", "200 OK"]);
        assert_eq!(hook(&address).send("{\"rule\":1}"), Ok(()));
        assert_eq!(thread.join().unwrap(), ["{\"rule\":1}"; 4]);
    }

    /// The proxy is read from the environment, which only a new process can have.
    #[test]
    fn an_alert_for_this_machine_does_not_go_to_a_proxy() {
        const INSIDE: &str = "PAVISADE_BEHIND_A_PROXY";
        if std::env::var_os(INSIDE).is_none() {
            let name = "outputs::webhook::tests::an_alert_for_this_machine_does_not_go_to_a_proxy";
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", name]).env(INSIDE, "1");
            for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
                // Nothing listens there.
                command.env(variable, "http://127.0.0.1:9");
            }
            let output = command.output().unwrap();
            let told = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && told.contains("1 passed"), "{told}");
            return;
        }
        let (address, thread) = server(&["200 OK"]);
        assert_eq!(hook(&address).send("{}"), Ok(()));
        assert_eq!(thread.join().unwrap(), ["{}"]);
    }

    #[test]
    fn what_is_refused_is_not_sent_again() {
        let (address, thread) = server(&["400 Bad Request"]);
        assert!(hook(&address).send("{}").unwrap_err().contains("400"));
        assert_eq!(thread.join().unwrap().len(), 1);
        // The port is closed now: it is tried as long as the patience lasts, after 1, 2, 4, 8 and 16 ms.
        let error = hook(&address).send("{}").unwrap_err();
        assert!(error.contains("6 times") && !error.contains(&address), "{error}");
    }

    #[test]
    fn an_alert_that_the_webhook_cannot_process_does_not_hold_up_others_for_long() {
        let (address, thread) = server(&["500 Error"; TRIES as usize]);
        let hook = Hook { patience: Duration::from_secs(600), ..hook(&address) };
        let error = hook.send("{}").unwrap_err();
        assert!(error.contains("500") && error.contains("5 times"), "{error}");
        assert_eq!(thread.join().unwrap().len(), 5);
    }
}
