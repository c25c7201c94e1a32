"""A real local stack: Ray, both apps, the real sandbox, and a model that says what it was told to say.

Processes are killed with SIGKILL in mid-run; what was accepted must come to its end all the same.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from qlayer.app.settings import Settings
from qlayer.app.stack import EngineOptions, StackOptions, StackState, stack_status, start_stack, stop_stack
from qlayer.app.stack.ports import is_free
from qlayer.app.stack.state import load_state
from qlayer.errors import ConflictError

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

ANSWER = "```python\ndef add(a: int, b: int) -> int:\n    return a + b\n```\n"
SPEC = "def add(a: int, b: int) -> int\n\nAdd two numbers.\n\nadd(1, 2) == 3\n"
TOKEN_S = 0.2
"""Makes an answer last some seconds: time enough to be killed in the middle."""
LEASE_S = 5.0
PATIENCE_S = 300.0


@dataclass
class Up:
    settings: Settings
    state: StackState
    http: httpx.Client

    def replica(self, app: str) -> int:
        """Process id of the one running replica of this app."""
        headers = {"Authorization": f"Bearer {self.state.token_path.read_text()}"}
        answer = httpx.get(f"{self.state.dashboard_url}/api/serve/applications/", headers=headers, timeout=30)
        deployments = answer.json()["applications"][app]["deployments"].values()
        replicas = [replica for deployment in deployments for replica in deployment["replicas"]]
        [pid] = [replica["pid"] for replica in replicas if replica["state"] == "RUNNING"]
        return int(pid)

    def submit(self) -> str:
        answer = self.http.post("/generate", json={"text": SPEC})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def follow(self, run_id: str, on_text: Callable[[], None] = lambda: None) -> list[dict[str, object]]:
        """The durable events to the end, coming back after every broken connection, as a browser would."""
        events: list[dict[str, object]] = []
        deadline = time.monotonic() + PATIENCE_S
        while not events or events[-1]["body"]["kind"] != "finished":  # type: ignore[index]
            assert time.monotonic() < deadline, events
            try:
                self._follow_once(run_id, events, on_text)
            except httpx.TransportError:
                time.sleep(0.2)
        return events

    def _follow_once(self, run_id: str, events: list[dict[str, object]], on_text: Callable[[], None]) -> None:
        headers = {"Last-Event-ID": str(len(events))} if events else {}
        with self.http.stream("GET", f"/runs/{run_id}/events", headers=headers) as answer:
            for line in answer.iter_lines():
                if line == "event: text":
                    on_text()
                elif line.startswith("data: ") and '"seq"' in line:
                    events.append(json.loads(line.removeprefix("data: ")))


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"), model="qwen2.5-coder-0.5b", lease_ttl_s=LEASE_S
    )
    engine = EngineOptions(engine="fake", fake_answer=ANSWER, fake_token_s=TOKEN_S)
    begun = time.monotonic()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    state = start_stack(settings, StackOptions(engine=engine, http_port=port, timeout_s=600))
    print(f"ready after {time.monotonic() - begun:.1f} s")
    with httpx.Client(base_url=state.url, timeout=60) as http:
        yield Up(settings, state, http)
    assert len(state.processes()) > 5
    begun = time.monotonic()
    stop_stack(settings)
    print(f"down after {time.monotonic() - begun:.1f} s")
    assert state.processes() == []
    assert not state.temp_dir.exists()
    assert is_free(state.host, state.ports.http)
    assert load_state(settings.data_dir) is None


def test_every_part_is_up_and_only_the_token_opens_the_dashboard(up: Up) -> None:
    status = stack_status(up.settings)
    assert status.health == "up", status
    assert [part.name for part in status.parts] == [
        "ray",
        "api",
        "llm",
        "records",
        "blobs",
        "sandbox",
        "model",
    ]
    assert httpx.get(f"{up.state.dashboard_url}/api/serve/applications/").status_code == 401


def test_a_request_becomes_a_capsule_over_http(up: Up) -> None:
    run_id = up.submit()
    events = up.follow(run_id)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    run = up.http.get(f"/runs/{run_id}").json()
    assert (run["status"], run["events"]) == ("succeeded", events)
    capsule = run["links"]["capsule"]
    decision = up.http.get(capsule).json()["manifest"]["decision"]
    assert decision["level"] >= "V2" and decision["allow"]
    assert all(step["ok"] for step in up.http.get(f"{capsule}/verify").json()["steps"])


def test_a_second_up_says_which_stack_is_up(up: Up) -> None:
    with pytest.raises(ConflictError, match=up.state.url):
        start_stack(up.settings, StackOptions(engine=EngineOptions(engine="fake")))
    assert stack_status(up.settings).health == "up"


@pytest.mark.parametrize("app", ["api", "llm"])
def test_a_replica_killed_in_mid_run_loses_nothing(up: Up, app: str) -> None:
    run_id = up.submit()
    killed: list[int] = []

    def kill_once() -> None:
        if not killed:
            killed.append(up.replica(app))
            os.kill(killed[0], signal.SIGKILL)

    events = up.follow(run_id, on_text=kill_once)
    assert killed, "the run was over before anything could be killed"
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), "no gap, nothing twice"
    assert up.http.get(f"/runs/{run_id}").json()["status"] == "succeeded"
    assert up.replica(app) != killed[0]


def test_a_follower_that_goes_away_is_freed(up: Up) -> None:
    run_id = up.submit()
    with up.http.stream("GET", f"/runs/{run_id}/events") as answer:
        lines = answer.iter_lines()  # httpx closes the connection with it
        while next(lines) != "event: text":
            pass
        assert _metric(up, "qlayer_api_followers") == 1
    _wait(lambda: _metric(up, "qlayer_api_followers") == 0)
    up.follow(run_id)


def test_a_cancelled_run_ends_at_once(up: Up) -> None:
    run_id = up.submit()
    asked: list[int] = []
    events = up.follow(run_id, lambda: asked.append(up.http.post(f"/runs/{run_id}/cancel").status_code))
    assert asked[0] == 202
    assert events[-1]["body"]["status"] == "cancelled"  # type: ignore[index]


def test_a_ray_job_fits_beside_both_apps(up: Up) -> None:
    script = "import ray; ray.init(); f = ray.remote(lambda: 'from a task'); print(ray.get(f.remote()))"
    headers = {"Authorization": f"Bearer {up.state.token_path.read_text()}"}
    with httpx.Client(base_url=up.state.dashboard_url, headers=headers, timeout=60) as jobs:
        job = jobs.post("/api/jobs/", json={"entrypoint": f'{sys.executable} -c "{script}"'}).json()
        path = f"/api/jobs/{job['submission_id']}"
        _wait(lambda: jobs.get(path).json()["status"] in ("SUCCEEDED", "FAILED"))
        logs = jobs.get(f"{path}/logs").json()["logs"]
        assert jobs.get(path).json()["status"] == "SUCCEEDED", logs
    assert "from a task" in logs


UP = """
import sys
from pathlib import Path
from qlayer.app.settings import Settings
from qlayer.app.stack import EngineOptions, StackOptions, start_stack
settings = Settings(data_dir=Path(sys.argv[1]), model="qwen2.5-coder-0.5b")
options = StackOptions(engine=EngineOptions(engine="fake"))
start_stack(settings, options, on_progress=lambda text: print(text, flush=True))
"""


def test_of_two_ups_one_goes_on_and_what_a_kill_leaves_is_cleaned(
    tmp_path: Path,
) -> None:
    settings = Settings(data_dir=tmp_path, model="qwen2.5-coder-0.5b")
    with subprocess.Popen([sys.executable, "-c", UP, tmp_path], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        while "starting the apps" not in first.stdout.readline():
            assert first.poll() is None
        second = subprocess.run(
            [sys.executable, "-c", UP, tmp_path], capture_output=True, text=True, check=False, timeout=120
        )
        assert second.returncode != 0
        assert f"process {first.pid} is starting or stopping the stack" in second.stderr
        first.kill()
    state = load_state(tmp_path)
    assert state is not None
    assert state.supervisor is not None
    assert len(state.processes()) > 5
    os.kill(state.supervisor.pid, signal.SIGKILL)
    _wait(lambda: stack_status(settings).health == "down")
    assert stop_stack(settings) is not None
    assert state.processes() == []
    assert not state.temp_dir.exists()
    assert load_state(tmp_path) is None


def _metric(up: Up, name: str) -> float:
    lines = up.http.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
