"""The examples of deploying: files that parse, and whose commands, options and names are ours."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray_cluster import installed
from script import ROOT

yaml = pytest.importorskip("yaml")
DEPLOY = ROOT / "examples" / "deploy"
SANDBOX = str(Path(sys.executable).with_name("sandbox"))


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


@pytest.fixture
def compose() -> dict[str, Any]:
    (document,) = documents("compose.yaml")
    return document


def accepted(*words: str) -> None:
    """Hold a command line against the program's own parser, without running it."""
    done = subprocess.run([SANDBOX, *words, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_image_starts_a_server_from_files_that_are_there() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    (extras,) = re.findall(r"'\.\[([\w,]+)\]'", text)
    known = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(extras.split(",")) <= set(known)
    assert (ROOT / "constraints.txt").is_file()
    entry, command = (re.findall(rf"^{word} (\[.*\])$", text, re.MULTILINE) for word in ("ENTRYPOINT", "CMD"))
    words = [*yaml.safe_load(entry[0]), *yaml.safe_load(command[0])]
    assert words[0] == "sandbox"
    accepted(*words[1:])


def test_a_login_shell_in_the_image_finds_the_programs_too() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    (path,) = re.findall(r"^ENV (PATH=\S+)$", text, re.MULTILINE)
    assert f"echo '{path}' > /etc/profile.d/" in text


def test_the_image_s_files_are_all_that_the_package_is_built_from() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "*"
    taken = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert {path for path in taken if not (ROOT / path).exists()} == set()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"]}
    assert needed | {"pyproject.toml", "constraints.txt"} <= taken


def test_compose_s_server_is_the_image_s(compose: dict[str, Any]) -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    (port,) = re.findall(r"^EXPOSE (\d+)$", text, re.MULTILINE)
    assert f'"--port", "{port}"' in text
    for name in ("serve", "serve-own"):
        assert compose["services"][name]["build"] == compose["services"]["serve"]["build"], "each profile stands alone"
        assert compose["services"][name]["ports"][0].endswith(f":{port}")
    assert f"127.0.0.1:{port}/healthz" in str(compose["services"]["serve"]["healthcheck"])
    build = compose["services"]["serve"]["build"]
    assert set(build["args"]) == set(re.findall(r"^ARG (\w+)", text, re.MULTILINE))
    (default,) = re.findall(r"^ARG BASE=(.+)$", text, re.MULTILINE)
    assert build["args"]["BASE"] == f"${{BASE:-{default}}}"
    (user,) = re.findall(r"--uid (\d+)", text)
    (cluster, *_) = documents("kuberay.yaml")
    containers = cluster["spec"]["workerGroupSpecs"][0]["template"]["spec"]["containers"]
    (beside,) = [one for one in containers if one["name"] == "engine"]
    engine = compose["services"]["engine"]
    assert engine["command"] == beside["args"]
    assert {f"--group={user}", f"--host={compose['services']['serve-own']['environment']['DOCKER_HOST']}"} <= set(
        engine["command"]
    )


def test_compose_gives_each_service_an_image_and_names_only_what_it_defines(compose: dict[str, Any]) -> None:
    services, volumes = compose["services"], set(compose["volumes"])
    for service in services.values():
        assert service["image"]
        assert set(service.get("depends_on", {})) <= set(services)
        mounted = {volume.split(":")[0] for volume in service.get("volumes", [])}
        assert {name for name in mounted if not name.startswith("/")} <= volumes
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
    build = services["serve"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    assert "/var/run/docker.sock" not in str(services["serve-own"])


def test_the_worker_asks_for_as_many_cores_as_it_has_boxes() -> None:
    cluster, *_ = documents("kuberay.yaml")
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    assert f"ray=={cluster['spec']['rayVersion']}\n" in (ROOT / "constraints.txt").read_text(encoding="utf-8")
    (workers,) = cluster["spec"]["workerGroupSpecs"]
    boxes = re.search(r'"boxes": (\d+)', yaml.safe_load(workers["rayStartParams"]["resources"]))
    assert boxes is not None
    containers = {one["name"]: one for one in workers["template"]["spec"]["containers"]}
    assert containers["engine"]["resources"]["limits"]["cpu"] == boxes[1] == workers["rayStartParams"]["num-cpus"]
    volumes = {one["name"] for one in workers["template"]["spec"]["volumes"]}
    for container in containers.values():
        assert {one["name"] for one in container["volumeMounts"]} <= volumes


def test_the_server_in_kubernetes_is_started_as_our_command_line_has_it() -> None:
    cluster, deployment, service = documents("kuberay.yaml")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    accepted(*container["args"])
    assert f"ray://{cluster['metadata']['name']}-head-svc:10001" in container["args"]
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]


@pytest.mark.skipif(not installed(), reason="Ray is not installed")
def test_the_options_for_ray_are_ray_s() -> None:
    cluster, *_ = documents("kuberay.yaml")
    given = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    wanted = {f"--{name}" for group in given for name in group["rayStartParams"]}
    wanted |= {
        word
        for line in commands("ray start")
        for word in line[line.index("ray start") :].split()
        if word.startswith("--")
    }
    told = subprocess.run(
        [sys.executable, "-m", "ray.scripts.scripts", "start", "--help"], capture_output=True, text=True, check=True
    )
    assert {option for option in wanted if option not in told.stdout} == set()


def test_the_script_for_slurm_is_bash_and_calls_us_as_our_command_line_has_it() -> None:
    subprocess.run([shutil.which("bash") or "bash", "-n", DEPLOY / "slurm.sh"], check=True)
    (line,) = commands("sandbox score")
    accepted(*line.replace('"', "").replace("$samples", __file__).split()[1:])


def commands(name: str) -> Iterator[str]:
    text = (DEPLOY / "slurm.sh").read_text(encoding="utf-8").replace("\\\n", "")
    called = re.compile(rf"^(srun .* )?{name} ")
    return (line.strip() for line in text.splitlines() if called.search(line.strip()))
