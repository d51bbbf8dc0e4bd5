"""What the example lecture says and shows, and questions that it answers (or does not)."""

from dataclasses import dataclass
from typing import Literal

TITLE = "A short history of the lighthouse"

SPOKEN = {  # spelling that the synthetic voice needs to say the word right
    "1703": "seventeen oh three",
    "1755": "seventeen fifty-five",
    "1820s": "eighteen twenties",
    "1823": "eighteen twenty-three",
    "1882": "eighteen eighty-two",
    "1907": "nineteen oh seven",
    "1912": "nineteen twelve",
    "Fresnel": "Fre-nell",
    "Cordouan": "Corduon",
    "Dalén": "Dalain",
    "Smeaton's": "Smeetons",
    "Smeaton": "Smeeton",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of narration."""

    text: str
    rows: int | None = None
    """Rows of the slide that are visible from this sentence on; None leaves them as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One unbroken picture with the narration that runs over it."""

    kind: Literal["slide", "motion"]
    picture: str
    """Name of the drawing in `lecture_pictures`."""
    sentences: tuple[Sentence, ...]
    title: str = ""
    rows: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    """Text inside the slide's drawing."""
    lead_s: float = 0.5
    tail_s: float = 0.5
    dissolve_s: float = 0.0
    """Length of the dissolve from the shot before; 0 is a hard cut."""


def _say(*texts: str) -> tuple[Sentence, ...]:
    return tuple(Sentence(text=text) for text in texts)


SHOTS = (
    Shot(
        kind="motion",
        picture="night",
        lead_s=2.4,
        sentences=_say(
            "For more than two thousand years, a light on the coast has meant the same thing: "
            "you are close to land, so take care.",
            "This lecture tells how that light grew from an open fire "
            "to a machine that nobody tends.",
        ),
    ),
    Shot(
        kind="slide",
        picture="title",
        title=TITLE,
        rows=("Lecture 4: fire, stone and glass", "Course MAR-417, autumn term"),
        sentences=_say(
            "Welcome to lecture four.",
            "We will meet a wonder of the ancient world, four towers on a single rock, "
            "and one very clever piece of glass.",
        ),
    ),
    Shot(
        kind="motion",
        picture="storm",
        sentences=_say(
            "But why build a tower at all?",
            "Out on the open ocean a ship is fairly safe, but close to the shore "
            "a hidden rock can sink it in minutes.",
        ),
    ),
    Shot(
        kind="motion",
        picture="horizon",
        sentences=_say(
            "And the taller the tower, the farther away its lamp can be seen, "
            "because the earth is round.",
        ),
    ),
    Shot(
        kind="slide",
        picture="pharos",
        title="The Pharos of Alexandria",
        rows=(
            "Built around 280 BC",
            "Architect: Sostratus of Cnidus",
            "Height: about 100 metres",
            "Ruins reused in Qaitbay fort, 1477",
        ),
        labels=("fire", "100 m"),
        sentences=_say(
            "The most famous lighthouse of the ancient world stood on an island "
            "off the coast of Egypt.",
            "Its light was a wood fire, and fuel had to be carried up every single day.",
            "A series of earthquakes broke the tower, "
            "and in the end its stones were built into a castle.",
            "In French, Spanish and Italian, the word for lighthouse still comes from its name.",
        ),
    ),
    Shot(
        kind="motion",
        picture="dawn",
        sentences=_say(
            "One Roman tower is still at work: the Tower of Hercules, on the north coast of Spain.",
            "It has guided ships for about nineteen hundred years.",
        ),
    ),
    Shot(
        kind="slide",
        picture="eddystone",
        title="Eddystone: four towers, one reef",
        rows=(
            "1698: Winstanley, timber",
            "1709: Rudyerd, oak and iron",
            "1759: Smeaton, granite",
            "1882: Douglass, granite",
            "The reef lies 14 km south of Rame Head",
        ),
        sentences=(
            Sentence(
                text="The Eddystone reef, south of Plymouth, has carried four lighthouses, "
                "one after the other.",
                rows=0,
            ),
            Sentence(
                text="The first was built of wood by a merchant named Henry Winstanley.", rows=1
            ),
            Sentence(
                text="In November 1703 the great storm swept it away, and its builder died with it."
            ),
            Sentence(
                text="The second tower was timber too, and it stood for almost fifty years, "
                "until it burned down in 1755.",
                rows=2,
            ),
            Sentence(
                text="John Smeaton built the third, and he took the trunk of an oak tree "
                "as his model: wide at the foot, narrow above.",
                rows=3,
            ),
            Sentence(
                text="He locked the granite blocks together with dovetail joints, "
                "so that no wave could pull one out."
            ),
            Sentence(
                text="His tower outlived the rock below it, so its upper part "
                "was moved to Plymouth, and a fourth tower took over in 1882.",
                rows=5,
            ),
        ),
    ),
    Shot(
        kind="motion",
        picture="waves",
        sentences=_say(
            "The fourth tower is still in service, and the stump of Smeaton's stands beside it.",
        ),
    ),
    Shot(
        kind="slide",
        picture="fresnel",
        title="How a Fresnel lens works",
        rows=(
            "Rings of prisms act as one large lens",
            "First order: focal length 920 mm",
            "Sixth order: focal length 150 mm",
        ),
        labels=("lamp", "prisms", "parallel beam"),
        sentences=_say(
            "An open flame loses most of its light to the sky and to the land behind it.",
            "In the 1820s the French engineer Augustin Fresnel cut a huge lens into rings, "
            "and kept only the curved edge of each.",
            "The glass became thin, and yet it gathered most of the light into one flat beam.",
            "The first lens of this kind was lit in 1823 at Cordouan, "
            "on the Atlantic coast of France.",
            "Sailors could see its beam from more than thirty kilometres away.",
        ),
    ),
    Shot(
        kind="motion",
        picture="lens",
        dissolve_s=1.0,
        lead_s=1.2,
        sentences=_say(
            "To make the beam turn, engineers floated the whole lens, several tons of glass, "
            "on a bath of mercury.",
            "A clockwork with a falling weight drove it, and one finger could push it round.",
        ),
    ),
    Shot(
        kind="slide",
        picture="rhythm",
        title="Every light has its own rhythm",
        rows=(
            "Fixed: never dark",
            "Occulting: more light than dark",
            "Flashing: more dark than light",
            "Eddystone today: range 17 nautical miles",
        ),
        labels=("two white flashes every 10 seconds", "10 s"),
        sentences=_say(
            "Sailors must know which tower they see, so neighbouring lights never share a pattern.",
            "They count the flashes, time the darkness between them, "
            "and look the pattern up in a printed list.",
        ),
    ),
    Shot(
        kind="motion",
        picture="buoy",
        sentences=_say(
            "In 1907 the Swedish inventor Gustaf Dalén patented the sun valve, "
            "which turned the gas off at dawn and on again at dusk.",
            "A floating light could now burn for a year without a visit.",
            "His work won the Nobel Prize in physics in 1912, "
            "the very year in which an explosion took his sight.",
        ),
    ),
    Shot(
        kind="slide",
        picture="machines",
        title="From keepers to machines",
        rows=(
            "1858: South Foreland tries electric light",
            "1982: Eddystone runs without keepers",
            "1998: North Foreland: last keepers leave",
            "Next lecture: Thursday 14:15, room B-217",
        ),
        sentences=_say(
            "Electric lamps, and then automatic controls, made the work of the keepers disappear.",
            "The people out at sea went home first, because supplying them by boat was dangerous "
            "and expensive.",
            "Today a small cluster of diodes, controlled from a distant office, "
            "does the work of a whole family.",
            "Satellites tell ships where they are, but a satellite signal can be jammed, "
            "and a lighthouse cannot.",
        ),
    ),
    Shot(
        kind="motion",
        picture="harbour",
        tail_s=2.6,
        sentences=_say(
            "And so the old towers are still lit.",
            "Thank you for listening, and a safe passage home.",
        ),
    ),
)

FOOTER = "Harbour School  |  MAR-417  |  "


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with the moment that answers it."""

    question: str
    lane: Literal["speech", "text"] | None = None
    answer: str | None = None
    """Appears in the sentence or line at the moment of truth; None: the lecture does not say."""
    where: str = ""
    """A piece of the sentence (speech) or of the slide's line (text) that holds the answer."""
    paraphrased: bool = False
    """Asked in other words than the lecture's."""
    options: tuple[str, ...] = ()
    option: int | None = None
    demo: bool = False


QUESTIONS = (
    Question(
        question="In which year did the great storm sweep the first Eddystone tower away?",
        lane="speech",
        answer="1703",
        where="great storm",
        demo=True,
    ),
    Question(
        question="In which room is the next lecture?",
        lane="text",
        answer="B-217",
        where="room B-217",
        demo=True,
    ),
    Question(
        question="What liquid let the heavy optic spin with almost no friction?",
        lane="speech",
        answer="mercury",
        where="bath of mercury",
        paraphrased=True,
    ),
    Question(
        question="On what liquid did the heavy lens float?",
        lane="speech",
        answer="mercury",
        where="bath of mercury",
        paraphrased=True,
        demo=True,
    ),
    Question(
        question="What is the focal length of a first order lens?",
        lane="text",
        answer="920 mm",
        where="920 mm",
    ),
    Question(
        question="Who was the architect of the Pharos of Alexandria?",
        lane="text",
        answer="Sostratus",
        where="Sostratus",
    ),
    Question(
        question="How far south of Rame Head does the reef lie?",
        lane="text",
        answer="14 km",
        where="Rame Head",
    ),
    Question(
        question="What was the tower made of that stood on the reef before Smeaton's of 1759?",
        lane="text",
        answer="oak and iron",
        where="1709: Rudyerd",
    ),
    Question(
        question="What is the range of the Eddystone light today?",
        lane="text",
        answer="17 nautical miles",
        where="17 nautical miles",
    ),
    Question(
        question="Where was the first Fresnel lens lit in 1823?",
        lane="speech",
        answer="coast of France",
        where="lit in 1823",
    ),
    Question(
        question="Which plant inspired the shape of the third tower?",
        lane="speech",
        answer="oak tree",
        where="oak tree",
        paraphrased=True,
    ),
    Question(
        question="What destroyed the second Eddystone lighthouse?",
        lane="speech",
        answer="burned",
        where="burned down",
        paraphrased=True,
    ),
    Question(
        question="What did the sun valve do at dawn?",
        lane="speech",
        answer="off at dawn",
        where="sun valve",
    ),
    Question(
        question="Why were rock stations the first to lose their staff?",
        lane="speech",
        answer="dangerous",
        where="dangerous and expensive",
        paraphrased=True,
    ),
    Question(
        question="What happened to the masonry of the ancient Egyptian tower after it collapsed?",
        lane="speech",
        answer="castle",
        where="castle",
        paraphrased=True,
    ),
    Question(
        question="Which material did the builder of the first Eddystone tower use?",
        lane="speech",
        answer="wood",
        where="built of wood",
        options=("granite", "wood", "iron", "brick"),
        option=1,
    ),
    Question(
        question="In which year was Qaitbay fort built from the ruins?",
        lane="text",
        answer="1477",
        where="Qaitbay",
        options=("280", "1303", "1477", "1698"),
        option=2,
    ),
    Question(
        question="Which prize did the inventor of the sun valve receive in 1912?",
        lane="speech",
        answer="Nobel Prize in physics",
        where="Nobel Prize",
        options=("Nobel Prize in chemistry", "Copley Medal", "Nobel Prize in physics"),
        option=2,
    ),
    Question(question="How much did it cost to build the Tower of Hercules?"),
    Question(question="What is the name of the lecturer's dog?"),
    Question(question="Which colour is the lighthouse at Cape Hatteras painted?"),
    Question(question="What was the wage of a lighthouse keeper in 1850?"),
    Question(question="At what temperature does the lantern glass melt?"),
)
