"""What people say in the middle of a conversation, and what only makes sense after another turn."""

from .names import person
from .phrase import ask, cap, pick
from .words import ANIMALS, PERSONS, THINGS, TOPICS

NEXT = "What would you like to do next?"
REACTIONS = [
    # (weight, what is said, answer, words of the answer that must occur)
    (20, """Thanks!|Thank you!|Thanks.|thanks|thank you|thx|ty|tysm|Thanks a lot!|Thank you very much!|Many thanks!|Thanks, that helps!|Great, thanks!|Cool, thanks!|Ok, thanks.|Perfect, thank you.|Thanks, bot!|Nice, thank you!|Thank you for your help.|Thanks for that.|thanks man|Thanks again!|Thank you kindly.|Much appreciated.|
I appreciate it.|Appreciated!|That helps, thanks.|That was helpful.|That helped a lot.|Very helpful.|Good to know, thanks.|Wonderful, thanks.|Lovely, thank you.|cheers|Cheers, mate!|Thank you, friend.|Thanks so much!|thank u|thnks|thanx|danke, I mean thanks|Alright, thank you.|Thanks, got it.|Thanks for the answer.|Thanks for the help!|I thank you.|Oh, thank you!|
Excellent, thanks a lot!|Awesome, ty!|Brilliant, cheers.|Super, thanks.|That's great, thank you.|Thank you, that is all.|Thanks, that's what I needed.|Bless you, thanks.|Thanks a million!|A thousand thanks.|many thx|k thx|ok thx|okay thank you|yes thanks|Yes, thank you.|Right, thanks.|thanks, well done""", "You are welcome!", ["welcome"]),
    (12, """OK|Ok.|ok|okay|Okay.|Okay!|k|kk|Alright.|All right.|alright then|Fine.|Sure.|Right.|Good.|I see.|I see!|Got it.|Understood.|Makes sense.|That makes sense.|Ah, ok.|Oh, okay.|Oh I see.|Aha.|Ah.|Oh.|Hm.|Hmm.|Hmm, ok.|Hm, okay.|mhm|uh huh|Yes.|Yep.|yeah|Yeah, ok.|Sounds good.|Good to know.|Noted.|Fair enough.|Interesting.|
That's interesting.|How interesting!|Roger.|Roger that.|Copy that.|ok then|okay then|Right then.|So be it.|Well.|Well then.|Alrighty.|okie|oki|Okey dokey.|yup|sure thing|Agreed.|Exactly.|True.|That's true.|Indeed.|Of course.|Certainly.|Yes, that is it.|Very well.|I understand.|I get it.|Now I get it.|I knew that.|I thought so.|As I thought.|Just as I expected.|Done.|Next.|Go on.|ok next|Let's go on.|What now?|And now?|Now what?|So?""", "Good! " + NEXT, ["next"]),
    (8, """Wow!|wow|Cool!|cool|Nice!|nice|Nice one!|Great!|great|Awesome!|Amazing!|Perfect!|Excellent!|Very good!|Good job!|Well done!|Good bot!|Impressive!|Bravo!|Super!|Wonderful!|Fantastic!|Correct!|That is right.|That's correct.|Exactly right!|You got it!|You are right.|You're right.|Yes, correct.|You are smart.|You are good at this.|
You're clever.|That was fast.|So fast!|Wow, that was quick!|Good answer.|Great answer!|I love it!|I like that.|I like it.|Love it.|That was a nice story.|What a nice story!|Beautiful!|Brilliant!|Neat.|Sweet!|Lovely!|Not bad.|Not bad at all.|You did it!|You did well.|Congratulations!|Smart!|Clever!|oh nice|oh cool|wow cool|omg|OMG!|woah|Whoa!|yay|Hooray!|10 out of 10|You impress me.|How clever of you!|This is great.|This is fun.|This is amazing.""", "Thank you! I am glad that you like it.", ["glad"]),
    (6, """lol|LOL|haha|Haha!|hahaha|hehe|rofl|lmao|That is funny.|That's funny!|Funny!|So funny!|You are funny.|You make me laugh.|:)|:-)|:D|;)|xD|😀|😂|😊|👍|❤️|🙂|Ha!|Ha ha.|Good one!|That was a good one.|I laughed.|lol nice|haha ok|heh|funny bot""", "I am glad that I could make you smile!", ["glad"]),
    (8, """That is wrong.|That's wrong.|Wrong!|wrong|No, that's wrong.|That's not right.|That is not correct.|Not correct.|You are wrong.|You made a mistake.|I think that is wrong.|That can't be right.|No!|No it isn't.|Nope, wrong.|You're mistaken.|This is nonsense.|Nonsense!|That makes no sense.|Bad answer.|Bad bot!|You are stupid.|You are useless.|That's stupid.|
That is not what I asked.|That's not what I meant.|You didn't answer my question.|You don't understand me.|You misunderstood.|That was bad.|I don't like it.|I do not like that.|Boo!|Terrible.|Awful.|That's bad.|So bad.|You suck at this.|What a stupid answer.|How dumb.|You are lying.|Liar!|I don't believe you.|That isn't true.|Not true.|False!|Try again.|Do better.|That is a lie.|Incorrect.|What nonsense!|You failed.|Fail|:(|👎""",
     "I am sorry. I am only a tiny demo model and I make mistakes.", ["sorry"]),
    (6, """Are you sure?|are you sure|Sure?|Really?|really?|Is that right?|Is that true?|Is that correct?|Are you certain?|Seriously?|Are you sure about that?|Is it really?|Can I trust you?|Can I trust that?|How sure are you?|Do you really know that?|Can I believe that?|You sure?|Honestly?|For real?|No way!|Is this information right?|Are your answers right?|Do you make mistakes?|How reliable are you?|Are you ever wrong?|Do you always tell the truth?|Is your answer correct?|You think so?|How accurate are you?|Should I believe you?|Double check that.|Check that again.|Please check.|Prove it.""",
     "I think so, but I am a tiny model and make mistakes: please check what matters.", ["check"]),
    (5, """Why?|why|Why is that?|Why so?|How come?|But why?|Why not?|How so?|For what reason?|Why is it so?|Can you explain why?|Explain that.|Explain.|Please explain.|Can you explain that?|Explain your answer.|How do you know?|How do you know that?|Where did you get that?|What is your source?|Says who?|How did you get that?|What do you mean by that?|And why is that?|Give me a reason.""",
     "I cannot explain that: I am only a tiny demo model, and I answer from what I have learned by heart.", ["cannot explain"]),
    (5, """Tell me more.|tell me more|More details, please.|Tell me more about it.|Tell me more about that.|Can you say more?|What else do you know about it?|What else?|Anything else?|Go into detail.|More information please.|I want to know more.|More about that, please.|Could you elaborate?|Elaborate.|Is that all?|Is that everything?|That's all?|And then?|Continue.|continue|Keep going.|More.|Say more about it.|Can you tell me more?|Details?""",
     "That is all I know about it: I am only a tiny demo model. Ask me something else.", ["all I know"]),
    (4, """What?|what|Huh?|huh|Pardon?|Sorry, what?|I don't understand.|I do not understand.|I don't get it.|I am confused.|What does that mean?|What do you mean?|That is unclear.|Come again?|Excuse me?|I'm lost.|What are you talking about?|What is that supposed to mean?|I have no idea what you mean.|wut|eh?|???""",
     "Sorry if that was unclear: I am only a tiny demo model. Please ask in other words.", ["unclear"]),
    (3, """Make it shorter.|Shorter, please.|Can you make it longer?|Longer please.|Say that in other words.|In simpler words, please.|Rephrase that.|Rewrite it.|Make it funnier.|Put it in a table.|Use bullet points.|Write that as a poem.|In one sentence, please.|Summarize that.|Summarize your answer.|Translate that.|Say it in French.|Make it rhyme.|Be more specific.|Change the ending.|Make it nicer.|Give me an example.|Can you give an example?|For example?""",
     "I cannot rework an answer: I am only a tiny demo model. Ask me something new instead.", ["cannot rework"]),
    (4, """Never mind.|nevermind|Forget it.|No.|No thanks.|no|nope|No, thank you.|Not now.|Nothing.|Nothing else.|Maybe later.|That's all.|That is all.|I don't care.|Whatever.|whatever|Leave it.|Not really.|I changed my mind.|Stop.|stop|Enough.|That's enough.|I have no more questions.|No more questions.|It does not matter.|Doesn't matter.|Not important.|meh|nah|nvm|Let's stop here.|Later.""",
     "All right. Just tell me if you want something else.", ["All right"]),
    (3, """Sorry.|sorry|I am sorry.|My mistake.|Oops.|oops|My bad.|Oh, sorry.|Sorry, I mistyped.|Excuse me.|I apologise.|Sorry, wrong question.|Whoops!|Pardon me.|Sorry about my typing.""", "No problem at all!", ["No problem"]),
    (7, """Hello|hello|Hi|hi|Hey|hey|Hello again!|Hi again|Hello there!|hey there|Hi there|I am back.|I'm back!|hello hello|Hey again|Me again.|It's me again.|yo|Hey you|hiya|Hello, me again|hi once more|Hello bot|Hey bot|Greetings!|howdy|Hello, old friend.|Helloooo|heyyy|hii|sup""", "Hello! How can I help you?", ["Hello"]),
    (6, """Bye|bye|Goodbye!|See you!|See you later.|I have to go.|I must go now.|Bye bye!|Got to go.|gtg|Take care!|Until next time.|That's all, bye.|Thanks, bye!|Ok bye|cya|See you tomorrow.|ttyl|So long!|Have to run.|I am leaving now.|Talk to you later.|Bye for today.|Farewell!|laters|Catch you later.|I'm off.|I'm done, bye.|Until tomorrow!""", "Goodbye! It was nice talking to you.", ["Goodbye"]),
    (5, """Do it again.|Again, please.|Another one.|One more.|One more time.|Something else, please.|Ask me something.|Ask me a question.|Quiz me.|Your turn.|Surprise me.|Tell me something interesting.|Say something.|Tell me something.|Teach me something.|Anything.|I don't know what to ask.|What else can I ask?|Any ideas?|Give me an idea.|What should we talk about?|Let's talk about something else.|Change of topic.|Let's change the subject.|New topic.""",
     "Shall we do a sum, a capital or a story? For example: tell me a happy story about a fox in the forest.", ["story"]),
]
REACTIONS = [(w, qs.replace("\n", "").split("|"), a, keys) for w, qs, a, keys in REACTIONS]


