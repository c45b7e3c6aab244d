"""A model as a C array, for programs without a file system."""

from __future__ import annotations

import re

from .errors import ExportError

_PER_LINE = 16


def c_header(content: bytes, name: str, arena: int) -> str:
    """The text of a header file that C and C++ programs include.

    Args:
        content: the model.
        name: a C identifier, for the array `name`, its length `name_len` and `NAME_ARENA_SIZE`.
        arena: bytes of working memory to suggest.

    Returns:
        The text. The array is aligned to 16 bytes, as kernels need it.

    Raises:
        ExportError: the name is no identifier of C.

    Example:
        >>> print(c_header(b"ab", "tiny", 64).splitlines()[-4].strip())
        0x61, 0x62,
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ExportError(
            "write_c_header",
            "a name of letters, digits and underscores",
            repr(name),
            "Pass name='my_model'.",
        )
    upper = name.upper()
    rows = (content[at : at + _PER_LINE] for at in range(0, len(content), _PER_LINE))
    numbers = "\n".join("  " + ", ".join(f"0x{byte:02x}" for byte in row) + "," for row in rows)
    return f"""\
// A TensorFlow Lite model of {len(content)} bytes, written by nnlib. Include it in one source file.
#ifndef {upper}_MODEL_H_
#define {upper}_MODEL_H_

#ifdef __cplusplus
#define {upper}_ALIGN alignas(16)
#else
#define {upper}_ALIGN _Alignas(16)
#endif

// Bytes of working memory for tflite::MicroInterpreter: an estimate that is enough.
#define {upper}_ARENA_SIZE {arena}

enum {{ {name}_len = {len(content)} }};
{upper}_ALIGN static const unsigned char {name}[] = {{
{numbers}
}};

#endif  // {upper}_MODEL_H_
"""
