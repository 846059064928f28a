use std::collections::BTreeMap;

use super::*;

/// A file system of links alone.
struct Fake(BTreeMap<&'static str, &'static str>);

impl Links for Fake {
    fn entry(&self, path: &str) -> Result<Entry, PathFault> {
        if path == "/locked" {
            return Err(PathFault::Unreadable);
        }
        Ok(self.0.get(path).map_or(Entry::NoLink, |target| Entry::Link((*target).to_owned())))
    }
}

fn walk(text: &str, last: Last) -> Result<String, PathFault> {
    let links =
        [("/a", "/var/lib"), ("/here", "."), ("/round", "round"), ("/up", "../../x"), ("/var/l", "../etc")];
    let base = CanonicalPath::try_from("/srv/base").unwrap();
    CanonicalPath::resolve(text, Some(&base), last, &Fake(links.into())).map(String::from)
}

#[test]
fn it_walks_as_the_kernel_does() {
    for (text, expected) in [
        ("/", "/"),
        ("//x//y/", "/x/y"),
        ("./x", "/srv/base/x"),
        ("../x", "/srv/x"),
        ("/b/../x", "/x"),
        // The link first, then the step up: /var, not /.
        ("/a/../x", "/var/x"),
        ("/here/here/x", "/x"),
        ("/var/l/passwd", "/etc/passwd"),
        ("/a", "/var/lib"),
    ] {
        assert_eq!(walk(text, Last::Followed).as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(walk("/a", Last::Itself).as_deref(), Ok("/a"));
    assert_eq!(
        walk("/a/", Last::Itself).as_deref(),
        Ok("/var/lib"),
        "a slash at the end asks for the target"
    );
    assert_eq!(walk("/a/x", Last::Itself).as_deref(), Ok("/var/lib/x"));
}

#[test]
fn what_cannot_be_walked_has_no_path() {
    for (text, fault) in [
        ("", PathFault::Empty),
        ("/..", PathFault::AboveRoot),
        ("/up", PathFault::AboveRoot),
        ("/round", PathFault::TooManyLinks),
        ("/locked/x", PathFault::Unreadable),
        ("/a\0b", PathFault::Nul),
    ] {
        assert_eq!(walk(text, Last::Followed), Err(fault), "{text:?}");
    }
    assert_eq!(walk(&format!("/{}", "n".repeat(256)), Last::Followed), Err(PathFault::TooLong));
    assert_eq!(walk(&"/nn".repeat(2000), Last::Followed), Err(PathFault::TooLong));
    assert_eq!(CanonicalPath::resolve("x", None, Last::Followed, &NoLinks), Err(PathFault::Relative));
}

#[test]
fn text_is_taken_in_its_one_spelling_only() {
    for bad in ["", "x", "./x", "/x/", "//x", "/x/./y", "/x/../y", "/x\0"] {
        assert!(CanonicalPath::try_from(bad).is_err(), "{bad:?} was taken");
    }
    let path = CanonicalPath::try_from("/a/b/c").unwrap();
    assert_eq!(path.ancestors().collect::<Vec<_>>(), ["/a/b", "/a", "/"]);
    assert_eq!(CanonicalPath::try_from("/").unwrap().ancestors().count(), 0);
}

#[test]
fn names_are_compared_whole_in_both_directions_and_in_any_case() {
    let path = |text: &str| CanonicalPath::try_from(text).unwrap();
    let own = path("/var/lib/suture");
    for near in [
        "/",
        "/var",
        "/var/lib",
        "/var/lib/suture",
        "/var/lib/suture/x/y",
        "/VAR/Lib/SUTURE",
        "/var/lib/ſuture",
    ] {
        assert!(path(near).may_touch(&own) && own.may_touch(&path(near)), "{near}");
    }
    for far in ["/var/li", "/var/lib/suturex", "/var/lib/sutur", "/lib/suture", "/srv/ſuture", "/var/log"] {
        assert!(!path(far).may_touch(&own) && !own.may_touch(&path(far)), "{far}");
    }
    assert!(path("/a/b").is_below(&path("/a")) && path("/a").is_below(&path("/")));
    assert!(
        !path("/ab").is_below(&path("/a"))
            && !path("/").is_below(&path("/"))
            && !path("/a").is_below(&path("/a"))
    );
}
