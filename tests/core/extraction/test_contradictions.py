"""Plain contradictions in everyday words: the key-free rules replace the memory that no longer holds, and no other."""

from __future__ import annotations

import pytest
from tests.known_memories import known_memory

from holdfast.extraction.facts import Fact, Turn
from holdfast.extraction.rules import explain, extract, reconcile

# What is known, and the later statement that replaces it.
CONTRADICTED = [
    # Home.
    ("I live in Berlin.", "I moved to Bonn two weeks ago."),
    ("I live in Berlin.", "Ana and I moved to Porto."),
    ("I live in Berlin.", "We settled in Lisbon last month."),
    ("I live in Berlin.", "I call Lisbon home now."),
    ("I live in Berlin.", "Home is Lisbon these days."),
    ("I live in Berlin.", "We moved away from Berlin."),
    ("I live in Berlin.", "We left Berlin for good."),
    ("My sister lives in Porto.", "My sister moved to Lisbon last week."),
    # Work.
    ("I work at Siemens.", "I joined Bosch last week"),
    ("I work at Siemens.", "I joined Bosch as an engineer."),
    ("I work at Siemens.", "I handed in my notice at Siemens"),
    ("I work at Siemens.", "I handed in my notice yesterday."),
    ("I work at Siemens.", "I resigned from Siemens."),
    ("I work at Siemens.", "I got laid off last week."),
    ("I work at Siemens.", "I was made redundant by Siemens."),
    ("I work at Siemens.", "Siemens let me go."),
    ("I work at Siemens.", "I'm no longer with Siemens."),
    ("I work at Siemens.", "I left Siemens for Bosch."),
    ("I work at Siemens.", "I retired last month."),
    ("I work at Siemens.", "I'm between jobs now."),
    ("I work as a nurse.", "I retired in May."),
    ("I work as a nurse.", "I retrained as a carpenter."),
    ("My wife works at Acme.", "My wife joined Initech last month."),
    # Favourites.
    ("My favourite colour is blue.", "Green is my favourite colour these days"),
    ("My favourite band is Muse.", "Radiohead has become my favourite band lately."),
    ("Blue is my favourite colour.", "My favourite colour is now green."),
    # The way to work.
    ("I drive to work.", "I cycle to work now"),
    ("I take the bus to work.", "I walk to work these days."),
    ("I go to work by train.", "I started cycling to work."),
    ("I cycle to work.", "I switched to driving to work."),
    ("I drive to work.", "I no longer drive to work."),
    # Animals.
    ("Our dog is called Rex.", "Rex died last night"),
    ("I have a dog named Rex.", "Rex died last night."),
    ("I have a dog.", "My dog died yesterday."),
    ("My dog Rex is 3.", "Rex passed away on Monday."),
    ("We have a cat called Milo.", "We had to put Milo to sleep."),
    ("We have a black cat.", "We gave our cat away."),
    # People.
    ("My grandma lives in Oslo.", "My grandma passed away last night."),
    # Relationships.
    ("I'm in a relationship.", "I broke up with Tom last week."),
    ("I have a girlfriend.", "My girlfriend and I split up."),
    ("I'm single.", "I'm dating Tom."),
    ("I'm single.", "I have a new boyfriend."),
    ("I'm married.", "Tom and I are divorced."),
    ("I'm married to Tom.", "My husband and I separated last month."),
    # Food and health.
    ("I'm vegetarian.", "I eat meat now."),
    ("I'm vegan.", "I went back to eating fish."),
    ("I'm allergic to cats.", "I have outgrown my allergy to cats."),
    # Habits.
    ("I drink coffee every morning.", "I gave up coffee."),
    ("I eat meat.", "I gave up meat."),
    ("I drink coffee every morning.", "I switched from coffee to tea."),
    ("I run every morning.", "I swapped running for swimming."),
    ("I go to the gym every Monday.", "I quit the gym."),
    ("I play tennis on Mondays.", "I don't play tennis any more."),
    ("I have a Netflix subscription.", "I cancelled my Netflix subscription."),
    # Things and particulars.
    ("I drive a Volvo.", "I sold my car last week."),
    ("I drive a Volvo.", "I traded in my Volvo for a Tesla."),
    ("I have an iPhone 12.", "I switched to a Pixel 8."),
    ("I use an iPhone.", "I use a Fairphone now."),
    ("My phone is an iPhone 12.", "My new phone is a Pixel 8."),
    ("My phone number is 555 1234.", "I changed my number to 555 9876."),
    ("My name is Alice.", "I legally changed my name to Alicia."),
    ("My bank is Barclays.", "I bank with Monzo now."),
    ("Our wedding is on 12 June.", "We called off the wedding."),
    ("The exam is on Monday.", "The exam has been cancelled."),
]

