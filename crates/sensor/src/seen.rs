//! An event with what is known of its process, container and descriptor, as rules ask about it.

use std::borrow::Cow;
use std::sync::Arc;

use pavisade_rules::{Event, FieldRef, Value, Values};

use crate::calls::{Call, Form, Points};
use crate::containers::Container;
use crate::decode::{Kind, Raw, tag};
use crate::fields::{self, Name};
use crate::names::{Question, type_name};
use crate::pods::Pods;
use crate::processes::{Process, Processes};
use own::is_own;

mod descriptor;
mod own;
mod pod;

pub use descriptor::Descriptor;
pub(crate) use descriptor::{descriptor, server};

/// Where a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// In a container.
    Container(&'a Container),
    /// On the node itself.
    Host,
    /// Its control group cannot be found any more.
    Unknown,
}

/// An event.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// The event as the kernel reported it.
    pub raw: Raw<'a>,
    /// Its number, from 1.
    pub number: u64,
    /// Nanoseconds since 1970.
    pub time: i128,
    /// The name of this node.
    pub node: &'a str,
    /// The call.
    pub call: Option<&'static Call>,
    /// The process.
    pub process: &'a Process,
    /// All processes.
    pub processes: &'a Processes,
    /// Where it runs.
    pub place: Place<'a>,
    /// The descriptor.
    pub descriptor: Option<Descriptor<'a>>,
    /// The question to a name server.
    pub question: Option<Question>,
    /// Names that the container asked for and that led to the other end of the connection, the last
    /// one first.
    pub names: &'a [Arc<str>],
    /// The pods of this node.
    pub pods: &'a Pods,
}

