//! The container backend: a step in a rootless-safe container of podman, off by default. **Absent:** everything that podman's own command line does not say;
//! our filters, Landlock and proxy are not in it.

use std::path::Path;

use crate::confinement::{Capability, Confinement, Misuse, Network};

/// What holds for every step.
const FIXED: [&str; 13] = [
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
    "--tmpfs=/tmp:rw,noexec,nosuid,nodev,size=64m",
];

/// The arguments of `podman` that run `args` in an image of this machine, with these ends and nothing else.
///
/// An image that is not named by its digest (`…@sha256:…`) is refused, because a tag leads elsewhere tomorrow; so is a network of any kind, because there
/// is no proxy into a container; and so is a hidden path below a shown one, which podman cannot cover.
pub fn podman_arguments(
    image: &str,
    args: &[String],
    confinement: &Confinement,
) -> Result<Vec<String>, Misuse> {
    confinement.check()?;
    if confinement.network != Network::None {
        return Err(Misuse::ContainerCannot { what: "reach a network" });
    }
    let shown = || confinement.read_only.iter().chain(&confinement.writable);
    if confinement.hidden.iter().any(|hidden| shown().any(|tree| hidden.starts_with(tree))) {
        return Err(Misuse::ContainerCannot { what: "hide a part of what it shows" });
    }
    let digest = image.split_once("@sha256:").map(|(_, digest)| digest);
    if digest.is_none_or(|digest| digest.len() != 64 || image.starts_with('-')) {
        return Err(Misuse::ContainerCannot { what: "be of an image without a digest" });
    }
    let limits = confinement.limits;
    let mut made: Vec<String> = FIXED.iter().map(|flag| (*flag).to_owned()).collect();
    made.extend(confinement.capabilities.iter().map(|kept| format!("--cap-add={}", name(*kept))));
    made.push(format!("--memory={}b", limits.memory_bytes));
    made.push(format!("--memory-swap={}b", limits.memory_bytes));
    made.push(format!("--pids-limit={}", limits.pids));
    made.push(format!("--cpus={}.{:02}", limits.cpu_percent / 100, limits.cpu_percent % 100));
    made.push(format!("--timeout={}", limits.wall.as_secs().max(1)));
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

fn name(capability: Capability) -> &'static str {
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
        Capability::NetBindService => "NET_BIND_SERVICE",
        Capability::SysNice => "SYS_NICE",
        Capability::SysTime => "SYS_TIME",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confinement::{Destination, Profile};

    fn image() -> String {
        format!("localhost/step@sha256:{}", "0".repeat(64))
    }

    #[test]
    fn a_container_has_nothing_that_is_not_declared() {
        let confinement = Confinement {
            capabilities: vec![Capability::Chown],
            writable: vec!["/tmp".into()],
            ..Confinement::new(Profile::Strict)
        };
        let made = podman_arguments(&image(), &["/bin/true".to_owned()], &confinement).unwrap();
        for flag in FIXED {
            assert!(made.iter().any(|arg| arg == flag), "{flag}");
        }
        assert!(made.contains(&"--volume=/tmp:/tmp:rw,noexec,nosuid,nodev".to_owned()));
        assert_eq!(made.iter().filter(|arg| arg.starts_with("--cap-add")).count(), 1);
        // What comes after the image is the program's.
        assert_eq!(made.iter().position(|arg| *arg == image()), Some(made.len() - 2));
    }

    #[test]
    fn what_a_container_cannot_hold_to_is_refused() {
        let plain = Confinement::new(Profile::StandardNet);
        let refused = |image: &str, confinement: &Confinement| {
            matches!(podman_arguments(image, &[], confinement), Err(Misuse::ContainerCannot { .. }))
        };
        assert!(!refused(&image(), &plain));
        assert!(refused("step:latest", &plain) && refused("--privileged@sha256:0", &plain));
        let proxy = Network::Proxy(vec![Destination { host: "a.example".to_owned(), port: 443 }]);
        assert!(refused(&image(), &Confinement { network: proxy, ..plain.clone() }));
        let (read_only, hidden) = (vec!["/usr".into()], vec!["/usr/bin".into()]);
        assert!(refused(&image(), &Confinement { read_only, hidden, ..plain }));
    }
}
