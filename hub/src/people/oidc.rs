//! Coming in by a provider of identities: `OpenID` Connect Core 1.0, the code flow with PKCE (RFC 7636).
//!
//! Invariants:
//! - Whoever comes in is the account that an invitation bound to the provider's subject. What the provider says of names, addresses or groups counts for
//!   nothing: roles are the hub's.
//! - A login begins and ends in one browser, once, and within ten minutes.
//! - A token is checked by the provider's published keys and a closed list of algorithms, and its claims against what this login asked for.
//!
//! `token`, `claims` and `under_way` decide, and are handed clock and randomness; `provider` asks.

mod claims;
mod provider;
mod token;
mod under_way;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contract::digest::Digest;
use contract::ids::OperatorId;
use contract::record::{Entry, NotAllowed};
use contract::time::UtcTime;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

pub(crate) use claims::Subject;
pub use provider::OidcError;
use provider::{Provider, ProviderFault};
use token::TokenFault;
use under_way::UnderWay;

use super::{EntryFault, Opened, People, Secret, Sort};
use crate::config::Oidc as Told;

/// A provider, and the logins that are under way there.
#[derive(Debug)]
pub(crate) struct Oidc {
    provider: Provider,
    under_way: under_way::All,
}

/// A login was begun: where the browser goes, and what it brings back.
pub(crate) struct Begun {
    pub(crate) authorize: reqwest::Url,
    /// For a cookie: only the browser that began it ends it.
    pub(crate) state: String,
}

/// What the browser brought back.
pub(crate) struct Returned {
    pub(crate) code: String,
    /// Out of the address.
    pub(crate) state: String,
    /// Out of the cookie.
    pub(crate) cookie: String,
}

/// Why nobody came in through the provider.
#[derive(Debug, Error)]
pub(crate) enum OidcFault {
    /// It was begun by another browser, long ago, or never.
    #[error("this login was begun elsewhere, too long ago, or was ended already")]
    NotUnderWay,
    /// The provider is not reached, or did not answer like one.
    #[error("the provider of identities did not answer as it should")]
    Provider(#[from] ProviderFault),
    /// What it vouches for is not what was asked.
    #[error("the provider's token does not hold")]
    Token(#[from] TokenFault),
    /// Nobody's subject, or an account that is closed.
    #[error(
        "the provider knows who this is, and no account here is theirs: ask an MSP admin for an invitation, and use it with the provider"
    )]
    Nobody,
    /// Ours, or the invitation is none.
    #[error(transparent)]
    Entry(#[from] EntryFault),
}

impl Oidc {
    /// Of a provider that comes back to `redirect`. Nobody is asked yet.
    pub(crate) fn open(told: &Told, redirect: String) -> Result<Self, OidcError> {
        Ok(Self { provider: Provider::open(told, redirect)?, under_way: under_way::All::default() })
    }

    /// The provider, for people.
    pub(crate) fn name(&self) -> &str {
        self.provider.name()
    }

    /// Begins a login; with an invitation, whose account is bound to whoever the provider says it is.
    pub(crate) async fn begin(
        &self,
        invitation: Option<(Secret, OperatorId)>,
        source: String,
        now: UtcTime,
    ) -> Result<Begun, OidcFault> {
        let draw = || {
            Ok::<_, OidcFault>(
                URL_SAFE_NO_PAD.encode(edge::random::bytes::<32>().map_err(EntryFault::Random)?),
            )
        };
        let (state, nonce, verifier) = (draw()?, draw()?, draw()?);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let authorize = self.provider.authorize(&state, &nonce, &challenge).await?;
        let invitation = invitation.map(|(secret, person)| (secret.digest(), person));
        self.under_way.begin(&state, UnderWay { nonce, verifier, invitation, source, begun: now });
        Ok(Begun { authorize, state })
    }

    async fn end(
        &self,
        returned: Returned,
        now: UtcTime,
    ) -> Result<(Subject, Option<(Digest, OperatorId)>), OidcFault> {
        let Returned { code, state, cookie } = returned;
        let known = self.under_way.end(&state, &cookie, now);
        let UnderWay { nonce, verifier, invitation, source: _, begun: _ } =
            known.ok_or(OidcFault::NotUnderWay)?;
        let (token, keys) = self.provider.exchange(&code, &verifier).await?;
        let payload = token::verify(&token, &keys)?;
        Ok((claims::check(&payload, &self.provider.expects(nonce), now)?, invitation))
    }
}

impl People {
    /// Lets in whoever the provider vouches for.
    pub(crate) async fn let_in_by(
        &self,
        oidc: &Oidc,
        returned: Returned,
        source: String,
        now: UtcTime,
    ) -> Result<Opened, OidcFault> {
        let (subject, invitation) = match oidc.end(returned, now).await {
            Ok(ended) => ended,
            Err(fault) => {
                self.write_stranger(NotAllowed::NotKnown, now).await.map_err(EntryFault::Log)?;
                return Err(fault);
            }
        };
        let person = match invitation {
            Some((secret, person)) => {
                if !self.store.is_invited(secret, person.clone(), now).await.map_err(EntryFault::Store)? {
                    self.write_stranger(NotAllowed::NotKnown, now).await.map_err(EntryFault::Log)?;
                    return Err(EntryFault::NoInvitation.into());
                }
                self.write_entry(&person, Entry::Invitation, now).await.map_err(EntryFault::Log)?;
                let bound = self.store.bind(secret, person.clone(), subject, now).await;
                if !bound.map_err(EntryFault::Store)? {
                    self.write_entry(&person, Entry::NoInvitation, now).await.map_err(EntryFault::Log)?;
                    return Err(EntryFault::NoInvitation.into());
                }
                person
            }
            None => {
                let Some(person) = self.store.whose(subject, now).await.map_err(EntryFault::Store)? else {
                    self.write_stranger(NotAllowed::NotKnown, now).await.map_err(EntryFault::Log)?;
                    return Err(OidcFault::Nobody);
                };
                self.write_entry(&person, Entry::Provider, now).await.map_err(EntryFault::Log)?;
                person
            }
        };
        Ok(self.let_in(person, source, None, now).await?)
    }
}

/// An invitation as somebody presents it.
pub(crate) fn presented(secret: &str, person: OperatorId) -> Result<(Secret, OperatorId), EntryFault> {
    let secret = Secret::presented(secret).filter(|secret| secret.sort() == Sort::Invitation);
    secret.map(|secret| (secret, person)).ok_or(EntryFault::NoInvitation)
}
