use super::*;

fn strict() -> Confinement {
    Confinement::new(Profile::Strict)
}

#[test]
fn what_is_shown_is_named_as_it_lies() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let (real, link) = (dir.join("real"), dir.join("link"));
    std::fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let shown = |path: &Path| Confinement { writable: vec![path.to_owned()], ..strict() }.check();
    assert_eq!(shown(&real), Ok(()));
    assert_eq!(shown(&link), Err(Misuse::NotCanonical { path: link.clone(), really: real.clone() }));
    assert!(matches!(shown(&dir.join("gone")), Err(Misuse::Missing { .. })));
    assert!(matches!(
        shown(Path::new("relative")),
        Err(Misuse::Missing { .. } | Misuse::NotCanonical { .. })
    ));
}

#[test]
fn what_is_hidden_cannot_be_shown_and_must_be_there_to_be_hidden() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let evidence = dir.join("evidence");
    std::fs::create_dir_all(evidence.join("tiles")).unwrap();
    let with = |shown: &Path, hidden: &Path| {
        Confinement { read_only: vec![shown.to_owned()], hidden: vec![hidden.to_owned()], ..strict() }.check()
    };
    assert_eq!(with(&dir, &evidence), Ok(()));
    assert!(matches!(with(&evidence.join("tiles"), &evidence), Err(Misuse::ShownAndHidden { .. })));
    assert!(matches!(with(&evidence, &evidence), Err(Misuse::ShownAndHidden { .. })));
    // It could appear while the step runs, in a tree that is shown; elsewhere it could not.
    assert!(matches!(with(&dir, &dir.join("later")), Err(Misuse::Missing { .. })));
    let later = Confinement { hidden: vec![dir.join("later")], ..strict() };
    assert_eq!(later.check(), Ok(()));
}

#[test]
fn a_contradiction_is_refused() {
    let proxy = Network::Proxy(vec![Destination { host: "a.example".to_owned(), port: 443 }]);
    for profile in [Profile::Strict, Profile::Standard] {
        let made = Confinement { network: proxy.clone(), ..Confinement::new(profile) };
        assert_eq!(made.check(), Err(Misuse::ProxyWithoutSockets { profile }));
    }
    let made = Confinement { network: proxy, ..Confinement::new(Profile::StandardNet) };
    assert_eq!(made.check(), Ok(()));
    let none = Limits { wall: Duration::ZERO, ..Limits::default() };
    assert_eq!(Confinement { limits: none, ..strict() }.check(), Err(Misuse::NothingAllowed));
    for name in ["", "A=B", "A\0"] {
        let environment = vec![(name.to_owned(), "x".to_owned())];
        let made = Confinement { environment, ..strict() };
        assert_eq!(made.check(), Err(Misuse::Environment { name: name.to_owned() }));
    }
}

#[test]
fn the_machine_s_own_network_is_for_the_packet_filter_alone() {
    for profile in [Profile::Strict, Profile::Standard, Profile::StandardNet] {
        let made = Confinement { network: Network::Host, ..Confinement::new(profile) };
        assert_eq!(made.check(), Err(Misuse::HostNetwork { profile }));
    }
    let made = Confinement { network: Network::Host, ..Confinement::new(Profile::Netfilter) };
    assert_eq!(made.check(), Ok(()));
}
