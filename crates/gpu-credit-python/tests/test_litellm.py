"""LiteLLM's proxy on the service: its own OpenMeter callback, and the callback of this package.

Needs litellm[proxy], and the program gpu-credit: on the path, or where GPU_CREDIT_PROGRAM says.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

PROGRAM = os.environ.get("GPU_CREDIT_PROGRAM") or shutil.which("gpu-credit")
pytest.importorskip("litellm", reason="needs litellm[proxy]")
pytest.importorskip("litellm.proxy.proxy_server", reason="needs litellm[proxy]")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs the program gpu-credit: GPU_CREDIT_PROGRAM")

RULES = """
unmatched = "unmatched"

[[rules]]
type = "litellm_tokens"
multiply = ["cost"]
by = "1000000000"
"""
# The user of the proxy's own key.
ACCOUNT = "default_user_id"
CONFIG = """
model_list:
  - model_name: small
    litellm_params: {model: openai/gpt-4o-mini, api_key: none, mock_response: "hello there"}
  - model_name: slow
    litellm_params: {model: openai/gpt-4o-mini, api_key: none, mock_response: "hello there", mock_delay: 30}
  - model_name: broken
    litellm_params: {model: openai/gpt-4o-mini, api_key: none, mock_response: "litellm.InternalServerError"}
litellm_settings:
  callbacks: [CALLBACK]
general_settings:
  master_key: sk-master
"""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Service:
    """`gpu-credit serve` on a store of its own."""

    def __init__(self, folder: Path, credit: int):
        self.url = f"http://127.0.0.1:{free_port()}"
        store = folder / "credit.redb"
        (folder / "rules.toml").write_text(RULES)
        for line in (
            f"account create {ACCOUNT} --unit s --policy carry:0",
            "account create unmatched",
            f"grant {ACCOUNT} {credit} --at 2020-01-01 --for 36500d --id credit",
        ):
            subprocess.run([PROGRAM, *line.split(), "--db", store], check=True, capture_output=True)
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--db", store, "--tokens", folder / "tokens", "--listen", self.url.removeprefix("http://"),
             "--events", folder / "rules.toml", "--refusals", "1000000"],
            stdout=subprocess.PIPE, text=True,
        )
        assert self.process.stdout is not None
        self.token = self.process.stdout.readline().split()[-1]
        assert "serving" in self.process.stdout.readline()

    def get(self, path: str) -> dict:
        asked = urllib.request.Request(self.url + path, headers={"authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.load(answer)

    def readout(self) -> dict:
        return self.get(f"/v1/accounts/{ACCOUNT}/readout?at={int(time.time())}")

    def entries(self, account: str = ACCOUNT) -> list[dict]:
        return self.get(f"/v1/accounts/{account}/told?limit=1000")["entries"]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


class Proxy:
    """LiteLLM's proxy with one callback."""

    def __init__(self, folder: Path, callback: str, environment: dict[str, str]):
        self.port = free_port()
        (folder / "config.yaml").write_text(CONFIG.replace("CALLBACK", callback))
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("litellm"), "--config", "config.yaml", "--port", str(self.port), "--host", "127.0.0.1"],
            cwd=folder,
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", **environment},
            stdout=(folder / "proxy.log").open("w"), stderr=subprocess.STDOUT, start_new_session=True,
        )
        self.log = folder / "proxy.log"
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/liveliness", timeout=5).close()
                return
            except OSError:
                assert self.process.poll() is None, self.log.read_text()[-3000:]
                time.sleep(0.2)
        raise AssertionError(self.log.read_text()[-3000:])

    def call(self, model: str = "small", **headers: str) -> tuple[int, str]:
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 500, "user": "somebody-else"}
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/chat/completions", data=json.dumps(body).encode(),
            headers={"authorization": "Bearer sk-master", "content-type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(asked, timeout=120) as answer:
                return answer.status, json.load(answer)["id"]
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def calls(self, count: int, model: str = "small") -> list[tuple[int, str]]:
        with ThreadPoolExecutor(count) as threads:
            return list(threads.map(lambda _: self.call(model), range(count)))

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)


def until(condition, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.2)


def run(tmp_path: Path, credit: int, callback: str, **environment: str):
    service = Service(tmp_path, credit)
    told = {
        "GPU_CREDIT_URL": service.url, "GPU_CREDIT_TOKEN": service.token,
        "OPENMETER_API_ENDPOINT": service.url, "OPENMETER_API_KEY": service.token, "OPENMETER_TRUST_REQUEST_USER": "false",
    }
    return service, Proxy(tmp_path, callback, {**told, **environment})


