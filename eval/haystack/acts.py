"""What happens in a world, before it is drawn: days, scenes, acts and lines of speech."""

from dataclasses import dataclass
from typing import Literal

Place = Literal["room", "gate", "board", "cabinet"]
LineKind = Literal["flight", "moved", "code", "alarm"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who somebody is: nothing but how they look."""

    coat: str
    hat: str
    badge: str

    def differs(self, other: "Actor") -> int:
        """In how many attributes two differ."""
        return (self.coat != other.coat) + (self.hat != other.hat) + (self.badge != other.badge)


@dataclass(frozen=True, slots=True)
class Thing:
    """What is put on shelves."""

    colour: str
    shape: str

    def __str__(self) -> str:
        return f"{self.colour} {self.shape}"


@dataclass(frozen=True, slots=True)
class Room:
    """A room looks the same on all days, but for light and camera."""

    name: str
    wall: tuple[int, int, int]
    floor: tuple[int, int, int]
    picture: tuple[str, str]
    """Colour and shape of what hangs on the wall; no two rooms share it."""
    window: bool


@dataclass(frozen=True, slots=True)
class Put:
    """Somebody comes out of the door, puts a thing on the shelf and leaves."""

    actor: Actor
    thing: Thing
    slot: int


@dataclass(frozen=True, slots=True)
class Pass:
    """A vehicle passes the gate."""

    colour: str
    vehicle: str
    leftward: bool

    def __str__(self) -> str:
        return f"{self.colour} {self.vehicle}"


@dataclass(frozen=True, slots=True)
class Look:
    """How a board is written where it is not as usual; see `WorldConfig`."""

    contrast: float
    degrees: float
    blur_px: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a board: `QFK47 TOTAL 318`."""

    code: str
    word: str
    """`ROOM`, or what the number is called."""
    value: str
    place: int
    """From the top, 0 to 2."""
    px: int
    """Height of its capitals."""
    look: Look | None = None
    """None as usual."""

    @property
    def text(self) -> str:
        """As it stands there."""
        return f"{self.code} {self.word} {self.value}"


@dataclass(frozen=True, slots=True)
class Cabinet:
    """A room's cabinet from near: things by slot, None for an empty one."""

    things: tuple[Thing | None, ...]


Act = Put | Pass | Row | Cabinet


@dataclass(frozen=True, slots=True)
class Timed:
    """An act from its first frame to the frame after its last, of the day."""

    act: Act
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Camera:
    """Where the camera looks, at a scene's start and end: shift from the middle as shares of the
    picture, and magnification."""

    start: tuple[float, float]
    end: tuple[float, float]
    zoom: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An unbroken take."""

    place: Place
    room: Room | None
    first: int
    last: int
    """The frame after its last."""
    acts: tuple[Timed, ...]
    camera: Camera
    light: tuple[float, float]
    """Brightness at its start and end, around 1."""
    tint: tuple[float, float, float]
    fade_in: int
    """Frames over which it comes out of black; 0 for a cut."""
    fade_out: int
    seed: int
    """Of what does not matter: clutter and grain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A sentence said over the pictures, whatever they show."""

    kind: LineKind
    text: str
    """As a transcript has it."""
    spoken: str
    """As the voice is given it."""
    subject: str
    """Flight, name or alarm."""
    value: str
    """Gate, room or code; empty for alarms."""
    at_s: float
    """When it is to begin; it does later where the line before it takes longer."""
    speed: float
    snr_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One video."""

    video: str
    """128 random bits in hexadecimal: the file's name."""
    number: int
    """Shown in every frame's corner as `DAY 7`; counts through the suite."""
    frames: int
    scenes: tuple[Scene, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Days that share rooms, people and codes."""

    name: str
    rooms: tuple[Room, ...]
    days: tuple[Day, ...]
    absent_actors: frozenset[Actor]
    """Possible, but never seen: what unanswerable questions ask for."""
    absent_vehicles: frozenset[tuple[str, str]]
    absent_codes: dict[str, str]
    """For each code, one that is never seen or said and differs in one place."""
