"""Writes the movies of bokeh-sampledata's SQLite file as CSV: to_csv.py WHEEL CSV."""

import csv
import sqlite3
import sys
import tempfile
import zipfile
from pathlib import Path

wheel, target = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    with zipfile.ZipFile(wheel) as packed:
        path = packed.extract("bokeh_sampledata/_data/movies.db", folder)
    rows = sqlite3.connect(path).execute("SELECT * FROM omdb ORDER BY rowid")
    unfinished = Path(target + ".part")
    with unfinished.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow([column[0] for column in rows.description])
        writer.writerows(rows)
    unfinished.rename(target)