# What is known, and a later statement beside which it may still be true.
COMPATIBLE = [
    ("I like cycling.", "I cycle to work now."),
    ("I drive to work.", "I cycle to work on Fridays."),
    ("I drive to work.", "I cycle to work when it's sunny."),
    ("I drive to work.", "I sometimes cycle to work."),
    ("I take the train to work.", "I walk to work."),
    ("I drive a Volvo.", "I cycle to work now."),
    ("I work at Siemens.", "I joined a gym."),
    ("I work at Siemens.", "I joined Facebook last week."),
    ("I work at Siemens.", "I joined the Rotary Club last month."),
    ("I work at Siemens.", "I joined Ana for lunch."),
    ("I work at Siemens.", "I joined Ana's team."),
    ("I work at Siemens.", "I joined Bosch in 2010."),
    ("I work at Siemens.", "I handed in my notice at Bosch."),
    ("I work at Siemens.", "I gave notice on my flat."),
    ("I work at Siemens.", "I gave notice to my landlord."),
    ("I work at Siemens.", "I retired from running."),
    ("I work at Siemens.", "I left Rome for Bonn."),
    ("I work at Siemens.", "My brother retired last month."),
    ("I work at Siemens.", "I handed in my essay yesterday."),
    ("I work at Siemens.", "Bosch let me go on a tour."),
    ("I live in Berlin.", "I left Berlin this morning."),
    ("I live in Berlin.", "I left Acme for Initech."),
    ("I live in Berlin.", "I call Ana home at six."),
    ("I live in Berlin.", "Home is where my cat is."),
    ("I live in Berlin.", "I moved out of Rome."),
    ("My favourite colour is blue.", "Green is my sister's favourite colour these days."),
    ("My favourite colour is blue.", "Green used to be my favourite colour."),
    ("Rex loves snow.", "Rex died last night."),
    ("I went to the lake with Rex.", "Rex died last night."),
    ("My brother gave Rex a collar.", "Rex died last night."),
    ("I have a cat called Milo.", "Rex died last night."),
    ("My dog Bella is 5.", "Rex died last night."),
    ("My name is Rex.", "Rex died last night."),
    ("I have a dog named Rex.", "Rex nearly died last year."),
    ("I have a dog named Rex.", "I have a dog named Bella."),
    ("I have a dog named Rex.", "We adopted a puppy called Bo."),
    ("I have a dog named Rex.", "We gave the sofa away."),
    ("My sister Ana lives in Porto.", "My grandma passed away last night."),
    ("I'm married to Tom.", "I broke up with my first boyfriend in college."),
    ("I'm married to Tom.", "My parents divorced when I was ten."),
    ("I'm married to Tom.", "I'm seeing a dentist."),
    ("I'm married to Tom.", "We broke up the party."),
    ("I'm single.", "My sister is dating Tom."),
    ("I'm vegetarian.", "I eat meat at weddings."),
    ("I'm vegetarian.", "My brother eats meat now."),
    ("I love coffee.", "I gave up coffee."),
    ("I drink coffee and tea.", "I gave up coffee."),
    ("I own a coffee shop.", "I gave up coffee."),
    ("I have a car.", "I don't use the car any more."),
    ("I love tea.", "I switched from coffee to tea."),
    ("I run a bakery.", "I swapped running for swimming."),
    ("I drive a Volvo.", "I sold my bike."),
    ("I drive a Volvo.", "I sold my old Saab."),
    ("I have an iPhone.", "My sister switched to a Pixel."),
    ("I have an iPhone.", "I use a Samsung for work."),
    ("My phone number is 555 1234.", "My locker number is 12."),
    ("My bank is Barclays.", "I sat on a bank with Ana."),
    ("Our wedding is on 12 June.", "The trip has been cancelled."),
    ("Our wedding is on 12 June.", "The wedding venue is off the coast."),
    ("Call me Ali.", "I go by bike."),
]


@pytest.mark.parametrize(("old", "new"), CONTRADICTED)
def test_a_plain_contradiction_replaces_what_no_longer_holds(old, new):
    decision = reconcile(Fact(new), [known_memory("other", "I collect stamps."), known_memory("known", old)])
    assert (decision.event, decision.known, decision.text) == ("UPDATE", 1, new)


@pytest.mark.parametrize(("old", "new"), COMPATIBLE)
def test_what_may_still_be_true_is_left_alone(old, new):
    decision = reconcile(Fact(new), [known_memory("known", old)])
    assert (decision.event, decision.known, decision.text) == ("ADD", None, new)


@pytest.mark.parametrize("text", sorted({new for _, new in CONTRADICTED}))
def test_what_contradicts_is_kept_from_a_conversation(text):
    facts, skipped = extract([Turn("user", text)])
    assert ([fact.text for fact in facts], skipped) == ([text], [])


@pytest.mark.parametrize(
    "text",
    [
        "Had my wisdom teeth removed on Tuesday.",
        "Had the best pizza in Naples last weekend.",
        "Had to move to Bonn for work.",
        "Had a call with my boss this morning.",
        "Did my taxes over the weekend!",
        "Did the Berlin marathon on Sunday.",
        "Was my first time abroad.",
        "Was in hospital last week.",
        "Was diagnosed with diabetes in May.",
        "Have my driving test on Friday.",
    ],
)
def test_a_statement_without_its_subject_is_no_question(text):
    facts, skipped = extract([Turn("user", text)])
    assert ([fact.text for fact in facts], skipped) == ([text], [])


@pytest.mark.parametrize(
    "text",
    [
        "Had my order been shipped",
        "Did my package arrive?",
        "Did you see that.",
        "Was I wrong about my boss.",
        "Is my train late.",
        "Can my sister come.",
        "Have you been to Rome",
    ],
)
def test_a_question_without_its_mark_is_still_a_question(text):
    assert explain(text).reason == "question"
