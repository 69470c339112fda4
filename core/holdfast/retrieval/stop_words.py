"""Words without a subject of their own, including question words, by language.

Leaving the question words out of the list costs five points of recall@10 on LoCoMo: "when did Ana move" must not match
on "when" and "did". For the languages in Latin letters, the words also identify the language of a text.
"""

from __future__ import annotations

_ARTICLES_AND_PRONOUNS = """
a an the this that these those here there i me my mine myself we us our ours ourselves you your yours yourself
yourselves he him his himself she her hers herself it its itself they them their theirs themselves one
someone somebody something anyone anybody anything everyone everybody everything nobody nothing each other
"""
_AUXILIARIES = """
am is are was were be been being do does did doing done don have has had having can could might must shall
should will would wo ca ain aren couldn didn doesn hadn hasn haven isn mightn mustn needn shan shouldn wasn weren
wouldn get gets got let lets
"""
_CONNECTIVES = """
and or but nor so yet if then else than because as until while of at by for with about against between into
through during before after above below to from up down in out on off over under again once also too very just
only own same such both few more most some any all no not though although since per via
"""
_QUESTION_WORDS = "who whom whose what which when where why how ever many much often long kind type"
_FILLERS = """
yes yeah yep ok okay oh hey hi hello well really actually please thanks thank wow hmm lol haha etc s t m d ll re ve
"""

STOP_WORDS = frozenset(f"{_ARTICLES_AND_PRONOUNS} {_AUXILIARIES} {_CONNECTIVES} {_QUESTION_WORDS} {_FILLERS}".split())
"""The stop words of English."""

_GERMAN = """
der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner ich du er sie es wir ihr mich
mir dich dir ihn ihm uns euch ihnen mein meine meinen meinem meiner meines dein deine deinen deinem deiner sein seine
seinen seinem seiner ihre ihren ihrem ihrer unser unsere unseren unserem unserer euer eure sich man dies diese diesen
diesem dieser dieses jede jeden jedem jeder jedes alle allen etwas nichts
bin bist ist sind seid war warst waren wart gewesen sei wäre habe hab hast hat haben habt hatte hatten gehabt hätte
werde wirst wird werden werdet wurde wurden worden würde kann kannst können konnte muss musst müssen musste will willst
wollen wollte soll sollst sollen sollte darf dürfen mag möchte
und oder aber denn sondern wenn weil dass daß ob als wie an am auf aus bei beim bis durch für gegen hinter im in ins
mit nach neben ohne seit über um unter vom von vor zu zum zur zwischen nicht auch nur noch schon sehr so dann da dort
hier jetzt gerade immer mehr doch mal ja nein also
wer wen wem wessen was welche welchen welchem welcher welches wann wo woher wohin warum wieso weshalb wieviel viele
heißen heißt bitte danke hallo
"""
_SPANISH = """
el la los las lo un una unos unas al del yo tú él ella ello nosotros nosotras vosotros ellos ellas usted ustedes me te
se nos os le les mi mis mí tu tus ti su sus nuestro nuestra nuestros nuestras mío mía este esta estos estas ese esa esos
esas esto eso aquel aquella algo nada alguien nadie algún alguno alguna ningún ninguna todo toda todos todas cada otro
otra
soy eres es somos son era eras eran fui fue fueron ser sido estoy estás está estamos están estaba estaban estar estado
he has ha hemos han había habían haber hay tengo tienes tiene tenemos tienen tenía tener puedo puede pueden
y e o u pero sino que si porque pues como a ante bajo con contra de desde en entre hacia hasta para por según sin sobre
tras no ni también tampoco muy más menos ya aún ahora así aquí allí siempre sí
quién quiénes cuál cuáles qué cuándo dónde adónde cómo cuánto cuánta cuántos cuántas cuando donde quien cual llama
llamo llaman gracias hola
"""
_FRENCH = """
le la les l un une des du au aux je j tu il elle on nous vous ils elles me m te t se s moi toi lui leur leurs eux mon
ma mes ton ta tes son sa ses notre nos votre vos ce c cet cette ces ça cela ceci celui celle ceux quelque quelques tout
toute tous toutes chaque autre rien personne
suis es est sommes êtes sont étais était étions étaient été être serai sera ai as a avons avez ont avais avait avions
avaient eu avoir fais fait peux peut peuvent va vont
et ou mais donc ni car si que qu qui quoi dont où parce comme de d à en dans par pour sur sous avec sans chez contre
depuis pendant vers entre ne n pas plus moins très aussi encore déjà toujours maintenant ici là y bien
quand comment pourquoi combien quel quelle quels quelles lequel laquelle appelle appellent oui non merci bonjour
"""
_ITALIAN = """
il lo la i gli le l un uno una del dello della dell dei degli delle al allo alla all ai agli alle dal dalla dall nel
nello nella nell nei negli nelle sul sulla io tu lui lei noi voi loro mi ti ci vi si ne mio mia miei mie tuo tua suo sua
suoi sue nostro nostra vostro questo questa questi queste quello quella quelli quelle qualcosa niente tutto tutta tutti
tutte ogni altro altra
sono sei è siamo siete era erano ero stato stata essere ho hai ha abbiamo avete hanno avevo aveva avere sto sta posso
può e ed o ma se che perché come a ad di d da in con su per tra fra non anche più meno molto già ancora ora adesso
sempre qui lì così
chi cosa quale quali quando dove quanto quanta quanti quante chiama chiamo chiamano sì grazie ciao
"""
_PORTUGUESE = """
o a os as um uma uns umas do da dos das no na nos nas ao à aos às pelo pela dele dela eu tu ele ela nós vós eles elas
você vocês me te se lhe lhes mim meu minha meus minhas teu tua seu sua seus suas nosso nossa nossos nossas este esta
isto esse essa isso aquele aquela algo nada alguém ninguém todo toda todos todas cada outro outra
sou és é somos são era eram fui foi foram ser sido estou está estamos estão estava estar tenho tem temos têm tinha ter
posso pode podem
e ou mas que se porque como a de em com contra desde entre para por sem sobre até não nem também muito mais menos já
ainda agora assim aqui ali sempre
quem qual quais quando onde quanto quanta quantos quantas chama chamo chamam sim obrigado obrigada olá
"""
_DUTCH = """
de het een ik jij je u hij zij ze wij we jullie mij me jou hem haar ons hen hun mijn jouw zijn onze uw dit dat deze die
iets niets iemand niemand alle elke ander andere
ben bent is was waren geweest heb hebt heeft hebben had hadden gehad word wordt worden werd kan kunt kunnen kon moet
moeten wil willen zal zullen zou mag
en of maar want dus als omdat dan dat te aan achter bij binnen door in met na naar naast om onder op over per sinds tot
tussen uit van voor zonder niet geen ook nog al zeer heel veel meer nu hier daar altijd er
wie wat welk welke wanneer waar waarom hoe hoeveel heet heten ja nee dank hallo
"""

