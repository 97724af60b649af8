"""multipart/form-data (RFC 7578) as a stream: the files of a form are read in pieces, in constant memory."""

from collections.abc import Iterator

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Event, Field, File, MultipartDecoder, NeedData, State

from pileus_kit.errors import BadRequest
from pileus_objectstore.core.requests import Read

MAX_BOUNDARY_CHARACTERS = 200
MAX_FIELD_BYTES = 8192
MAX_PARTS = 1000
PIECE_BYTES = 1 << 16
MAX_HELD_BYTES = 2 * PIECE_BYTES  # of what precedes the first part, or of one part's headers
DEFAULT_TYPE = "application/octet-stream"


class Part:
    """One part of a form: a field, or a file. `filename` is None for a field."""

    def __init__(self, parts: "Parts", event: Field | File) -> None:
        self._parts = parts
        self.name = event.name or ""
        self.filename = event.filename if isinstance(event, File) else None
        media = event.headers.get("Content-Type", DEFAULT_TYPE)
        self.media = media if media.isprintable() and media.isascii() else DEFAULT_TYPE

    def read(self, max_bytes: int) -> bytes:
        """Up to `max_bytes` of the part, b'' at its end. Raises BadRequest if the form ends early."""
        return self._parts.read(max_bytes)

    def text(self) -> str:
        """A field's value. Raises BadRequest if it is too long."""
        data = b""
        while piece := self.read(MAX_FIELD_BYTES):
            data += piece
            if len(data) > MAX_FIELD_BYTES:
                raise BadRequest(why=f"field {self.name} is too long")
        return data.decode(errors="replace")


class Parts:
    """Iterates over the parts of a form. What was not read of a part is skipped before the next one."""

    def __init__(self, read: Read, content_type: str) -> None:
        self._read = read
        self._decoder = MultipartDecoder(boundary_of(content_type), MAX_HELD_BYTES, max_parts=MAX_PARTS)
        self._held = b""
        self._more = False

    def __iter__(self) -> Iterator[Part]:
        while True:
            while self.read(PIECE_BYTES):
                pass
            if self._decoder.state == State.EPILOGUE:
                return
            event = self._next()
            if isinstance(event, (Field, File)):
                self._more = True
                yield Part(self, event)

    def read(self, max_bytes: int) -> bytes:
        """Up to `max_bytes` of the current part, b'' at its end."""
        while not self._held and self._more:
            event = self._next()
            if isinstance(event, Data):
                self._held, self._more = event.data, event.more_data
        data, self._held = self._held[:max_bytes], self._held[max_bytes:]
        return data

    def _next(self) -> Event:
        """The decoder's next event. Raises BadRequest for what is no form."""
        try:
            while isinstance(event := self._decoder.next_event(), NeedData):
                piece = self._read(PIECE_BYTES)
                if not piece:
                    raise BadRequest(why="the form ended early")
                self._decoder.receive_data(piece)
        except RequestEntityTooLarge as e:
            raise BadRequest(why="the form has too many parts, or a part's headers are too long") from e
        except ValueError as e:
            raise BadRequest(why=f"the form can't be read: {e}") from e
        return event


def boundary_of(content_type: str) -> bytes:
    """The boundary between a form's parts. Raises BadRequest if there is none."""
    boundary = parse_options_header(content_type)[1].get("boundary", "")
    if not 0 < len(boundary) <= MAX_BOUNDARY_CHARACTERS:
        raise BadRequest(why="FormPost: invalid starting boundary")
    return boundary.encode()
