//! Packet filter rules: what becomes of a packet that comes in and that no rule speaks of.

use std::collections::BTreeMap;

use contract::fact::{Absence, Observation};
use serde_json::Value;

use super::FactSource;
use super::settings::word;
use crate::config::Config;
use crate::inputs::{Input, UNHEARD};
use crate::program;

/// Jumps from chain to chain. The kernel allows sixteen.
const JUMPS_MAX: u8 = 16;

/// The packet filter.
pub(crate) struct Firewall<'a> {
    config: &'a Config,
}

impl<'a> Firewall<'a> {
    pub(crate) const fn new(config: &'a Config) -> Self {
        Self { config }
    }

    fn inbound_default(&self) -> Observation {
        let root = &self.config.root;
        program::find(root, "nft")?;
        if !root.is_superuser() {
            return Err(Absence::NeedsRoot);
        }
        let printed = program::run(root, "nft", &["-j", "list", "ruleset"], self.config.limit)?;
        if !printed.status.success() {
            return Err(Absence::Unreadable);
        }
        let ruleset = Ruleset::parse(&printed.out).ok_or(Absence::Malformed)?;
        if ruleset.drops("ip") && ruleset.drops("ip6") {
            return word("drop");
        }
        // Rules of the old iptables are not nft's to show: where its tables are loaded, "accept" is more than we know.
        let old = ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"];
        for names in old {
            if root.optional_text(names)?.is_some_and(|names| !names.trim().is_empty()) {
                return Err(Absence::Unreadable);
            }
        }
        word("accept")
    }
}

impl FactSource for Firewall<'_> {
    fn read(&self, name: &str) -> Observation {
        match name {
            "inbound_default" => self.inbound_default(),
            _ => Err(Absence::Unsupported),
        }
    }

    fn inputs(&self, name: &str) -> Vec<Input> {
        match name {
            "inbound_default" => {
                [program::inputs(&self.config.root, "nft"), vec![Input::Firewall, Input::Every(UNHEARD)]]
                    .concat()
            }
            _ => Vec::new(),
        }
    }
}

/// A chain's full name: family, table, chain.
type ChainName = (String, String, String);

#[derive(Default)]
struct Chain {
    takes_input: bool,
    policy_drops: bool,
    rules: Vec<Vec<Value>>,
}

#[derive(Default)]
struct Ruleset {
    chains: BTreeMap<ChainName, Chain>,
}

/// What a chain does with a packet that no match speaks of.
#[derive(PartialEq, Eq)]
enum Fate {
    Drop,
    Accept,
    Return,
}

impl Ruleset {
    /// See libnftables-json(5).
    fn parse(text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let mut ruleset = Self::default();
        for item in json.get("nftables")?.as_array()? {
            let field = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
            if let Some(chain) = item.get("chain") {
                let name = (field(chain, "family")?, field(chain, "table")?, field(chain, "name")?);
                let entry = ruleset.chains.entry(name).or_default();
                entry.takes_input = field(chain, "hook").as_deref() == Some("input");
                entry.policy_drops = field(chain, "policy").as_deref() == Some("drop");
            } else if let Some(rule) = item.get("rule") {
                let name = (field(rule, "family")?, field(rule, "table")?, field(rule, "chain")?);
                let expressions = rule.get("expr")?.as_array()?.clone();
                ruleset.chains.entry(name).or_default().rules.push(expressions);
            }
        }
        Some(ruleset)
    }

    /// True where some chain on the input hook drops what nothing speaks of: one drop is enough, whatever other chains accept.
    fn drops(&self, family: &str) -> bool {
        let concerns = |of: &str| of == family || of == "inet";
        self.chains.iter().any(|(name, chain)| {
            chain.takes_input
                && concerns(&name.0)
                && match self.fate(name, 0) {
                    Fate::Drop => true,
                    Fate::Accept => false,
                    Fate::Return => chain.policy_drops,
                }
        })
    }

    fn fate(&self, name: &ChainName, jumps: u8) -> Fate {
        let Some(chain) = self.chains.get(name).filter(|_| jumps <= JUMPS_MAX) else { return Fate::Return };
        for rule in chain.rules.iter().filter(|r| is_unconditional(r)) {
            for expression in rule {
                let target = |kind: &str| {
                    let chain = expression.get(kind)?.get("target")?.as_str()?;
                    Some((name.0.clone(), name.1.clone(), chain.to_owned()))
                };
                if expression.get("drop").is_some() || expression.get("reject").is_some() {
                    return Fate::Drop;
                } else if expression.get("accept").is_some() {
                    return Fate::Accept;
                } else if expression.get("return").is_some() {
                    return Fate::Return;
                } else if let Some(target) = target("goto") {
                    return self.fate(&target, jumps + 1);
                } else if let Some(target) = target("jump") {
                    match self.fate(&target, jumps + 1) {
                        Fate::Return => {}
                        fate => return fate,
                    }
                }
            }
        }
        Fate::Return
    }
}

/// True where a rule concerns every packet: it only counts, logs, or says where to go.
fn is_unconditional(rule: &[Value]) -> bool {
    const SAYS_NOTHING_OF_THE_PACKET: [&str; 8] =
        ["counter", "log", "accept", "drop", "reject", "jump", "goto", "return"];
    let names = |e: &Value| {
        e.as_object().is_some_and(|o| o.keys().all(|k| SAYS_NOTHING_OF_THE_PACKET.contains(&k.as_str())))
    };
    rule.iter().all(names)
}
