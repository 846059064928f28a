# Reads a unit of packaging/systemd, the one source of what Debian's package and the modules here install.
#
# Strict: a line that is no comment, no section and no assignment is refused with its file and number, so a unit that
# changes its shape is noticed when it is evaluated. Gives { Section.Key = "value" or [ "value" … ]; }: a list where a
# key stands more than once, in the order of the file, as systemd reads it.
{ lib }:
file:
let
  inherit (lib) hasPrefix hasSuffix;
  name = baseNameOf (toString file);
  at = number: "packaging/systemd/${name}:${toString number}";

  step =
    { section, entries }@state:
    { number, line }:
    let
      head = builtins.match "\\[([A-Za-z]+)]" line;
      assignment = builtins.match "([A-Za-z]+)=(.*)" line;
    in
    if line == "" || hasPrefix "#" line || hasPrefix ";" line then
      state
    else if hasSuffix "\\" line then
      throw "${at number}: a line that goes on in the next one is not read here; write it as one line"
    else if head != null then
      state // { section = builtins.head head; }
    else if assignment == null then
      throw "${at number}: neither a section nor an assignment: ${line}"
    else if section == null then
      throw "${at number}: an assignment before the first section: ${line}"
    else
      state
      // {
        entries = entries ++ [
          {
            inherit section;
            key = builtins.elemAt assignment 0;
            value = builtins.elemAt assignment 1;
          }
        ];
      };

  lines = lib.imap1 (number: line: { inherit number line; }) (
    lib.splitString "\n" (builtins.readFile file)
  );
  read = lib.foldl' step {
    section = null;
    entries = [ ];
  } lines;

  oneOrMany = values: if builtins.length values == 1 then builtins.head values else values;
  keys =
    entries: lib.mapAttrs (_: same: oneOrMany (map (e: e.value) same)) (lib.groupBy (e: e.key) entries);
in
lib.mapAttrs (_: keys) (lib.groupBy (e: e.section) read.entries)
