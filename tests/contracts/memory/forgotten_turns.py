"""What a delete promises of conversations: no turn that said what was deleted enters a prompt again."""

import pytest
from tests.contracts.memory.subject import MemorySubject
from tests.results import events
from tests.scripted import decisions, facts

from holdfast.testing import ScriptedChatModel

ILLNESS = "I am HIVPOSITIVE"


def fact(text: str, *, turn: int | None = 0) -> dict:
    return {"text": text, "turn": turn, "attributed_to": "user"}


def prompts(model) -> str:
    """Return everything the model was shown in its last call."""
    return "\n".join(message["content"] for message in model.calls[-1].messages)


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict:
    return {"role": "assistant", "content": text}


class ForgottenTurnsContract(MemorySubject):
    def prompt_of_the_next_add(self, memory, model, **ids) -> str:
        memory.add("What a day", **(ids or {"user_id": "ana"}))
        return prompts(model)

    @pytest.mark.parametrize("verb", ["delete", "batch_delete", "delete_all", "delete_all by filter", "delete_users"])
    def test_turns_of_a_deleted_memory_never_enter_a_prompt_again(self, open_memory, verb):
        model = ScriptedChatModel([facts(ILLNESS), facts()])
        memory = open_memory(llm=model)
        talk = [user(ILLNESS), assistant("Sorry to hear that you are HIVPOSITIVE")]
        (told,) = memory.add(talk, user_id="ana")["results"]
        if verb == "delete":
            memory.delete(told["id"])
        elif verb == "batch_delete":
            memory.batch_delete([told["id"]])
        elif verb == "delete_all":
            memory.delete_all(user_id="ana")
        elif verb == "delete_all by filter":
            memory.delete_all(filters={"user_id": "ana", "text": {"contains": "HIV"}})
        else:
            memory.delete_users(user_id="ana")
        assert "HIVPOSITIVE" not in self.prompt_of_the_next_add(memory, model)

    def test_turns_that_only_other_memories_come_from_stay_in_prompts(self, open_memory):
        model = ScriptedChatModel([{"facts": [fact("Lives in Rome", turn=0), fact(ILLNESS, turn=2)]}, facts()])
        memory = open_memory(llm=model)
        talk = [user("I live in Rome"), assistant("Are you HIVPOSITIVE?"), user(ILLNESS)]
        _, told = memory.add(talk, user_id="ana")["results"]
        memory.delete(told["id"])
        prompt = self.prompt_of_the_next_add(memory, model)
        assert "I live in Rome" in prompt
        assert "HIVPOSITIVE" not in prompt

    def test_a_turn_that_two_memories_come_from_goes_with_the_first(self, open_memory):
        model = ScriptedChatModel([facts(ILLNESS, "Lives in Rome"), facts()])
        memory = open_memory(llm=model)
        told, _ = memory.add(f"{ILLNESS} and live in Rome", user_id="ana")["results"]
        memory.delete(told["id"])
        assert "HIVPOSITIVE" not in self.prompt_of_the_next_add(memory, model)

    def test_a_fact_whose_turn_the_model_did_not_name_takes_all_turns_of_its_add(self, open_memory):
        model = ScriptedChatModel([{"facts": [fact(ILLNESS, turn=None), fact("Lives in Rome", turn=1)]}, facts()])
        memory = open_memory(llm=model)
        told, _ = memory.add([user("Hello"), user(f"{ILLNESS} and live in Rome")], user_id="ana")["results"]
        memory.delete(told["id"])
        assert "HIVPOSITIVE" not in self.prompt_of_the_next_add(memory, model)

    def test_a_fact_without_a_turn_keeps_no_turn_of_a_deleted_one(self, open_memory):
        model = ScriptedChatModel([{"facts": [fact(ILLNESS, turn=0), fact("Lives in Rome", turn=None)]}, facts()])
        memory = open_memory(llm=model)
        talk = [user(ILLNESS), assistant("Sorry that you are HIVPOSITIVE"), user("I live in Rome")]
        told, _ = memory.add(talk, user_id="ana")["results"]
        memory.delete(told["id"])
        assert "HIVPOSITIVE" not in self.prompt_of_the_next_add(memory, model)

    def test_an_updated_memory_takes_its_earlier_turns_along(self, open_memory):
        update = decisions({"fact": 0, "event": "UPDATE", "memory": 0, "text": "HIVPOSITIVE since 2019"})
        model = ScriptedChatModel([facts(ILLNESS), facts("HIVPOSITIVE since 2019"), update, facts()])
        memory = open_memory(llm=model)
        (told,) = memory.add(ILLNESS, user_id="ana")["results"]
        assert events(memory.add("HIVPOSITIVE since 2019, as I am", user_id="ana"))[0][0] == "UPDATE"
        memory.delete(told["id"])
        assert "HIVPOSITIVE" not in self.prompt_of_the_next_add(memory, model)

    @pytest.mark.parametrize("again", [ILLNESS, "The user is HIVPOSITIVE"], ids=["word for word", "reworded"])
    def test_turns_that_repeat_a_memory_go_with_it(self, open_memory, again):
        home = {"event": "ADD", "text": "Lives in Rome"}
        same = decisions({"fact": 0, "event": "NONE", "memory": 0}, {"fact": 1, **home})
        reconciled = decisions({"fact": 0, **home}) if again == ILLNESS else same
        model = ScriptedChatModel([facts(ILLNESS), facts(again, "Lives in Rome"), reconciled, facts()])
        memory = open_memory(llm=model)
        (told,) = memory.add(ILLNESS, user_id="ana")["results"]
        memory.add("As I said, I am HIVPOSITIVE, and I live in Rome", user_id="ana")
        memory.delete(told["id"])
        assert "HIVPOSITIVE" not in self.prompt_of_the_next_add(memory, model)

    def test_answers_and_questions_of_other_adds_go_with_a_deleted_memory(self, open_memory):
        model = ScriptedChatModel([facts(ILLNESS), facts(), facts()])
        memory = open_memory(llm=model)
        (told,) = memory.add(ILLNESS, user_id="ana")["results"]
        memory.add([user("Which diet suits the HIVPOSITIVE?"), assistant("HIVPOSITIVE or not: fruit.")], user_id="ana")
        memory.delete(told["id"])
        assert "HIVPOSITIVE" not in self.prompt_of_the_next_add(memory, model)

    def test_a_delete_that_the_model_decides_takes_the_turns_and_the_request(self, open_memory):
        forget = decisions({"fact": 0, "event": "DELETE", "memory": 0})
        model = ScriptedChatModel([facts(ILLNESS), facts("Wants HIVPOSITIVE forgotten"), forget, facts()])
        memory = open_memory(llm=model)
        memory.add(ILLNESS, user_id="ana")
        talk = [user("Forget that I am HIVPOSITIVE"), assistant("HIVPOSITIVE is forgotten")]
        assert events(memory.add(talk, user_id="ana")) == [("DELETE", ILLNESS)]
        assert "HIVPOSITIVE" not in self.prompt_of_the_next_add(memory, model)

    def test_delete_all_takes_the_turns_of_sessions_without_a_memory(self, open_memory):
        model = ScriptedChatModel([facts(), facts()])
        memory = open_memory(llm=model)
        memory.add("Which diet suits the HIVPOSITIVE?", user_id="ana", run_id="monday")
        memory.delete_all(user_id="ana")
        assert "HIVPOSITIVE" not in self.prompt_of_the_next_add(memory, model, user_id="ana", run_id="monday")

    def test_a_delete_leaves_the_turns_of_other_scopes(self, open_memory):
        model = ScriptedChatModel([facts(ILLNESS), facts(), facts()])
        memory = open_memory(llm=model)
        (told,) = memory.add(ILLNESS, user_id="ana")["results"]
        memory.add("Is it raining?", user_id="ben")
        memory.delete(told["id"])
        memory.delete_all(user_id="ana")
        assert "Is it raining?" in self.prompt_of_the_next_add(memory, model, user_id="ben")

    def test_deleting_a_document_leaves_the_turns_of_its_scope(self, open_memory):
        model = ScriptedChatModel([facts(), facts()])
        memory = open_memory(llm=model)
        memory.put([{"memory_id": "faq", "text": "Refunds take five days."}], user_id="ana")
        memory.add("Is it raining?", user_id="ana")
        memory.put([], user_id="ana", remove=["faq"])
        assert "Is it raining?" in self.prompt_of_the_next_add(memory, model)
