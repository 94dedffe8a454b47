"""`gpu-credit serve` on a store of its own, as a place where tests keep stores."""

import os
import shutil
import subprocess
from pathlib import Path

from gpu_credit import CreditStore
from gpu_credit.remote import Store

TARGET = Path(__file__).parents[3] / "target"


def program():
    """The program: where GPU_CREDIT_PROGRAM says, on the path, or built in this checkout, the newest; None if there is none."""
    named = os.environ.get("GPU_CREDIT_PROGRAM") or shutil.which("gpu-credit")
    if named:
        return Path(named)
    built = [path for path in (TARGET / "debug" / "gpu-credit", TARGET / "release" / "gpu-credit") if path.exists()]
    return max(built, key=lambda path: path.stat().st_mtime, default=None)


class Service:
    """A place of a store: the service starts when the store is first opened, and runs until it is stopped."""

    def __init__(self, folder):
        self.folder = folder
        self.process = None
        self.url = self.token = None

    def open(self, unit=None, token=None):
        if self.process is None:
            self.start(unit)
        return Store(self.url, token or self.token)

    def start(self, unit):
        self.folder.mkdir(exist_ok=True)
        command = [program(), "serve", "--db", self.folder / "credit.redb", "--tokens", self.folder / "tokens"]
        # A port of the system's choice.
        command += ["--listen", "127.0.0.1:0", "--refusals", "1000000", "--rate", "1000000", "--drain", "0s"]
        command += ["--unit", unit] if unit else []
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        for line in self.process.stdout:
            if "first token" in line:
                self.token = line.split()[-1]
            if line.startswith("serving "):
                self.url = line.split()[-1]
                return
        raise AssertionError((self.folder / "log").read_text())

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process.stdout.close()
            self.process = None


def open_store(place, unit=None):
    """The store of a place: a file, an address of a database, or a service."""
    return place.open(unit) if isinstance(place, Service) else CreditStore(place, unit=unit)
