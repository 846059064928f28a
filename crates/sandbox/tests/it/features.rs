use sandbox::{Exit, Feature, Features, LaunchError, Layer, Profile};

use crate::stage::Stage;

#[test]
fn what_a_runbook_demands_and_this_machine_lacks_starts_nothing() {
    let stage = Stage::new();
    let features = Features::probe();
    let mut lacking = 0;
    for feature in Feature::ALL {
        let mut confinement = stage.confinement(Profile::Strict);
        confinement.demands = vec![feature];
        let result = stage.launcher.run(&stage.program("sleep", "0"), &confinement);
        match (features.level(feature), result) {
            (Ok(_), Ok(finished)) => assert_eq!(finished.exit, Exit::Code(0), "{feature}"),
            (Err(absence), Err(LaunchError::Demanded { feature: told, absence: why })) => {
                assert_eq!((told, why), (feature, absence));
                lacking += 1;
            }
            (level, result) => panic!("{feature}: {level:?} and {result:?}"),
        }
    }
    assert_eq!(features.missing().count(), lacking);
    features.lines().for_each(|line| println!("{line}"));
}

#[test]
fn what_held_a_step_and_what_was_missing_is_handed_back() {
    let stage = Stage::new();
    let finished = stage.run(Profile::Standard, "sleep", "0");
    let features = stage.launcher.features();
    assert_eq!(finished.missing, features.missing().collect::<Vec<_>>());
    let landlock = finished.confined_by.iter().find_map(|layer| match layer {
        Layer::Landlock(abi) => Some(*abi),
        _ => None,
    });
    assert_eq!(landlock, features.level(Feature::Landlock).ok());
    for layer in ["Memory", "Kill", "Namespaces", "Seccomp"] {
        assert!(format!("{:?}", finished.confined_by).contains(layer), "{layer}");
    }
}
