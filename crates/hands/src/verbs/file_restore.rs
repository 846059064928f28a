//! `file.restore`: give a path its declared content, owner or mode. Inverse: what it had.
//!
//! Without content it is about one inode ([`inode`]), opened once and changed through its descriptor. With content it is about a name
//! ([`whole`]): a candidate is written beside it, judged ([`validator`]), and takes its place in one step.

mod account;
mod inode;
mod validator;
mod whole;

use contract::record::Before;
use contract::resource::Resource;
use contract::runbook::{FileRestore, FileTarget, Verb};

use crate::{Armed, HandError, Place};

pub(super) fn arm(restore: &FileRestore, place: &Place<'_>) -> Result<Armed, HandError> {
    let path = place.path_of(&restore.target);
    let uid = restore.owner.as_ref().map(account::uid).transpose()?;
    let gid = restore.group.as_ref().map(account::gid).transpose()?;
    match &restore.content {
        Some(content) => whole::arm(&path, content, (restore.mode, uid, gid), restore.validate, place),
        None => inode::arm(path, restore.mode, uid, gid),
    }
}

pub(super) fn undo(target: &Resource, before: &Before, place: &Place<'_>) -> Result<(), HandError> {
    let no_before = || HandError::NoBefore(Verb::FileRestore);
    let target = match (target, target.own_directory()) {
        (_, Some(own)) => FileTarget::Own(own),
        (Resource::Path(path), None) => FileTarget::Path(path.clone()),
        (_, None) => return Err(no_before()),
    };
    let path = place.path_of(&target);
    match before {
        Before::FileMode { mode, device, inode } => inode::undo(path, *mode, None, (*device, *inode)),
        Before::Permissions { mode, uid, gid, device, inode } => {
            inode::undo(path, *mode, Some((*uid, *gid)), (*device, *inode))
        }
        Before::File(before) => whole::undo(&path, before.as_ref(), place),
        Before::Files(_)
        | Before::Unit { .. }
        | Before::Sysctl { .. }
        | Before::Firewall { .. }
        | Before::Share { .. }
        | Before::Generation { .. }
        | Before::Nothing => Err(no_before()),
    }
}
