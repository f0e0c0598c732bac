"""Which phones are attached, what they are, and which one is meant."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

from npulint.device.adb import QUICK, Adb, Handset, PhoneError

READY = "device"
"""adb's word for a phone that can be used."""

_STATES: Mapping[str, str] = MappingProxyType(
    {
        READY: "ready",
        "unauthorized": "does not trust this computer: unlock it and allow USB debugging",
        "authorizing": "is asking whether to trust this computer: look at it",
        "offline": "does not answer: plug it in again, or restart it",
        "connecting": "is being connected: wait a moment",
        "no permissions": "may not be used by this user: udev rules for Android are missing",
        "recovery": "is in its recovery system: restart it",
        "sideload": "waits for an update: restart it",
        "rescue": "is in rescue mode: restart it",
        "bootloader": "is in its bootloader: restart it",
        "host": "is another adb server",
    }
)
_LINE = re.compile(rf"(\S.*?)\s+({'|'.join(map(re.escape, _STATES))})\b(.*)$")
_PROPERTIES: Mapping[str, str] = MappingProxyType(
    {
        "maker": "ro.product.manufacturer",
        "model": "ro.product.model",
        "android": "ro.build.version.release",
        "level": "ro.build.version.sdk",
        "chip": "ro.soc.model",
        "board": "ro.board.platform",
        "abi": "ro.product.cpu.abi",
        "build": "ro.build.fingerprint",
    }
)


@dataclass(frozen=True, slots=True)
class Attached:
    """A phone as adb lists it.

    Attributes:
        serial: Its serial number, or its address.
        state: adb's word for its state.
        model: Its model as adb knows it, empty where it does not.
    """

    serial: str
    state: str
    model: str = ""

    @property
    def sentence(self) -> str:
        """What the state means."""
        return _STATES[self.state]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a phone says of itself; empty for what it does not.

    Attributes:
        maker: Who made it.
        model: Its name.
        android: Version of Android.
        level: API level.
        chip: The chip's name (Android 12 and later).
        board: The chip's platform.
        abi: Which machine code it runs.
        build: Its software, to the day.
    """

    maker: str = ""
    model: str = ""
    android: str = ""
    level: str = ""
    chip: str = ""
    board: str = ""
    abi: str = ""
    build: str = ""


def attached(adb: Adb) -> tuple[Attached, ...]:
    """All phones that adb sees.

    Raises:
        PhoneError: adb does not say.
    """
    said = adb.call(["devices", "-l"], QUICK)
    if said.late or said.code != 0:
        raise PhoneError(f"adb does not list phones: {said.err or said.out or 'not a word'}")
    return tuple(
        Attached(found[1], found[2], model[1] if (model := _MODEL.search(found[3])) else "")
        for line in said.out.splitlines()
        if (found := _LINE.match(line.strip())) and not line.startswith("*")
    )


_MODEL = re.compile(r"\bmodel:(\S+)")


def choose(phones: Sequence[Attached], serial: str | None) -> Attached:
    """The phone that is meant.

    Args:
        phones: Those that are attached.
        serial: The one that is named; None for the variable ANDROID_SERIAL, or the only one.

    Raises:
        PhoneError: There is none, it cannot be used, or there are several.
    """
    listed = ", ".join(phone.serial for phone in phones) or "none"
    serial = serial or os.environ.get("ANDROID_SERIAL")
    if serial:
        named = [phone for phone in phones if phone.serial == serial]
        if not named:
            raise PhoneError(f"no phone {serial!r} is attached; there are: {listed}")
    else:
        named = [phone for phone in phones if phone.state == READY] or list(phones)
    if not named:
        raise PhoneError(
            "no phone is attached: connect one by USB, with USB debugging on, or by `adb connect`"
        )
    if len(named) > 1:
        raise PhoneError(f"several phones are attached; name one by --serial: {listed}")
    if named[0].state != READY:
        raise PhoneError(f"{named[0].serial}: {named[0].sentence}")
    return named[0]


def facts(handset: Handset) -> Facts:
    """Ask a phone what it is.

    Raises:
        PhoneError: It does not answer.
    """
    asked = "; ".join(f"getprop {name}" for name in _PROPERTIES.values())
    lines = handset.shell(asked).out.split("\n")
    told = [line.strip() for line in lines] + [""] * len(_PROPERTIES)
    return Facts(**dict(zip(_PROPERTIES, told, strict=False)))


def survey(adb: Adb) -> list[tuple[Attached, Facts | None]]:
    """All phones that adb sees, with what they say of themselves where they can be used.

    Raises:
        PhoneError: adb does not say.
    """
    found: list[tuple[Attached, Facts | None]] = []
    for phone in attached(adb):
        told = None
        if phone.state == READY:
            # It may go away while it is asked; then it is listed as it was.
            with suppress(PhoneError):
                told = facts(Handset(adb, phone.serial))
        found.append((phone, told))
    return found
