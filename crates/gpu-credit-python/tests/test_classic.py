"""The classic smoke tests, as they stand and with the import changed."""

import types
from pathlib import Path

import classic
import gpu_credit
import pytest

SMOKE_TESTS = Path(__file__).with_name("smoke_classic.py").read_text()
CHANGED = SMOKE_TESTS.replace("from classic import", "from gpu_credit import")


def smoke_tests(source, package):
    module = types.ModuleType(f"smoke_tests_of_{package}")
    exec(compile(source, module.__name__, "exec"), module.__dict__)
    return [
        pytest.param(test, id=f"{package}-{name}")
        for name, test in vars(module).items()
        if name.startswith("test_")
    ]


@pytest.mark.parametrize(
    "smoke_test",
    smoke_tests(SMOKE_TESTS, "classic") + smoke_tests(CHANGED, "gpu_credit"),
)
def test_smoke(smoke_test):
    smoke_test()


def test_only_the_import_is_changed():
    changed = [
        pair for pair in zip(SMOKE_TESTS.splitlines(), CHANGED.splitlines()) if pair[0] != pair[1]
    ]
    assert changed == [
        (
            "from classic import GPUCredit, KeyedGPUCredit",
            "from gpu_credit import GPUCredit, KeyedGPUCredit",
        )
    ]
    assert classic.GPUCredit is not gpu_credit.GPUCredit
