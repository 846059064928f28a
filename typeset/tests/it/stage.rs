//! Runs the program, and the readers.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use packet::Sheet;
use tempfile::TempDir;

/// A process of the program with nothing in its environment but this, and this on its standard input.
pub(crate) fn run(input: &[u8], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suture-typeset"));
    command.env_clear().envs(environment.iter().copied());
    fed(command, input)
}

/// Feeds a process, and takes all that it says.
pub(crate) fn fed(mut command: Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // It may have enough before all is said.
        scope.spawn(move || stdin.write_all(input).unwrap_or_default());
        child.wait_with_output().unwrap()
    })
}

pub(crate) fn json(sheet: &Sheet) -> Vec<u8> {
    serde_json::to_vec(sheet).unwrap()
}

/// A PDF that the program made, in a directory of its own.
pub(crate) struct Made {
    directory: TempDir,
    pub(crate) path: PathBuf,
}

impl Made {
    /// Sets a sheet; red where the program says anything but the PDF.
    pub(crate) fn of(sheet: &Sheet) -> Self {
        let output = run(&json(sheet), &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{}: {said}", output.status);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sheet.pdf");
        std::fs::write(&path, output.stdout).unwrap();
        Self { directory, path }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What a reader says of it. `PDF` among the arguments stands for its path.
    pub(crate) fn read_by(&self, program: &str, arguments: &[&str]) -> String {
        let path = self.path.to_str().unwrap();
        let arguments = arguments.iter().map(|a| if *a == "PDF" { path } else { a });
        let output =
            Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {}: {said}{complained}", output.status);
        said
    }

    /// Its text, page by page, as it lies on the page.
    pub(crate) fn pages(&self) -> Vec<String> {
        let text = self.read_by("pdftotext", &["-layout", "PDF", "-"]);
        let mut pages: Vec<String> = text.split('\u{c}').map(str::to_owned).collect();
        assert_eq!(pages.pop().as_deref(), Some(""), "each page ends in a form feed");
        pages
    }

    /// Its words, one space between any two.
    pub(crate) fn words(&self) -> String {
        let text = self.read_by("pdftotext", &["PDF", "-"]);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Its first page as it is drawn: grey, a hundred dots to the inch.
    pub(crate) fn drawn(&self) -> Vec<u8> {
        let path = self.directory().join("page");
        let arguments = ["-gray", "-r", "100", "-singlefile", "PDF", path.to_str().unwrap()];
        self.read_by("pdftoppm", &arguments);
        std::fs::read(path.with_extension("pgm")).unwrap()
    }

    /// A line of `pdfinfo`.
    pub(crate) fn info(&self, name: &str) -> String {
        let info = self.read_by("pdfinfo", &["PDF"]);
        let line = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        line.unwrap_or_else(|| panic!("no {name} in:\n{info}")).trim().to_owned()
    }
}
