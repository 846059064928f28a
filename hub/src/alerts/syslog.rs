//! RFC 5424, to the machine's own socket as one datagram, or over TCP with its length in front (RFC 6587).

use std::path::Path;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UnixDatagram};

use super::facts::Kind;
use super::reseller::Reseller;
use super::send::{Message, SendError};

pub(super) async fn send(
    socket: Option<&Path>,
    tcp: Option<&str>,
    message: &Message,
    reseller: Option<&Reseller>,
) -> Result<(), SendError> {
    let line = line(message, reseller);
    if let Some(socket) = socket {
        let sender = UnixDatagram::unbound()?;
        sender.send_to(line.as_bytes(), socket).await?;
    }
    if let Some(address) = tcp {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("{} {line}", line.len()).as_bytes()).await?;
        stream.shutdown().await?;
    }
    Ok(())
}

/// Facility daemon (3); alert (1) for evidence, error (3) for what is dark or broken or cannot wait, warning (4) for what waits.
fn line(message: &Message, reseller: Option<&Reseller>) -> String {
    let severity = match message.kind {
        Kind::Evidence => 1,
        Kind::SiteDark | Kind::Fault | Kind::Call => 3,
        Kind::HostsDark | Kind::Waiting => 4,
    };
    let Message { hub, alert, kind, what: _, at, escalated } = message;
    let said = message.line();
    let reseller = reseller.map_or_else(String::new, |id| format!(" reseller=\"{id}\""));
    format!(
        "<{}>1 {at} {hub} suture-hub - {} [suture@32473 alert=\"{alert}\" escalated=\"{escalated}\"{reseller}] {said}",
        3 * 8 + severity,
        kind.word(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_of_rfc_5424() {
        let message = Message {
            hub: "hub.example".into(),
            alert: 7,
            kind: Kind::SiteDark,
            what: "a/main: none of its 40 machines".into(),
            at: contract::time::UtcTime::from_unix_ms(1_800_000_000_000).unwrap(),
            escalated: true,
        };
        let expected = "<27>1 2027-01-15T08:00:00.000Z hub.example suture-hub - site-dark [suture@32473 alert=\"7\" escalated=\"true\"] [hub.example] alert 7 (site-dark): nobody has acknowledged: a/main: none of its 40 machines";
        assert_eq!(line(&message, None), expected);
        let reseller = "northwind-it".to_owned().try_into().unwrap();
        let named = expected.replace("\"true\"]", "\"true\" reseller=\"northwind-it\"]");
        assert_eq!(line(&message, Some(&reseller)), named);
    }
}
