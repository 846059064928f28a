"""What compliance-trestle does not look at in a packet's files: OCSF events, the table of incidents, and what OSCAL documents refer to.

look.py look DIRECTORY          every packet below it; red also where there is none, and where an event that was spoilt is let through
look.py spoil HOW DIRECTORY     prints one of its assessment results, altered so that nobody may accept it: state, uuid, twice

OCSF's schema cannot be fetched where this runs. What is required stands here, by version 1.3.0 as its repository has it (events/base_event.json,
events/findings/compliance_finding.json, events/remediation/remediation_activity.json and the objects that they name): whoever has a validator should use it.
"""

import collections
import csv
import json
import pathlib
import sys

SCHEMA = "1.3.0"
# Of every event: the base event and the traits in it.
BASE = ["activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"]
# By class: its category, the activities that it knows, what it requires beyond the base.
CLASSES = {
    2003: (2, {0, 1, 2, 3, 99}, ["compliance", "finding_info"]),
    7001: (7, {0, 1, 2, 3, 4, 99}, ["command_uid"]),
}
# Of the objects, where they stand.
OBJECTS = {
    "metadata": ["product", "version"],
    "metadata.product": ["vendor_name"],
    "compliance": ["standards"],
    "finding_info": ["uid", "title"],
    "remediation": ["desc"],
}
SEVERITIES = {0, 1, 2, 3, 4, 5, 6, 99}
# Compliance, and what a remediation came to.
STATUSES = {2003: {0, 1, 2, 3, 99}, 7001: {0, 1, 2, 3, 4, 5, 6, 99}}
TIMES = {"time", "start_time", "end_time", "first_seen_time", "last_seen_time"}