impl<'a> Seen<'a> {
    /// The type of the event.
    pub fn kind(&self) -> &'static str {
        match (self.raw.kind, self.call) {
            (Kind::Exec, _) if self.raw.flags.by_descriptor() => "execveat",
            (Kind::Exec, _) => "execve",
            (Kind::Fork, _) => "clone",
            (Kind::Exit, _) => "procexit",
            (Kind::Denied, _) => "denied",
            (Kind::Asked | Kind::Answered, _) => "dns",
            (Kind::Call, Some(call)) => call.name,
            (Kind::Call, None) => "syscall",
        }
    }

    /// The container.
    pub fn container(&self) -> Option<&'a Container> {
        match self.place {
            Place::Container(container) => Some(container),
            Place::Host | Place::Unknown => None,
        }
    }

    /// Which processes belong to the container of this event. What a runtime does on the way into a
    /// container may already be in its control group, but is still in the mounts of the runtime. Names
    /// do not count: any process can have the name of a runtime.
    pub fn insiders(&self) -> impl Fn(&Process) -> bool + use<> {
        let container = self.container().map_or(0, Container::number);
        let mounts =
            |process: &Process| process.program.credentials.map_or(0, |known| known.mounts);
        let above = self.processes.ancestors(self.process);
        let outside: Vec<u64> = above
            .filter(|process| process.program.container != container)
            .map(mounts)
            .filter(|mounts| *mounts != 0)
            .collect();
        move |process| {
            container != 0
                && process.program.container == container
                && !outside.contains(&mounts(process))
        }
    }

    /// The path that was really opened, where it is not the one that the process gave.
    pub fn real_path(&self) -> Option<Vec<u8>> {
        let given = &self.descriptor.as_ref()?.name;
        let real = self.raw.path(tag::FILE_RESULT)?;
        (real.first() == Some(&b'/') && real != *given && !is_own(given, &real)).then_some(real)
    }

    /// The event with that path as the name of the file.
    pub(crate) fn by_real_path(&self) -> Option<Self> {
        let real = self.real_path()?;
        let mut seen = self.clone();
        seen.descriptor.as_mut()?.name = real;
        Some(seen)
    }

    fn flags(&self) -> Option<u64> {
        let call = self.call?;
        let argument = usize::from(call.open_flags?);
        match call.points[argument] {
            Points::Numbers => {
                number(self.raw.item(tag::STRUCT + call.open_flags.map(u16::from)?)?, 0)
            }
            _ => self.raw.arguments.get(argument).copied(),
        }
    }

    fn argument(&self, name: &[u8]) -> Option<Value<'_>> {
        let name = std::str::from_utf8(name).ok()?;
        if name == "res" {
            return Some(text(crate::words::error_name(self.raw.result)));
        }
        let call = self.call?;
        let (_, number_of, form) = call.fields.iter().find(|(field, ..)| *field == name)?;
        let raw = *self.raw.arguments.get(usize::from(*number_of))?;
        Some(match form {
            // Arguments of the kernel are mostly `int`.
            Form::Int => text((raw as u32).cast_signed().to_string()),
            Form::Path => bytes(self.raw.absolute(*number_of)?),
            Form::Text => Value::Bytes(Cow::Borrowed(self.raw.item(tag::STRING + number_of)?)),
            Form::Words(words) => text(words.of(raw)),
            Form::Pointed(words, which) => {
                text(words.of(number(self.raw.item(tag::STRUCT + number_of)?, *which)?))
            }
            Form::File => bytes(self.raw.path(tag::FILE_OF + number_of)?),
        })
    }

    fn ancestor(&self, field: &FieldRef) -> Option<&Process> {
        let index = std::str::from_utf8(field.argument.as_deref()?).ok()?.parse::<usize>().ok()?;
        match index.checked_sub(1) {
            None => Some(self.process),
            Some(index) => self.processes.ancestors(self.process).nth(index),
        }
    }

    /// A field of an ancestor, or of all.
    fn of_ancestors<'s>(
        &'s self,
        field: &FieldRef,
        get: impl Fn(&'s Process) -> Option<Value<'s>>,
    ) -> Values<'s> {
        if field.argument.is_some() {
            return one(self.ancestor(field).and_then(get));
        }
        Values::Many(self.processes.ancestors(self.process).filter_map(get).collect())
    }

    /// The time of the event (UTC) in a form of `strftime`.
    fn clock(&self, form: &str) -> Value<'static> {
        let time = jiff::Timestamp::from_nanosecond(self.time).unwrap_or_default();
        text(time.strftime(form).to_string())
    }

    fn value(&self, name: Name) -> Option<Value<'_>> {
        if let Some(value) = self.of_process(name) {
            return value;
        }
        let container = self.container();
        let of =
            |get: fn(&'a Container) -> Option<&'a str>| container.and_then(get).map(Value::text);
        let descriptor = self.descriptor.as_ref();
        Some(match name {
            Name::EvtType => Value::text(self.kind()),
            Name::EvtNum => Value::Int(self.number.into()),
            Name::EvtTime => Value::Int(self.time),
            Name::EvtClock => self.clock("%H:%M:%S%.9f"),
            Name::EvtClockShort => self.clock("%H:%M:%S"),
            Name::EvtIso => self.clock("%Y-%m-%dT%H:%M:%S%.9fZ"),
            Name::EvtDate => self.clock("%Y-%m-%d %H:%M:%S%.9f"),
            Name::EvtDateShort => self.clock("%Y-%m-%d %H:%M:%S"),
            Name::EvtDir => Value::text("<"),
            Name::EvtSource => Value::text("syscall"),
            Name::Node => Value::text(self.node),
            Name::EvtFailed => Value::Bool(self.raw.kind == Kind::Call && self.raw.result < 0),
            Name::EvtRes => text(crate::words::error_name(self.raw.result)),
            Name::EvtRawRes => Value::Int(self.raw.result.into()),
            Name::IsOpenRead => Value::Bool(matches!(self.flags()? & 3, 0 | 2)),
            Name::IsOpenWrite => Value::Bool(matches!(self.flags()? & 3, 1 | 2)),
            Name::FdNum => Value::Int(descriptor?.number.into()),
            Name::FdPath => {
                let name = &descriptor?.name;
                (!name.is_empty()).then_some(Value::Bytes(Cow::Borrowed(name)))?
            }
            Name::FdNameRaw => Value::Bytes(Cow::Borrowed(descriptor?.given?)),
            Name::FdDirectory => {
                let name = descriptor?.file()?;
                let cut = name.iter().rposition(|byte| *byte == b'/')?;
                Value::Bytes(Cow::Borrowed(&name[..cut.max(1)]))
            }
            Name::FdFilename => {
                let name = descriptor?.file()?;
                let cut = name.iter().rposition(|byte| *byte == b'/')?;
                Value::Bytes(Cow::Borrowed(&name[cut + 1..]))
            }
            Name::FdType => Value::text(match descriptor?.letter {
                'f' => "file",
                '4' => "ipv4",
                '6' => "ipv6",
                'u' => "unix",
                _ => "other",
            }),
            Name::FdTypeChar => text(descriptor?.letter.to_string()),
            Name::FdL4Proto => Value::text(descriptor?.protocol?),
            Name::FdClientIp => Value::Address(descriptor?.client()?.0),
            Name::FdServerIp => Value::Address(descriptor?.of_server()?.0),
            Name::FdClientPort => Value::Int(descriptor?.client()?.1.into()),
            Name::FdServerPort => Value::Int(descriptor?.of_server()?.1.into()),
            Name::FdLocalIp => Value::Address(descriptor?.local?.0),
            Name::FdRemoteIp => Value::Address(descriptor?.remote?.0),
            Name::FdLocalPort => Value::Int(descriptor?.local?.1.into()),
            Name::FdRemotePort => Value::Int(descriptor?.remote?.1.into()),
            Name::FdSockFamily => Value::text(match descriptor?.letter {
                '4' | '6' => "ip",
                'u' => "unix",
                _ => return None,
            }),
            Name::Asked => Value::text(&self.question.as_ref()?.name),
            Name::AskedType => text(type_name(self.question.as_ref()?.kind)),
            Name::FdConnected => match descriptor?.letter {
                '4' | '6' => Value::Bool(descriptor?.connected),
                _ => return None,
            },
            Name::FdIsServer => {
                let descriptor = descriptor?;
                descriptor.remote?;
                Value::Bool(descriptor.server)
            }
            Name::ContainerId => match self.place {
                Place::Container(container) => Value::text(container.short()),
                Place::Host => Value::text("host"),
                // Neither is proven.
                Place::Unknown => return None,
            },
            Name::ContainerFullId => of(|container| Some(&container.id))?,
            Name::Container => of(|container| container.name.as_deref())?,
            Name::ContainerImage => of(|container| container.image.as_deref())?,
            Name::ContainerRepository => of(|container| Some(container.image_parts()?.0))?,
            Name::ContainerTag => of(|container| container.image_parts()?.1)?,
            Name::ContainerDigest => of(|container| container.image_parts()?.2)?,
            Name::ContainerPrivileged => Value::Bool(container?.privileged?),
            Name::ContainerType => {
                of(|container| Some(if container.sandbox { "sandbox" } else { "containerd" }))?
            }
            Name::Pod => of(|container| container.pod.as_deref())?,
            Name::PodUid => of(|container| container.pod_uid.as_deref())?,
            Name::PodId => of(|container| container.pod_sandbox.as_deref())?,
            Name::Namespace => of(|container| container.namespace.as_deref())?,
            _ => return None,
        })
    }

    /// Fields of the process; nothing if it is another field.
    fn of_process(&self, name: Name) -> Option<Option<Value<'_>>> {
        let process = self.process;
        let program = &*process.program;
        let credentials = program.credentials;
        let known =
            |bytes: &'a [u8]| (!bytes.is_empty()).then_some(Value::Bytes(Cow::Borrowed(bytes)));
        let parent = || self.processes.ancestors(process).next();
        let stdio = |number: usize| program.stdio[number].as_ref();
        Some(match name {
            Name::Comm => known(&process.name),
            Name::ProcExe => known(&program.exe),
            Name::ProcExePath => known(&program.path),
            Name::ProcArgs => Some(bytes(program.joined())),
            Name::ProcCmdline => Some(bytes(cmdline(process))),
            Name::ProcExeLine => Some(bytes([&program.exe[..], b" ", &program.joined()].concat())),
            Name::ProcNargs => {
                let count = program.arguments.iter().filter(|byte| **byte == 0).count();
                Some(Value::Int(count as i128))
            }
            Name::ProcCwd => known(&program.cwd),
            Name::ProcPid => Some(Value::Int(self.raw.pid.into())),
            Name::ThreadTid => Some(Value::Int(self.raw.tid.into())),
            Name::ProcPpid => Some(Value::Int(self.raw.ppid.into())),
            Name::ProcPname => parent().map(|parent| Value::Bytes(Cow::Borrowed(&parent.name))),
            Name::ProcPexe => {
                parent().map(|parent| Value::Bytes(Cow::Borrowed(&parent.program.exe)))
            }
            Name::ProcPexePath => {
                parent().map(|parent| Value::Bytes(Cow::Borrowed(&parent.program.path)))
            }
            Name::ProcPcmdline => parent().map(|parent| bytes(cmdline(parent))),
            Name::ProcDuration => {
                Some(Value::Int(self.raw.time.saturating_sub(process.start).into()))
            }
            Name::ProcTty => credentials.map(|known| Value::Int(known.tty.into())),
            Name::UpperLayer => Some(Value::Bool(program.flags.upper())),
            Name::LowerLayer => Some(Value::Bool(!program.flags.upper())),
            Name::FromMemfd => Some(Value::Bool(program.from_memory())),
            Name::ExeInode => credentials.map(|known| Value::Int(known.inode.into())),
            Name::StdinType => stdio(0).map(|stdio| Value::text(stdio.kind)),
            Name::StdoutType => stdio(1).map(|stdio| Value::text(stdio.kind)),
            Name::StderrType => stdio(2).map(|stdio| Value::text(stdio.kind)),
            Name::StdinPath => stdio(0).and_then(|stdio| known(&stdio.name)),
            Name::StdoutPath => stdio(1).and_then(|stdio| known(&stdio.name)),
            Name::StderrPath => stdio(2).and_then(|stdio| known(&stdio.name)),
            Name::CapEffective => {
                credentials.map(|known| text(fields::capabilities(known.effective)))
            }
            Name::CapPermitted => {
                credentials.map(|known| text(fields::capabilities(known.permitted)))
            }
            Name::CapInheritable => {
                credentials.map(|known| text(fields::capabilities(known.inheritable)))
            }
            Name::UserUid => Some(Value::Int(self.raw.euid.into())),
            // Other names are known only to the files of the container.
            Name::User => (self.raw.euid == 0).then_some(Value::text("root")),
            Name::UserLogin => Some(Value::Int(if self.raw.login == u32::MAX {
                -1
            } else {
                self.raw.login.into()
            })),
            Name::GroupGid => Some(Value::Int(self.raw.gid.into())),
            _ => return None,
        })
    }
}

