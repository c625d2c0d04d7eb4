//! [`Backoff`]: how long to wait before a replica that died starts again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(30);
/// A replica that ran this long has recovered: its next death counts as the first.
const HEALTHY: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub struct Backoff {
    last: Option<Duration>,
}

impl Backoff {
    /// The pause after a process that ran for `ran`.
    pub fn after(&mut self, ran: Duration) -> Duration {
        let next = match self.last {
            Some(last) if ran < HEALTHY => (last * 2).min(LONGEST),
            _ => FIRST,
        };
        self.last = Some(next);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_a_limit_and_forgets() {
        let mut backoff = Backoff::default();
        let short = Duration::from_secs(1);
        let pauses: Vec<u128> = (0..10).map(|_| backoff.after(short).as_millis()).collect();
        assert_eq!(pauses[..3], [200, 400, 800]);
        assert_eq!(pauses[9], LONGEST.as_millis());
        assert_eq!(backoff.after(HEALTHY), FIRST);
    }
}
