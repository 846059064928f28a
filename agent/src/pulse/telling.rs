//! What of the condition is to be said: all of it, or that nothing changed. Pure.

use contract::heartbeat::{Condition, Heard, Said};

/// What was said, and whether it was heard.
#[derive(Debug, Default)]
pub(super) struct Telling {
    /// What the last beat that was answered amounts to.
    heard: Option<Condition>,
    /// What the beat at hand amounts to.
    saying: Option<Condition>,
}

impl Telling {
    /// What a beat says of `condition`.
    pub(super) fn say(&mut self, condition: Condition) -> Said {
        let said = match &self.heard {
            Some(heard) if *heard == condition => Said::Unchanged,
            Some(_) | None => Said::Now(Box::new(condition.clone())),
        };
        self.saying = Some(condition);
        said
    }

    /// The hub heard it. True where it wants all of it, at once: once, so that a hub that never has enough is not told without end.
    pub(super) fn heard(&mut self, Heard { heard: _, again }: Heard) -> bool {
        let was_all = self.heard != self.saying;
        self.heard = self.saying.take().filter(|_| !again);
        again && !was_all
    }

    /// Nobody knows whether the hub heard it: an answer can be lost too. The next beat says all.
    pub(super) fn unheard(&mut self) {
        (self.heard, self.saying) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use contract::heartbeat::{DetectorsHealth, ExecutorHealth};
    use contract::time::UtcTime;

    use super::*;

    fn condition(executor: ExecutorHealth) -> Condition {
        Condition {
            agent: "0.1.0".to_owned().try_into().unwrap(),
            binary: None,
            closure: None,
            certificate_until: None,
            executor,
            parts: BTreeMap::new(),
            troubles: BTreeMap::new(),
            sources: BTreeMap::new(),
            losses: BTreeMap::new(),
            detectors: DetectorsHealth::default(),
        }
    }

    fn heard(again: bool) -> Heard {
        Heard { heard: UtcTime::from_unix_ms(0).unwrap(), again }
    }

    #[test]
    fn only_what_changed_since_it_was_heard_is_said() {
        let (away, silent) = (condition(ExecutorHealth::Away), condition(ExecutorHealth::Silent));
        let all = |c: &Condition| Said::Now(Box::new(c.clone()));
        let mut telling = Telling::default();
        assert_eq!(telling.say(away.clone()), all(&away));
        assert!(!telling.heard(heard(false)));
        assert_eq!(telling.say(away.clone()), Said::Unchanged);
        assert!(!telling.heard(heard(false)));
        assert_eq!(telling.say(silent.clone()), all(&silent));
        // The hub may have heard that, or not: going back to what it heard before would be a change to it.
        telling.unheard();
        assert_eq!(telling.say(away.clone()), all(&away));
    }

    #[test]
    fn a_hub_that_was_started_anew_is_told_all_at_once_and_only_once() {
        let away = condition(ExecutorHealth::Away);
        let mut telling = Telling::default();
        telling.say(away.clone());
        telling.heard(heard(false));
        assert_eq!(telling.say(away.clone()), Said::Unchanged);
        assert!(telling.heard(heard(true)));
        assert_eq!(telling.say(away.clone()), Said::Now(Box::new(away.clone())));
        assert!(!telling.heard(heard(true)), "a hub that asks without end");
    }
}
