//! Real registries on loopback, filled over their HTTP API: Debian's `docker-registry`, and one of
//! go-containerregistry with referrers (`tests/tools/registry`). Where a program is not on this
//! machine, tests say so and pass.

pub(crate) mod proxy;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::started::{Run, command, finish};

/// A known pair of the tests of crypt_blowfish, and what HTTP makes of it.
const USERS: &str = "ann:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";
pub(crate) const LOGIN: &str = "YW5uOlUqVQ==";

pub(crate) struct Registry {
    child: Child,
    pub(crate) host: String,
    pub(crate) folder: tempfile::TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::print_stdout, reason = "a skipped test must say so")]
fn debian() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path)
        .chain(["/usr/bin".into(), "/usr/local/bin".into()])
        .map(|folder| folder.join("docker-registry"))
        .find(|file| file.is_file());
    if found.is_none() {
        println!(
            "skipped: no docker-registry on this machine (Debian: apt-get install docker-registry)"
        );
    }
    found
}

impl Registry {
    /// Debian's, which asks for a password.
    pub(crate) fn start() -> Option<Self> {
        Self::debian(true)
    }

    /// Debian's, with or without a password.
    pub(crate) fn debian(password: bool) -> Option<Self> {
        let program = debian()?;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::write(at("users"), USERS).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = format!("127.0.0.1:{port}");
        let auth = match password {
            true => format!("auth: {{htpasswd: {{realm: tests, path: '{}'}}}}\n", at("users")),
            false => String::new(),
        };
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{host}'}}\n\
             storage: {{filesystem: {{rootdirectory: '{}'}}}}\n{auth}",
            at("data"),
        );
        fs::write(at("config.yml"), config).unwrap();
        let mut command = Command::new(program);
        command.args(["serve", &at("config.yml")]).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let started = Self { child, host, folder };
        for _ in 0..200 {
            if TcpStream::connect(&started.host).is_ok() {
                return Some(started);
            }
            sleep(Duration::from_millis(50));
        }
        panic!("docker-registry does not listen");
    }

    /// go-containerregistry's, which is built by `cargo xtask tools registry`.
    #[expect(clippy::print_stdout, reason = "a skipped test must say so")]
    pub(crate) fn go() -> Option<Self> {
        let Some(program) = testbed::tools::built("registry") else {
            println!("skipped: no registry of Go on this machine (cargo xtask tools registry)");
            return None;
        };
        let mut command = Command::new(program);
        // It ends with its standard input.
        command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut host = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut host).unwrap();
        let host = host.trim().to_owned();
        assert!(!host.is_empty(), "the registry of Go does not listen");
        Some(Self { child, host, folder: tempfile::tempdir().unwrap() })
    }

    /// One request; the value of `Location`.
    fn send(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Basic {LOGIN}\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.host,
            body.len(),
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap();
        assert!(status.starts_with('2'), "{method} {path}: {answer}");
        let location = answer.lines().find_map(|line| line.strip_prefix("Location: "));
        location.unwrap_or_default().trim().to_owned()
    }

    /// Pushes what a descriptor leads to.
    pub(crate) fn push(&self, folder: &Path, repository: &str, tag: &str, descriptor: &Value) {
        let bytes =
            |digest: &str| fs::read(folder.join("blobs").join(digest.replace(':', "/"))).unwrap();
        let text = bytes(descriptor["digest"].as_str().unwrap());
        let document: Value = serde_json::from_slice(&text).unwrap();
        let list = |name: &str| document[name].as_array().cloned().unwrap_or_default();
        for inner in list("manifests") {
            self.push(folder, repository, inner["digest"].as_str().unwrap(), &inner);
        }
        for inner in list("layers").iter().chain(document.get("config")) {
            let digest = inner["digest"].as_str().unwrap();
            let at = self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), "", b"");
            let path = at.split_once(&self.host).map_or(&*at, |(_, path)| path).to_owned();
            let separator = if path.contains('?') { '&' } else { '?' };
            let path = format!("{path}{separator}digest={digest}");
            self.send("PUT", &path, "application/octet-stream", &bytes(digest));
        }
        let kind = descriptor["mediaType"].as_str().unwrap();
        self.send("PUT", &format!("/v2/{repository}/manifests/{tag}"), kind, &text);
    }

    /// The program, logged in where `login` says so.
    pub(crate) fn run(&self, login: bool, arguments: &[&str]) -> Run {
        self.run_as("home", login.then_some(&*self.host), arguments)
    }

    /// The program of a user, by their folder's name, logged in at a host.
    pub(crate) fn run_as(&self, user: &str, login: Option<&str>, arguments: &[&str]) -> Run {
        let home = self.folder.path().join(user);
        fs::create_dir_all(&home).unwrap();
        let mut command = command(self.folder.path(), arguments);
        command.env("HOME", &home).stdin(Stdio::null());
        if let Some(host) = login {
            let config = json!({"auths": {host: {"auth": LOGIN}}});
            fs::write(home.join("config.json"), config.to_string()).unwrap();
            command.env("DOCKER_CONFIG", home);
        }
        finish(command.output().unwrap())
    }
}
