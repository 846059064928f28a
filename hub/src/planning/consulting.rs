//! Asking a model what no rule speaks of, where the hub was told of one; and keeping that it was asked.

use std::sync::Arc;

use contract::digest::Digest;
use contract::ids::TenantId;
use contract::time::UtcTime;
use identity::Holder;
use models::{Asked, Models};
use planner::model::{Question, Reply};

use super::deciding::Consulted;
use crate::hub::Hub;
use crate::problem::chain;
use crate::seats::Seats;
use crate::store::KeptAsked;

/// So many questions are on their way at a time, and so many of one tenant; what comes beyond that goes to a person, and holds nobody else up.
const ASKING_MAX: usize = 16;
const ASKING_EACH: usize = 4;

/// The models that this hub was told of.
#[derive(Debug)]
pub(crate) struct Consultants {
    models: Models,
    asking: Arc<Seats<TenantId>>,
}

impl Consultants {
    pub(crate) fn new(models: Models) -> Self {
        Self { models, asking: Seats::new(ASKING_MAX, ASKING_EACH) }
    }
}

/// Asks `question`, with what is known of its candidates' history.
pub(super) async fn consult(
    hub: &Arc<Hub>,
    consultants: &Consultants,
    holder: &Holder,
    question: Question,
    now: UtcTime,
) -> Result<Consulted, String> {
    let history = hub.store.history(holder.clone(), question.subject()).await.map_err(|e| chain(&e))?;
    let question = question.with_history(history);
    let prompt = question.prompt();
    let asked = match consultants.asking.take(&holder.tenant) {
        Ok(_seat) => consultants.models.ask(&holder.tenant, &prompt, now).await,
        Err(_) => return Ok(Consulted { asked: consultants.models.unasked(Reply::Silent), question }),
    };
    let Asked { model, reply, cost, took_ms, why, .. } = &asked;
    tracing::info!(%model, took_ms, cost = cost.0, why, "a model was asked");
    let said = match reply {
        Reply::Said(bytes) => Some(bytes),
        Reply::Refused | Reply::CutOff | Reply::Silent | Reply::Failed | Reply::BudgetSpent => None,
    };
    let full = consultants.models.keeps().then(|| {
        let question =
            serde_json::json!({ "system": prompt.system, "user": prompt.user, "schema": prompt.schema });
        (question.to_string(), said.map(|said| String::from_utf8_lossy(said).into_owned()))
    });
    let kept = KeptAsked {
        at: now,
        model: model.clone(),
        prompt: prompt.digest(),
        answer: said.map(|said| Digest::of(said)),
        cost: cost.0,
        full,
    };
    if asked.sent {
        hub.store.keep_asked(holder.host.clone(), kept).await.map_err(|e| chain(&e))?;
    }
    Ok(Consulted { question, asked })
}
