//! What podman is told: its command line for a step, and nothing that is not on it.

use std::path::Path;

use super::Controllers;
use crate::confinement::{Capability, Confinement, Limits, Misuse, Network};
use crate::features::Feature;

/// What holds for every step.
const FIXED: [&str; 15] = [
    "run",
    "--rm",
    "--interactive",
    "--pull=never",
    "--network=none",
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--log-driver=none",
    "--ulimit=nofile=4096:4096",
    "--unsetenv-all",
    "--systemd=false",
    "--no-hosts",
    "--tmpfs=/tmp:rw,noexec,nosuid,nodev,size=64m",
];

/// The arguments of `podman` that run `args` in an image of this machine under a name, with these ends and nothing else.
///
/// An image that is not named by its digest (`…@sha256:…`) is refused, because a tag leads elsewhere tomorrow; so is a network of any kind, because there
/// is no proxy into a container; so is a hidden path below a shown one, which podman cannot cover; and so is a demand for Landlock, which it has not.
/// Without a controller its limit is left out, but for memory, which is limited for each process then.
pub(super) fn arguments(
    name: &str,
    image: &str,
    args: &[String],
    confinement: &Confinement,
    controllers: Controllers,
) -> Result<Vec<String>, Misuse> {
    confinement.check()?;
    if confinement.network != Network::None {
        return Err(Misuse::ContainerCannot { what: "reach a network" });
    }
    let shown = || confinement.read_only.iter().chain(&confinement.writable);
    if confinement.hidden.iter().any(|hidden| shown().any(|tree| hidden.starts_with(tree))) {
        return Err(Misuse::ContainerCannot { what: "hide a part of what it shows" });
    }
    if confinement.demands.contains(&Feature::Landlock) {
        return Err(Misuse::ContainerCannot { what: "hold to Landlock" });
    }
    let digest = image.split_once("@sha256:").map(|(_, digest)| digest);
    if digest.is_none_or(|digest| digest.len() != 64 || image.starts_with('-')) {
        return Err(Misuse::ContainerCannot { what: "be of an image without a digest" });
    }
    let mut made: Vec<String> = FIXED.iter().map(|flag| (*flag).to_owned()).collect();
    made.push(format!("--name={name}"));
    made.extend(confinement.capabilities.iter().map(|kept| format!("--cap-add={}", capability(*kept))));
    made.extend(limits(confinement.limits, controllers));
    let bind = |path: &Path, how: &str| format!("--volume={0}:{0}:{how}", path.display());
    made.extend(confinement.read_only.iter().map(|path| bind(path, "ro,nosuid,nodev")));
    made.extend(confinement.writable.iter().map(|path| bind(path, "rw,noexec,nosuid,nodev")));
    made.extend(confinement.environment.iter().map(|(name, value)| format!("--env={name}={value}")));
    made.extend(confinement.identity.iter().map(|who| format!("--user={}:{}", who.uid, who.gid)));
    made.push(format!("--workdir={}", confinement.directory.display()));
    made.push(image.to_owned());
    made.extend(args.iter().cloned());
    Ok(made)
}

fn limits(limits: Limits, controllers: Controllers) -> Vec<String> {
    let memory = limits.memory_bytes;
    // Its own end, should we be gone: a little after ours.
    let mut made = vec![format!("--timeout={}", limits.wall.as_secs() + 2)];
    if controllers.memory {
        made.extend([format!("--memory={memory}b"), format!("--memory-swap={memory}b")]);
    } else {
        made.push(format!("--ulimit=data={memory}:{memory}"));
    }
    if controllers.pids {
        made.push(format!("--pids-limit={}", limits.pids));
    }
    if controllers.cpu {
        made.push(format!("--cpus={}.{:02}", limits.cpu_percent / 100, limits.cpu_percent % 100));
    }
    if !(controllers.memory || controllers.pids || controllers.cpu) {
        made.push("--cgroups=disabled".to_owned());
    }
    // Of the user, who may have processes elsewhere; said because podman would ask for more than it may have itself.
    made.push(format!("--ulimit=nproc={0}:{0}", limits.pids));
    made
}

