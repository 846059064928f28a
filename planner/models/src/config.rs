//! `models.yaml`: which models may be asked, in which order, for how much. Read strictly: an unknown key or one that makes no sense is refused with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use contract::ids::{ModelId, TenantId};
use contract::yaml::{self, YamlError};
use edge::file::{FileError, SECRET_BYTES_MAX, read_secret, read_text};
use reqwest::Url;
use serde::Deserialize;
use thiserror::Error;

use crate::budget::{Limits, Micro};
use crate::wire::Wire;

const FILE_BYTES_MAX: u64 = 256 * 1024;

/// Why the file was refused.
#[derive(Debug, Error)]
pub enum ModelsError {
    /// It, or a key that it names, cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It does not parse.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// The machine has no list of authorities that can be read.
    #[error("the machine's own list of authorities cannot be used")]
    Authorities(#[source] rustls::Error),
    /// No connection can be prepared.
    #[error("no connection to a model can be prepared")]
    Client(#[source] reqwest::Error),
    /// It says something that makes no sense.
    #[error("{file}: {what}")]
    Nonsense {
        /// Which file.
        file: String,
        /// What.
        what: String,
    },
}

/// What is said of models.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) models: Ordered,
    pub(crate) keep: bool,
    default: Limits,
    tenants: BTreeMap<TenantId, Limits>,
}

impl Told {
    pub(crate) fn limits(&self, tenant: &TenantId) -> Limits {
        *self.tenants.get(tenant).unwrap_or(&self.default)
    }
}

/// Models in the order in which they are asked, at least one.
#[derive(Debug)]
pub(crate) struct Ordered {
    pub(crate) first: Model,
    others: Vec<Model>,
}

impl Ordered {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Model> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// A model that may be asked.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) id: ModelId,
    pub(crate) wire: Wire,
    pub(crate) url: Url,
    /// What its provider calls it.
    pub(crate) name: String,
    pub(crate) key: Option<Key>,
    pub(crate) input: Micro,
    pub(crate) output: Micro,
    pub(crate) timeout: Duration,
    pub(crate) max_output_tokens: u32,
    pub(crate) threshold: u8,
}

/// What opens a provider. It is never printed.
pub(crate) struct Key(String);

impl Key {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    models: Vec<WrittenModel>,
    budgets: WrittenBudgets,
    #[serde(default)]
    keep: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBudgets {
    default: Limits,
    #[serde(default)]
    tenants: BTreeMap<TenantId, Limits>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenModel {
    id: ModelId,
    wire: Wire,
    url: String,
    model: String,
    #[serde(default)]
    key_file: Option<PathBuf>,
    input_price: Micro,
    output_price: Micro,
    #[serde(default = "timeout_ms")]
    timeout_ms: u64,
    #[serde(default = "max_output_tokens")]
    max_output_tokens: u32,
    #[serde(default = "threshold")]
    threshold: u8,
}

const fn timeout_ms() -> u64 {
    20_000
}

const fn max_output_tokens() -> u32 {
    1_024
}

const fn threshold() -> u8 {
    80
}

/// Reads the file and the keys that it names.
pub(crate) fn read(path: &Path) -> Result<Told, ModelsError> {
    let file = path.display().to_string();
    let Written { version, models, budgets, keep } = yaml::parse(&file, &read_text(path, FILE_BYTES_MAX)?)?;
    let nonsense = |what: String| ModelsError::Nonsense { file: file.clone(), what };
    if version != 1 {
        return Err(nonsense(format!("version {version} is none that is known here: write 1")));
    }
    let mut ids = BTreeSet::new();
    let mut all = Vec::new();
    for written in models {
        let id = written.id.clone();
        if !ids.insert(id.clone()) {
            return Err(nonsense(format!("model {id} appears twice")));
        }
        all.push(model(written).map_err(|e| match e {
            Unfit::File(e) => ModelsError::File(e),
            Unfit::What(what) => nonsense(format!("model {id}: {what}")),
        })?);
    }
    let mut all = all.into_iter();
    let empty =
        || nonsense("models: the list is empty: leave the file out where no model is to be asked".to_owned());
    let models = Ordered { first: all.next().ok_or_else(empty)?, others: all.collect() };
    Ok(Told { models, keep, default: budgets.default, tenants: budgets.tenants })
}

enum Unfit {
    File(FileError),
    What(String),
}

fn model(written: WrittenModel) -> Result<Model, Unfit> {
    let what = |what: &str| Unfit::What(what.to_owned());
    let url: Url = written.url.parse().map_err(|_| what("its url is no address"))?;
    let is_here = url.scheme() == "http"
        && ["127.0.0.1", "localhost", "[::1]"].contains(&url.host_str().unwrap_or_default());
    if !(url.scheme() == "https" || is_here) {
        return Err(what("its url must be https, or http to this machine"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(what("its url holds no name, no password and no query: what opens it is its key_file"));
    }
    let key = match &written.key_file {
        Some(path) => Some(Key(read_secret(path, SECRET_BYTES_MAX).map_err(Unfit::File)?)),
        None if is_here => None,
        None => return Err(what("it needs a key_file, since it is not on this machine")),
    };
    if key.as_ref().is_some_and(|key| !key.0.bytes().all(|b| b.is_ascii_graphic())) {
        return Err(what("its key holds something else than printable characters"));
    }
    if !(1_000..=120_000).contains(&written.timeout_ms) {
        return Err(what("timeout_ms is 1000 to 120000"));
    }
    if !(64..=8_192).contains(&written.max_output_tokens) {
        return Err(what("max_output_tokens is 64 to 8192"));
    }
    if !(50..=100).contains(&written.threshold) {
        return Err(what("threshold is 50 to 100: a model that is less sure than not is no answer"));
    }
    if written.model.is_empty()
        || !written.model.bytes().all(|b| b.is_ascii_graphic() && !b"?#%".contains(&b))
    {
        return Err(what("model is its provider's name for it, without spaces"));
    }
    Ok(Model {
        id: written.id,
        wire: written.wire,
        url,
        name: written.model,
        key,
        input: written.input_price,
        output: written.output_price,
        timeout: Duration::from_millis(written.timeout_ms),
        max_output_tokens: written.max_output_tokens,
        threshold: written.threshold,
    })
}
