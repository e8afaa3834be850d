"""Files of readings, opened by programs that nobody here wrote: csv, openpyxl, DuckDB."""

import csv
import datetime
import io
import json
import subprocess
import time
import urllib.request

import duckdb
import openpyxl
import pytest

SERIAL = "EXPORT-0001"
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def detector(server):
    """A detector with an hour of readings, one a minute, that ended an hour ago."""
    organisation = server.api.get("/organisations")[0]["id"]
    made = server.api.post("/terminals", {
        "serial": SERIAL, "protocol": "telemetry",
        "detectors": [{
            "profile_id": "telemetry-generic", "name": "=HYPERLINK(1)",
            "new_site": {"name": "出口,市场", "address": "", "area_code": "430202", "organisation_id": organisation,
                         "premises_kind": "market", "lon": 113.15, "lat": 27.85, "zone": "Asia/Shanghai"},
            "new_panel": {"name": "P1"},
            "new_circuit": {"name": "C1", "rated_current_a": 63, "phases": 3},
        }],
    })
    token = server.api.post(f"/terminals/{made['terminal_id']}/credentials", {"kind": "token"})["secret"]
    begin = int(time.time() * 1000) // HOUR_MS * HOUR_MS - 2 * HOUR_MS
    for minute in range(60):
        message = {"v": 1, "at": begin + minute * 60_000, "values": {"residual": 20 + minute}}
        done = subprocess.run(
            ["curl", "--silent", "--fail", "--header", f"Authorization: Bearer {token}", "--data-binary", json.dumps(message),
             f"http://127.0.0.1:{server.doors['http']}/ingest/v1/terminals/{SERIAL}/readings"],
            capture_output=True, timeout=30, check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
    return {"id": made["detector_ids"][0], "begin": begin}


def export(server, detector, **more):
    begin = datetime.datetime.fromtimestamp(detector["begin"] / 1000, datetime.UTC)
    draft = {"detector_id": detector["id"], "from": begin.isoformat(),
             "to": (begin + datetime.timedelta(hours=1)).isoformat(), "language": "en", **more}
    made = server.api.post("/exports", draft)
    request = urllib.request.Request(f"{server.base}/api/v1/exports/{made['id']}/file")
    with server.api.opener.open(request, timeout=60) as answer:
        return answer.read()


def test_csv_is_read_by_a_csv_reader_and_runs_nothing(server, detector):
    rows = list(csv.DictReader(io.StringIO(export(server, detector).decode("utf-8-sig"))))
    assert len(rows) == 60
    first = rows[0]
    assert datetime.datetime.fromisoformat(first["Time (Asia/Shanghai)"]).timestamp() * 1000 == detector["begin"]
    assert first["Site"] == "出口,市场"
    assert first["Detector"] == "'=HYPERLINK(1)"
    value = next(title for title in first if title.endswith("(mA)"))
    assert [float(row[value]) for row in rows] == [20.0 + minute for minute in range(60)]
    assert {row["Quality"] for row in rows} == {"good"}


def test_a_workbook_is_read_by_openpyxl(server, detector):
    book = openpyxl.load_workbook(io.BytesIO(export(server, detector, format="xlsx")), read_only=True)
    rows = list(book["Readings"].iter_rows(values_only=True))
    assert len(rows) == 61
    local = datetime.datetime.fromtimestamp(detector["begin"] / 1000, datetime.timezone(datetime.timedelta(hours=8)))
    assert abs(rows[1][0] - local.replace(tzinfo=None)) < datetime.timedelta(milliseconds=1)
    assert rows[1][3] == "=HYPERLINK(1)", "a text, not a formula"
    place = next(at for at, title in enumerate(rows[0]) if title.endswith("(mA)"))
    assert [row[place] for row in rows[1:]] == [20 + minute for minute in range(60)]


def test_parquet_is_read_by_duckdb(server, detector, tmp_path):
    file = tmp_path / "readings.parquet"
    file.write_bytes(export(server, detector, format="parquet"))
    about = duckdb.sql(
        f"SELECT count(*), min(residual), max(residual), sum(residual), epoch_ms(min(time)), "
        f"any_value(site), any_value(quality) FROM '{file}'"
    ).fetchall()
    assert about == [(60, 20.0, 79.0, sum(20.0 + m for m in range(60)), detector["begin"], "出口,市场", "good")]
    columns = {key: value for _, key, value in duckdb.sql(f"SELECT * FROM parquet_kv_metadata('{file}')").fetchall()}
    described = json.loads(columns[b"emberwatch.columns"])
    assert next(one for one in described if one["column"] == "residual")["unit"] == "mA"


def test_steps_of_a_day_are_the_same_in_all_three(server, detector, tmp_path):
    rows = list(csv.reader(io.StringIO(export(server, detector, step="hour").decode("utf-8-sig"))))
    assert len(rows) == 2
    place = next(at for at, title in enumerate(rows[0]) if title.endswith("min (mA)"))
    least, mean, greatest, count = (float(cell) for cell in rows[1][place:place + 4])
    assert (least, mean, greatest, count) == (20.0, 49.5, 79.0, 60.0)
    file = tmp_path / "hours.parquet"
    file.write_bytes(export(server, detector, step="hour", format="parquet"))
    said = duckdb.sql(f"SELECT residual_min, residual_mean, residual_max, residual_count FROM '{file}'")
    assert said.fetchall() == [(20.0, 49.5, 79.0, 60.0)]
