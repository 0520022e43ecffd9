//! Classification of settings by name.

/// The role of a setting's value, by the name of the setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Chosen by people, so any word may be one.
    Password,
    /// The key of an application, often a word.
    Word,
    /// The key of an application, usually random.
    Key,
    /// A token or key that may be chosen by people.
    Weak,
    /// A token, or the name of an object that contains one.
    Token,
}

/// Maximum length of a name, in bytes.
const LONGEST: usize = 100;

/// Returns the role of a name. The last words are decisive: `TOKEN_TTL` is a duration,
/// `PASSWORD_FILE` a file.
pub(super) fn role(name: &str) -> Option<Role> {
    // Most names end in none of these.
    let end = name.trim_end_matches(|c: char| c.is_ascii_digit() || "_-.".contains(c));
    if !matches!(
        end.as_bytes().last()?,
        b'd' | b's'
            | b't'
            | b'n'
            | b'y'
            | b'e'
            | b'h'
            | b'D'
            | b'S'
            | b'T'
            | b'N'
            | b'Y'
            | b'E'
            | b'H'
    ) || name.len() > LONGEST
    {
        return None;
    }
    let words = Words::of(end);
    let (last, before) = (words.nth_last(0), words.nth_last(1));
    let role = match last {
        "password" | "passwd" | "passphrase" | "requirepass" | "masterauth" => Role::Password,
        // After other words, `pass` means to pass something on.
        "pass" if !matches!(before, "proxy" | "fastcgi" | "uwsgi" | "grpc" | "scgi" | "by") => {
            Role::Password
        }
        // Alone and in capitals, it is usually the working directory.
        "pwd" if end == "PWD" => Role::Weak,
        "pwd" if before != "old" => Role::Password,
        "secret" => match before {
            "client" | "jwt" | "session" | "cookie" | "hmac" | "csrf" | "nextauth" => Role::Word,
            "shared" | "signing" | "oauth" | "consumer" | "app" | "api" | "auth" | "encryption" => {
                Role::Key
            }
            // The name of the Secret.
            "existing" | "pull" | "tls" | "from" | "use" | "image" | "cert" | "certificate"
            | "create" => return None,
            _ => Role::Token,
        },
        "key" => match before {
            // The key in a Secret, in a reference.
            "secret" if words.nth_last(2).is_empty() && end.starts_with('s') => Role::Weak,
            // Django and Flask.
            "secret" if !end.bytes().any(|b| b.is_ascii_lowercase()) => Role::Word,
            // In camel case, it is usually such a reference too: `userSecretKey: username`.
            "secret" if end.bytes().any(|b| b.is_ascii_uppercase()) => Role::Weak,
            "secret" | "encryption" | "signing" | "master" | "fernet" | "crypto" => Role::Key,
            "api" | "auth" | "app" | "admin" => Role::Weak,
            // Without `secret`, it is the name of a user.
            "access" if words.nth_last(2) == "secret" => Role::Weak,
            "private" | "access" | "account" | "license" | "ssh" | "integration" | "service" => {
                Role::Token
            }
            _ => return None,
        },
        "apikey" | "secretkey" | "authkey" => Role::Weak,
        "accesskey" | "privatekey" | "encryptionkey" => Role::Token,
        // The token of etcd only distinguishes clusters, and a CSRF token is valid for one session.
        "token" if matches!(before, "csrf" | "xsrf") => return None,
        "token" if before != "cluster" => Role::Weak,
        "accesstoken" | "authtoken" | "apitoken" => Role::Weak,
        "token" | "identitytoken" | "registrytoken" | "refreshtoken" | "credential"
        | "credentials" => Role::Token,
        _ if last.len() > 8 && (last.ends_with("password") || last.ends_with("passwd")) => {
            Role::Password
        }
        _ if last.ends_with("secretkey") || last.ends_with("clientsecret") => Role::Key,
        _ => return None,
    };
    // Names about whether there is a secret, or whether to ask for one.
    let about = ["no", "allow", "require", "show", "use", "disable", "enable", "skip", "reset"];
    (!about.contains(&words.nth_last(1)) && !about.contains(&words.first())).then_some(role)
}

