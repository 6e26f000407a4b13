"""Holds the zones on standard input (see crates/time-zones/examples/changes.rs) to Python's tzdata."""

import sys
import zoneinfo
from datetime import datetime, timezone
from importlib import resources

import tzdata

DAY_S = 86_400
SHOWN_MAX = 20

begin, end = int(sys.argv[1]), int(sys.argv[2])
release = sys.stdin.readline().strip()
ours = {}
for line in sys.stdin:
    name, first, *changes = line.split()
    offsets = [(begin, int(first))]
    offsets += [tuple(int(number) for number in change.split("=")) for change in changes]
    ours[name] = offsets


def first_difference(name):
    """The first moment at which a zone of ours has another offset, looked for once a day and around each change."""
    zone = zoneinfo.ZoneInfo(name)

    def theirs(moment):
        return int(datetime.fromtimestamp(moment, timezone.utc).astimezone(zone).utcoffset().total_seconds())

    offsets = ours[name] + [(end, None)]
    for (since, offset), (until, _) in zip(offsets, offsets[1:]):
        for moment in [*range(since, until, DAY_S), until - 1]:
            if theirs(moment) != offset:
                return f"{name} at {datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%dT%H:%M:%SZ}: {offset} s, should be {theirs(moment)} s"
    return None


theirs = set((resources.files(tzdata) / "zones").read_text().split())
faults = [f"{name} is missing" for name in sorted(theirs - set(ours))]
faults += [f"{name} is in no release" for name in sorted(set(ours) - theirs)]
faults += filter(None, (first_difference(name) for name in sorted(theirs & set(ours))))
if release != tzdata.IANA_VERSION:
    faults.insert(0, f"the program has {release}, and {tzdata.IANA_VERSION} is out")

for fault in faults[:SHOWN_MAX]:
    print(fault)
if len(faults) > SHOWN_MAX:
    print(f"... and {len(faults) - SHOWN_MAX} more")
if faults:
    sys.exit(1)
print(f"{len(ours)} zones of {release} are those of tzdata {tzdata.__version__}")
