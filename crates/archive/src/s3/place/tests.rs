use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn a_bucket_is_named_by_https_or_on_loopback() {
    let place: Place = "https://s3.eu-central-1.amazonaws.com/evidence-of-msp/hub-1".parse().unwrap();
    assert_eq!((place.bucket.as_str(), place.prefix.unwrap().as_str()), ("evidence-of-msp", "hub-1"));
    assert_eq!(place.endpoint.as_str(), "https://s3.eu-central-1.amazonaws.com/");
    for good in
        ["http://127.0.0.1:5000/bucket", "http://[::1]:5000/bucket", "https://minio.example:9000/bucket/"]
    {
        assert!(good.parse::<Place>().is_ok(), "{good}");
    }
    for bad in [
        "bucket",
        "http://s3.example/bucket",
        "http://127.0.0.1.example/bucket",
        "ftp://127.0.0.1/bucket",
        "https://s3.example",
        "https://s3.example/ab",
        "https://s3.example/BUCKET",
        "https://s3.example/bucket/../x",
        "https://s3.example/bucket/PREFIX",
        "https://s3.example/bucket?x=1",
        "https://key:secret@s3.example/bucket",
    ] {
        assert!(bad.parse::<Place>().is_err(), "{bad} was taken");
    }
    assert!("eu-central-1".parse::<Region>().is_ok());
    for bad in ["", "EU", "eu/1", "eu\n"] {
        assert!(bad.parse::<Region>().is_err(), "{bad:?} was taken");
    }
}

#[test]
fn credentials_come_from_a_file_that_nobody_else_reads() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("credentials");
    let text =
        "[other]\naws_access_key_id = no\n[default]\naws_access_key_id = AK\naws_secret_access_key=s/+=\n";
    edge::file::write_durably(&path, text.as_bytes()).unwrap();
    let read = Credentials::read(&path).unwrap();
    assert_eq!(
        (read.access_key.as_str(), read.secret_key.as_str(), read.session_token),
        ("AK", "s/+=", None)
    );
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(Credentials::read(&path), Err(CredentialsError::Exposed { mode: 0o644, .. })));
    edge::file::write_durably(&path, b"[default]\naws_access_key_id = AK\n").unwrap();
    let missing = Credentials::read(&path).unwrap_err().to_string();
    assert!(missing.contains("aws_secret_access_key is missing"), "{missing}");
    assert!(matches!(Credentials::read(&directory.path().join("none")), Err(CredentialsError::File(_))));
}

#[test]
fn credentials_come_from_the_environment_and_never_into_a_trace() {
    let environment = |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some("AK".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("hidden".to_owned()),
        "AWS_SESSION_TOKEN" => Some("token".to_owned()),
        _ => None,
    };
    let credentials = Credentials::from_environment(environment).unwrap();
    assert_eq!(credentials.session_token.as_deref(), Some("token"));
    let shown = format!("{credentials:?}");
    assert!(shown.contains("AK") && !shown.contains("hidden") && !shown.contains("token\""), "{shown}");
    assert!(Credentials::from_environment(|_| None).is_err());
}
