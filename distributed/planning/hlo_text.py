"""What a compiled program of XLA says of the collectives that it runs, read from its text."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

_KINDS = "all-reduce|all-gather|reduce-scatter|all-to-all|ragged-all-to-all|collective-permute"
_COLLECTIVE = re.compile(rf"= (.+?) ({_KINDS})(-start)?\(")
_HEADER = re.compile(r"^(ENTRY )?%?([\w.\-]+) .*\{$")
_CALLED = re.compile(r"(?:body|calls|to_apply|true_computation|false_computation)=%?([\w.\-]+)")
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')
_ARRAY = re.compile(r"\b([a-z]+\d*\w*)\[([\d,]*)\]")
_CHANNEL = re.compile(r"channel_id=(\d+)")
_CHAIN = re.compile(r'\bchain_id="(\d+)"')
_LISTED = re.compile(r"replica_groups=\{\{([\d,]*)\}")
_IOTA = re.compile(r"replica_groups=\[\d+,(\d+)\]<=")
_MESH = re.compile(r"replica_groups=mesh\[([^\]]*)\][^{]*\{([^}]*)\}")
_BITS = {"pred": 8, "token": 0}
# Between slices TPUs hand arrays to a runtime on their hosts; what arrives says what happened.
_ARRIVES = re.compile(r"= \((.+?), u32\[\].* recv\(.*_xla_megascale_")
_TARGET = re.compile(r'_megascale_target="?\{+([^}]*)\}')
_TRANSFER = re.compile(r'_megascale_transfer_type="(\w+)"')
_MEMBERS_OF_A_SLICE = 100_000


@dataclass(frozen=True)
class Collective:
    """A collective of a program.

    Args:
        kind: "all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute".
        bytes: of its results on one device.
        group: how many devices take part in each.
        times: how often a step runs it.
        counted: whether that is known; else `times` is a lower bound.
        between_slices: whether it goes over the slow network that connects slices of TPUs; then
            the group is of slices.
    """

    kind: str
    bytes: int
    group: int
    times: int = 1
    counted: bool = True
    between_slices: bool = False

    @property
    def wire_bytes(self) -> float:
        """What each device sends in a step, as a ring does it."""
        share = (self.group - 1) / self.group
        factor = {
            "all-reduce": 2 * share,
            "reduce-scatter": float(self.group - 1),  # its results are parts of what it takes
            "collective-permute": 1.0,
        }.get(self.kind, share)
        return self.times * factor * self.bytes


def collectives_of(text: str, devices: int) -> list[Collective]:
    r"""The collectives of a program.

    Args:
        text: of `compiled.as_text()`.
        devices: that it runs on.

    >>> line = "  %r = f32[10]{0} all-reduce(%a), replica_groups=[1,8]<=[8], to_apply=%add"
    >>> found = collectives_of("ENTRY %main (a: f32[10]) -> f32[10] {\n" + line + "\n}", 8)
    >>> found, found[0].wire_bytes
    ([Collective(kind='all-reduce', bytes=40, group=8, times=1, counted=True,
    between_slices=False)], 70.0)
    """
    computations, entry = _computations(text)
    return list(_within(computations, entry, devices, 1, True, set()))


def _computations(text: str) -> tuple[dict[str, list[str]], str]:
    found: dict[str, list[str]] = {}
    entry, lines = "", list[str]()
    for line in text.splitlines():
        header = _HEADER.match(line) if line[:1] not in (" ", "}") else None
        if header is not None and not line.startswith("HloModule"):
            lines = found[header[2]] = []
            entry = header[2] if header[1] else entry
        else:
            lines.append(line)
    return found, entry


def _within(
    computations: dict[str, list[str]],
    name: str,
    devices: int,
    times: int,
    counted: bool,
    seen: set[str],
) -> Iterator[Collective]:
    for line in computations.get(name, []):
        found = _COLLECTIVE.search(line)
        if found is not None:
            channel, chain = _CHANNEL.search(line), _CHAIN.search(line)
            if channel is not None and (chain is not None or "async_collective" in name):
                part = f"{channel[1]} {chain[1] if chain else ''}"
                if part in seen:  # start, middle and end of an asynchronous fusion repeat it
                    continue
                seen.add(part)
            group = devices if found[2] == "collective-permute" else _group(line, devices)
            kind, size = found[2], _bytes(found[1], found[2] if found[3] else "")
            if kind == "all-reduce" and name.startswith("all-reduce-scatter"):
                # So TPUs write a sum of which each device keeps its part: one fused computation.
                kind, size = "reduce-scatter", size // group
            if group > 1:
                yield Collective(kind, size, group, times, counted)
            continue
        if arrives := _ARRIVES.search(line):
            yield _between_slices(line, arrives[1], times, counted)
            continue
        trips = _TRIPS.search(line)
        loops = " while(" in line
        again = times * int(trips[1]) if trips and loops else times
        known = counted and (not loops or trips is not None)
        for called in _called(line):
            yield from _within(computations, called, devices, again, known, seen)


def _between_slices(line: str, shape: str, times: int, counted: bool) -> Collective:
    transfer, target = _TRANSFER.search(line), _TARGET.search(line)
    kind = transfer[1].lower().replace("_", "-") if transfer else "recv"
    # Devices are numbered by slice * 100,000 + place, or slices alone; a pair is written a->b.
    members = [int(n) for n in re.findall(r"\d+", target[1])] if target else []
    slices = {n // _MEMBERS_OF_A_SLICE or n for n in members}
    if kind == "one-to-one":
        kind = "collective-permute"
    return Collective(kind, _bytes(shape, ""), len(slices), times, counted, True)


def _called(line: str) -> list[str]:
    branches = _BRANCHES.search(line)
    names = [] if branches is None else [name.strip(" %") for name in branches[1].split(",")]
    return [*_CALLED.findall(line), *names]


def _group(line: str, devices: int) -> int:
    """The devices of one group; the three ways to write it belong to different versions of XLA."""
    if match := _LISTED.search(line):
        return len(match[1].split(","))
    if match := _IOTA.search(line):
        return int(match[1])
    if match := _MESH.search(line):
        sizes = {name: int(size) for name, size in re.findall(r"'([^']+)'=(\d+)", match[1])}
        used = re.findall(r"'([^']+)'(?::\(\d+\)(\d+))?", match[2])
        return math.prod(int(part) if part else sizes[name] for name, part in used)
    return devices


def _bytes(shape: str, started: str) -> int:
    """The bytes of a result; what starts a collective also returns what it was given."""
    arrays = [_array_bytes(kind, sizes) for kind, sizes in _ARRAY.findall(shape)]
    if started == "collective-permute":
        return arrays[0]
    given_too = started in ("all-gather", "all-to-all", "reduce-scatter") and len(arrays) > 1
    if given_too or (started and shape.startswith("((")):
        return sum(arrays[len(arrays) // 2 :])
    return sum(arrays)


def _array_bytes(kind: str, sizes: str) -> int:
    digits = re.search(r"\d+", kind)
    bits = _BITS[kind] if kind in _BITS else int(digits[0]) if digits else 0
    return math.prod(int(size) for size in sizes.split(",") if size) * bits // 8
