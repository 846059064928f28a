use super::*;

#[test]
fn each_feature_has_one_line_and_an_absence_says_why() {
    let features = Features(vec![
        (Feature::Landlock, Err(Absence::Disabled)),
        (Feature::MemoryLimit, Err(Absence::NotDelegated)),
        (Feature::Seccomp, Ok(1)),
    ]);
    let lines: Vec<_> = features.lines().collect();
    assert_eq!(lines[0], "confinement: landlock unavailable (disabled)");
    assert_eq!(lines[1], "confinement: memory limit unavailable (not delegated to us)");
    assert_eq!(lines[2], "confinement: seccomp available");
    assert_eq!(features.missing().count(), 2);
    // What was never asked is not there, whatever else is.
    assert_eq!(features.level(Feature::Freeze), Err(Absence::Unreadable));
}

#[test]
fn the_probe_answers_for_all_of_them() {
    let features = Features::probe();
    assert_eq!(features.lines().count(), Feature::ALL.len());
    let found: Vec<_> = features.0.iter().map(|(feature, _)| *feature).collect();
    assert_eq!(found, Feature::ALL);
    // What cargo itself could not run without here says that the probe looks at this kernel and not at a table.
    assert_eq!(features.level(Feature::Namespaces).is_ok(), Path::new("/proc/self/ns/pid").exists());
}
