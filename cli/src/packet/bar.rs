//! A bar on a terminal, of how far the hub is with verifying a tenant's logs.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contract::ids::TenantId;
use contract::packet::PacketProgress;

use crate::operator::Operator;

/// How often the hub is asked.
const EVERY: Duration = Duration::from_millis(200);
/// How wide the bar is, in characters.
const WIDTH: u64 = 40;

/// Runs `work`, with a bar beside it where standard error is a terminal.
pub(super) fn beside<T>(operator: &Operator, tenant: &TenantId, work: impl FnOnce() -> T) -> T {
    if !io::stderr().is_terminal() {
        return work();
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut shown = false;
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(EVERY);
                // That it cannot be asked says nothing about the packet.
                if let Ok(Some(progress)) = operator.packet_progress(tenant) {
                    let _ = write!(io::stderr(), "\r{}", line(progress));
                    shown = true;
                }
            }
            if shown {
                let _ = writeln!(io::stderr());
            }
        });
        let done = work();
        over.store(true, Ordering::Relaxed);
        done
    })
}

fn line(PacketProgress { done, of }: PacketProgress) -> String {
    let part = |whole: u64| done.min(of).saturating_mul(whole).checked_div(of).unwrap_or(0);
    let full = usize::try_from(part(WIDTH)).unwrap_or(0);
    let empty = usize::try_from(WIDTH).unwrap_or(0).saturating_sub(full);
    format!("[{}{}] {:3} % of {of} records verified", "#".repeat(full), " ".repeat(empty), part(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_full_as_what_was_verified() {
        let half = line(PacketProgress { done: 50, of: 100 });
        assert_eq!(half.matches('#').count(), 20, "{half}");
        assert!(half.ends_with(" 50 % of 100 records verified"));
        assert!(line(PacketProgress { done: 0, of: 0 }).contains("  0 %"));
        assert!(line(PacketProgress { done: 9, of: 5 }).contains("100 %"));
    }
}
