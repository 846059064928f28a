"""Makes the first account of a hub that has just started, something to look at, and two keys with every right; prints them for a shell."""

import json
import sys
import urllib.request

with open(sys.argv[1], encoding="utf-8") as lines:
    events = [json.loads(line)["event"] for line in lines]
link = next(event["first_run"]["link"] for event in events if "first_run" in event)
url, secret = link.split("/join#")


def ask(path, body, session=None):
    headers = {"Content-Type": "application/json"}
    if session:
        headers["Authorization"] = f"Bearer {session}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data=data, headers=headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


session = ask("/api/v1/join", {"secret": secret, "person": "ada", "password": "a password of a test"})["session"]
document = ask("/api/v1/openapi.json", None, session)
rights = document["components"]["schemas"]["Right"]["enum"]
ask("/api/v1/tenants", {"tenant": "a"}, session)
ask("/api/v1/tenants/a/sites", {"site": "main"}, session)
ask("/api/v1/tenants/a/sites/main/enrolments", {}, session)
new = {"reach": "everywhere", "rights": rights, "days": 1}
print(f"url={url}")
for name in ["main", "spare"]:
    print(f"{name}_key={ask('/api/v1/me/keys', new, session)['key']}")
