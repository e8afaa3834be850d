"""schemathesis walks the OpenAPI document: what the server answers must be what it describes, and nothing may be a 5xx."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_server_keeps_to_its_own_description(server, tmp_path):
    token = server.api.post("/tokens", {"name": "schemathesis", "role": "operator"})["token"]
    result = subprocess.run(
        [
            str(pathlib.Path(sys.executable).parent / "schemathesis"), "run", str(ROOT / "openapi" / "emberwatch.json"),
            "--url", server.base + "/api/v1", "--header", f"Authorization: Bearer {token}",
            "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
            "--exclude-path-regex", "/live$", "--max-examples", "15", "--phases", "examples,coverage,fuzzing",
            "--seed", "20261124", "--generation-database", "none", "--no-color",
        ],
        capture_output=True, text=True, timeout=900, cwd=tmp_path,
    )
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