fn capability(capability: Capability) -> &'static str {
    match capability {
        Capability::Chown => "CHOWN",
        Capability::DacOverride => "DAC_OVERRIDE",
        Capability::DacReadSearch => "DAC_READ_SEARCH",
        Capability::Fowner => "FOWNER",
        Capability::Fsetid => "FSETID",
        Capability::Kill => "KILL",
        Capability::Setgid => "SETGID",
        Capability::Setuid => "SETUID",
        Capability::LinuxImmutable => "LINUX_IMMUTABLE",
        Capability::NetAdmin => "NET_ADMIN",
        Capability::NetBindService => "NET_BIND_SERVICE",
        Capability::SysNice => "SYS_NICE",
        Capability::SysTime => "SYS_TIME",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confinement::{Destination, Profile};

    const ALL: Controllers = Controllers { memory: true, cpu: true, pids: true };
    const NONE: Controllers = Controllers { memory: false, cpu: false, pids: false };

    fn image() -> String {
        format!("localhost/step@sha256:{}", "0".repeat(64))
    }

    fn made(image: &str, confinement: &Confinement, controllers: Controllers) -> Result<Vec<String>, Misuse> {
        arguments("step", image, &["/bin/true".to_owned()], confinement, controllers)
    }

    #[test]
    fn a_container_has_nothing_that_is_not_declared() {
        let confinement = Confinement {
            capabilities: vec![Capability::Chown],
            writable: vec!["/tmp".into()],
            ..Confinement::new(Profile::Strict)
        };
        let made = made(&image(), &confinement, ALL).unwrap();
        for flag in FIXED {
            assert!(made.iter().any(|arg| arg == flag), "{flag}");
        }
        assert!(made.contains(&"--volume=/tmp:/tmp:rw,noexec,nosuid,nodev".to_owned()));
        assert_eq!(made.iter().filter(|arg| arg.starts_with("--cap-add")).count(), 1);
        // What comes after the image is the program's.
        assert_eq!(made.iter().position(|arg| *arg == image()), Some(made.len() - 2));
    }

    #[test]
    fn a_limit_is_asked_for_where_something_can_hold_it() {
        let confinement = Confinement::new(Profile::Strict);
        let asked = |controllers| made(&image(), &confinement, controllers).unwrap().join(" ");
        let (with, without) = (asked(ALL), asked(NONE));
        for flag in ["--memory=", "--memory-swap=", "--pids-limit=", "--cpus="] {
            assert!(with.contains(flag) && !without.contains(flag), "{flag}");
        }
        assert!(!with.contains("--cgroups=disabled") && without.contains("--cgroups=disabled"));
        assert!(!with.contains("--ulimit=data=") && without.contains("--ulimit=data="));
    }

    #[test]
    fn what_a_container_cannot_hold_to_is_refused() {
        let plain = Confinement::new(Profile::StandardNet);
        let refused = |image: &str, confinement: &Confinement| {
            matches!(made(image, confinement, ALL), Err(Misuse::ContainerCannot { .. }))
        };
        assert!(!refused(&image(), &plain));
        assert!(refused("step:latest", &plain) && refused("--privileged@sha256:0", &plain));
        let proxy = Network::Proxy(vec![Destination { host: "a.example".to_owned(), port: 443 }]);
        assert!(refused(&image(), &Confinement { network: proxy, ..plain.clone() }));
        assert!(refused(&image(), &Confinement { demands: vec![Feature::Landlock], ..plain.clone() }));
        let (read_only, hidden) = (vec!["/usr".into()], vec!["/usr/bin".into()]);
        assert!(refused(&image(), &Confinement { read_only, hidden, ..plain }));
    }
}
