"""compose.yaml and Grafana's provisioning name files, ports and each other rightly.

Nothing is started: every path must exist, every port be the one the others use.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.servers.process import binary

SERVICE = {
    *("build", "image", "command", "network_mode", "environment", "volumes", "restart"),
    *("security_opt", "read_only", "cap_drop"),
}
PROVIDER = {
    *("name", "folder", "type", "disableDeletion", "allowUiUpdates"),
    *("updateIntervalSeconds", "options"),
}
SOURCE = {
    *("name", "uid", "type", "access", "url", "isDefault", "editable", "jsonData"),
}
SETTINGS = {
    "prometheus": {"httpMethod", "timeInterval"},
    "alertmanager": {"implementation", "handleGrafanaManagedAlerts"},
}
"""Keys as compose and Grafana 10 to 13 spell them: they take no notice of others."""
ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
PROVISIONING = CONFIG / "grafana/provisioning"


def load(path):
    return yaml.safe_load(path.read_text())


@pytest.fixture
def services():
    return load(CONFIG / "compose.yaml")["services"]


def mounted(service, path):
    """The file in the repository that a path in a container is."""
    for volume in service["volumes"]:
        source, inside = volume.split(":")[:2]
        if source.startswith(".") and Path(path).is_relative_to(inside):
            return (CONFIG / source / Path(path).relative_to(inside)).resolve()
    return None


def option(service, name):
    (found,) = [a for a in service["command"] if a.startswith(f"--{name}=")]
    return found.partition("=")[2]


def listens(services):
    """Where each service listens, as host:port."""
    grafana = services["grafana"]["environment"]
    return {
        **{
            name: option(services[name], "web.listen-address")
            for name in ("exporter", "prometheus", "alertmanager")
        },
        "grafana": f"{grafana['GF_SERVER_HTTP_ADDR']}:{grafana['GF_SERVER_HTTP_PORT']}",
    }


def local(address):
    return address.replace("localhost", "127.0.0.1")


def test_every_mounted_path_is_in_the_repository(services):
    named = load(CONFIG / "compose.yaml")["volumes"]
    for name, service in services.items():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (CONFIG / source).resolve().exists(), f"{name}: {source}"
                assert volume.endswith(":ro"), f"{name}: {source}"
            else:
                assert source in named, f"{name}: {source}"


def test_the_exporter_is_built_from_the_dockerfile_and_reads_the_site_file(services):
    build = (CONFIG / services["exporter"]["build"]).resolve()
    dockerfile = (build / "Dockerfile").read_text()
    (inside,) = re.findall(r"COPY config/connectivity.yaml (\S+)", dockerfile)
    assert mounted(services["exporter"], inside) == CONFIG / "connectivity.yaml"
    assert 'ENTRYPOINT ["connectivity-exporter"]' in dockerfile
    assert services["exporter"]["command"][0] == "serve"


def test_everything_listens_on_this_host_only_and_nothing_clashes(services):
    addresses = list(listens(services).values())
    assert len(set(addresses)) == 4
    assert all(address.startswith("127.0.0.1:") for address in addresses)
    assert {service["network_mode"] for service in services.values()} == {"host"}


def test_prometheus_reads_its_configuration_and_finds_every_rule_file(services):
    prometheus = services["prometheus"]
    inside = Path(option(prometheus, "config.file"))
    file = mounted(prometheus, inside)
    assert file == CONFIG / "prometheus/prometheus.yml"
    for pattern in load(file)["rule_files"]:
        target = Path(pattern)
        path = target if target.is_absolute() else inside.parent / target
        parts = []
        for part in path.parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        here = mounted(prometheus, Path(*parts))
        assert here, f"{pattern} is not mounted"
        assert list(here.parent.glob(here.name)), f"{pattern} names no file"


def test_prometheus_scrapes_the_exporter_and_tells_the_alertmanager(services):
    config = load(CONFIG / "prometheus/prometheus.yml")
    scraped = {
        local(target)
        for job in config["scrape_configs"]
        for group in job.get("static_configs", ())
        for target in group["targets"]
    }
    told = {
        local(target)
        for one in config["alerting"]["alertmanagers"]
        for group in one["static_configs"]
        for target in group["targets"]
    }
    assert listens(services)["exporter"] in scraped
    assert told == {listens(services)["alertmanager"]}


def test_alertmanager_reads_its_configuration_and_templates(services):
    alertmanager = services["alertmanager"]
    inside = Path(option(alertmanager, "config.file"))
    file = mounted(alertmanager, inside)
    assert file == CONFIG / "alertmanager/alertmanager.yml"
    for pattern in load(file).get("templates", ()):
        here = mounted(alertmanager, inside.parent / pattern)
        assert list(here.parent.glob(here.name)), pattern


def test_grafana_asks_prometheus_and_alertmanager_where_they_listen(services):
    (file,) = (PROVISIONING / "datasources").glob("*.yml")
    urls = {one["type"]: urlsplit(one["url"]) for one in load(file)["datasources"]}
    for kind in ("prometheus", "alertmanager"):
        assert urls[kind].netloc == listens(services)[kind]


def test_keys_are_spelt_as_those_who_read_them_do(services):
    for service in services.values():
        assert set(service) <= SERVICE
    (file,) = (PROVISIONING / "dashboards").glob("*.yml")
    (provider,) = load(file)["providers"]
    assert (set(provider), set(provider["options"])) == (PROVIDER, {"path"})
    assert provider["type"] == "file"
    (file,) = (PROVISIONING / "datasources").glob("*.yml")
    for source in load(file)["datasources"]:
        assert set(source) <= SOURCE
        assert set(source["jsonData"]) == SETTINGS[source["type"]]
        assert source["access"] == "proxy"


def test_the_default_data_source_is_the_one_that_dashboards_choose_first(services):
    (file,) = (PROVISIONING / "datasources").glob("*.yml")
    sources = load(file)["datasources"]
    assert len({source["uid"] for source in sources}) == len(sources)
    assert [s["type"] for s in sources if s.get("isDefault")] == ["prometheus"]
    for board in (ROOT / "dashboards").glob("*.json"):
        first, *_ = json.loads(board.read_text())["templating"]["list"]
        assert (first["query"], first["current"]["value"]) == ("prometheus", "default")


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("exporter", (sys.executable, "-m", "exporter", "serve")),
        ("prometheus", ("prometheus",)),
        ("alertmanager", ("prometheus-alertmanager",)),
    ],
)
def test_programs_know_the_options_they_are_started_with(services, name, program):
    argv = [binary(program[0]), *program[1:], "--help"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)
    known = set(re.findall(r"--[a-z][\w.-]+", done.stdout + done.stderr))
    given = {a.partition("=")[0] for a in services[name]["command"] if a[:2] == "--"}
    assert given
    assert given <= known


def test_images_are_of_one_version_each(services):
    for name, service in services.items():
        if name != "exporter":
            assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])


def test_grafana_derives_its_windows_from_the_real_scrape_interval():
    (file,) = (PROVISIONING / "datasources").glob("*.yml")
    (source,) = [
        one for one in load(file)["datasources"] if one["type"] == "prometheus"
    ]
    config = load(CONFIG / "prometheus/prometheus.yml")
    intervals = {
        job.get("scrape_interval", config["global"]["scrape_interval"])
        for job in config["scrape_configs"]
        if job["job_name"].startswith("connectivity")
    }
    assert intervals == {source["jsonData"]["timeInterval"]}


def test_grafana_loads_the_dashboards_and_starts_with_the_overview(services):
    grafana = services["grafana"]
    assert mounted(grafana, "/etc/grafana/provisioning") == PROVISIONING
    (file,) = (PROVISIONING / "dashboards").glob("*.yml")
    (provider,) = load(file)["providers"]
    folder = mounted(grafana, provider["options"]["path"])
    assert {path.name for path in folder.glob("*.json")} == {
        "overview.json",
        "role.json",
        "rule.json",
        "exporter.json",
    }
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert mounted(grafana, home).name == "overview.json"
