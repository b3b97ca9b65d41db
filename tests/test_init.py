"""`init` writes what a site begins with, and the wheel carries all of it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from click.testing import CliRunner

from exporter.cli.exit_codes import EXIT_CANNOT_RUN
from exporter.cli.init import kit
from exporter.cli.main import main

ROOT = Path(__file__).parent.parent


def run(*words):
    return CliRunner().invoke(main, words)


def test_a_folder_gets_a_site_file_that_is_right_and_all_that_goes_with_it(tmp_path):
    done = run("init", str(tmp_path / "new"))
    assert done.exit_code == 0
    written = {
        str(f.relative_to(tmp_path / "new"))
        for f in (tmp_path / "new").rglob("*")
        if f.is_file()
    }
    assert written == {*kit()}
    assert {"connectivity.yaml", "alerts/connectivity.alerts.yml"} <= written
    assert {
        "dashboards/overview.json",
        "systemd/connectivity-exporter.service",
        "systemd/connectivity-watch@.timer",
    } <= written
    assert (
        run("validate", "--config", str(tmp_path / "new/connectivity.yaml")).exit_code
        == 0
    )


def test_what_is_there_is_left_as_it_is(tmp_path):
    mine = tmp_path / "connectivity.yaml"
    mine.write_text("mine")
    done = run("init", str(tmp_path))
    assert f"kept   {mine}" in done.output
    assert mine.read_text() == "mine"
    again = run("init", str(tmp_path)).output
    assert "wrote" not in again


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "alerts").write_text("a file")
    done = run("init", str(tmp_path))
    assert done.exit_code == EXIT_CANNOT_RUN
    assert "alerts" in done.output
    assert "Traceback" not in done.output


def test_the_wheel_carries_every_file():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    carried = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for name, source in kit().items():
        inside = source.relative_to(ROOT)
        places = {
            (Path(there) / inside.relative_to(here))
            for here, there in carried.items()
            if inside.is_relative_to(here)
        }
        assert places == {Path("exporter/kit") / name}
