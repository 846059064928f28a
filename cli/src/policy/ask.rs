//! One access, as a person writes it on a command line.

use contract::ids::RunbookId;
use contract::runbook::OwnDirectory;
use policy::{
    Actor, Bytes, Measures, Ms, NoLinks, Operation, Person, Request, Resource, SysctlKey, Tag, UnitName,
    VerbWord,
};

/// The access.
#[derive(Debug, clap::Args)]
pub(super) struct Access {
    /// The step's verb, such as unit.restart.
    #[arg(long)]
    verb: VerbWord,
    /// The thing: an absolute path, a unit, program:<path>, sysctl:<key>, own:<directory>, user:<number> or machine. No link is followed:
    /// this machine's file system is not asked about another's.
    #[arg(long, value_parser = thing)]
    resource: Thing,
    /// What is done to it. Where nothing is said: a file is written, a unit controlled, a program run, an own directory tightened.
    #[arg(long, value_parser = operation)]
    operation: Option<Operation>,
    /// The runbook.
    #[arg(long)]
    runbook: RunbookId,
    /// On whose word: hub, standing or person:<who>.
    #[arg(long, default_value = "hub", value_parser = actor)]
    actor: Actor,
    /// A tag of the machine; may be given several times.
    #[arg(long = "tag")]
    tags: Vec<Tag>,
    /// How much it touches, such as "500 MiB".
    #[arg(long)]
    size: Option<Bytes>,
    /// How old the youngest thing is that it touches, such as "7 d".
    #[arg(long)]
    age: Option<Ms>,
    /// How many things it touches.
    #[arg(long)]
    count: Option<u64>,
}

/// A thing. A path waits for the operation, which says what its last name means.
#[derive(Debug, Clone)]
enum Thing {
    Path(String),
    Other(Resource),
}

impl Access {
    pub(super) fn request(&self) -> Request {
        let operation = self.operation.unwrap_or(match &self.resource {
            Thing::Path(_)
            | Thing::Other(Resource::Path(_) | Resource::Unplaced(_) | Resource::Sysctl(_)) => {
                Operation::Write
            }
            Thing::Other(Resource::Program(_)) => Operation::Exec,
            Thing::Other(Resource::Own(_)) => Operation::TightenOwn,
            Thing::Other(Resource::Unit(_) | Resource::User(_) | Resource::Machine) => Operation::Control,
        });
        let resource = match &self.resource {
            Thing::Path(text) => Resource::path(text, None, operation, &NoLinks),
            Thing::Other(resource) => resource.clone(),
        };
        let measures = Measures {
            size_bytes: self.size.map(|size| size.0),
            age_ms: self.age.map(|age| age.0),
            count: self.count,
        };
        Request {
            verb: self.verb.clone(),
            operation,
            resource,
            runbook: self.runbook.clone(),
            actor: self.actor.clone(),
            tags: self.tags.iter().cloned().collect(),
            measures,
        }
    }
}

fn thing(text: &str) -> Result<Thing, String> {
    let said = |e: &dyn std::fmt::Display| e.to_string();
    let other = match text.split_once(':') {
        Some(("program", path)) => Resource::program(path, &NoLinks),
        Some(("sysctl", key)) => Resource::Sysctl(SysctlKey::try_from(key).map_err(|e| said(&e))?),
        Some(("own", word)) => Resource::Own(
            OwnDirectory::from_word(word)
                .ok_or_else(|| format!("{word:?} is none of Suture's own directories"))?,
        ),
        Some(("user", uid)) => Resource::User(uid.parse().map_err(|e| said(&e))?),
        _ if text == "machine" => Resource::Machine,
        _ if text.contains('/') => return Ok(Thing::Path(text.to_owned())),
        _ => Resource::Unit(UnitName::try_from(text).map_err(|e| said(&e))?),
    };
    Ok(Thing::Other(other))
}

fn operation(word: &str) -> Result<Operation, String> {
    Operation::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = Operation::ALL.into_iter().map(Operation::word).collect();
        format!("it is none of {}", words.join(", "))
    })
}

fn actor(text: &str) -> Result<Actor, String> {
    match (text, text.strip_prefix("person:")) {
        ("hub", _) => Ok(Actor::Hub),
        ("standing", _) => Ok(Actor::Standing),
        (_, Some(person)) => Person::try_from(person).map(Actor::Person).map_err(|e| e.to_string()),
        (_, None) => Err("an actor is hub, standing or person:<who>".to_owned()),
    }
}