LATIN = {
    "english": STOP_WORDS,
    "german": frozenset(_GERMAN.split()),
    "spanish": frozenset(_SPANISH.split()),
    "french": frozenset(_FRENCH.split()),
    "italian": frozenset(_ITALIAN.split()),
    "portuguese": frozenset(_PORTUGUESE.split()),
    "dutch": frozenset(_DUTCH.split()),
}
"""The stop words of the languages in Latin letters, by the name of the stemmer."""

RUSSIAN = frozenset(
    """
    и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее её мне было вот от меня
    еще ещё нет о из ему теперь когда даже ну вдруг ли если уже или ни быть был него до вас нибудь опять уж вам ведь там
    потом себя ничего ей может они тут где есть надо ней для мы тебя их чем была сам чтоб без будто чего раз тоже себе
    под будет ж кто этот того потому этого какой какая какое какие каких каким какую какого какому совсем ним здесь этом
    мой моя моё мое мои моей моего моих моим моему мою моими твой твоя твои наш наша наши нас нам ими тот та те были
    куда откуда зачем почему сколько кого кому чей чья об при над про после перед между это эта эти очень свой свою
    своей своего мной тобой
    """.split()
)
ARABIC = frozenset(
    """
    في من على إلى الى عن مع بين عند عندي منذ حتى بعد قبل أو او و ثم لكن بل إن ان أن إنه أنه كان كانت يكون هو هي هم
    هن أنا انا أنت انت نحن هذا هذه ذلك تلك هؤلاء الذي التي الذين ما ماذا من متى أين اين كيف لماذا كم هل أي اي أية لا لم
    لن ليس ليست غير كل بعض قد لقد الآن هنا هناك لي لك له لها لنا لهم لأن لان إذا اذا كما جدا جدًا جداً به بها فيه فيها
    منه منها عليه عليها إليه إليها يا نعم
    """.split()
)
HINDI = frozenset(
    """
    मैं मैंने मुझे मुझको मुझसे मेरा मेरी मेरे हम हमने हमें हमारा हमारी हमारे तू तुम तुम्हें तुम्हारा तुम्हारी आप आपका आपकी आपके आपको
    वह वे वो उस उसका उसकी उसके उसे उन उनका उनकी उनके उन्हें यह ये इस इसका इसकी इसके इसे इन अपना अपनी अपने
    का की के को ने से में पर तक लिए और या एवं तथा लेकिन पर भी ही तो न नहीं मत कि क्योंकि अगर जो जब तब बहुत अब यहाँ वहाँ
    है हैं हूँ हूं हो था थी थे होता होती होते हुआ हुई हुए रहा रही रहे गया गई गए कर करता करती करते किया की करना एक सब वाला वाली वाले
    क्या कौन किस किसने किसका किसकी किसके किसे किन कब कहाँ कहां कैसे कैसा कैसी क्यों कितना कितनी कितने
    """.split()
)

HAN = frozenset("的了吗呢吧啊着我你您他她它们是在和与就都也很还不没这那什么哪谁怎样几多少个")
"""Chinese characters without a subject of their own; a pair that contains one is left out as well."""

KANA = frozenset("はがをにでとのへもやか")
"""Japanese particles; the same holds for them."""
