//! The first frame of an HTTP/2 server (RFC 9113): its settings. Nothing is requested.

use std::fmt;

/// The identifier of `SETTINGS_MAX_CONCURRENT_STREAMS`.
const MAX_CONCURRENT_STREAMS: u16 = 3;
/// The names of the settings (RFC 9113, 6.5.2; RFC 8441, 3).
const NAMES: [(u16, &str); 7] = [
    (1, "HEADER_TABLE_SIZE"),
    (2, "ENABLE_PUSH"),
    (MAX_CONCURRENT_STREAMS, "MAX_CONCURRENT_STREAMS"),
    (4, "INITIAL_WINDOW_SIZE"),
    (5, "MAX_FRAME_SIZE"),
    (6, "MAX_HEADER_LIST_SIZE"),
    (8, "ENABLE_CONNECT_PROTOCOL"),
];
/// The longest frame that a server may send before it knows the client's settings, and its header.
const LONGEST: usize = 1 << 14;
const HEADER: usize = 9;
/// Settings that are shown: the known ones, and some of later standards.
const MOST: usize = 32;

/// The settings of a server, as it sent them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(pub Vec<(u16, u32)>);

impl Settings {
    /// Returns how many requests a client may have open at the same time. `None`: no limit.
    pub fn max_streams(&self) -> Option<u32> {
        // The last value counts.
        let mut all = self.0.iter().rev();
        all.find(|(id, _)| *id == MAX_CONCURRENT_STREAMS).map(|(_, value)| *value)
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no settings");
        }
        for (index, (id, value)) in self.0.iter().take(MOST).enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            match NAMES.iter().find(|(known, _)| known == id) {
                Some((_, name)) => write!(f, "{name} {value}")?,
                None => write!(f, "setting {id} {value}")?,
            }
        }
        match self.0.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}

/// Returns the first bytes of a client: the preface, and settings that change nothing.
pub(crate) fn hello() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    bytes
}

/// Reads the first frame of a server. `None` if more bytes are needed.
///
/// # Errors
/// It is not the frame with which HTTP/2 begins.
pub fn settings(bytes: &[u8]) -> Option<Result<Settings, &'static str>> {
    // Type 4, no acknowledgement, stream 0: what is wrong is seen before all of it is there.
    let fixed = [(3, 4), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0)];
    if fixed.iter().any(|(at, value)| bytes.get(*at).is_some_and(|byte| byte != value)) {
        return Some(Err("the first frame does not contain settings"));
    }
    let length = bytes.get(..3)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    if length > LONGEST || length % 6 != 0 {
        return Some(Err("the length of the first frame is not one of settings"));
    }
    let body = bytes.get(HEADER..HEADER + length)?;
    let all = body.chunks_exact(6).map(|one| {
        let id = u16::from_be_bytes([one[0], one[1]]);
        (id, u32::from_be_bytes([one[2], one[3], one[4], one[5]]))
    });
    Some(Ok(Settings(all.collect())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(settings: &[(u16, u32)]) -> Vec<u8> {
        let mut bytes = vec![0, 0, settings.len() as u8 * 6, 4, 0, 0, 0, 0, 0];
        for (id, value) in settings {
            bytes.extend(id.to_be_bytes());
            bytes.extend(value.to_be_bytes());
        }
        bytes
    }

    #[test]
    fn the_settings_of_a_server_are_read() {
        let sent = [(5, 1 << 20), (3, 250), (4, 1 << 20)];
        let bytes = frame(&sent);
        for cut in 0..bytes.len() {
            assert_eq!(settings(&bytes[..cut]), None, "{cut}");
        }
        let read = settings(&bytes).unwrap().unwrap();
        assert_eq!((read.max_streams(), read.0.len()), (Some(250), 3));
        assert_eq!(
            read.to_string(),
            "MAX_FRAME_SIZE 1048576, MAX_CONCURRENT_STREAMS 250, INITIAL_WINDOW_SIZE 1048576"
        );
        // What follows the frame does not matter.
        let more = [&bytes[..], &[0; 40]].concat();
        assert_eq!(settings(&more), Some(Ok(read)));
        // The last value counts.
        let twice = settings(&frame(&[(3, 1), (3, 7)])).unwrap().unwrap();
        assert_eq!(twice.max_streams(), Some(7));
        // A limit behind many others counts too, but not all are shown.
        let late = [vec![(0xf001, 1); 40], vec![(3, 100)]].concat();
        let late = settings(&frame(&late)).unwrap().unwrap();
        assert_eq!(late.max_streams(), Some(100));
        assert!(late.to_string().ends_with("setting 61441 1, and 9 more"), "{late}");
        let none = settings(&frame(&[])).unwrap().unwrap();
        assert_eq!((none.max_streams(), none.to_string()), (None, "no settings".to_owned()));
        assert_eq!(Settings(vec![(0xf000, 1)]).to_string(), "setting 61440 1");
    }

    #[test]
    fn other_first_frames_are_refused_early() {
        for bytes in [
            &b"HTTP/1.1 400 Bad Request"[..],
            // GOAWAY, an acknowledgement, a stream.
            &[0, 0, 8, 7],
            &[0, 0, 0, 4, 1],
            &[0, 0, 0, 4, 0, 0, 0, 0, 1],
            // Too long, and not a multiple of a setting.
            &[0xff, 0xff, 0xff, 4, 0, 0, 0, 0, 0],
            &[0, 0, 7, 4, 0, 0, 0, 0, 0],
        ] {
            assert!(matches!(settings(bytes), Some(Err(_))), "{bytes:?}");
        }
    }
}
