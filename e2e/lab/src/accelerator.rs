//! By what the machine's processor is played.

use std::fs::{self, File};

/// By what the machine's processor is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// The processor's own virtualisation.
    Kvm,
    /// QEMU's translation of instructions: some ten times as slow.
    Tcg,
}

impl Accelerator {
    /// What this machine has. A device `/dev/kvm` alone says nothing: where the processor does not show virtualisation, the kernel behind it
    /// interprets each instruction, hundreds of times as slow as QEMU translates them.
    pub fn probe() -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let shows = cpu.split_ascii_whitespace().any(|word| matches!(word, "vmx" | "svm"));
        let opens = File::options().read(true).write(true).open("/dev/kvm").is_ok();
        if shows && opens { Self::Kvm } else { Self::Tcg }
    }

    /// QEMU's arguments. Without the mask, guests' kernels of version 6.12 panic under the translation of QEMU 7.2.
    pub(crate) const fn arguments(self) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Self::Tcg => ["-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max,-cx16"],
        }
    }

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Kvm => "hardware virtualisation",
            Self::Tcg => {
                "translated instructions (no hardware virtualisation here: everything inside is slow)"
            }
        }
    }
}
