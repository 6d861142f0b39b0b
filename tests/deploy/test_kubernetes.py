"""The manifests for Kubernetes: valid by its own schemas, and of one piece."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

validate = pytest.importorskip("kubernetes_validate")
yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
VERSIONS = ("1.30", "1.32")
KUSTOMIZATION = "kustomization.yaml"


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.name != KUSTOMIZATION:
            for document in yaml.safe_load_all(path.read_text()):
                yield f"{path.name}:{document['kind']}/{document['metadata']['name']}", document


ALL = dict(documents())
WORKLOADS = {name: one for name, one in ALL.items() if one["kind"] == "Deployment"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ALL)
def test_every_manifest_is_valid(name: str, version: str) -> None:
    validate.validate(ALL[name], version, strict=True)


def test_a_wrong_manifest_is_not() -> None:
    wrong = {**ALL["server.yaml:Deployment/server"], "spec": {"template": {}}}
    with pytest.raises(validate.ValidationError):
        validate.validate(wrong, VERSIONS[-1], strict=True)


def test_all_files_are_applied() -> None:
    applied = set(yaml.safe_load((FOLDER / KUSTOMIZATION).read_text())["resources"])
    assert applied == {path.name for path in FOLDER.glob("*.yaml")} - {KUSTOMIZATION}


def of(kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in ALL.values() if one["kind"] == kind}


@pytest.mark.parametrize("name", WORKLOADS)
def test_nothing_runs_as_root_or_without_bounds(name: str) -> None:
    pod = WORKLOADS[name]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in pod["containers"]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert {"requests", "limits"} <= container["resources"].keys()


@pytest.mark.parametrize("name", ["server", "julia-worker"])
def test_who_serves_grpc_is_probed_by_its_health(name: str) -> None:
    (container,) = of("Deployment")[name]["spec"]["template"]["spec"]["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        told = container[probe]
        command = told.get("exec", {}).get("command", [])
        assert told.get("grpc", {}).get("port") == 50051 or command[:2] == ["adglot", "health"]


def test_what_is_scaled_and_selected_is_there() -> None:
    deployments = of("Deployment")
    for scaler in of("HorizontalPodAutoscaler").values():
        target = deployments[scaler["spec"]["scaleTargetRef"]["name"]]
        assert "replicas" not in target["spec"], "the autoscaler says how many"
    labels = [d["spec"]["template"]["metadata"]["labels"] for d in deployments.values()]
    for service in of("Service").values():
        assert service["spec"]["selector"] in labels
    for deployment in deployments.values():
        selector = deployment["spec"]["selector"]["matchLabels"]
        assert selector == deployment["spec"]["template"]["metadata"]["labels"]


def test_images_are_targets_of_the_dockerfile() -> None:
    text = (ROOT / "Dockerfile").read_text()
    for deployment in WORKLOADS.values():
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            assert f" AS {container['image'].removeprefix('adglot/')}\n" in text


def test_settings_are_options_of_the_server() -> None:
    from adglot_server.cli import serve

    known = {f"ADGLOT_SERVE_{(p.name or '').upper()}" for p in serve.params}
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    told = [set(service.get("environment", {})) for service in compose]
    for deployment in WORKLOADS.values():
        containers = deployment["spec"]["template"]["spec"]["containers"]
        told += [{entry["name"] for entry in one.get("env", [])} for one in containers]
    wanted = {name for names in told for name in names if name.startswith("ADGLOT_SERVE_")}
    assert wanted
    assert wanted <= known
