//! Arguments of `pavisade grant`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{ApiServer, Color};

const CREATE_EXAMPLES: &str = "\
Examples:
  pavisade grant create alice edit -n shop --for 2h --reason 'incident 4711'
  pavisade grant create group:oncall cluster-admin --for 30m --reason 'node repair'
  pavisade grant create sa:ci/deployer role/deploy -n shop --for 1d --reason 'migration'

Exit codes:
  0  granted
  2  wrong usage, or the API server refused it";

const LIST_EXIT_CODES: &str = "\
Exit codes:
  0  every grant has a valid end that has not passed
  1  a grant has ended and is still there, or nothing will remove one
  2  wrong usage, or the grants could not be listed";

const SWEEP_EXIT_CODES: &str = "\
Exit codes:
  0  everything that has ended was removed; with --watch, stopped by a signal
  2  wrong usage
  3  something could not be listed or removed, or has no end that can be read";

#[derive(Debug, Args)]
pub(crate) struct GrantArgs {
    #[command(subcommand)]
    pub command: GrantCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// Give somebody a role for a time.
    ///
    /// This creates a RoleBinding or ClusterRoleBinding with your own permissions, so the API server
    /// lets you grant only what you have, or what you may bind. `pavisade grant sweep` removes it at its
    /// end: install `deploy/grants`, because Kubernetes itself does not know ends.
    #[command(after_help = CREATE_EXAMPLES)]
    Create {
        /// A user's name, group:NAME, sa:NAMESPACE/NAME.
        subject: String,
        /// A ClusterRole, or role/NAME for a Role of the namespace.
        role: String,
        /// For how long: 30m, 2h, 1d.
        #[arg(long = "for", value_name = "TIME", value_parser = time)]
        time: Duration,
        /// In this namespace; without it in the whole cluster.
        #[arg(short, long, value_name = "NAMESPACE")]
        namespace: Option<String>,
        /// Why; it is recorded in the binding.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        to: To,
    },
    /// List grants and their ends.
    #[command(after_help = LIST_EXIT_CODES)]
    List {
        /// Only those in this namespace.
        #[arg(short, long, value_name = "NAMESPACE")]
        namespace: Option<String>,
        #[command(flatten)]
        to: To,
    },
    /// Let a grant end later.
    Extend {
        /// Its name, as `grant list` shows it; of several NAMESPACE/NAME, or /NAME.
        name: String,
        /// How long from now: 30m, 2h, 1d.
        #[arg(long = "for", value_name = "TIME", value_parser = time)]
        time: Duration,
        #[command(flatten)]
        to: To,
    },
    /// End a grant now, and show what continues without it.
    Revoke {
        /// Its name, as `grant list` shows it; of several NAMESPACE/NAME, or /NAME.
        name: String,
        #[command(flatten)]
        to: To,
    },
    /// Remove the grants that have ended.
    ///
    /// Only bindings that `pavisade grant` made are removed, by UID and version. The clock is that of the
    /// API server. After each removal, it shows what continues: certificates, pods, bindings and
    /// tokens that were made under the grant.
    #[command(after_help = SWEEP_EXIT_CODES)]
    Sweep {
        /// Continue until stopped, and remove each grant when it ends.
        #[arg(long)]
        watch: bool,
        /// How often to look for new grants.
        #[arg(long, value_name = "TIME", default_value = "2s", value_parser = time, requires = "watch")]
        interval: Duration,
        /// The namespace of the Lease by which several sweepers agree on one that works.
        #[arg(long, value_name = "NAMESPACE", default_value = "pavisade")]
        lease_namespace: String,
        /// The name of this sweeper in the Lease, such as that of its pod [default: the host name and
        /// a random number].
        #[arg(long, value_name = "NAME", requires = "watch")]
        identity: Option<String>,
        /// Do not look for what continues after a grant.
        #[arg(long)]
        no_outlives: bool,
        #[command(flatten)]
        to: To,
    },
}

/// Which API server, and how to show the result.
#[derive(Debug, Clone, Args)]
pub(crate) struct To {
    #[command(flatten)]
    pub server: ApiServer,

    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,

    /// Columns to fill; by default those of the terminal, or 100.
    #[arg(long, value_name = "COLUMNS", help_heading = "Output")]
    pub width: Option<usize>,
}

/// Reads a time: numbers with units, `1h30m`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time: write it as 90s, 30m, 2h, 1d or 1h30m");
    let (mut total, mut rest) = (0_u64, text);
    if text.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let mut chars = rest[digits..].chars();
        let unit = match chars.next() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            _ => return Err(wrong()),
        };
        let seconds = number.checked_mul(unit).ok_or_else(wrong)?;
        total = total.checked_add(seconds).ok_or_else(wrong)?;
        rest = chars.as_str();
    }
    match total {
        0 => Err(wrong()),
        total => Ok(Duration::from_secs(total)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("1h30m", 5_400), ("1d", 86_400)] {
            assert_eq!(time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "2", "h", "-1h", "1.5h", "0s", "1w", "99999999999999999999h", "1h 2m"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
