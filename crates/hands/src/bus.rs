//! The system's message bus, for what is asked over it beside units: one connection of a hand's own, with an end to each call.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use zbus::blocking::{Connection, connection};

use crate::error::HandError;

const BUS: &str = "/run/dbus/system_bus_socket";

/// Connects. No call over it takes longer than `limit`.
pub(crate) fn connect(limit: Duration) -> Result<Connection, HandError> {
    let stream = UnixStream::connect(BUS).map_err(|e| said("the message bus", "reach it", &e))?;
    let builder = connection::Builder::async_io_unix_stream(stream).method_timeout(limit);
    builder.build().map_err(|e| said("the message bus", "reach it", &e))
}

/// What a service on the bus said instead of doing it.
pub(crate) fn said(service: &str, action: &'static str, error: &dyn std::fmt::Display) -> HandError {
    HandError::Unit { unit: service.to_owned(), action, why: error.to_string() }
}
