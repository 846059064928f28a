//! One log of a kit, as a source of its files.

use super::container::Container;
use crate::source::{ReadError, Source};

/// The folder `logs/<host>/` of a kit.
pub(super) struct Folder<'a> {
    container: &'a Container,
    prefix: String,
}

impl<'a> Folder<'a> {
    pub(super) fn new(container: &'a Container, host: &str) -> Self {
        Self { container, prefix: prefix(host) }
    }
}

/// What the names of a log's files begin with.
pub(super) fn prefix(host: &str) -> String {
    format!("logs/{host}/")
}

impl Source for Folder<'_> {
    fn read(&self, name: &str, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        self.read_into(name, bytes_max, &mut bytes)?;
        Ok(bytes)
    }

    fn read_into(&self, name: &str, bytes_max: usize, buffer: &mut Vec<u8>) -> Result<(), ReadError> {
        self.container.read_into(&format!("{}{name}", self.prefix), bytes_max, buffer)
    }

    fn visit_tiles(&self, visit: &mut dyn FnMut(&str)) -> Result<(), ReadError> {
        let names = self.container.names().filter_map(|name| name.strip_prefix(&self.prefix));
        names.filter(|name| name.starts_with("tile/")).for_each(visit);
        Ok(())
    }
}