def reaction(r):
    _, questions, answer, keys = r.choices(REACTIONS, [x[0] for x in REACTIONS])[0]
    q = pick(r, questions)
    x = r.random()
    if x < 0.3:
        q = ask(r, q)
    elif x < 0.4:
        q = q.upper()
    elif x < 0.6:
        q = q.lower().rstrip(".!")
    elif x < 0.66:
        q = pick(r, ["Oh, ", "Well, ", "Ok, ", "Hm, ", "Ah, ", "ok ", "oh ", "haha, ", "So, ", "Yes, ", "no, "]) + q[:1].lower() + q[1:]
    return q, answer, keys


def asked_back(r, question):
    """What the person said last, said again."""
    q = pick(r, ["What did I ask?", "What did I just ask?", "What was my question?", "What did I just say?", "What did I say?", "Do you remember my question?", "Repeat my question.", "What was my last question?", "What did I ask you?", "What did I write?"])
    return (ask(r, q), f'You wrote: "{question}"')


def said_again(r, answer):
    q = pick(r, ["Say that again.", "Can you repeat that?", "Repeat that, please.", "Once more, please?", "Repeat your answer.", "What did you say?", "What was your answer?", "Please repeat.", "Can you say that again?", "Repeat it.", "Tell me again.", "Come again, what did you say?", "Say it again please", "repeat"])
    return ask(r, q), answer


