"""Mistakes that a type checker must report; each line says which."""

from holdfast import Memory

memory = Memory(":memory:")
memory.add("hello", user=1)  # error: call-arg
memory.search(user_id="ana")  # error: call-arg
memory.search("home", user_id=7)  # error: arg-type
memory.search("home", "ana")  # error: call-arg
memory.get("id")["memory"]  # error: index
