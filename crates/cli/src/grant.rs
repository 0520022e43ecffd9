//! `pavisade grant`.

use std::io::{BufWriter, Write as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use jiff::{SignedDuration, Timestamp};
use pavisade_access::grants::Grant;
use pavisade_access::lease::{Election, is_held};
use pavisade_access::sweep::{self, Event};
use pavisade_access::{Api, Asked, Failure, outlives};
use pavisade_judgement::{AccessGrant, Outlives};
use pavisade_rbac::words;
use pavisade_report::{GrantPage, Layout, Options, grants};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::args::{GrantArgs, GrantCommand, To};
use crate::signals::stopped;
use crate::{Outcome, cluster, terminal};

/// The name of the Lease.
const LEASE: &str = "pavisade-grant-sweep";
/// Its namespace, if the sweeper was installed from `deploy/grants`.
const NAMESPACE: &str = "pavisade";

pub(crate) fn run(args: &GrantArgs) -> anyhow::Result<Outcome> {
    cluster::blocking(execute(&args.command))
}

async fn execute(command: &GrantCommand) -> anyhow::Result<Outcome> {
    match command {
        GrantCommand::Create { subject, role, time, namespace, reason, to } => {
            let subject = words::subject(subject).map_err(|why| anyhow!(why))?;
            let (role_kind, role) = match role.split_once('/') {
                Some(("role" | "Role", name)) => ("Role", name),
                Some(("clusterrole" | "ClusterRole", name)) => ("ClusterRole", name),
                _ => ("ClusterRole", role.as_str()),
            };
            let asked = Asked {
                subject,
                role_kind,
                role: role.to_owned(),
                namespace: namespace.clone().unwrap_or_default(),
                time: signed(*time),
                reason: reason.clone(),
            };
            let api = cluster::api(&to.server).await?;
            let grant = pavisade_access::create(&api, &asked).await?;
            show(GrantPage::Created(&grant.shown), api.now()?, to)?;
            // The grant is created, even if this fails.
            if let Ok(Some(false)) = is_held(&api, NAMESPACE, LEASE).await {
                let text = format!(
                    "no sweeper holds the Lease {NAMESPACE}/{LEASE}, so nothing may remove it at \
                     its end: install deploy/grants, or run `pavisade grant sweep` yourself"
                );
                terminal::say("warning", &text);
            }
            Ok(Outcome::Clean)
        }
        GrantCommand::List { namespace, to } => {
            let api = cluster::api(&to.server).await?;
            let all = pavisade_access::list(&api, namespace.as_deref()).await?;
            let all: Vec<AccessGrant> = all.into_iter().map(|grant| grant.shown).collect();
            let now = api.now()?;
            show(GrantPage::List(&all), now, to)?;
            let kept = |grant: &AccessGrant| {
                grant.problem.is_some() || grant.end.is_none_or(|end| end <= now)
            };
            Ok(if all.iter().any(kept) { Outcome::Findings } else { Outcome::Clean })
        }
        GrantCommand::Extend { name, time, to } => {
            let api = cluster::api(&to.server).await?;
            let grant = pavisade_access::extend(&api, name, signed(*time)).await?;
            show(GrantPage::Extended(&grant.shown), api.now()?, to)?;
            Ok(Outcome::Clean)
        }
        GrantCommand::Revoke { name, to } => {
            let api = cluster::api(&to.server).await?;
            let grant = pavisade_access::revoke(&api, name).await?;
            let now = api.now()?;
            // The grant is removed, even if this fails.
            let (rest, outcome) = match continues(&api, &grant, now).await {
                Ok(rest) => (rest, Outcome::Clean),
                Err(why) => {
                    let unknown = Outlives {
                        proven: false,
                        text: format!("what was made with it is not known: {why}"),
                        remedy: "the audit log says what was made".to_owned(),
                    };
                    (vec![unknown], Outcome::Incomplete)
                }
            };
            show(GrantPage::Ended(&grant.shown, now, &rest), now, to)?;
            Ok(outcome)
        }
        GrantCommand::Sweep { watch, interval, lease_namespace, identity, no_outlives, to } => {
            let api = Arc::new(cluster::api(&to.server).await?);
            let (tell, told) = channel(1024);
            let teller = Teller { api: api.clone(), to: to.clone(), outlives: !no_outlives };
            let teller = tokio::spawn(teller.run(told));
            if *watch {
                let identity = identity.clone().unwrap_or_else(own_identity);
                let mut election = Election::new(lease_namespace.clone(), LEASE.into(), identity);
                let ended = tokio::select! {
                    () = sweep::watch(&api, &mut election, *interval, &tell) => Ok(()),
                    stopped = stopped() => stopped,
                };
                election.release(&api).await;
                drop(tell);
                // Removals are reported; the search for what they leave has a short time.
                let told = tokio::time::timeout(Duration::from_secs(2), teller).await;
                if let Ok(told) = told {
                    told.context("reporting what was removed")??;
                }
                return ended.map(|()| Outcome::Clean);
            }
            let swept = sweep::once(&api, &tell).await;
            drop(tell);
            let unsure = teller.await.context("reporting what was removed")??;
            let broken = swept?.into_iter().filter(|grant| grant.shown.problem.is_some());
            let mut outcome = if unsure { Outcome::Incomplete } else { Outcome::Clean };
            for grant in broken {
                let why = grant.shown.problem.unwrap_or_default();
                terminal::say("not removed", &format!("{}: {why}", grant.shown.name));
                outcome = Outcome::Incomplete;
            }
            Ok(outcome)
        }
    }
}

fn signed(time: Duration) -> SignedDuration {
    SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
}

/// A name that no other sweeper has.
fn own_identity() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let host = std::env::var_os("HOSTNAME").and_then(|name| name.into_string().ok());
    let host = host.filter(|name| !name.is_empty()).unwrap_or_else(|| "sweeper".to_owned());
    format!("{host}_{:016x}", RandomState::new().hash_one("sweeper"))
}

