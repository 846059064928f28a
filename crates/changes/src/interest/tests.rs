//! What is watched for which fact, over a made-up layout.

use super::*;

/// Links by their path, and directories below directories.
#[derive(Default)]
struct Laid {
    links: BTreeMap<&'static str, &'static str>,
    directories: BTreeMap<&'static str, Vec<&'static str>>,
}

impl Layout for Laid {
    fn link(&self, path: &Path) -> Option<PathBuf> {
        self.links.get(path.to_str()?).map(PathBuf::from)
    }

    fn directories(&self, path: &Path) -> Vec<PathBuf> {
        let found = path.to_str().and_then(|p| self.directories.get(p));
        found.into_iter().flatten().map(PathBuf::from).collect()
    }
}

fn interests(wanted: &[(&str, Input)], layout: &Laid) -> Interests {
    let wanted: Vec<_> =
        wanted.iter().map(|(id, input)| (id.parse().unwrap(), vec![input.clone()])).collect();
    Interests::of(&wanted, layout)
}

fn on(interests: &Interests, directory: &str, name: Option<&str>, touch: Touch) -> Vec<String> {
    let facts = interests.facts(Path::new(directory), name.map(OsStr::new), touch);
    facts.iter().map(FactId::to_string).collect()
}

#[test]
fn what_is_written_concerns_content_alone_and_every_part_of_the_way_is_watched() {
    let place = Input::Place("/etc/ssh/key".into());
    let file = Input::File("/etc/ssh/config".into());
    let own = Input::Directory("/s/evidence".into());
    let wanted = [("path:/etc/ssh/key", place), ("sshd:match_overrides", file), ("own:evidence", own)];
    let all = interests(&wanted, &Laid::default());
    let directories: Vec<_> =
        all.directories().map(|(p, m)| (p.to_str().unwrap(), m.entries, m.content)).collect();
    assert_eq!(
        directories,
        [
            ("/", true, false),
            ("/etc", true, false),
            ("/etc/ssh", true, true),
            ("/s", true, false),
            ("/s/evidence", false, false)
        ]
    );
    let both = ["path:/etc/ssh/key", "sshd:match_overrides"];
    assert_eq!(on(&all, "/etc", Some("ssh"), Touch::Place), both);
    assert_eq!(on(&all, "/etc/ssh", Some("key"), Touch::Content), [""; 0]);
    assert_eq!(on(&all, "/etc/ssh", Some("key"), Touch::Place), ["path:/etc/ssh/key"]);
    assert_eq!(on(&all, "/etc/ssh", Some("config"), Touch::Content), ["sshd:match_overrides"]);
    assert_eq!(on(&all, "/etc/ssh", Some("other"), Touch::Place), [""; 0]);
    assert_eq!(on(&all, "/s/evidence", None, Touch::Place), ["own:evidence"]);
    // The executor's own writes into the log are no change of its permissions.
    assert_eq!(on(&all, "/s/evidence", Some("entries"), Touch::Content), [""; 0]);
}

#[test]
fn links_are_followed_to_what_is_read_and_watched_on_the_way() {
    let layout =
        Laid { links: [("/etc/conf", "static/conf"), ("/etc/static", "/store/1")].into(), ..Laid::default() };
    let (file, place) = (Input::File("/etc/conf".into()), Input::Place("/etc/conf".into()));
    let all = interests(&[("login_defs:umask", file), ("path:/etc/conf", place)], &layout);
    assert_eq!(on(&all, "/etc", Some("static"), Touch::Place), ["login_defs:umask"]);
    assert_eq!(on(&all, "/store/1", Some("conf"), Touch::Content), ["login_defs:umask"]);
    assert_eq!(on(&all, "/etc", Some("conf"), Touch::Place), ["login_defs:umask", "path:/etc/conf"]);
    let round = Laid { links: [("/a", "/a")].into(), ..Laid::default() };
    interests(&[("login_defs:umask", Input::File("/a".into()))], &round);
}

#[test]
fn a_whole_tree_and_the_entries_of_a_directory() {
    let layout =
        Laid { directories: [("/etc", vec!["/etc", "/etc/a", "/etc/a/b"])].into(), ..Laid::default() };
    let (tree, entries) = (Input::Places("/etc".into()), Input::Entries("/etc/a".into()));
    let all = interests(&[("path:world_writable_in_etc", tree), ("pam:faillock_deny", entries)], &layout);
    assert_eq!(on(&all, "/etc/a/b", Some("x"), Touch::Place), ["path:world_writable_in_etc"]);
    assert_eq!(on(&all, "/etc/a/b", Some("x"), Touch::Content), [""; 0]);
    assert_eq!(on(&all, "/etc/a", Some("x"), Touch::Content), ["pam:faillock_deny"]);
    assert_eq!(all.all_facts(Path::new("/etc/a")).len(), 2);
}

#[test]
fn stirs_and_times_are_kept_by_fact() {
    let wanted = [
        ("unit:ssh.service", Input::Unit("ssh.service".to_owned())),
        ("unit:failed_count", Input::Units),
        ("time:synchronised", Input::Clock),
        ("cpu:pressure_percent", Input::Every(Duration::from_secs(60))),
        ("cpu:pressure_percent", Input::Every(Duration::from_secs(90))),
    ];
    let all = interests(&wanted, &Laid::default());
    assert_eq!(all.stirred(&Stir::Units).map(FactId::to_string).collect::<Vec<_>>(), ["unit:failed_count"]);
    assert_eq!(all.stirred(&Stir::Unit("cron.service".to_owned())).count(), 0);
    assert_eq!(all.stirs().count(), 3);
    assert_eq!(all.every().values().collect::<Vec<_>>(), [&Duration::from_secs(60)]);
}

#[test]
fn what_is_renewed_of_some_facts_is_as_if_all_had_been_asked() {
    let inputs = |n: usize, generation: usize| -> Vec<Input> {
        let all = [
            Input::File("/etc/ssh/config".into()),
            Input::Place("/etc/shadow".into()),
            Input::Directory("/s/evidence".into()),
            Input::Entries("/etc/ssh/drop-ins".into()),
            Input::Places("/usr/bin".into()),
            Input::Units,
            Input::Unit("sshd.service".to_owned()),
            Input::Every(Duration::from_secs(60)),
            Input::Clock,
            Input::File("/etc/link/config".into()),
        ];
        (0..3).map(|m| all[(n * 3 + generation * 5 + m * 7) % all.len()].clone()).collect()
    };
    let layout = Laid { links: BTreeMap::from([("/etc/link", "ssh")]), ..Laid::default() };
    let fact = |n: usize| -> FactId { format!("path:/f{n}").parse().unwrap() };
    let mut held: Vec<_> = (0..12).map(|n| (fact(n), inputs(n, 0))).collect();
    let mut renewed = Interests::of(&held, &layout);
    for round in 1..60 {
        let some: Vec<usize> = (0..12).filter(|n| (n * 7 + round * 11) % 4 == 0).collect();
        for n in &some {
            held[*n].1 = inputs(*n, round);
        }
        let changed: Vec<_> = some.iter().map(|n| held[*n].clone()).collect();
        renewed.renew(&changed, &layout);
        assert_eq!(renewed, Interests::of(&held, &layout), "round {round}");
    }
}
