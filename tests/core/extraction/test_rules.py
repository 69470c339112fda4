"""What the key-free rules keep of a conversation, and what they make of it when something is known already."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st
from tests.known_memories import known_memory

from holdfast.extraction.facts import Fact, Turn
from holdfast.extraction.rules import Attribute, Subject, attributes_of, extract, reconcile


def said(*texts, role="user", name=None):
    return [Turn(role, text, name) for text in texts]


def facts(*texts, **options):
    return [fact.text for fact in extract(said(*texts), **options)[0]]


def decided(old, new):
    return reconcile(Fact(new), [known_memory("known", old)])


KEPT_AS_SAID = [
    "I'm allergic to peanuts.",
    "My sister Ana lives in Porto.",
    "I ran a charity race last Saturday.",
    "Call me Bo.",
    "you can call me Bo",
    "Please always answer in French.",
    "Never use emojis when you write to me.",
    "Our dog is called Rex.",
    "im vegan",
    "I've been learning the guitar since March.",
    "We're getting married on 12 June.",
    "My grandmother was born in Vilnius.",
    "I can't stand coriander.",
    "I don't eat pork.",
    "I have two kids, Leo and Ida.",
    "My wife Priya works as a nurse.",
    "I quit smoking in January.",
    "I'm planning to visit Japan next spring.",
    "I think remote work suits me better than the office.",
    "My flight to Oslo leaves on Friday at 6:45 a.m. from gate B.",
    "I lost my job yesterday.",
    "My email is bo@example.org",
    "My doctor says I should avoid salt.",
    "I used to play chess for my school.",
    "Just moved to Lisbon last week!",
    "Got a new puppy yesterday.",
    "Finally finished my master's thesis.",
    "Yesterday we adopted a cat named Milo.",
    "In 2019 I spent a year in Brazil.",
    "From now on, keep your replies short.",
    "I want to learn Italian before the summer.",
    "I was diagnosed with diabetes two years ago.",
    "It's my birthday on Sunday.",
    "This is my first time living alone.",
    "Ana lives in Porto.",
    "I know Python and some Rust.",
    "I hope to run a marathon one day.",
    "I'm afraid of spiders.",
    "I speak Polish at home.",
    "I play the violin in an orchestra.",
    "My car broke down on the motorway.",
    "There are five people in my family.",
    "The person I admire most is my grandfather.",
    "I drive a Volvo.",
    "I have a meeting with Dr. Silva on Monday.",
    "I'm a night owl.",
    "My favourite colour is green!",
    "Weekends are for hiking with my brother.",
    "I might move to Lisbon next year.",
    "Use metric units, please.",
    "Stop calling me Robert.",
    "My wife and I moved to Bonn.",
    "I want to move and have a garden.",
    "Ich wohne in Hamburg und arbeite als Lehrer.",
    "Je suis végétarienne depuis deux ans.",
    "Me llamo Lucía y vivo en Sevilla.",
    "私は東京に住んでいます。",
    "Я живу в Москве.",
    "أنا أعيش في القاهرة.",
    "Vivo a Roma con mia sorella.",
    "Mijn hond heet Bram.",
    "Mam na imię Ola i mieszkam w Krakowie.",
    "I see the dentist twice a year.",
    "I understand a bit of Polish.",
    "I get migraines when the weather changes.",
    "I'm a big fan of Studio Ghibli films.",
    "I was raised by my aunt in Cork.",
    "My commute takes an hour each way.",
    "Our landlord raised the rent in May.",
    "We named our daughter Ida after my grandmother.",
    "I've never been to Africa.",
    "I'd love to visit Iceland someday.",
    "I need glasses for reading.",
    "I usually wake up at five.",
    "My parents divorced when I was ten.",
    "I can't eat gluten because I have coeliac disease.",
    "My flight was cancelled, so I took the night train.",
    "To reset our router I hold the button for ten seconds.",
    "I owe my brother 200 euros.",
    "I keep bees in my garden.",
    "I'm thinking of buying a house near Lyon.",
    "As a child I lived in Kenya.",
    "Every summer we rent a cabin by the lake.",
    "My therapist suggested journaling, and it helps me a lot.",
    "I got promoted to team lead!",
    "I broke my wrist skiing in January.",
    "My New Year's resolution is to read 30 books.",
    "My knee surgery is scheduled for next Tuesday.",
    "I collect vinyl records from the seventies.",
    "we are expecting our second baby in October",
    "I'd rather you addressed me formally.",
    "Our company switched to four-day weeks in May.",
    "I grew up speaking Catalan with my grandmother.",
    "Ever since the accident I avoid driving at night.",
    "The reason I left law was burnout.",
    "My boss, Karin, hates long emails.",
    "I subscribe to two newspapers.",
    "Don't suggest recipes with pork.",
    "I wear size 43 shoes.",
    "Coffee after 4 pm keeps me awake.",
    "Sunday dinner is always at my in-laws'.",
    "When I was ten we moved to Canada.",
    "I'm reachable on +49 151 000000.",
    "I haven't eaten meat since 2018.",
    "Leo, our eldest, starts school in August.",
    "I own a small bakery in Ghent.",
    "Please address me as Dr. Weiss.",
    "It took me three years to finish my PhD.",
    "My ex-husband has the kids every other weekend.",
    "Got engaged to Nadia on New Year's Eve!",
]

# What is said, and the facts in it.
CLEANED = [
    ("i live in berlin and work at acme", ["i live in berlin", "i work at acme"]),
    ("Honestly, I prefer tea over coffee.", ["I prefer tea over coffee."]),
    ("Remember that my anniversary is on 3 May.", ["My anniversary is on 3 May."]),
    ("Please remember: the alarm code is 4711.", ["The alarm code is 4711."]),
    ("Don't forget that I only work mornings.", ["I only work mornings."]),
    ("yes I live in Rome", ["I live in Rome"]),
    ("No, I live in Rome.", ["I live in Rome."]),
    ("I live in Berlin, what about you?", ["I live in Berlin"]),
    ("I'm vegan, so please suggest a dinner.", ["I'm vegan"]),
    ("As I'm allergic to nuts, which dessert can I eat?", ["I'm allergic to nuts"]),
    ("My name is Alice and I work at Acme.", ["My name is Alice", "I work at Acme."]),
    ("I love sushi but I hate natto.", ["I love sushi", "I hate natto."]),
    ("Hey Max, by the way, I got a new job at Initech!", ["I got a new job at Initech!"]),
    ("Well, actually, my brother Tim is a pilot.", ["My brother Tim is a pilot."]),
    (
        "Hey! Just wanted to let you know I passed my driving test.",
        ["Just wanted to let you know I passed my driving test."],
    ),
    ("I am lactose intolerant, can you adapt the recipe?", ["I am lactose intolerant"]),
]

DROPPED = {
    "greeting": [
        "Hi!",
        "Good morning",
        "Nice to meet you.",
        "See you tomorrow!",
        "I'll be right back.",
    ],
    "question": [
        "Hello there, how are you?",
        "What's the weather like?",
        "Can you help me with my homework?",
        "could you tell me the time",
        "Do you know Ana?",
        "where is the nearest station",
        "I wonder what the capital of Peru is.",
        "I'd like to know how magnets work.",
        "Any ideas for dinner?",
        "Is it raining in Rome",
        "How do I sort a list in Python",
        "Who won the match, and why?",
        "Wo ist der Bahnhof?",
        "هل تحب القهوة؟",
        "你好吗？",
        "What should I wear tomorrow?",
        "I was wondering if you could check my grammar.",
        "How come the sky is blue",
    ],
    "acknowledgement": [
        "Thanks!",
        "Thank you so much for your help.",
        "Okay",
        "Sounds good.",
        "Great, thanks a lot!",
        "That makes sense.",
        "I see.",
        "I understand.",
        "Got it",
        "It was amazing!",
        "That's so cool.",
        "You're the best.",
        "I'm so happy for you!",
        "I hope you have a great day.",
        "I agree with you.",
        "I'm good, thanks.",
        "lol",
        "ok cool",
        "no",
        "Yes, I do.",
        "Not sure yet.",
        "Haha, good one!",
    ],
    "general knowledge": [
        "Paris is the capital of France.",
        "A monad is a monoid in the category of endofunctors.",
        "Water boils at 100 degrees Celsius.",
        "The mitochondria are the powerhouse of the cell.",
        "Photosynthesis is the process by which plants make sugar.",
        "Python was created by Guido van Rossum.",
        "All swans are white.",
        "World War II ended in 1945.",
        "The Great Wall of China is over 20,000 km long.",
        "Recursion is when a function calls itself.",
    ],
    "request": [
        "Write me a poem about cats.",
        "Please translate this sentence into German.",
        "Give me three examples.",
        "Tell me a joke.",
        "I need you to book a table.",
        "Help me write an email to my boss.",
        "Explain quantum computing in simple terms.",
        "I'm looking for a good pasta recipe.",
        "Let's start.",
        "Summarise the plot of Hamlet.",
        "Tell me more about that.",
        "You are a helpful assistant.",
        "I need a list of verbs in Spanish.",
        "Let's talk about something else.",
        "Convert 5 miles to kilometres.",
    ],
    "hypothetical": [
        "If I were rich, I'd buy a boat.",
        "If I had a car I would drive to work.",
        "Imagine I live on Mars.",
        "I would have called you earlier.",
        "Suppose we have two apples.",
        "I wish I could fly.",
        "If I won the lottery I'd retire.",
    ],
    "uncertain": [
        "I don't know.",
        "I guess so.",
        "I'm not sure.",
        "I have no idea.",
        "Perhaps I should go.",
        "I can't remember.",
        "Sorry, I didn't get that.",
    ],
    "fragment": [
        "Maybe.",
        "???",
        "Hmm, interesting.",
    ],
    "quoted": [
        '"I live in Rome."',
        "> I live in Rome and love pasta",
        "def f(x): return x + 1",
    ],
    "impersonal": [
        'He said "I am the king of the world."',
        "You should try it.",
        "Thanks, that was really useful!",
        "Could be better.",
    ],
    "passing": [
        "I'm hungry.",
        "I have to go now.",
        "I get an error when I run this.",
    ],
}

# What models write about their user, and what of it is nothing to remember.
NOTED = [
    "The user lives in Lisbon.",
    "User prefers dark mode.",
    "They have two kids.",
    "User's sister Mara works at Bosch.",
    "The user works as a nurse at Saint Mary's.",
    "This user is vegan.",
    "The user doesn't eat pork.",
    "The user's birthday is 3 May.",
    "User is learning Italian.",
    "The user adopted a cat named Milo last week.",
    "The user and her husband moved to Porto.",
    "User mentioned that she has a daughter called Ida.",
    "The user wants answers in French.",
    "The customer prefers email over phone calls.",
    "The client is allergic to shellfish.",
    "Ana lives in Lisbon.",
    "Ana has two kids.",
    "Bob is a software engineer.",
    "Ana's favourite colour is green.",
    "Lives in Lisbon",
    "Prefers tea over coffee",
    "Allergic to peanuts",
    "Vegetarian",
    "Birthday: 3 May",
    "Name: Ana",
    "Works at Bosch",
    "Has a dog named Rex",
    "Favourite colour: green",
    "Enjoys hiking and climbing",
    "The user has been married to Tom for ten years.",
    "User plays the cello in an amateur orchestra.",
    "The user can't stand coriander.",
    "User's dog is called Biscuit.",
    "The user is planning a trip to Japan in October.",
    "User said they are lactose intolerant.",
    "The user's time zone is CET.",
    "This user goes by Annie.",
    "User drives a Volvo.",
    "The user used to live in Rome.",
    "User grew up in Kenya.",
    "The user recently started a new job at Initech.",
    "Maria prefers window seats.",
    "Tom is married.",
    "The customer bought a drill in May and it broke.",
    "Occupation: primary school teacher",
    "Allergies: peanuts, shellfish",
    "Speaks Portuguese and French",
    "Married with three children",
    "Interested in astronomy",
    "Doesn't drink alcohol",
    "Moved to Berlin in 2023",
    "Wants to learn the guitar",
    "Hobbies: chess, climbing",
    "User no longer lives in Lisbon",
    "No longer vegan",
    "User Ana lives in Lisbon.",
    "Recently moved to Berlin",
    'User said "I live in Rome".',
    "User wants me to reply in French.",
    "Currently, the user lives in Bonn",
    "The user's never been to Africa",
    "The client's birthday is 3 May.",
    "Maria Lopez has two sons.",
    "The user is proud of her daughter Ida.",
    "Not allergic to cats",
    "lives in bonn",
]

NOTED_IN_PASSING = {
    "greeting": [
        "The user said hello.",
        "The user said goodbye.",
        "User greeted me.",
    ],
    "question": [
        "User asked about the weather.",
        "The user wants to know how magnets work.",
        "The user inquired about opening hours.",
    ],
    "acknowledgement": [
        "The user thanked the assistant.",
        "User agreed with me.",
        "User enjoys it.",
    ],
    "request": [
        "The user asked for a poem about cats.",
        "User is asking for help with an essay.",
        "The user requested a summary of the article.",
        "User wants a list of verbs in Spanish.",
    ],
    "uncertain": [
        "The user may like tea.",
    ],
    "quoted": [
        'The user said "hello".',
    ],
    "general knowledge": [
        "The user interface is slow.",
        "The user clicks the button and the form opens.",
        "The user logs in and sees the dashboard.",
        "User did not provide any details.",
        "A user is a person who uses a computer.",
        "The customer is always right.",
        "The client sends a request to the server.",
        "The sun is a star.",
        "Python is a language.",
        "Lisbon is the capital of Portugal.",
        "BMW is based in Munich.",
        "Amazon is a river in South America.",
    ],
    "impersonal": [
        "Loves it!",
        "Is a hot dog a sandwich",
        "User experience matters.",
        "Users prefer dark mode.",
        "Everyone loves pizza.",
        "They are red.",
        "It has two settings.",
        "Plays a role in digestion.",
        "Needs more salt.",
    ],
}

# What is known, and what says nothing new.
REPEATED = [
    ("I live in Berlin.", "I live in Berlin"),
    ("I live in Berlin.", "We live in berlin."),
    ("I moved to Berlin last week", "I live in Berlin."),
    ("i live in berlin", "I live in Berlin."),
    ("I live in Berlin with my wife and two cats.", "I live in Berlin."),
    ("My sister Ana lives in Porto.", "My sister lives in Porto."),
    ("I work as a nurse at Acme.", "I work at Acme."),
    ("I'm a senior software engineer.", "I'm a software engineer."),
    ("I'm Alice.", "My name is Alice."),
    ("I'm vegan.", "I am a vegan."),
    ("I'm 34.", "I'm 34 years old."),
    ("My favourite colour is green.", "Green is my favourite colour."),
    ("Our dog is called Rex.", "My dog's name is Rex."),
    ("My phone number is 555 1234.", "My phone number is 555-1234."),
    ("I like sushi.", "I love sushi."),
    ("I ran a race last Saturday.", "Last Saturday I ran a race."),
    ("I really love my job.", "I love my job!"),
    ("Ich wohne in Berlin.", "ich wohne in Berlin"),
    ("I'm married to Priya.", "I'm married."),
    ("The user lives in Lisbon.", "I live in Lisbon."),
    ("I live in Lisbon.", "User lives in Lisbon"),
    ("The user has a dog named Rex.", "Has a dog named Rex"),
    ("My birthday is 3 May.", "Birthday: 3 May"),
]

# What is known, and what takes its place.
REPLACED = [
    ("I live in Berlin.", "I moved to Bonn."),
    ("I live in Berlin.", "I live in Bonn now."),
    ("i live in berlin", "i live in bonn now"),
    ("I live in Berlin", "We've just moved from Berlin to Bonn!"),
    ("I live in Berlin", "Last month we moved to New York."),
    ("I live in Berlin.", "I no longer live in Berlin."),
    ("I live in Berlin.", "I don't live in Berlin any more."),
    ("I live in Berlin.", "I live in Berlin with my wife and two cats."),
    ("Ana lives in Porto.", "Ana moved to Lisbon."),
    ("My sister Ana lives in Porto.", "Ana lives in Lisbon now."),
    ("My sister lives in Porto.", "My sister Ana lives in Porto."),
    ("My wife works at Acme.", "My wife Priya works at Initech."),
    ("I work at Acme.", "I work at Initech now."),
    ("I work at Acme.", "I started a new job at Initech."),
    ("I work at Acme.", "I've got a new job at Initech, starting in June."),
    ("I work at Acme.", "I left Acme."),
    ("I work at Acme.", "I quit my job."),
    ("I work at Acme.", "I lost my job last week."),
    ("I work as a nurse.", "I work as a teacher now."),
    ("I'm a nurse.", "I'm a doctor now."),
    ("I work as an engineer.", "I'm a senior engineer now."),
    ("My name is Alice.", "My name is Alicia."),
    ("Call me Ali.", "Please call me Lis."),
    ("I'm vegetarian.", "I'm vegan now."),
    ("I'm a vegetarian.", "I went vegan in January."),
    ("I'm vegan.", "I'm no longer vegan."),
    ("I'm vegan.", "I eat meat again."),
    ("I'm 34.", "I turned 35 last week."),
    ("My birthday is on 5 May.", "My birthday is on 6 May."),
    ("I'm single.", "I got engaged!"),
    ("I'm engaged.", "I got married last Saturday."),
    ("My favourite colour is green.", "My favorite color is blue."),
    ("My favourite colour is green.", "Blue is my new favourite colour."),
    ("Our dog is called Rex.", "Our dog is called Bello."),
    ("My phone number is 555 1234.", "My new phone number is 555 9876."),
    ("My email is a@b.org", "My email address is c@d.org"),
    ("I love sushi.", "I don't like sushi any more."),
    ("I love sushi.", "I hate sushi now."),
    ("I don't like sushi.", "I love sushi now."),
    ("I like sushi.", "I no longer like sushi."),
    ("I love sushi.", "I love sushi, especially with salmon."),
    ("I'm allergic to cats.", "I'm not allergic to cats any more."),
    ("I smoke.", "I don't smoke any more."),
    ("I smoke.", "I stopped smoking."),
    ("I drink coffee every morning.", "I stopped drinking coffee."),
    ("I drink coffee every morning.", "I don't drink coffee."),
    ("I can't swim.", "I can swim now."),
    ("I have a dog.", "I don't have a dog any more."),
    ("I have a dog.", "I have a dog named Rex."),
    ("I go to the gym every Monday.", "I no longer go to the gym."),
    ("We're planning a trip to Japan in October.", "We cancelled the trip to Japan."),
    ("The exam is on Monday.", "The exam has been moved to Friday."),
    ("Our wedding is on 12 June.", "We moved the wedding to 3 July."),
    ("Please always answer in French.", "Please answer in English."),
    ("Keep your answers short.", "I prefer detailed answers."),
    ("I drive a Volvo.", "I drive a Tesla now."),
    ("My boss is Ana.", "My boss is Ben."),
    ("I no longer work at Acme.", "I work at Acme again."),
    ("We live in Leeds.", "We moved back to York."),
    ("I prefer window seats.", "I prefer aisle seats."),
    ("My son Tim is 7.", "My son Tim turned 8 today."),
    ("My mother lives in Oslo.", "My mom moved to Bergen last year."),
    ("My timezone is CET.", "My time zone is EST now."),
    ("My gym is FitBox.", "My gym is Ironworks now."),
    ("My dentist appointment is on 3 March.", "My dentist appointment was moved to 5 March."),
    ("I'm based in Berlin.", "I'm living in Vienna these days."),
    ("I'm not a fan of jazz.", "I love jazz these days."),
    ("I'm into techno.", "I'm not into techno any more."),
    ("I want to learn Italian.", "I don't want to learn Italian any more."),
    ("My dog Rex is 3.", "My dog Rex is 4."),
    ("I'm planning a trip to Japan with Ben.", "We cancelled the trip to Japan, the fares are crazy."),
    ("The user lives in Lisbon.", "I live in Porto now."),
    ("I live in Lisbon.", "The user moved to Porto."),
    ("Lives in Lisbon", "The user and her husband moved to Porto."),
    ("Home: Lisbon", "Lives in Porto"),
    ("The user lives in Lisbon.", "User no longer lives in Lisbon."),
    ("The user's favourite colour is green.", "Favourite colour: blue"),
    ("User's sister Mara works at Bosch.", "My sister Mara works at Acme now."),
    ("User is vegetarian.", "The user said they are vegan now."),
    ("The user likes jazz.", "I can't stand jazz."),
    ("The customer lives in Lisbon.", "The customer moved to Porto."),
    ("The user has a dog.", "The user has a dog named Rex."),
]

# What is known, and what stands beside it.
ADDED = [
    ("i live in berlin", "i moved to linux"),
    ("I live in Berlin.", "My sister lives in Porto."),
    ("I live in Berlin.", "I lived in Rome in 2010."),
    ("I live in Berlin.", "I might move to Bonn."),
    ("I live in Berlin.", "I want to move to Bonn."),
    ("I live in Berlin.", "I'm going to move to Bonn next year."),
    ("I live in Berlin.", "I live in a small flat with two cats."),
    ("I live in Berlin.", "I live in Germany."),
    ("I live in Berlin.", "I no longer live in Rome."),
    ("I live in Berlin.", "I used to live in Rome."),
    ("I live in Berlin.", "I grew up in Rome."),
    ("I live in Berlin.", "I also live in Rome part-time."),
    ("I live in Berlin.", "I moved to the marketing team."),
    ("I live in Berlin.", "I moved to Google as a product manager."),
    ("I live in Berlin.", "My wife works in Potsdam."),
    ("Ana lives in Porto.", "Ben lives in Porto."),
    ("My sister lives in Porto.", "My sister Ana lives in Lisbon."),
    ("My sister Ana lives in Porto.", "My sister Eva lives in Lisbon."),
    ("I work at Acme.", "I left Berlin."),
    ("I work at Acme.", "I also work at Initech on weekends."),
    ("I work at Acme.", "I worked at Initech for a while."),
    ("I work at Acme.", "I work at home on Fridays."),
    ("I'm a nurse.", "I'm a mother of two."),
    ("I'm a nurse.", "I'm a runner."),
    ("My name is Alice.", "Call me Ali."),
    ("My name is Alice.", "I'm German."),
    ("I'm vegan.", "I'm tall."),
    ("I'm 34.", "My brother is 30."),
    ("My sister is married.", "I'm single."),
    ("My favourite colour is green.", "My favourite food is ramen."),
    ("My favourite film is Up.", "One of my favourite films is Alien."),
    ("Our dog is called Rex.", "Our cat is called Milo."),
    ("My son is called Tim.", "My daughter is called Ida."),
    ("I love sushi.", "I love ramen."),
    ("I like sushi.", "I like sushi restaurants."),
    ("I love cooking for friends.", "I hate cooking for myself."),
    ("I love running and swimming.", "I don't like running any more."),
    ("I love dogs.", "My sister hates dogs."),
    ("I'm allergic to cats.", "I'm allergic to nuts."),
    ("I love coffee.", "I stopped drinking coffee."),
    ("I have a dog named Rex.", "I have a cat."),
    ("I have a doctor.", "I'm a doctor."),
    ("I speak Polish.", "I speak Spanish."),
    ("I visited Rome.", "I visited Paris."),
    ("I have a son.", "I have a daughter."),
    ("I play tennis on Mondays.", "I play tennis with Ben."),
    ("I work on my novel on Fridays.", "I don't work on Fridays."),
    ("I loved my trip to Japan last year.", "We cancelled the trip to Japan."),
    ("Our wedding is on 12 June.", "My sister's wedding is on 3 July."),
    ("My flight to Rome is on Monday.", "My flight to Oslo is on Friday."),
    ("I ran a race last Saturday.", "I ran a race on Sunday."),
    ("Ana gave Ben a book.", "Ben gave Ana a book."),
    ("I flew to Rome.", "I flew from Rome."),
    ("She lives in Porto.", "I live in Porto."),
    ("My car is a Volvo.", "My car is broken."),
    ("My boss is Ana.", "My boss is annoying."),
    ("I no longer work at Acme.", "I work at Initech."),
    ("I teach maths.", "My brother Tim teaches maths."),
    ("I live in Leeds.", "My parents moved to York."),
    ("I'm from Leeds.", "I live in York."),
    ("I enjoy hiking.", "I enjoy chess."),
    ("I was in Rome in May.", "I was in Rome in June."),
    ("I love my dog.", "I love dogs."),
    ("I have two sons, Tim and Leo.", "My son Tim is seven."),
    ("My son Tim is 7.", "My son Leo is 8."),
    ("I live in Berlin.", "I live with my parents."),
    ("I live in Berlin.", "I live near the river."),
    ("My dentist appointment is on 3 March.", "My doctor's appointment is on 5 March."),
    ("I work for Acme.", "My company is growing."),
    ("I'm based in Berlin.", "I work for a bank."),
    ("Ich wohne in Berlin.", "Ich wohne in Bonn."),
    ("I hate mornings.", "I have never liked evenings."),
    ("I'm not a fan of jazz.", "I love blues."),
    ("I think I like sushi.", "I think you like sushi."),
    ("I promised Ana a cake.", "I promised Ben a cake."),
    ("I can't eat nuts.", "I can't eat shellfish."),
    ("I'm a vegan chef.", "I'm vegetarian."),
    ("My dog Rex is 3.", "My dog Bella is 5."),
    ("My brother works at Acme.", "My other brother works at Initech."),
    ("I'm married to Priya.", "I got a job at Acme."),
    ("My team is Arsenal.", "My team is amazing."),
    ("I stopped smoking.", "I smoke when I'm drunk."),
    ("I run on Tuesdays and Saturdays.", "I no longer run on Tuesdays."),
    ("I live in Berlin.", "Ana lives in Lisbon."),
    ("I live in Berlin.", "The client lives in Lisbon."),
    ("The user lives in Berlin.", "The user's sister lives in Lisbon."),
    ("The user lives in Berlin.", "They live in Lisbon."),
    ("The user lives in Berlin.", "The user used to live in Lisbon."),
    ("My name is Ana.", "name: build"),
]


@pytest.mark.parametrize("text", KEPT_AS_SAID)
def test_statements_are_kept_in_the_speakers_own_words(text):
    assert facts(text) == [text]


@pytest.mark.parametrize("text", NOTED)
def test_a_models_notes_about_its_user_are_kept_as_written(text):
    assert facts(text) == [text]


@pytest.mark.parametrize(
    ("reason", "text"), [(reason, text) for reason in NOTED_IN_PASSING for text in NOTED_IN_PASSING[reason]]
)
def test_notes_of_the_talk_itself_and_what_only_looks_like_a_note_are_skipped(reason, text):
    kept, skipped = extract(said(text))
    assert not kept
    assert reason in {one.reason for one in skipped}


def test_an_assistants_words_about_the_user_are_not_its_own():
    turns = said("The user lives in Lisbon. Birthday: 3 May", role="assistant")
    kept, skipped = extract(turns, keep=("assistant",))
    assert not kept
    assert {one.reason for one in skipped} == {"impersonal"}


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("The user lives in Lisbon. They have two kids.", ["The user lives in Lisbon.", "The user has two kids."]),
        ("User is vegan. Her favourite food is ramen.", ["User is vegan.", "The user's favourite food is ramen."]),
        ("Lives in Lisbon. She works at Bosch.", ["Lives in Lisbon.", "The user works at Bosch."]),
        ("The user likes roses. They are red.", ["The user likes roses."]),
        ("The user met Tom. He lives in Rome.", ["The user met Tom.", "He lives in Rome."]),
        ("The user has two sons. They love football.", ["The user has two sons.", "They love football."]),
        ("User lives in Bonn and works at Acme.", ["User lives in Bonn", "User works at Acme."]),
    ],
)
def test_a_pronoun_after_a_note_is_the_user_where_nobody_else_can_be_meant(note, expected):
    assert facts(note) == expected


@pytest.mark.parametrize(("text", "expected"), CLEANED)
def test_facts_are_freed_of_fillers_and_split_where_both_halves_stand(text, expected):
    assert facts(text) == expected


@pytest.mark.parametrize(("reason", "text"), [(reason, text) for reason in DROPPED for text in DROPPED[reason]])
def test_what_is_no_lasting_statement_is_skipped_with_its_reason(reason, text):
    kept, skipped = extract(said(text))
    assert not kept
    assert reason in {one.reason for one in skipped}


@pytest.mark.parametrize(("old", "new"), REPEATED)
def test_what_says_nothing_new_is_a_duplicate(old, new):
    decision = decided(old, new)
    assert (decision.event, decision.known, decision.reason) == ("NONE", 0, "duplicate")


@pytest.mark.parametrize(("old", "new"), REPLACED)
def test_a_changed_ended_or_fuller_statement_replaces_the_known_one(old, new):
    decision = decided(old, new)
    assert (decision.event, decision.known, decision.text) == ("UPDATE", 0, new)


@pytest.mark.parametrize(("old", "new"), ADDED)
def test_nothing_is_replaced_on_doubt(old, new):
    decision = decided(old, new)
    assert (decision.event, decision.known, decision.text) == ("ADD", None, new)


def test_only_turns_of_the_roles_to_keep_give_facts():
    turns = [
        Turn("system", "I am a bank's assistant."),
        Turn("assistant", "I'm called Atlas."),
        Turn("user", "I'm Bo."),
    ]
    assert [fact.text for fact in extract(turns)[0]] == ["I'm Bo."]
    assert [fact.text for fact in extract(turns, keep=("user", "assistant"))[0]] == ["I'm called Atlas.", "I'm Bo."]


def test_the_assistants_promises_are_kept_and_its_offers_are_not():
    turns = said("I can help with that. I've booked a table for Friday. Paris is lovely.", role="assistant")
    kept, skipped = extract(turns, keep=("assistant",))
    assert [(fact.text, fact.attributed_to) for fact in kept] == [("I've booked a table for Friday.", "assistant")]
    assert [one.reason for one in skipped] == ["offer", "impersonal"]


def test_a_fact_names_the_turn_it_came_from():
    turns = [Turn("user", "Hi!"), Turn("assistant", "Hello!"), *said("I live in Bonn.", "I'm vegan.")]
    assert [(fact.text, fact.turn) for fact in extract(turns)[0]] == [("I live in Bonn.", 2), ("I'm vegan.", 3)]


def test_a_sentence_about_somebody_named_before_is_kept():
    both = ["Our dog is called Rex.", "Rex is afraid of thunder."]
    assert facts(*both) == both
    assert facts(both[1]) == []


def test_a_pronoun_becomes_the_one_person_it_can_stand_for():
    assert facts("My sister Ana lives in Porto. She's a nurse.")[1] == "My sister Ana is a nurse."
    assert (
        facts("I have dinner with my wife Eva and our son Tim.", "He turned seven.")[1] == "Our son Tim turned seven."
    )


def test_a_pronoun_that_could_be_two_people_is_not_guessed():
    assert facts("My sister met my aunt in Rome. She's a nurse.") == ["My sister met my aunt in Rome."]


@pytest.mark.parametrize(
    ("said_first", "correction", "expected"),
    [
        ("I live in Berlin.", "Sorry, I meant Bonn.", ["I live in Bonn."]),
        ("I live in Berlin.", "Sorry, I meant Bonn, I live in Bonn.", ["I live in Bonn."]),
        ("I live in Berlin.", "I meant Bonn, not Berlin.", ["I live in Bonn."]),
        ("I see the dentist on 12 May at noon.", "Make that 13 May.", ["I see the dentist on 13 May at noon."]),
        ("My class is on Tuesday.", "No wait, make that Thursday!", ["My class is on Thursday."]),
        ("I like trains.", "I meant the other one.", ["I like trains.", "I meant the other one."]),
    ],
)
def test_a_bare_correction_puts_the_statement_before_it_right(said_first, correction, expected):
    assert facts(f"{said_first} {correction}") == expected
    assert facts(said_first, correction) == expected


def test_a_correction_does_not_touch_what_somebody_else_said():
    turns = [
        Turn("user", "I live in Rome.", "Ana"),
        Turn("user", "I live in Rome.", "Ben"),
        Turn("user", "I meant Bonn.", "Ana"),
    ]
    kept, skipped = extract(turns)
    assert [(fact.text, fact.turn) for fact in kept] == [("I live in Rome.", 1), ("I live in Bonn.", 2)]
    assert [one.reason for one in skipped] == ["corrected"]


@pytest.mark.parametrize(
    "paste",
    [
        "Can you proofread this? {}",
        "Translate the following into German:\n\n{}",
        "```\n{}\n```",
        "> {}\n> and so on",
        "def me(x):  # {}",
        '"{}"',
        "Fix this email: dear all.\n{}",
    ],
)
def test_pasted_text_is_not_taken_for_the_speakers_own(paste):
    kept, skipped = extract(said(paste.format("I live in Rome and I love cats.")))
    assert not kept
    assert "quoted" in {one.reason for one in skipped}


def test_a_question_about_oneself_does_not_make_a_paste_of_what_follows():
    assert facts("How can I improve my English? I grew up in Brazil.") == ["I grew up in Brazil."]


def test_a_list_about_oneself_is_no_paste():
    listed = facts("Some facts about me:\n- I live in Bonn\n- I'm vegan\n3. I have two sons")
    assert listed == ["Some facts about me:", "I live in Bonn", "I'm vegan", "I have two sons"]


def test_wrapped_lines_are_one_sentence_and_short_lines_are_several():
    wrapped = "I grew up on a farm in the north of Portugal with my\ngrandparents and four cousins."
    assert facts(wrapped) == [wrapped.replace("\n", " ")]
    assert facts("i live in bonn\ni work at acme") == ["i live in bonn", "i work at acme"]


def test_the_same_statement_twice_is_one_fact():
    kept, skipped = extract(said("I'm vegan.", "Yes, I'm vegan!"))
    assert [fact.text for fact in kept] == ["I'm vegan."]
    assert [one.reason for one in skipped] == ["duplicate"]


def test_several_changes_of_one_attribute_end_with_the_last():
    known = []
    for text in [
        "I live in Rome.",
        "I moved to Bonn.",
        "My sister lives in Porto.",
        "I live in Bonn.",
        "We moved to York.",
    ]:
        decision = reconcile(Fact(text), known)
        if decision.event == "ADD":
            known.append(known_memory(str(len(known)), decision.text))
        elif decision.event == "UPDATE":
            known[decision.known] = known_memory(known[decision.known].id, decision.text)
    assert [memory.text for memory in known] == ["We moved to York.", "My sister lives in Porto."]


def test_among_several_known_the_one_that_changes_is_found():
    known = [known_memory(text, text) for text in ("I have a dog.", "I work at Acme.", "I live in Berlin.")]
    decision = reconcile(Fact("I moved to Bonn."), known, index=7)
    assert (decision.event, decision.fact, decision.known) == ("UPDATE", 7, 2)


def test_of_two_known_that_change_the_more_similar_is_replaced():
    known = [known_memory("a", "I live in Berlin.", 0.2), known_memory("b", "I live in Berlin with Ana.", 0.9)]
    assert reconcile(Fact("I moved to Bonn."), known).known == 1


def test_forgetting_deletes_the_one_memory_that_is_meant():
    known = [known_memory("a", "My phone number is 555 1234."), known_memory("b", "I live in Berlin.")]
    decision = reconcile(Fact("Please forget that I live in Berlin."), known)
    assert (decision.event, decision.known) == ("DELETE", 1)


@pytest.mark.parametrize(
    "text", ["Forget my dog Rex.", "Forget my phone number.", "Forget my", "Delete everything about me"]
)
def test_forgetting_deletes_nothing_when_none_or_several_could_be_meant(text):
    known = [known_memory("a", "My dog Rex is 3."), known_memory("b", "My dog Rex loves snow.")]
    decision = reconcile(Fact(text), known)
    assert (decision.event, decision.reason) == ("NONE", "unknown")


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("I live in New York with my wife.", Attribute(Subject(), "home", "new york")),
        ("My sister Ana lives in Porto.", Attribute(Subject("sister", "ana"), "home", "porto")),
        ("My mom's birthday is on 5 May.", Attribute(Subject("mother"), "birthday", "5 may")),
        ("Ana works at Acme.", Attribute(Subject("", "ana"), "employer", "acme")),
        ("I no longer work at Acme.", Attribute(Subject(), "employer", "acme", ended=True)),
        ("My favorite color is sea green.", Attribute(Subject(), "favourite colour", "sea green")),
        ("I can't stand coriander.", Attribute(Subject(), "opinion of coriander", "dislikes")),
        ("My brother Tim is 34 years old.", Attribute(Subject("brother", "tim"), "age", "34")),
    ],
)
def test_an_attribute_is_read_with_subject_name_and_value(text, attribute):
    assert attributes_of(text) == (attribute,)


@pytest.mark.parametrize(
    ("note", "said_by_the_user"),
    [
        ("The user lives in Lisbon.", "I live in Lisbon."),
        ("Currently, this user lives in Lisbon", "I live in Lisbon."),
        ("Lives in Lisbon", "I live in Lisbon."),
        ("Home: Lisbon", "I live in Lisbon."),
        ("User Ana works as a nurse at Bosch.", "I work as a nurse at Bosch."),
        ("The user said that she is vegan.", "I'm vegan."),
        ('User said "I live in Rome".', "I live in Rome."),
        ("The user's not allergic to nuts", "I'm not allergic to nuts."),
        ("User goes by Annie", "Call me Annie"),
        ("The user lost his job.", "I lost my job."),
        ("The user moved their wedding to 3 July.", "We moved our wedding to 3 July."),
        ("The user's sister Mara works at Bosch.", "My sister Mara works at Bosch."),
        ("Full name: Ana Silva", "My full name is Ana Silva."),
        ("Allergies: peanuts", "I'm allergic to peanuts."),
        ("User's time zone: CET", "My time zone is CET."),
    ],
)
def test_a_note_about_the_user_states_the_attributes_of_the_users_own_words(note, said_by_the_user):
    assert attributes_of(note) == attributes_of(said_by_the_user) != ()


def test_a_name_is_somebody_elses_unless_it_is_the_speakers_own():
    note = "Ana lives in Lisbon."
    assert (
        attributes_of(note, speaker="Ben") == attributes_of(note) == (Attribute(Subject("", "ana"), "home", "lisbon"),)
    )
    for speaker in ("Ana", "Ana Silva"):
        assert attributes_of(note, speaker=speaker) == (Attribute(Subject(), "home", "lisbon"),)
    known = [known_memory("known", note)]
    assert reconcile(Fact("I moved to Porto."), known).event == "ADD"
    assert reconcile(Fact("I moved to Porto."), known, speaker="Ana").event == "UPDATE"
    assert facts("Ana collects stamps.") == []
    assert [fact.text for fact in extract(said("Ana collects stamps.", name="Ana"))[0]] == ["Ana collects stamps."]


@pytest.mark.parametrize(
    "text",
    [
        "I lived in Rome.",
        "I live alone.",
        "I'd like to live in Rome.",
        "I live in a tent.",
        "I speak Polish.",
        "I visited Rome.",
        "",
        "?",
    ],
)
def test_what_has_no_single_value_states_no_attribute(text):
    assert attributes_of(text) == ()


# Each is about a megabyte; anything worse than linear would not end within the patience of the test run.
HOSTILE = {
    "one long word": "a" * 1_000_000,
    "stops": "." * 1_000_000,
    "marks": "!?" * 500_000,
    "quotes": '"' * 1_000_000,
    "nested quotes": "\"('" * 333_333,
    "blank lines": "\n" * 1_000_000,
    "blanks within": "I am" + " " * 1_000_000 + "x",
    "openers": "hey " * 250_000,
    "clauses": "I am and I said, and " * 50_000,
    "hypotheses": ("I would " + "if i " * 190 + ". ") * 1_000,
    "negations": ("I not " * 150 + ". ") * 1_000,
    "favourites": ("x is my favourite " * 50 + ". ") * 1_000,
    "fences": "```\n" * 250_000,
    "contractions": "n't " * 250_000,
    "emoji": "\U0001f600" * 250_000,
    "no blanks between sentences": "我住在柏林。" * 50_000,
    "corrections": "I live in Rome. I meant Bonn. " * 5_000,
    "notes": "The user said they live in Rome. " * 5_000,
    "labels": "Name" + " " * 500_000 + ": Ana",
    "leads": "Never " * 150_000 + "eats",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_ends_and_leaves_only_short_facts(name):
    kept, skipped = extract(said(HOSTILE[name]))
    assert all(len(fact.text) <= 1000 for fact in kept)
    assert kept or skipped or not HOSTILE[name].strip()
    assert reconcile(Fact(HOSTILE[name]), [known_memory("a", HOSTILE[name][:-1])]).event == "ADD"


PIECES = st.sampled_from(
    """I i'm my our sister Ana and but so , ; - live in Bonn not any more what please is ' " ? . ... meant she's forget
    remember that favourite 12 May hey Sorry, ``` > 住 ؟ 😀 make exam the since 5 no longer wrote \0 user user's
    lives They Name: have Allergic to said""".split()
)


@given(st.lists(PIECES, max_size=30).map(" ".join) | st.text(max_size=80), st.lists(PIECES, max_size=12).map(" ".join))
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_the_rules_and_the_same_text_gives_the_same(text, known):
    kept, skipped = extract(said(text, known))
    assert (kept, skipped) == extract(said(text, known))
    for fact in kept:
        assert fact.text == fact.text.strip() != ""
        decision = reconcile(fact, [known_memory("known", known)])
        assert decision.known == (None if decision.event == "ADD" or decision.reason == "unknown" else 0)


@given(st.sampled_from(KEPT_AS_SAID), st.integers(0, 3))
def test_a_statement_said_again_is_always_a_duplicate(text, place):
    known = [known_memory(other, other) for other in [*KEPT_AS_SAID[:place], text]]
    assert reconcile(Fact(text), known).event == "NONE"