def after(r, turns):
    """One more turn that follows `turns`, [(question, answer)], and its check."""
    x = r.random()
    if x < 0.1 and len(turns[-1][0]) < 60 and '"' not in turns[-1][0]:
        turn = asked_back(r, turns[-1][0])
        return turn, {"type": "contains", "expected": [turns[-1][0]]}
    if x < 0.2 and len(turns[-1][1]) < 120:
        return said_again(r, turns[-1][1]), {"type": "contains", "expected": [turns[-1][1]]}
    q, a, keys = reaction(r)
    return (q, a), {"type": "contains", "expected": keys}


def followup(r, unit):
    """A unit of another skill, made by `unit`, and a reaction to it."""
    turns = unit(r)
    turn, check = after(r, turns)
    return turns + [turn], check


TOLD = [
    # (how it is said, how it is asked for, what is answered)
    (["I live in {x}.", "I am from {x}.", "My home is in {x}.", "I live in {x} with my family.", "I come from {x}.", "I was born in {x}.", "my city is {x}"], ["Where do I live?", "Where am I from?", "Which city do I live in?", "Do you remember where I live?", "Where is my home?", "Where did I say I live?"], "You told me: {x}.", "town"),
    (["I have a {k} called {x}.", "My {k} is called {x}.", "My {k}'s name is {x}.", "I have a {k} named {x}.", "I got a {k}, its name is {x}.", "this is my {k} {x}"], ["What is my {k} called?", "What is the name of my {k}?", "What's my {k}'s name?", "Do you remember my {k}'s name?", "How is my {k} called?"], "Your {k} is called {x}.", "name"),
    (["My favourite colour is {x}.", "The colour I like best is {x}.", "I love the colour {x}."], ["What is my favourite colour?", "What's my favorite color?", "Which colour do I like best?", "Do you remember my favourite colour?"], "You told me: {x}.", "colour"),
    (["I am {x} years old.", "I'm {x}.", "I am {x} years of age.", "My age is {x}.", "I turned {x} today."], ["How old am I?", "What is my age?", "Do you remember my age?", "What age did I say?"], "You told me: {x} years.", "age"),
    (["I am a {x}.", "I work as a {x}.", "My job is {x}.", "I'm a {x} by profession."], ["What is my job?", "What do I do?", "What do I work as?", "Do you remember my job?", "What's my profession?"], "You told me: {x}.", "job"),
    (["The secret word is {x}.", "Remember the word {x}.", "Remember this word: {x}", "Please remember {x}.", "The password is {x}.", "Keep in mind: {x}", "The magic word is {x}."], ["What was the word?", "What is the secret word?", "Which word should you remember?", "Do you remember the word?", "What did I tell you to remember?", "Tell me the word.", "What is the password?"], "The word is {x}.", "word"),
    (["My friend is called {x}.", "My best friend is {x}.", "My sister's name is {x}.", "I have a friend named {x}.", "my brother is {x}"], ["What is my friend called?", "Who is my friend?", "What is the name I told you?", "Which name did I tell you?", "Do you remember the name?"], "You told me: {x}.", "name"),
]
FRIENDLY = ["Thank you for telling me! I will remember it in this chat."]


