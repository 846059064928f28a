//! Who the program is, and with which capabilities. What is not kept is gone from every set, the bounding one too, so no file can give it back.

use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, configure_capability_in_ambient_set,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid,
};

use rustix::fs::{Gid, Uid};

use super::{At, Failure};
use crate::confinement::{Capability, Confinement};

/// Gives up what the step does not declare. The launcher has one thread, so the thread is the process.
pub(super) fn become_whom(confinement: &Confinement) -> Result<(), Failure> {
    let kept = confinement.capabilities.iter().map(|c| bit(*c)).fold(CapabilitySet::empty(), |a, b| a | b);
    drop_from_bounding_set(kept)?;
    let mut sets = rustix::thread::capabilities(None).at("capabilities")?;
    sets.inheritable = kept;
    set_capabilities(None, sets).at("inheritable capabilities")?;
    for capability in kept.iter() {
        configure_capability_in_ambient_set(capability, true).at("ambient capabilities")?;
    }
    // Root is a user like any other from here on: neither an exec nor a change of user gives or takes capabilities.
    let bits = CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED
        | CapabilitiesSecureBits::KEEP_CAPS_LOCKED;
    set_capabilities_secure_bits(bits).at("securebits")?;
    if let Some(identity) = &confinement.identity {
        let groups: Vec<_> = identity.groups.iter().map(|group| Gid::from_raw(*group)).collect();
        set_thread_groups(&groups).at("groups")?;
        let (gid, uid) = (Gid::from_raw(identity.gid), Uid::from_raw(identity.uid));
        set_thread_res_gid(gid, gid, gid).at("group")?;
        set_thread_res_uid(uid, uid, uid).at("user")?;
    } else if rustix::process::geteuid().is_root() {
        set_thread_groups(&[]).at("groups")?;
    }
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: kept };
    set_capabilities(None, sets).at("capabilities")
}

fn drop_from_bounding_set(kept: CapabilitySet) -> Result<(), Failure> {
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if kept.contains(capability) {
            continue;
        }
        match remove_capability_from_bounding_set(capability) {
            // This kernel's last one was the one before.
            Err(rustix::io::Errno::INVAL) if number > 0 => break,
            other => other.at("bounding set")?,
        }
    }
    Ok(())
}

fn bit(capability: Capability) -> CapabilitySet {
    match capability {
        Capability::Chown => CapabilitySet::CHOWN,
        Capability::DacOverride => CapabilitySet::DAC_OVERRIDE,
        Capability::DacReadSearch => CapabilitySet::DAC_READ_SEARCH,
        Capability::Fowner => CapabilitySet::FOWNER,
        Capability::Fsetid => CapabilitySet::FSETID,
        Capability::Kill => CapabilitySet::KILL,
        Capability::Setgid => CapabilitySet::SETGID,
        Capability::Setuid => CapabilitySet::SETUID,
        Capability::LinuxImmutable => CapabilitySet::LINUX_IMMUTABLE,
        Capability::NetAdmin => CapabilitySet::NET_ADMIN,
        Capability::NetBindService => CapabilitySet::NET_BIND_SERVICE,
        Capability::SysNice => CapabilitySet::SYS_NICE,
        Capability::SysTime => CapabilitySet::SYS_TIME,
    }
}