/// The name of a program with its arguments.
pub(crate) fn cmdline(process: &Process) -> Vec<u8> {
    let joined = process.program.joined();
    match joined.is_empty() {
        true => process.name.clone(),
        false => [&process.name[..], b" ", &joined].concat(),
    }
}

fn text(text: impl Into<String>) -> Value<'static> {
    bytes(text.into().into_bytes())
}

fn bytes(bytes: Vec<u8>) -> Value<'static> {
    Value::Bytes(Cow::Owned(bytes))
}

fn number(bytes: &[u8], which: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(which * 8..which * 8 + 8)?.try_into().ok()?))
}

fn one(value: Option<Value<'_>>) -> Values<'_> {
    value.map_or(Values::Absent, Values::One)
}

impl Event for Seen<'_> {
    fn values(&self, field: &FieldRef) -> Values<'_> {
        let Some(name) = fields::name_of(field.slot) else { return Values::Absent };
        if let Some(value) = self.of_pod(name, field) {
            return one(value);
        }
        let both = |first: Name, second: Name| {
            let all: Vec<_> =
                [first, second].into_iter().filter_map(|name| self.value(name)).collect();
            if all.is_empty() { Values::Absent } else { Values::Many(all) }
        };
        let known = |bytes: &'_ [u8]| !bytes.is_empty();
        match name {
            Name::EvtArg => one(field.argument.as_deref().and_then(|name| self.argument(name))),
            Name::ProcAname => {
                self.of_ancestors(field, |process| Some(Value::Bytes(Cow::Borrowed(&process.name))))
            }
            Name::ProcAexe => self.of_ancestors(field, |process| {
                known(&process.program.exe)
                    .then_some(Value::Bytes(Cow::Borrowed(&process.program.exe)))
            }),
            Name::ProcAexePath => self.of_ancestors(field, |process| {
                known(&process.program.path)
                    .then_some(Value::Bytes(Cow::Borrowed(&process.program.path)))
            }),
            Name::ProcAcmdline => self.of_ancestors(field, |process| Some(bytes(cmdline(process)))),
            Name::ProcApid => {
                self.of_ancestors(field, |process| Some(Value::Int(process.pid.into())))
            }
            // The server is the other end unless that one connected.
            Name::FdServerHost | Name::FdRemoteHost => {
                let is_server = self.descriptor.as_ref().is_some_and(|one| one.server);
                match name == Name::FdServerHost && is_server || self.names.is_empty() {
                    true => Values::Absent,
                    false => {
                        Values::Many(self.names.iter().map(|name| Value::text(name)).collect())
                    }
                }
            }
            Name::FdIp => both(Name::FdClientIp, Name::FdServerIp),
            Name::FdPort => both(Name::FdClientPort, Name::FdServerPort),
            Name::FdNet => both(Name::FdClientIp, Name::FdServerIp),
            Name::FdClientNet => one(self.value(Name::FdClientIp)),
            Name::FdServerNet => one(self.value(Name::FdServerIp)),
            Name::FdLocalNet => one(self.value(Name::FdLocalIp)),
            Name::FdRemoteNet => one(self.value(Name::FdRemoteIp)),
            name => one(self.value(name)),
        }
    }
}

#[cfg(test)]
mod tests;
