"""docker-compose.yml: valid, hardened, and every file, module and address it names exists."""

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from aquatrade.config_check import check
from docker.make_secrets import FILES
from docker.write_metadata import write_metadata
from lint.generated_files import generated_files
from sidecars.confluence.settings import ConfluenceSettings

REPOSITORY = Path(__file__).resolve().parents[2]
COMPOSE = REPOSITORY / "docker-compose.yml"
CONFIGS = REPOSITORY / "user_data" / "config"
CONTENT: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
SERVICES: dict[str, dict[str, Any]] = CONTENT["services"]
# Services that stay up; `freqtrade` is started by hand and ends by itself.
STANDING = sorted(name for name, service in SERVICES.items() if service["restart"] != "no")


def test_the_file_follows_the_compose_specification() -> None:
    result = subprocess.run(
        [
            sys.executable, "-m", "check_jsonschema",
            "--builtin-schema", "vendor.compose-spec", str(COMPOSE),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_is_hardened_and_its_log_bounded(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert "privileged" not in service
    assert service.get("network_mode", "") != "host"


@pytest.mark.parametrize("name", STANDING)
def test_every_standing_service_restarts_and_has_a_health_check(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["healthcheck"]["retries"] >= 3


def test_only_loopback_is_published() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    for port in published:
        assert re.fullmatch(r"127\.0\.0\.1:\d{4,5}:\d{4,5}", port), port
    hosts = [port.split(":")[1] for port in published]
    assert len(set(hosts)) == len(hosts)


def test_every_mounted_file_exists_and_code_is_read_only() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source, target, *flags = volume.split(":")
            if source.startswith("./"):
                assert (REPOSITORY / source).exists(), f"{name}: {source}"
                if source != "./user_data":
                    assert flags == ["ro"], f"{name}: {volume}"
            else:
                assert source in CONTENT["volumes"], f"{name}: {source}"
            assert target.startswith("/")


def test_bots_cannot_write_what_they_run_on() -> None:
    for name in ("bot-dip", "bot-dip-replay"):
        volumes = SERVICES[name]["volumes"]
        for folder in ("strategies", "config"):
            assert f"./user_data/{folder}:/freqtrade/user_data/{folder}:ro" in volumes


def test_secrets_are_files_that_make_secrets_makes() -> None:
    files = {name: Path(secret["file"]).name for name, secret in CONTENT["secrets"].items()}
    assert sorted(files.values()) == sorted(FILES)
    used = {name for service in SERVICES.values() for name in service.get("secrets", [])}
    assert used == set(files)
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if re.search(r"TOKEN|SECRET|PASSWORD|KEY", key):
                assert key.endswith("_FILE"), f"{key} is a secret in the environment"
                assert value.removeprefix("/run/secrets/") in files


def test_sidecars_run_modules_that_exist_and_that_the_image_holds() -> None:
    dockerfile = (REPOSITORY / "docker" / "sidecars.Dockerfile").read_text()
    assert "COPY sidecars /app/sidecars" in dockerfile
    assert re.search(r"^USER sidecar$", dockerfile, re.MULTILINE)
    started = [service for service in SERVICES.values() if "build" in service]
    assert started
    for service in started:
        assert (REPOSITORY / service["build"]["dockerfile"]).is_file()
        module = service["command"][0]
        assert importlib.util.find_spec(f"{module}.__main__") is not None, module
        assert "--help" in _help(module)


def _help(module: str) -> str:
    result = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return result.stdout


def test_every_option_of_the_replay_exchange_is_one_it_has() -> None:
    known = set(re.findall(r"--[a-z-]+", _help("sidecars.replay")))
    used = {part for part in SERVICES["replay"]["command"] if part.startswith("--")}
    assert used <= known


@pytest.mark.parametrize("name", ["confluence", "confluence-replay"])
def test_the_score_sidecar_reads_a_config_that_it_accepts(name: str) -> None:
    command = SERVICES[name]["command"]
    assert command[1:] == ["serve", "-c", "/config/confluence.json"]
    mounted = [v for v in SERVICES[name]["volumes"] if v.endswith(":/config/confluence.json:ro")]
    assert len(mounted) == 1
    file = REPOSITORY / mounted[0].split(":")[0]
    settings = ConfluenceSettings.model_validate_json(file.read_text())
    assert settings.database_url.startswith("sqlite:////data/")
    assert any(v.endswith(":/data") for v in SERVICES[name]["volumes"])
    # Alone in its container it must be reachable; beside the replay exchange it need not.
    shares_network = "network_mode" in SERVICES[name]
    assert settings.host == ("127.0.0.1" if shares_network else "0.0.0.0")
    assert f"127.0.0.1:{settings.port}/health" in SERVICES[name]["healthcheck"]["test"][-1]


def test_generated_files_are_what_the_code_makes() -> None:
    for path, content in generated_files(REPOSITORY).items():
        same = (REPOSITORY / path).read_text() == content
        assert same, f"{path} is not up to date: run python -m lint.generated_files"


def test_scores_cover_the_pairs_that_are_traded() -> None:
    scored = json.loads((REPOSITORY / "docker" / "confluence.json").read_text())["pairs"]
    traded = json.loads((CONFIGS / "bot-dip.json").read_text())["exchange"]["pair_whitelist"]
    assert scored == traded


def test_a_bot_never_waits_for_scores_to_be_healthy() -> None:
    for name in ("bot-dip", "bot-dip-replay"):
        conditions = {
            other: need["condition"] for other, need in SERVICES[name]["depends_on"].items()
        }
        scores = next(other for other in conditions if other.startswith("confluence"))
        assert conditions[scores] == "service_started"
        assert all(other in SERVICES for other in conditions)
    assert SERVICES["bot-dip-replay"]["depends_on"]["replay"]["condition"] == "service_healthy"


def test_the_replay_profile_shares_one_network() -> None:
    profile = [name for name, service in SERVICES.items() if service.get("profiles") == ["replay"]]
    assert sorted(profile) == ["bot-dip-replay", "confluence-replay", "replay"]
    for name in set(profile) - {"replay"}:
        assert SERVICES[name]["network_mode"] == "service:replay"
        assert "ports" not in SERVICES[name]


def test_hyperopt_workers_and_bots_find_the_package() -> None:
    for name in ("freqtrade", "bot-dip", "bot-dip-replay"):
        path = SERVICES[name]["environment"]["PYTHONPATH"]
        assert path == "/freqtrade/user_data/strategies"
        assert SERVICES[name]["image"] == "freqtradeorg/freqtrade:2026.9"


def test_the_image_of_the_bot_is_the_freqtrade_of_the_pins() -> None:
    assert "freqtrade==2026.9\n" in (REPOSITORY / "constraints.txt").read_text()


@pytest.mark.parametrize("name", ["bot-dip", "bot-dip-replay"])
def test_a_bots_environment_gives_a_config_that_is_accepted(name: str, tmp_path: Path) -> None:
    environment = {
        key: value for key, value in SERVICES[name]["environment"].items()
        if key.startswith("FREQTRADE__")
    }  # fmt: skip
    mode = re.sub(r"\$\{\w+:-(.*)\}", r"\1", SERVICES[name]["environment"]["AQUATRADE_MODE"])
    secret = tmp_path / "bot"
    secret.write_text(FILES["bot.json"](tmp_path))
    layers = ["base", "exchange-binance", f"mode-{mode}", "bot-dip", "api-server"]
    checked = check([*(CONFIGS / f"{layer}.json" for layer in layers), secret], environment)
    assert checked.config["api_server"]["listen_ip_address"] == "0.0.0.0"
    assert checked.mode == {"bot-dip": "paper", "bot-dip-replay": "replay"}[name]


def test_every_variable_of_the_compose_file_is_in_the_example() -> None:
    example = (REPOSITORY / ".env.example").read_text()
    for variable in set(re.findall(r"\$\{(\w+)", COMPOSE.read_text())):
        assert re.search(rf"^{variable}=", example, re.MULTILINE), variable


def test_the_image_gets_what_its_build_copies_and_nothing_else() -> None:
    dockerfile = (REPOSITORY / "docker" / "sidecars.Dockerfile").read_text()
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    }
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    let_through = {line[1:].rstrip("/") for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert copied == let_through
    assert all((REPOSITORY / source).exists() for source in copied)


def test_the_image_knows_the_version_of_the_project(tmp_path: Path) -> None:
    made = write_metadata(REPOSITORY / "pyproject.toml", tmp_path)
    found = importlib.metadata.Distribution.at(made)
    assert (found.metadata["Name"], found.version) == ("aquatrade", version("aquatrade"))
    dockerfile = (REPOSITORY / "docker" / "sidecars.Dockerfile").read_text()
    assert "write_metadata.py /build/pyproject.toml /app" in dockerfile
