"""Lighthouse on the phone's start page of a running demo, signed in; writes the figures into docs/phone.md.

    python3 bench/phone.py [path]      # EMBERWATCH_BINARY and CHROME_PATH name others than usual
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request
from http.cookiejar import CookieJar

import server

LIGHTHOUSE = "lighthouse@12.8.2"
CATEGORIES = ("performance", "accessibility", "best-practices")
RUNS = 3
PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "phone.md"
BEGIN, END = "<!-- lighthouse -->", "<!-- /lighthouse -->"
DETECTORS = "150"


def demo(data):
    """A demo on free ports; gives the process, its address and the first account's one-time password."""
    http = server.free_port()
    command = [str(server.BINARY), "demo", "--detectors", DETECTORS, "--set", f"data.dir={data}"]
    command += ["--set", f"http.listen=127.0.0.1:{http}"]
    for door in ("field", "gb26875", "mqtt", "ingest", "coap", "coaps"):
        command += ["--set", f"{door}.listen=127.0.0.1:0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    password = None
    for line in process.stdout:
        password = password or next(iter(re.findall(r"one-time password: (\S+)", line)), None)
        if line.startswith("ready:"):
            return process, f"http://127.0.0.1:{http}", password
    raise SystemExit("the demo ended before it was ready")


def session(address, once):
    """Signs in for good; gives the cookie."""
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def post(path, body, token=None):
        headers = {"content-type": "application/json"} | ({"x-csrf-token": token} if token else {})
        request = urllib.request.Request(f"{address}/api/v1{path}", json.dumps(body).encode(), headers)
        with opener.open(request) as answer:
            return json.loads(answer.read() or b"null")

    first = post("/session", {"login": "admin", "password": once})
    change = {"old_password": once, "new_password": server.PASSWORD}
    post("/session/password", change, first["csrf_token"])
    post("/session", {"login": "admin", "password": server.PASSWORD})
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def measure(url, cookie, folder):
    """One report of Lighthouse's own phone: 412x823, slow 4G, a processor four times slower."""
    headers, out = folder / "headers.json", folder / "report.json"
    headers.write_text(json.dumps({"cookie": cookie}))
    command = ["npx", "--yes", LIGHTHOUSE, url, f"--only-categories={','.join(CATEGORIES)}", "--quiet"]
    command += [f"--extra-headers={headers}", "--output=json", f"--output-path={out}"]
    command += ["--chrome-flags=--headless=new --no-sandbox --disable-gpu"]
    env = os.environ | {"CHROME_PATH": os.environ.get("CHROME_PATH", "/usr/bin/chromium")}
    subprocess.run(command, check=True, env=env)
    return json.loads(out.read_text())


def costs(report):
    """What takes points away, heaviest first."""
    for category in CATEGORIES:
        for one in report["categories"][category]["auditRefs"]:
            audit = report["audits"][one["id"]]
            if one["weight"] > 0 and audit["score"] is not None and audit["score"] < 0.9:
                yield one["weight"] * (1 - audit["score"]), category, audit["title"], audit.get("displayValue", "")


def table(report, path):
    audits = report["audits"]
    value = {name: audits[name]["displayValue"] for name in ("first-contentful-paint", "largest-contentful-paint",
             "total-blocking-time", "cumulative-layout-shift", "speed-index")}
    scores = [round(report["categories"][name]["score"] * 100) for name in CATEGORIES]
    return "\n".join([
        BEGIN,
        f"| page | {' | '.join(CATEGORIES)} | first paint | largest paint | blocked | shift | speed index |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        f"| `{path}` | {' | '.join(map(str, scores))} | {' | '.join(value.values())} |",
        END,
    ]).replace("\u00a0", " ")


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "/"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        process, address, once = demo(folder / "data")
        try:
            cookie = session(address, once)
            reports = [measure(address + path, cookie, folder) for _ in range(RUNS)]
        finally:
            process.terminate()
            process.wait(20)
    reports.sort(key=lambda report: report["categories"]["performance"]["score"])
    middle = reports[RUNS // 2]
    for points, category, title, shown in sorted(costs(middle), reverse=True):
        print(f"{points:5.1f}  {category}: {title} {shown}")
    text = PAGE.read_text()
    PAGE.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: table(middle, path), text, flags=re.S))
    print(table(middle, path))


if __name__ == "__main__":
    main()