def empties(value, path):
    """Where a value is null: an attribute that is not known is left out. What is unmapped is nobody's."""
    if value is None:
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name != "unmapped":
                yield from empties(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from empties(inner, f"{path}[]")


def times(value):
    """Every time in it, as milliseconds since 1970 should be."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in TIMES and inner is not None:
                yield name, inner
            elif name != "unmapped":
                yield from times(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from times(inner)


def event_faults(event):
    """What is wrong with one event."""
    known = CLASSES.get(event.get("class_uid"))
    if known is None:
        return [f"class_uid is {event.get('class_uid')}"]
    category, activities, required = known
    faults = [f"{name} is missing" for name in BASE + required if name not in event]
    if faults:
        return faults
    if event["category_uid"] != category:
        faults.append(f"category_uid is {event['category_uid']}")
    if event["activity_id"] not in activities:
        faults.append(f"activity_id is {event['activity_id']}")
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        faults.append(f"type_uid is {event['type_uid']}")
    if event["severity_id"] not in SEVERITIES:
        faults.append(f"severity_id is {event['severity_id']}")
    for path, names in OBJECTS.items():
        there = event
        for step in path.split("."):
            there = there.get(step) if isinstance(there, dict) else None
        if there is not None:
            faults += [f"{path}.{name} is missing" for name in names if not there.get(name)]
    if event["metadata"].get("version") != SCHEMA:
        faults.append(f"metadata.version is {event['metadata'].get('version')}")
    status = event.get("compliance", event).get("status_id")
    if status not in STATUSES[event["class_uid"]]:
        faults.append(f"status_id is {status}")
    if not all(one.get("uid") or one.get("name") for one in event.get("resources", [])):
        faults.append("a resource has neither uid nor name")
    faults += [f"{name} is {value!r}" for name, value in times(event) if type(value) is not int or value < 1e12]
    return faults + [f"{path[1:]} is null" for path in empties(event, "")]


def events_faults(path):
    """Every fault of a file's events, with the first line that has it, and the classes that are there."""
    first, many, classes = {}, collections.Counter(), set()
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            event = json.loads(line)
        except ValueError as e:
            return [f"{path}:{number}: no JSON: {e}"], classes
        classes.add(event.get("class_uid"))
        for fault in event_faults(event):
            first.setdefault(fault, number)
            many[fault] += 1
    return [f"{path}:{number}: {fault} (lines like it: {many[fault]})" for fault, number in first.items()], classes


def table_faults(path, packet):
    """As many rows as there are incidents, each as long as the head, and the same machines and controls in the same order."""
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = list(csv.reader(file, strict=True))
    incidents = packet["incidents"]
    if len(rows) != len(incidents):
        return [f"{path}: {len(rows)} rows, and {len(incidents)} incidents in packet.json"]
    faults = [f"{path}: row {n} has {len(row)} cells" for n, row in enumerate(rows, 1) if len(row) != len(head)]
    told = [(row[head.index("host")], row[head.index("control")]) for row in rows]
    if told != [(one["host"], one["control"]) for one in incidents]:
        faults.append(f"{path}: its rows are not the incidents of packet.json")
    return faults


def reference_faults(path):
    """trestle lets a finding refer to an observation that is not there."""
    (document,) = json.loads(path.read_text("utf-8")).values()
    faults = []
    for part in document.get("results", [document]):
        there = {one["uuid"] for one in part.get("observations", [])}
        for one in part.get("findings", []) + part.get("poam-items", []):
            meant = {related["observation-uuid"] for related in one.get("related-observations", [])}
            if meant - there or not meant:
                faults.append(f"{path}: {one['title']} refers to observations {sorted(meant)}, of which there are {len(meant & there)}")
    return faults


def own_faults(event):
    """Spoilt events have to be found: otherwise this looks at nothing."""
    spoils = {
        "a class of another kind": lambda e: e.update(class_uid=2004),
        "a type that is not its class and activity": lambda e: e.update(type_uid=e["type_uid"] + 1),
        "no severity": lambda e: e.pop("severity_id"),
        "no product": lambda e: e["metadata"].pop("product"),
        "a time in words": lambda e: e.update(time="yesterday"),
        "null for a value": lambda e: e.update(message=None),
    }
    faults = []
    for what, spoil in spoils.items():
        spoilt = json.loads(json.dumps(event))
        spoil(spoilt)
        if not event_faults(spoilt):
            faults.append(f"an event that was spoilt ({what}) is let through")
    return faults


def look(directory):
    """Every packet below it."""
    faults, classes, packets = [], set(), sorted(directory.glob("*/packet.json"))
    for place in packets:
        scene = place.parent
        of_scene, seen = events_faults(scene / "ocsf.ndjson")
        classes |= seen
        faults += of_scene + table_faults(scene / "incidents.csv", json.loads(place.read_text("utf-8")))
        for model in ("assessment-results", "plan-of-action-and-milestones"):
            if (scene / f"{model}.json").exists():
                faults += reference_faults(scene / f"{model}.json")
    if not packets:
        faults.append(f"{directory}: no packet.json below it")
    elif classes != set(CLASSES):
        faults.append(f"{directory}: events of the classes {sorted(map(str, classes))}, and not of both")
    else:
        first = (packets[0].parent / "ocsf.ndjson").read_text("utf-8").splitlines()[0]
        faults += own_faults(json.loads(first))
    return faults


def spoil(how, directory):
    """The largest assessment results, altered: it has several observations."""
    path = max(directory.glob("*/assessment-results.json"), key=lambda path: path.stat().st_size)
    document = json.loads(path.read_text("utf-8"))
    result = document["assessment-results"]["results"][0]
    if how == "state":
        result["findings"][0]["target"]["status"]["state"] = "perhaps"
    elif how == "uuid":
        del result["observations"][0]["uuid"]
    elif how == "twice":
        result["observations"][0]["uuid"] = result["observations"][1]["uuid"]
    else:
        raise ValueError(how)
    return json.dumps(document)


def main():
    if sys.argv[1] == "spoil":
        print(spoil(sys.argv[2], pathlib.Path(sys.argv[3])))
        return 0
    faults = look(pathlib.Path(sys.argv[2]))
    for fault in faults:
        print(f"e2e/oscal/look.py: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
