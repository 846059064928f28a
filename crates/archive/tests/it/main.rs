//! The stores from the outside: a directory on this machine's own file system, and S3 as moto speaks it.
//!
//! moto 5.2.5 stands in for Amazon. What was tried on it, and what it therefore shows or does not:
//!
//! | behaviour | moto | so here |
//! |---|---|---|
//! | signatures (SigV4) | checks them against its own copy of Amazon's library, once told to | tested, with a wrong secret too |
//! | `If-None-Match: *` | 412 where the object is; not atomic between two requests | tested one after the other; two at once is Amazon's word |
//! | versions and delete markers | kept, listed, paged | tested |
//! | deleting a locked version | refused | tested, so that the test's own lock is a lock |
//! | shortening a compliance lock | **taken** (Amazon refuses) | the read-back finds it: tested. That the provider refuses is Amazon's word |
//! | `x-amz-checksum-sha256` | **not compared** with the body (Amazon refuses what differs) | not tested |
//! | permissions (`s3:…`), regions, TLS | none of ours asked | not tested: errors by name in `src/s3/answer/tests.rs` |
//! | lock headers hidden for want of `s3:GetObjectRetention` | never hidden | such an object reads as unlocked, which is an alarm |
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is the test's own message")]

mod directory;
mod moto;
mod s3;
