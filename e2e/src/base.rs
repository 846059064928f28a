//! The honest kits that cases begin with.

use std::sync::LazyLock;

use contract::time::UtcTime;
use evidence::kit::sample::{self, Recipe, Sample};
use sha2::{Digest as _, Sha256};
use tlog::{SignedNote, SigningKey};

use crate::case::{Brought, Case, Expected};
use crate::container::Container;
use crate::forge::Forged;

/// An honest kit, taken apart, with every key that an attacker could have stolen.
#[derive(Debug)]
pub struct Base {
    /// What made it.
    pub sample: Sample,
    /// The kit.
    pub kit: Container,
    /// What an auditor would bring: the policy, the key of the log of heads, the key of kits.
    pub brought: Brought,
}

impl Base {
    /// The kit of a recipe.
    ///
    /// # Panics
    /// Where the recipe makes none.
    pub fn new(recipe: &Recipe) -> Self {
        let sample = sample::make(recipe).expect("an honest recipe makes a kit");
        Self { kit: Container::read(&sample.zip), brought: brought(&sample), sample }
    }

    /// The first host.
    pub fn host(&self) -> String {
        self.sample.logs[0].host.to_string()
    }

    /// The first host's log.
    pub fn log(&self) -> Forged {
        Forged::read(&self.kit, &self.host())
    }

    /// The key that signs the first host's newest head.
    pub fn key(&self) -> &SigningKey {
        let log = &self.sample.logs[0];
        log.key_of(log.size())
    }

    /// A name below the first host's folder.
    pub fn in_log(&self, name: &str) -> String {
        format!("logs/{}/{name}", self.host())
    }

    /// A case over a kit that was tampered with.
    pub fn case(&self, name: impl Into<String>, kit: &Container, expected: Expected) -> Case {
        Case { name: name.into(), zip: kit.write(), brought: self.brought.clone(), expected }
    }

    /// A case over a copy of this kit, after `tamper`.
    pub fn tampered(
        &self,
        name: impl Into<String>,
        expected: Expected,
        tamper: impl FnOnce(&mut Container),
    ) -> Case {
        let mut kit = self.kit.clone();
        tamper(&mut kit);
        self.case(name, &kit, expected)
    }

    /// Makes `kit.json` and `kit.note` say what the kit now holds of the first host, as whoever holds `key` can.
    ///
    /// # Panics
    /// Where there is no cover.
    pub fn reseal(&self, kit: &mut Container, edit: impl FnOnce(&mut serde_json::Value), key: &SigningKey) {
        let mut cover: serde_json::Value =
            serde_json::from_slice(kit.get("kit.json")).expect("kit.json is JSON");
        let head = String::from_utf8(kit.get(&self.in_log("checkpoint")).to_vec()).expect("a head is text");
        let mut lines = head.lines();
        let log = &mut cover["logs"][0];
        log["origin"] = lines.next().unwrap_or_default().into();
        let size = lines.next().and_then(|size| size.parse::<u64>().ok()).unwrap_or_default();
        log["size"] = size.into();
        log["end"] = log["end"].as_u64().unwrap_or_default().min(size).into();
        log["root"] = lines.next().unwrap_or_default().into();
        edit(&mut cover);
        let named: Vec<String> = cover["files"].as_object().expect("files").keys().cloned().collect();
        for name in named.iter().filter(|name| kit.has(name)) {
            cover["files"][name] = format!("sha256:{}", hex(kit.get(name))).into();
        }
        let cover = cover.to_string().into_bytes();
        let text = format!("suture kit v1\n{}\n", hex(&cover));
        let note = SignedNote::sign(&text, key).expect("a key for notes").to_string();
        kit.put("kit.json", cover);
        kit.put("kit.note", note.into_bytes());
    }

    /// As [`reseal`](Self::reseal), with the exporter's own key and nothing edited.
    pub fn follow(&self, kit: &mut Container) {
        self.reseal(kit, |_| (), &self.sample.keys.kits);
    }
}

/// What an auditor would bring: the policy, the key of the log of heads, the key of kits.
pub(crate) fn brought(sample: &Sample) -> Brought {
    Brought {
        policy: Some(sample.policy.clone()),
        heads_key: Some(sample.keys.heads.verifier().to_string()),
        kit_key: Some(sample.keys.kits.verifier().to_string()),
        ..Brought::default()
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A base that is made once in a process, for making one takes longer than tampering with it.
macro_rules! once {
    ($recipe:expr) => {{
        static BASE: LazyLock<Base> = LazyLock::new(|| Base::new(&$recipe));
        &BASE
    }};
}

/// Forty records of one host: small enough to flip every byte of it.
pub fn small() -> &'static Base {
    once!(Recipe { records: 40, record_bytes: 400, ..Recipe::default() })
}

/// Six hundred records of one host: two full bundles and a partial one.
pub fn bundles() -> &'static Base {
    once!(Recipe::default())
}

/// Two hosts, with a log of heads that an outside witness cosigned.
pub fn witnessed_outside() -> &'static Base {
    once!(Recipe { seed: 7, hosts: 2, records: 300, heads: true, ..Recipe::default() })
}

/// The same, where the log of heads and its witness know all but the last twenty records.
pub fn outside_tail() -> &'static Base {
    once!(Recipe { seed: 7, hosts: 2, records: 300, heads: true, tail: 20, ..Recipe::default() })
}

/// One host whose key was rotated at record 100.
pub fn rotated() -> &'static Base {
    once!(Recipe { seed: 11, records: 400, rotations: vec![100], ..Recipe::default() })
}

/// Ten hours in the middle of a longer log.
///
/// # Panics
/// Never: the times are written here.
pub fn period() -> &'static Base {
    fn hours() -> (UtcTime, UtcTime) {
        let time = |text: &str| text.parse().expect("an instant");
        (time("2026-10-01T10:00:00.000Z"), time("2026-10-01T20:00:00.000Z"))
    }
    once!(Recipe { seed: 13, records: 2_000, period: Some(hours()), ..Recipe::default() })
}
