//! Denials that are repeated: a process that tries the same all the time must not fill the outputs.

use std::collections::HashMap;

use pavisade_sensor::{Attempt, Denial};

/// For how long equal denials are one alert, in nanoseconds.
const WINDOW: u64 = 1_000_000_000;

/// How many are remembered.
const MAX: usize = 4096;

/// Process, policy, attempt and path.
type Key = (u32, u64, u32, Attempt, Vec<u8>);

/// The denials of the last second.
#[derive(Debug, Default)]
pub(crate) struct Repeated {
    last: HashMap<Key, u64>,
}

impl Repeated {
    /// Whether the same process was denied the same less than a second before, which was reported.
    pub(crate) fn is_known(&mut self, denial: &Denial) -> bool {
        let Denial { pid, start, policy, attempt, path, time, .. } = denial;
        let key = (*pid, *start, *policy, *attempt, path.clone());
        if self.last.get(&key).is_some_and(|last| time.saturating_sub(*last) < WINDOW) {
            return true;
        }
        if self.last.len() >= MAX {
            self.last.retain(|_, last| time.saturating_sub(*last) < WINDOW);
        }
        if self.last.len() < MAX {
            self.last.insert(key, *time);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_of_a_process_is_one_alert_a_second() {
        let mut repeated = Repeated::default();
        let denial = Denial {
            policy: 1,
            attempt: Attempt::Read,
            denied: true,
            path: b"/etc/shadow".to_vec(),
            time: 5,
            group: 2,
            pid: 3,
            tid: 3,
            ppid: 1,
            start: 4,
            comm: [0; 16],
        };
        let at = |time| Denial { time, ..denial.clone() };
        assert!(!repeated.is_known(&at(5)));
        // Another thread of the process.
        assert!(repeated.is_known(&Denial { tid: 9, ..at(WINDOW + 4) }));
        assert!(!repeated.is_known(&at(WINDOW + 5)), "one that never ends alerts again");
        assert!(repeated.is_known(&at(WINDOW + 6)));
        for other in [
            Denial { pid: 4, ..at(6) },
            // A number that is used again.
            Denial { start: 5, ..at(6) },
            Denial { policy: 2, ..at(6) },
            Denial { attempt: Attempt::Write, ..at(6) },
            Denial { path: b"/etc/shadow2".to_vec(), ..at(6) },
        ] {
            assert!(!repeated.is_known(&other), "{other:?}");
        }
        for number in 0..3 * MAX {
            let path = number.to_string().into_bytes();
            assert!(!repeated.is_known(&Denial { path, ..at(7) }));
        }
        assert_eq!(repeated.last.len(), MAX);
        assert!(!repeated.is_known(&at(3 * WINDOW)));
        assert_eq!(repeated.last.len(), 1);
    }
}
