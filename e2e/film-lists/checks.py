"""Holds the reports of both imports, and what queries answer, to what is known of the lists: checks.py FOLDER URL PROFILE."""

import json
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

folder, url, profile = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
PATIENCE_S = 120


def report(name):
    return json.loads((folder / name).read_text())


def lines(name):
    path = folder / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def get(path):
    with urllib.request.urlopen(url + path) as answer:
        return json.loads(answer.read())


def holds(what, told):
    assert what, told


def accounted(reported, read):
    holds(reported["read"] == read, reported)
    holds(reported["open"] == 0, reported)
    holds(reported["accepted"] + reported["refused"]["records"] == read, reported)


def repeated(first, again):
    """The same list again changes nothing."""
    holds(again["new"] == 0 and again["there"] == first["accepted"], again)
    for part in ("repaired", "left_out", "refused"):
        holds(first[part] == again[part], part)


def movie(title, year):
    """The one movie of the first list, which knows no ids, of a title whose premiere is in a year."""
    quoted = urllib.parse.quote(title)
    found = [
        one for one in get(f"/movies?q={quoted}&limit=100")["items"]
        if one["title"] == title and (one["premiere_date"] or "").startswith(year) and not one["external_ids"]
    ]
    holds(len(found) == 1, f"{title} {year}: {found}")
    return found[0]


vega, vega_again = report("vega.json.first.json"), report("vega.json.again.json")
bokeh, bokeh_again = report("bokeh.csv.first.json"), report("bokeh.csv.again.json")
accounted(vega, 3201)
accounted(bokeh, 17472)
# What was sent before the import was killed is there, and not sent again.
holds(bokeh["there"] >= 1000 if profile == "debug" else bokeh["there"] == 0, bokeh)
repeated(vega, vega_again)
repeated(bokeh, bokeh_again)

# Of the first list one record has no title.
holds(vega["refused"]["by_rule"] == {"title-missing": 1}, vega["refused"])
repaired = vega["repaired"]["by_rule"]
holds(repaired["number-as-title"] == 9, repaired)
holds(repaired["two-digit-year"] == 22, repaired)
holds(repaired["encoding"] == 18, repaired)
# One of the 94 is in the record without a title.
holds(repaired["unrated"] == 93, repaired)
holds(repaired["date-words"] == 3200, repaired)
holds(repaired["article-last"] == 4 and repaired["year-in-title"] == 3, repaired)
holds(repaired["year-only"] == 87 and repaired["whitespace"] == 2, repaired)
holds(vega["left_out"]["rating-unknown"] == 2, vega["left_out"])

# Of the second, every record has a title, and two ids stand at two movies each.
holds(bokeh["refused"]["records"] == 0, bokeh["refused"])
holds(bokeh["left_out"]["external-id-of-another"] == 2, bokeh["left_out"])
holds(bokeh["repaired"]["by_rule"] == {"year-only": 11468, "name-suffix": 156, "whitespace": 3}, bokeh["repaired"])
holds(bokeh["left_out"]["language-unknown"] == 36 and bokeh["left_out"]["country-unknown"] == 2, bokeh["left_out"])

for name, reported in (("vega.json", vega), ("bokeh.csv", bokeh)):
    holds(len(lines(f"{name}.refused.jsonl")) == reported["refused"]["records"], name)
    changes = lines(f"{name}.changes.jsonl")
    told = sum(reported["repaired"]["by_rule"].values()) + sum(reported["left_out"].values())
    holds(len(changes) == told, f"{name}: {len(changes)} of {told}")
    if profile == "release":
        per_second = reported["new"] / reported["seconds"]
        holds(per_second >= 1000, f"{name}: {per_second:.0f} movies a second")

# The read model follows.
deadline = time.monotonic() + PATIENCE_S
while True:
    behind = get("/projections/movies")
    if behind["lag_events"] == 0:
        break
    holds(time.monotonic() < deadline, behind)
    time.sleep(0.2)

# One event for each movie that is accepted: nothing is doubled.
holds(get("/event-store")["head"] == vega["accepted"] + bokeh["accepted"], get("/event-store"))

holds(movie("Wings", "1927")["premiere_date"] == "1927-08-12", "a year of two digits")
holds(movie("King Kong", "1933")["premiere_date"] == "1933-04-07", "a year in the title")
holds(movie("Léon", "1994")["title"] == "Léon", "an encoding")
holds(movie("1776", "1972")["title"] == "1776", "a number")
alien = get("/movies?external_id=imdb:tt0078788")["items"]
holds([one["title"] for one in alien] == ["Apocalypse Now"], alien)
shown = get("/movies/imdb-tt1675434")
holds(shown["title"] == "The Intouchables" and shown["premiere_date"] == "2011", shown)
holds(shown["ratings"] == [{"scheme": "mpa", "value": "R"}] and shown["age_rating"] is None, shown)
holds(shown["languages"] == ["fr"] and shown["countries"] == ["FR"], shown)
holds({"name": "Omar Sy", "role": "actor"} in shown["credits"], shown["credits"])
print("both lists are imported as they should be")
