//! Mail, over TLS from the first byte or by a STARTTLS that must succeed; without it to this machine only.

use std::path::Path;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as Lettre, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::rules::{Channel, Tls};
use super::send::{Message, SendError, secret};

pub(super) async fn send(channel: &Channel, message: &Message) -> Result<(), SendError> {
    let Channel::Smtp { host, port, tls, user, password_file, from, to } = channel else { return Ok(()) };
    let mut builder = lettre::Message::builder().from(from.parse()?).subject(subject(message));
    for to in to {
        builder = builder.to(to.parse()?);
    }
    let body = format!(
        "{}\r\n\r\nAcknowledge it in the console, or: suture-hub's API, /api/v1/alerts/{}/acknowledge\r\n",
        message.line(),
        message.alert
    );
    let mail = builder.body(body)?;
    carry((host, *port, *tls), user.as_deref().zip(password_file.as_deref()), mail).await
}

/// Hands a letter to a server: its name, its port, how the way is kept from being read, and by which name and secret.
pub(crate) async fn carry(
    (host, port, tls): (&str, u16, Tls),
    by: Option<(&str, &Path)>,
    mail: lettre::Message,
) -> Result<(), SendError> {
    let way = match tls {
        Tls::Implicit => Lettre::Wrapper(TlsParameters::new(host.to_owned())?),
        Tls::Starttls => Lettre::Required(TlsParameters::new(host.to_owned())?),
        Tls::LoopbackOnly => Lettre::None,
    };
    let mut server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(port).tls(way);
    if let Some((user, file)) = by {
        server = server.credentials(Credentials::new(user.to_owned(), secret(file)?));
    }
    server.build().send(mail).await?;
    Ok(())
}

fn subject(message: &Message) -> String {
    let up = if message.escalated { "ESCALATED: " } else { "" };
    format!("[{}] {up}{} (alert {})", message.hub, message.kind.word(), message.alert)
}
