"""Every face offers the verbs of the table, with one signature and one result."""

import inspect
import typing

import pytest

import holdfast
from holdfast import MEMORY_TOOLS, AsyncMemory, Memory, ScopedMemory, results
from holdfast.operations.verbs import VERBS
from holdfast.runtime.blocking_driver import present_as_method

verbs = pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
NOT_VERBS = {"close", "from_config", "over", "runtime", "path", "engines", "tokens", "driver"}


def public(face):
    return {name for name in dir(face) if not name.startswith("_")}


@pytest.mark.parametrize("face", [Memory, AsyncMemory])
def test_a_face_offers_the_verbs_of_the_table_and_no_others(face):
    assert public(face) - NOT_VERBS == {verb.name for verb in VERBS}


@verbs
def test_both_faces_show_the_signature_of_the_operation(verb):
    blocking, awaitable = getattr(Memory, verb.name), getattr(AsyncMemory, verb.name)
    assert inspect.iscoroutinefunction(awaitable)
    assert not inspect.iscoroutinefunction(blocking)
    parameters = list(inspect.signature(verb.operation).parameters)
    for method in (blocking, awaitable):
        assert list(inspect.signature(method).parameters) == ["self", *parameters[1:]]
        assert inspect.getdoc(method) == inspect.getdoc(verb.operation)


@verbs
def test_the_result_of_a_verb_is_its_annotation(verb):
    hints = typing.get_type_hints(getattr(Memory, verb.name))
    assert hints["return"] == verb.result
    assert "runtime" not in hints


@verbs
def test_every_verb_documents_its_parameters_and_has_an_example(verb):
    doc = inspect.getdoc(verb.operation)
    assert ">>>" in doc
    missing = [name for name in list(inspect.signature(verb.operation).parameters)[1:] if f"{name}:" not in doc]
    assert missing == [] or len(inspect.signature(verb.operation).parameters) <= 2 or verb.name == "delete_users"


def test_every_result_type_can_be_imported_from_holdfast():
    types = {name for name, value in vars(results).items() if typing.is_typeddict(value)}
    assert types <= set(holdfast.__all__)
    assert all(getattr(holdfast, name) is getattr(results, name) for name in types)


def test_a_scoped_memory_offers_its_verbs_blocking_and_awaitable():
    scoped = {verb.name for verb in VERBS if verb.scoped}
    others = {"flows", "run", "arun", "raising", "within"}
    assert public(ScopedMemory) - others == scoped | {f"a{name}" for name in scoped}
    for name in scoped:
        assert inspect.iscoroutinefunction(getattr(ScopedMemory, f"a{name}"))
        scope_ids = {"user_id", "agent_id", "run_id", "app_id", "actor_id"}
        assert scope_ids.isdisjoint(inspect.signature(getattr(ScopedMemory, name)).parameters)


def test_the_tools_are_those_of_the_table():
    assert {tool.name for tool in MEMORY_TOOLS} == {verb.tool for verb in VERBS if verb.tool}


def test_the_command_line_has_a_command_for_every_verb_that_names_one():
    app = pytest.importorskip("holdfast_cli").app
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert {verb.command for verb in VERBS if verb.command} <= commands


def test_a_method_shows_the_result_and_not_the_flow():
    def twice(runtime, number: "int") -> "Flow[int]":  # noqa: F821
        """Return twice the number."""

    method = present_as_method(lambda _self, number: 2 * number, twice)
    assert str(inspect.signature(method)) == "(self, number: 'int') -> 'int'"