/// The last words of a name in lower case, without allocation.
struct Words {
    text: [u8; 2 * LONGEST],
    length: usize,
}

impl Words {
    /// Splits a name at `_`, `-`, `.`, blanks and changes of case.
    fn of(name: &str) -> Self {
        let mut words = Self { text: [0; 2 * LONGEST], length: 0 };
        let bytes = name.as_bytes();
        let mut before = b'_';
        for (i, &b) in bytes.iter().enumerate() {
            let next_lower = bytes.get(i + 1).is_some_and(u8::is_ascii_lowercase);
            let hump = b.is_ascii_uppercase()
                && (before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || before.is_ascii_uppercase() && next_lower);
            if hump {
                words.push(b'_');
            }
            words.push(if b.is_ascii_alphanumeric() { b.to_ascii_lowercase() } else { b'_' });
            before = b;
        }
        words
    }

    fn push(&mut self, b: u8) {
        if let Some(slot) = self.text.get_mut(self.length) {
            *slot = b;
            self.length += 1;
        }
    }

    fn text(&self) -> &str {
        // Only ASCII was pushed.
        self.text.get(..self.length).and_then(|t| std::str::from_utf8(t).ok()).unwrap_or("")
    }

    fn nth_last(&self, index: usize) -> &str {
        self.text().rsplit('_').filter(|w| !w.is_empty()).nth(index).unwrap_or("")
    }

    fn first(&self) -> &str {
        self.text().split('_').find(|w| !w.is_empty()).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_decide() {
        for (name, expected) in [
            ("PASSWORD", Some(Role::Password)),
            ("MYSQL_ROOT_PASSWORD", Some(Role::Password)),
            ("DB_PASSWORD_2", Some(Role::Password)),
            ("dbPassword", Some(Role::Password)),
            ("PGPASSWORD", Some(Role::Password)),
            ("rabbitmq.default.pass", Some(Role::Password)),
            ("MYSQL_PWD", Some(Role::Password)),
            ("pass", Some(Role::Password)),
            ("CLIENT_SECRET", Some(Role::Word)),
            ("clientSecret", Some(Role::Word)),
            ("secretKey", Some(Role::Weak)),
            ("AWS_SECRET_ACCESS_KEY", Some(Role::Weak)),
            ("SECRET_KEY", Some(Role::Word)),
            ("DJANGO_SECRET_KEY", Some(Role::Word)),
            ("djangoSecretKey", Some(Role::Weak)),
            ("ACCESS_TOKEN", Some(Role::Weak)),
            ("MINIO_ACCESS_KEY", Some(Role::Token)),
            ("ETCD_INITIAL_CLUSTER_TOKEN", Some(Role::Token)),
            ("GITHUB_TOKEN", Some(Role::Weak)),
            ("APIKey", Some(Role::Weak)),
            ("STRIPE_API_KEY", Some(Role::Weak)),
            ("credentials", Some(Role::Token)),
            ("PWD", Some(Role::Weak)),
            ("pwd", Some(Role::Password)),
            ("SECRET_KEY_REF", None),
            ("TOKEN_FILE", None),
            ("OLD_PWD", None),
            ("PASSWORD_FILE", None),
            ("TOKEN_TTL", None),
            ("TOKEN_REVIEW", None),
            ("SECRET_NAME", None),
            ("secretName", None),
            ("existingSecret", None),
            ("imagePullSecret", None),
            ("proxy_pass", None),
            ("ALLOW_EMPTY_PASSWORD", None),
            ("PUBLIC_KEY", None),
            ("passwordKey", None),
            ("KEY", None),
            ("COMPASS", None),
            ("", None),
        ] {
            assert_eq!(role(name), expected, "{name}");
        }
    }
}
