"""The stub: an editor shows the same as help() does, and what each parameter is."""

import ast
import importlib.util
from pathlib import Path

import gpu_credit
import pytest

CRATE = Path(__file__).parents[1]


def stub_of_the_crate():
    spec = importlib.util.spec_from_file_location("stub", CRATE / "stub.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_docstrings_of_the_stub_are_those_of_the_package():
    stub = stub_of_the_crate()
    text = stub.STUB.read_text()
    assert text == stub.documented(text), "run python stub.py"
    assert (Path(gpu_credit.__file__).parent / "_native.pyi").read_text() == text


def calls():
    for owner in ast.parse((CRATE / "python" / "gpu_credit" / "_native.pyi").read_text()).body:
        if isinstance(owner, ast.ClassDef) and owner.name in gpu_credit.__all__:
            for call in owner.body:
                if isinstance(call, ast.FunctionDef) and not call.name.startswith("_"):
                    yield pytest.param(call, id=f"{owner.name}.{call.name}")


@pytest.mark.parametrize("call", list(calls()))
def test_every_call_says_what_it_takes_gives_raises_and_shows_an_example(call):
    documentation = ast.get_docstring(call)
    is_property = any(ast.unparse(decorator) == "property" for decorator in call.decorator_list)
    parameters = [argument.arg for argument in call.args.posonlyargs + call.args.args + call.args.kwonlyargs][1:]
    if is_property:
        assert documentation
        return
    assert not parameters or "\nParameters\n----------\n" in documentation
    for parameter in parameters:
        assert f"\n{parameter}\n    " in documentation
    assert (ast.unparse(call.returns) != "None") == ("\nReturns\n-------\n" in documentation)
    assert "\nExamples\n--------\n>>> " in documentation
    if parameters and parameters != ["default"]:
        assert "\nRaises\n------\n" in documentation or parameters[0] in ("name", "other")
