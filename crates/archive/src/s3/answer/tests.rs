use reqwest::header::HeaderValue;

use super::*;
use crate::error::Blame;

/// As in the reference of `ListObjectVersions`, with names of ours.
const PAGE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <Name>evidence</Name><Prefix>t/h</Prefix><MaxKeys>3</MaxKeys><IsTruncated>true</IsTruncated>
  <NextKeyMarker>t/h/b</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>
  <DeleteMarker><Key>t/h/a</Key><VersionId>v9</VersionId><IsLatest>true</IsLatest><LastModified>2026-11-21T05:54:25.000Z</LastModified></DeleteMarker>
  <Version><Key>t/h/a</Key><VersionId>v3</VersionId><IsLatest>false</IsLatest><LastModified>2026-11-21T05:54:23.000Z</LastModified><ETag>"x"</ETag><Size>1</Size></Version>
  <Version><Key>t/h/b</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest><LastModified>2026-11-21T05:54:24Z</LastModified></Version>
</ListVersionsResult>"#;

#[test]
fn a_page_of_versions_is_read_in_its_order() {
    let entry = |key: &str, id: &str, stored: &str, delete_marker| Entry {
        key: key.to_owned(),
        id: id.to_owned(),
        stored: stored.parse().unwrap(),
        delete_marker,
    };
    let expected = Page {
        entries: vec![
            entry("t/h/a", "v9", "2026-11-21T05:54:25.000Z", true),
            entry("t/h/a", "v3", "2026-11-21T05:54:23.000Z", false),
            entry("t/h/b", "v1", "2026-11-21T05:54:24.000Z", false),
        ],
        next: Some(("t/h/b".to_owned(), "v1".to_owned())),
    };
    assert_eq!(page(PAGE).unwrap(), expected);
    let last = PAGE.replace("<IsTruncated>true", "<IsTruncated>false");
    assert_eq!(page(&last).unwrap().next, None);
}

#[test]
fn what_is_not_a_whole_page_is_no_empty_list() {
    for (from, to) in [
        ("<IsTruncated>true</IsTruncated>", ""),
        ("<NextKeyMarker>t/h/b</NextKeyMarker>", ""),
        ("<VersionId>v3</VersionId>", ""),
        ("2026-11-21T05:54:23.000Z", "yesterday"),
        ("</ListVersionsResult>", ""),
    ] {
        let bent = PAGE.replace(from, to);
        assert_ne!(bent, PAGE);
        assert!(matches!(page(&bent), Err(StoreError::Unfitting(_))), "{from} was not missed");
    }
    assert!(page("").is_err());
    let bomb = format!("<!DOCTYPE x [<!ENTITY a \"aa\">]>{}", PAGE.split_once("?>").unwrap().1);
    assert!(page(&bomb).is_err(), "a document type was taken");
}

#[test]
fn a_bucket_that_keeps_no_versions_or_locks_is_told_from_one_that_does() {
    let versioning =
        |inner: &str| keeps_versions(&format!("<VersioningConfiguration>{inner}</VersioningConfiguration>"));
    assert!(versioning("<Status>Enabled</Status>").unwrap());
    assert!(!versioning("<Status>Suspended</Status>").unwrap());
    assert!(!versioning("").unwrap());
    let locking =
        |inner: &str| can_lock(&format!("<ObjectLockConfiguration>{inner}</ObjectLockConfiguration>"));
    assert!(locking("<ObjectLockEnabled>Enabled</ObjectLockEnabled>").unwrap());
    assert!(!locking("").unwrap());
}

#[test]
fn a_lock_is_read_from_headers() {
    let headers = |pairs: &[(&'static str, &'static str)]| {
        pairs.iter().map(|(n, v)| (n.parse().unwrap(), HeaderValue::from_static(v))).collect::<HeaderMap>()
    };
    let (mode, until) = ("x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date");
    assert_eq!(lock(&headers(&[])).unwrap(), Lock::Unlocked);
    let end = "2033-11-21T05:54:23.000Z".parse().unwrap();
    for spelling in ["2033-11-21T05:54:23Z", "2033-11-21T05:54:23.000Z", "2033-11-21T05:54:23.000000Z"] {
        let read = lock(&headers(&[(mode, "COMPLIANCE"), (until, spelling)])).unwrap();
        assert_eq!(read, Lock::Locked { until: Some(end), mode: Mode::Compliance });
    }
    assert!(lock(&headers(&[(mode, "COMPLIANCE")])).is_err());
    assert!(lock(&headers(&[(mode, "ADVISORY"), (until, "2033-11-21T05:54:23Z")])).is_err());
}

#[test]
fn a_refusal_says_whose_turn_it_is() {
    let of = |status: u16, code: &str| {
        let text = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
        refusal(StatusCode::from_u16(status).unwrap(), &text).blame()
    };
    for (status, code, blame) in [
        (403, "InvalidAccessKeyId", Blame::Operator),
        (403, "AccessDenied", Blame::Operator),
        (403, "RequestTimeTooSkewed", Blame::Operator),
        (404, "NoSuchBucket", Blame::Operator),
        (404, "ObjectLockConfigurationNotFoundError", Blame::Operator),
        (301, "PermanentRedirect", Blame::Operator),
        (400, "InvalidRequest", Blame::Operator),
        (409, "ConditionalRequestConflict", Blame::Network),
        (503, "SlowDown", Blame::Network),
        (500, "", Blame::Network),
        (404, "NoSuchKey", Blame::Software),
        (418, "", Blame::Software),
    ] {
        assert_eq!(of(status, code), blame, "{status} {code}");
    }
    assert!(matches!(refusal(StatusCode::FORBIDDEN, "<html>"), StoreError::Credentials(_)));
    let text = "<Error><Code>ObjectLockConfigurationNotFoundError</Code></Error>";
    assert!(refusal(StatusCode::NOT_FOUND, text).to_string().contains("--object-lock-enabled-for-bucket"));
}
