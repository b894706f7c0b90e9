"""One table of the settings: frozen, nothing unknown in it, secrets also from files."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_settings import NoDecode


def _split(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


# In the environment a list is written with commas.
Names = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[^\s,]+:\d{1,5}$")], ...],
    NoDecode,
    BeforeValidator(_split),
]
Files = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split)]
Words = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[^\s,]+$")], ...], NoDecode, BeforeValidator(_split)
]
Topic = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
Port = Annotated[int, Field(ge=1, le=65_535)]
Positive = Annotated[int, Field(ge=1)]
WebAddress = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


class Section(BaseModel):
    """One table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, given: dict[str, Any]) -> dict[str, Any]:
        read = dict(given)
        for name in cls.model_fields:
            path = given.get(f"{name}_file")
            if path is None:
                continue
            if given.get(name):
                raise ValueError(f"{name} and {name}_file are both set; expected one of them")
            try:
                read[name] = Path(path).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"{name}_file {str(path)!r} is not readable: {error}") from error
        return read
