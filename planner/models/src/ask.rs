//! Asking: the first model in the file's order that may be asked, within the tenant's budget.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use contract::ids::{ModelId, TenantId};
use contract::time::UtcTime;
use planner::model::{Prompt, Reply};
use reqwest::Client;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::breaker::Breaker;
use crate::budget::{Budget, Micro, Reservation, Spent};
use crate::config::{self, Model, ModelsError, Told};
use crate::send::{self, Came};
use crate::wire::Heard;

/// The models that may be asked, and what was spent on that.
#[derive(Debug)]
pub struct Models {
    told: Told,
    client: Client,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    budgets: BTreeMap<TenantId, Budget>,
    breakers: BTreeMap<ModelId, Breaker>,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Which model: the one that answered, or the last that did not.
    pub model: ModelId,
    /// What came.
    pub reply: Reply,
    /// How sure it has to be, of a hundred.
    pub threshold: u8,
    /// What that cost, of all models that were asked.
    pub cost: Micro,
    /// Whether anything was sent to any of them.
    pub sent: bool,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// For a trace: why there is no answer, where there is none. Never a key, never a word of an answer.
    pub why: Option<String>,
}

impl Models {
    /// Reads `models.yaml` and the keys that it names.
    pub fn read(path: &Path) -> Result<Self, ModelsError> {
        let told = config::read(path)?;
        let client = client(told.models.all().any(|model| model.url.scheme() == "https"))?;
        Ok(Self { told, client, began: Instant::now(), state: Mutex::default() })
    }

    /// Whether questions and answers are to be kept in full.
    pub const fn keeps(&self) -> bool {
        self.told.keep
    }

    /// Counts what was spent before this process began.
    pub fn note(&self, tenant: &TenantId, cost: Micro, then: UtcTime) {
        self.state().budgets.entry(tenant.clone()).or_default().note(cost, then);
    }

    /// That the first model was not asked at all, and why no answer came.
    pub fn unasked(&self, reply: Reply) -> Asked {
        let Model { id, threshold, .. } = &self.told.models.first;
        let why = Some("too many are asked at a time".to_owned());
        Asked {
            model: id.clone(),
            reply,
            threshold: *threshold,
            cost: Micro(0),
            sent: false,
            took_ms: 0,
            why,
        }
    }

    /// Asks the first model that may be asked; where it fails or is silent, the next.
    pub async fn ask(&self, tenant: &TenantId, prompt: &Prompt, now: UtcTime) -> Asked {
        let began = Instant::now();
        let mut last: Option<(&Model, Came)> = None;
        let (mut total, mut sent) = (Micro(0), false);
        for model in self.told.models.all() {
            if !self.admit(model) {
                continue;
            }
            let reserved = match self.reserve(tenant, model, prompt, now) {
                Ok(reserved) => reserved,
                Err(limit) => {
                    let why = Some(format!("the budget is spent: {limit:?}"));
                    let came = Came { reply: Reply::BudgetSpent, heard: Heard::default(), sent: 0, why };
                    last = Some((model, came));
                    break;
                }
            };
            let came = send::send(&self.client, model, prompt, draw).await;
            total = total.plus(self.settle(tenant, model, prompt, &came, reserved));
            sent |= came.sent > 0;
            let is_over = matches!(came.reply, Reply::Said(_) | Reply::Refused | Reply::CutOff);
            last = Some((model, came));
            if is_over {
                break;
            }
        }
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let left_alone = || {
            let why = Some("every model failed lately and is left alone for a while".to_owned());
            (&self.told.models.first, Came { reply: Reply::Failed, heard: Heard::default(), sent: 0, why })
        };
        let (model, Came { reply, why, .. }) = last.unwrap_or_else(left_alone);
        Asked { model: model.id.clone(), reply, threshold: model.threshold, cost: total, sent, took_ms, why }
    }

    fn admit(&self, model: &Model) -> bool {
        let within = u64::try_from(model.timeout.as_millis()).unwrap_or(u64::MAX);
        let now = self.now_ms();
        self.state().breakers.entry(model.id.clone()).or_default().admit(now, within)
    }

    fn reserve(
        &self,
        tenant: &TenantId,
        model: &Model,
        prompt: &Prompt,
        now: UtcTime,
    ) -> Result<Reservation, Spent> {
        let worst = cost(model, estimate(prompt), u64::from(model.max_output_tokens));
        let limits = self.told.limits(tenant);
        self.state().budgets.entry(tenant.clone()).or_default().reserve(&limits, worst, now)
    }

    /// Pays for what came, as its provider counts, or as much as it can have been.
    fn settle(
        &self,
        tenant: &TenantId,
        model: &Model,
        prompt: &Prompt,
        came: &Came,
        reserved: Reservation,
    ) -> Micro {
        let (input, output) = (estimate(prompt), u64::from(model.max_output_tokens));
        let heard =
            cost(model, came.heard.input_tokens.unwrap_or(input), came.heard.output_tokens.unwrap_or(output));
        // Of those before the last nothing is known.
        let unheard =
            Micro(cost(model, input, output).0.saturating_mul(u64::from(came.sent.saturating_sub(1))));
        let spent = if came.sent > 0 { heard.plus(unheard) } else { Micro(0) };
        let now = self.now_ms();
        let mut state = self.state();
        state.budgets.entry(tenant.clone()).or_default().settle(reserved, spent);
        let breaker = state.breakers.entry(model.id.clone()).or_default();
        match came.reply {
            Reply::Said(_) | Reply::Refused | Reply::CutOff => breaker.succeeded(),
            Reply::Silent | Reply::Failed => breaker.failed(now),
            Reply::BudgetSpent => {}
        }
        spent
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A panic while it was held leaves numbers that are at worst too high.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many tokens a prompt has at most: three bytes or more make one.
fn estimate(prompt: &Prompt) -> u64 {
    let bytes = prompt.system.len() + prompt.user.len() + prompt.schema.to_string().len();
    (bytes as u64).div_ceil(3)
}

fn cost(model: &Model, input: u64, output: u64) -> Micro {
    Micro::of(input, model.input).plus(Micro::of(output, model.output))
}

/// A number by chance. Where the kernel has none, all wait the same.
fn draw() -> u64 {
    edge::random::bytes::<8>().map(u64::from_be_bytes).unwrap_or_default()
}

/// Providers are outsiders with certificates of the public authorities, by the machine's own list; where none is, nobody needs such a list. Each question
/// has its own time.
fn client(secure: bool) -> Result<Client, ModelsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ModelsError::Authorities)?;
    let tls = if secure {
        builder.with_platform_verifier().map_err(ModelsError::Authorities)?.with_no_client_auth()
    } else {
        builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    };
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(ModelsError::Client)
}
