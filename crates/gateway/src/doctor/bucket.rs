//! Does the bucket of recordings take, give and forget what it is given?
//!
//! Something small that is nobody's is written, read and removed.

use super::finding::Finding;
use crate::{
    bucket::{Bucket, BucketFault, Forgets},
    config::Config,
};

const CHECK: &str = "recording.bucket";

/// Tries the bucket out; nothing where none is named.
pub(super) async fn examine(config: &Config) -> Option<Finding> {
    let bucket = config.recording.bucket.as_ref()?;
    if config.data_dir.is_none() {
        let fix = "Set data_dir, or start with --data.";
        let what = "Nobody would know after a restart what lies in the bucket: the gateway does not start.";
        return Some(Finding::fault(CHECK, "bucket_forgotten", what, fix));
    }
    let tried = match Bucket::open(bucket) {
        Ok(bucket) => bucket.try_out().await,
        Err(fault) => Err(fault),
    };
    Some(match tried {
        Ok(Forgets::All) => {
            Finding::ok(CHECK, "bucket_usable", "The bucket takes, gives and forgets.")
        }
        Ok(Forgets::Nothing) => {
            let fix = "Let a rule of its life cycle remove old versions after a day, or turn versions off.";
            let what = "The bucket keeps versions: a recording that is removed is still there.";
            Finding::warning(CHECK, "bucket_keeps_versions", what, fix)
        }
        Err(fault) => fault_of(&fault),
    })
}

fn fault_of(fault: &BucketFault) -> Finding {
    let (code, what, fix) = match fault {
        BucketFault::Unreachable(_) => (
            "bucket_unreachable",
            "The bucket does not answer; recordings wait on this machine.",
            "Check endpoint and region, DNS, the firewalls between, and the certificate it shows.",
        ),
        BucketFault::Denied(_) => (
            "bucket_denied",
            "The bucket refuses our keys.",
            "Check both keys and this machine's clock; the keys must allow to get, put and delete \
             objects there.",
        ),
        BucketFault::Absent => (
            "bucket_absent",
            "There is no such bucket.",
            "Make the bucket, or check its name, endpoint and path_style.",
        ),
        BucketFault::Lost | BucketFault::Changed => (
            "bucket_forgetful",
            "The bucket does not give what it has just taken.",
            "Look at the store: what is written must be readable at once.",
        ),
        BucketFault::Refused(_) | BucketFault::Disk(_) => (
            "bucket_refuses",
            "The bucket refuses a request.",
            "Check region, endpoint and path_style; the store's own log says more.",
        ),
    };
    Finding::fault(CHECK, code, what, fix).seen(fault.to_string())
}