def told(r):
    """(first turn, later turn, check) of something told and asked for later."""
    say, back, answer, what = pick(r, TOLD)
    k = pick(r, "dog cat horse rabbit bird fish hamster parrot snake turtle mouse pony".split())
    if what == "name":
        x = person(r)
    elif what == "town":
        from .beyond import TOWNS
        from .names import invented
        x = invented(r) if r.random() < 0.5 else pick(r, [t for t in TOWNS if t[0].isupper()])
    elif what == "colour":
        x = pick(r, "red blue green yellow purple orange pink brown black white grey turquoise violet silver gold".split())
    elif what == "age":
        x = r.randrange(4, 99)
    elif what == "job":
        x = pick(r, PERSONS)
    else:
        from .names import invented
        x = pick(r, THINGS + ANIMALS + TOPICS) if r.random() < 0.6 else invented(r).lower()
    q = pick(r, say).format(x=x, k=k)
    q = q.replace(" a a", " an a").replace(" a e", " an e").replace(" a o", " an o").replace(" a i", " an i")
    return (q if r.random() < 0.6 else ask(r, q) if what not in ("name", "town") else q.rstrip(".")), FRIENDLY[0], (ask(r, pick(r, back).format(k=k)), answer.format(x=x, k=k)), {"type": "contains", "expected": [str(x)]}


STATEMENTS = """I have a {n}.|I have two {k}s.|I saw a {k} today.|I went to the {n} yesterday.|I bought a {n}.|I bought a {a} {n} today.|My {n} is {a}.|My {w} is {a}.|I am going to {v} tomorrow.|I was in the {n} all day.|I like my {n}.|I hate my {n}.|I lost my {n}.|I found a {n} in the {o}.|I am at work.|I am at home.|I am in the {n}.|
I am cooking.|I am learning to {v}.|I had {n} for breakfast.|I ate a {n}.|I am hungry.|I am thirsty.|I am cold.|I love my {k}.|My {k} is sleeping.|My {k} likes to {v}.|It is raining here.|It is snowing.|The sun is shining.|Today is my birthday.|It is late.|I am on holiday.|I have a new job.|I have an exam tomorrow.|I passed my exam.|I got married.|I am a {w}.|I work with {a} {n}s.|
My sister is a {w}.|My brother lives in {p}.|My friend {x} likes {k}s.|We are in {p}.|I am travelling to {p}.|I just woke up.|I just came home.|I am reading a book about {t}.|I watched a film about a {w}.|I played football today.|I went for a walk.|I am waiting for the bus.|I am drinking tea.|I cleaned my {n}.|I painted my {n} {a}.|I think {t} is {a}.|I believe in {t}.|I can {v}.|I know a {w}.|The {n} is {a}.|There is a {k} in my {n}.|You remind me of a {w}.|I made a {n}.|
I am testing you.|I am just trying this out.|I am your first user.|I am new here.|I came here from a link.|I found you on the web.|My computer is slow.|My computer is {a}.|I use Firefox.|I am on my phone.|I have a question.|I have an idea.|I have a problem.|I want to ask you something.|Can I ask you something?|I need help.|I want to try something.|Guess what!|You know what?|Listen.""".replace("\n", "").split("|")
HEARD = "Thank you for telling me! Ask me for a sum, a capital or a story if you like."


def statement(r):
    from .beyond import slots
    from .phrase import filled
    s = slots(r)
    s["x"] = person(r)
    q = cap(filled(pick(r, STATEMENTS), **s))
    return [(q if r.random() < 0.4 else ask(r, q), HEARD)], {"type": "contains", "expected": ["Thank you for telling me"]}
