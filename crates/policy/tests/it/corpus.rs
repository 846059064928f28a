//! The corpus of policy files, which the fuzz target starts from: each is taken or refused as its name says, and what is taken holds to the same
//! properties as there.

use policy::{Answer, Operation, Policy, Resource};

use super::given::{answer, ask, engine_of, path, restart, verbs};

#[test]
fn each_file_is_taken_or_refused_as_its_name_says() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/policy");
    let mut seen = (0, 0);
    for entry in std::fs::read_dir(directory).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = std::fs::read(&file).unwrap();
        let parsed = Policy::parse(&name, &String::from_utf8_lossy(&bytes), &verbs());
        match parsed {
            Err(refused) => {
                assert!(name.starts_with("refused-"), "{name}: {refused}");
                assert!(refused.to_string().starts_with(&format!("{name}:")), "{refused}");
                seen.1 += 1;
            }
            Ok(policy) => {
                assert!(name.starts_with("taken-"), "{name} was taken");
                let engine = engine_of(policy);
                let own =
                    ask("file.restore", Operation::Write, Resource::Path(path("/var/lib/suture/evidence")));
                assert_eq!(answer(&engine, &own).0, Answer::Deny, "{name}");
                assert_eq!(answer(&engine, &restart("suture-executor.service")).0, Answer::Deny, "{name}");
                seen.0 += 1;
            }
        }
    }
    assert!(seen.0 >= 3 && seen.1 >= 5, "{seen:?}: the corpus is not there");
}