async fn continues(api: &Api, grant: &Grant, end: Timestamp) -> Result<Vec<Outlives>, Failure> {
    Ok(outlives::outlives(grant, end, &outlives::look(api, grant).await?))
}

/// Prints what a sweeper reports, while it works.
struct Teller {
    api: Arc<Api>,
    to: To,
    outlives: bool,
}

impl Teller {
    /// Returns whether something could not be removed or found out.
    async fn run(self, mut told: Receiver<Event>) -> anyhow::Result<bool> {
        let mut unsure = false;
        // What removals leave is looked for when there is nothing else to tell.
        let (later, mut waiting): (Sender<Box<Grant>>, _) = channel(256);
        let mut open = true;
        while open || !waiting.is_empty() {
            tokio::select! {
                biased;
                event = told.recv(), if open => match event {
                    Some(event) => unsure |= self.tell(event, &later)?,
                    None => open = false,
                },
                grant = waiting.recv() => {
                    if let Some(grant) = grant {
                        unsure |= self.rest(&grant).await?;
                    }
                }
            }
        }
        Ok(unsure)
    }

    fn tell(&self, event: Event, later: &Sender<Box<Grant>>) -> anyhow::Result<bool> {
        match event {
            Event::Removed(grant, late) => {
                let now = self.api.now()?;
                show(GrantPage::Removed(&grant.shown, late), now, &self.to)?;
                // Of many at once the rest is left to the audit log.
                if self.outlives && later.try_send(grant).is_err() {
                    terminal::say("", "too many ended at once to look for what they leave");
                }
            }
            Event::Changed(grant) => {
                terminal::say("", &format!("{} was changed meanwhile", grant.shown.name));
            }
            Event::Kept(grant, why) => {
                terminal::say("not removed", &format!("{}: {why}", grant.shown.name));
                return Ok(true);
            }
            Event::Leads => terminal::say("", "this sweeper holds the Lease and works"),
            Event::Waits(other) if other.is_empty() => {}
            Event::Waits(other) => {
                terminal::say("", &format!("waiting: `{other}` holds the Lease"));
            }
            Event::Away(why) => terminal::say("retrying", &why.to_string()),
            Event::Back => terminal::say("", "the API server answers again"),
        }
        Ok(false)
    }

    async fn rest(&self, grant: &Grant) -> anyhow::Result<bool> {
        let end = grant.shown.end.unwrap_or(Timestamp::MAX);
        match continues(&self.api, grant, end).await {
            Ok(rest) => {
                if !rest.is_empty() {
                    show(GrantPage::Outlives(&grant.shown, &rest), self.api.now()?, &self.to)?;
                }
                Ok(false)
            }
            Err(why) => {
                let name = &grant.shown.name;
                terminal::say("unknown", &format!("what continues after {name}: {why}"));
                Ok(true)
            }
        }
    }
}

fn show(page: GrantPage<'_>, now: Timestamp, to: &To) -> anyhow::Result<()> {
    let layout = if to.json { Layout::Json } else { Layout::Terminal };
    let options = Options {
        color: terminal::color(to.color, false),
        width: terminal::width(to.width),
        ..Options::default()
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    grants(page, now, layout, &options, &mut out)?;
    out.flush()?;
    Ok(())
}