def test_openmeters_callback_charges_each_answered_call_once(tmp_path):
    service, proxy = run(tmp_path, 10**12, "openmeter")
    try:
        answered = [answer for status, answer in proxy.calls(24) if status == 200]
        assert len(answered) == 24
        until(lambda: len(service.entries()) >= 2 + 24)
        ids = [entry["id"] for entry in service.entries()[2:]]
        assert sorted(ids) == sorted(json.dumps(["litellm-proxy", answer], separators=(",", ":")) for answer in answered)
        used = 10**12 - service.readout()["balance"]
        assert used > 0 and used % 24 == 0
        assert len(service.entries("unmatched")) == 1
    finally:
        proxy.kill()
        service.stop()


def test_a_race_for_the_budget_ends_at_the_limit(tmp_path):
    # A call may cost 301,500 units and does cost 13,500: the limit is reached by rounds.
    credit = 600_000
    service, proxy = run(tmp_path, credit, "gpu_credit.litellm.handler")
    try:
        answered, refused = 0, 0
        while True:
            statuses = [status for status, _ in proxy.calls(32)]
            assert set(statuses) <= {200, 402}, statuses
            answered += statuses.count(200)
            refused += statuses.count(402)
            until(lambda: service.readout()["held"] == 0)
            readout = service.readout()
            assert readout["balance"] is not None and readout["deficit"] == 0
            if 200 not in statuses:
                break
        assert 0 < refused
        assert readout["balance"] < 301_500, "what is left is less than a call may cost"
        settled = [entry["told"] for entry in service.entries() if "settlement" in entry["told"]]
        assert len(settled) == answered
        assert credit - readout["balance"] == answered * 13_500
        # A call that fails releases what it held, and an id that was used holds nothing new.
        entries = len(service.entries())
        assert entries == 2 + 2 * answered + refused
    finally:
        proxy.kill()
        service.stop()


def test_what_fails_is_released_and_what_is_killed_ends(tmp_path):
    service, proxy = run(tmp_path, 10**9, "gpu_credit.litellm.handler", GPU_CREDIT_HOLD_SECONDS="8")
    try:
        assert proxy.call("broken")[0] >= 500
        until(lambda: any("release" in entry["told"] for entry in service.entries()))
        assert service.readout()["held"] == 0
        assert proxy.call(**{"x-litellm-call-id": "mine"})[0] == 200
        assert proxy.call(**{"x-litellm-call-id": "mine"})[0] == 409
        with ThreadPoolExecutor(8) as threads:
            slow = [threads.submit(proxy.call, "slow") for _ in range(8)]
            until(lambda: service.readout()["held"] > 0)
            proxy.kill()
            assert all(call.result()[0] == 0 for call in slow)
        until(lambda: service.readout()["held"] == 0, 20)
        readout = service.readout()
        assert readout["balance"] == readout["available"]
    finally:
        if proxy.process.poll() is None:
            proxy.kill()
        service.stop()


def test_a_cost_is_rounded_as_events_are():
    from gpu_credit.litellm import in_units

    units = Decimal(1_000_000_000)
    assert in_units(0.00015000000000000001, units) == 150_000
    assert in_units("1.4999999999999999e-4", units) == 150_000
    assert in_units(1e-12, units) == 1
    assert in_units(0, units) == 0


def test_settings_say_what_is_wrong():
    from gpu_credit.litellm import Settings, accounts_of

    with pytest.raises(ValueError, match="GPU_CREDIT_URL is not set"):
        Settings.from_environment({})
    said = {"GPU_CREDIT_URL": "http://127.0.0.1:1", "GPU_CREDIT_TOKEN": "t"}
    with pytest.raises(ValueError, match="GPU_CREDIT_WHEN_DOWN"):
        Settings.from_environment({**said, "GPU_CREDIT_WHEN_DOWN": "perhaps"})
    with pytest.raises(ValueError, match="GPU_CREDIT_UNITS: found 'many'"):
        Settings.from_environment({**said, "GPU_CREDIT_UNITS": "many"})
    settings = Settings.from_environment({**said, "GPU_CREDIT_ACCOUNTS": "team/{team_id}, {user_id}"})
    assert accounts_of(settings.accounts, {"team_id": "a", "user_id": "b"}) == ["team/a", "b"]
    assert accounts_of(settings.accounts, {"team_id": None, "user_id": "b"}) is None
