"""What each process of `run` does: `python -m nnlib.distributed.function_process FOLDER`."""

import json
import os
import pickle
import runpy
import sys
import traceback
import types
from pathlib import Path

from .failed_exit import end_soon
from .reentered import reentered


def main(folder: Path) -> int:
    """Call the function that is in the folder, and write there what it returns or raises."""
    index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    result = folder / f"result-{index}.pickle"
    result.unlink(missing_ok=True)  # of an attempt before, which failed
    try:
        value = True, reentered(lambda: _called(folder / "call.pickle"))
    except SystemExit:  # Python itself says nothing about it
        _write(result, pickle.dumps((False, traceback.format_exc())))
        raise
    except Exception:
        value = False, traceback.format_exc()
    try:
        content = pickle.dumps(value)
    except Exception:
        value = False, traceback.format_exc()
        content = pickle.dumps(value)
    _write(result, content)
    if not value[0]:
        end_soon(1)
    return 0 if value[0] else 1


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing, if the process is ended meanwhile."""
    begun = path.with_suffix(".begun")
    begun.write_bytes(content)
    begun.replace(path)


def _called(path: Path) -> object:
    search, script, call = pickle.loads(path.read_bytes())
    sys.path[:] = search
    if script is not None and call.find(b"__main__") >= 0:
        _take_over(script)
    fn, args, kwargs = pickle.loads(call)
    return fn(*args, **kwargs)


def _take_over(script: str) -> None:
    """Let `__main__` be the script that called `run`, without what it does as the main program."""
    module = types.ModuleType("__mp_main__")
    sys.modules["__main__"] = module
    module.is_being_read = True  # type: ignore[attr-defined]  # `run` refuses to start others then
    vars(module).update(runpy.run_path(script, run_name="__mp_main__"), is_being_read=False)
    sys.modules["__mp_main__"] = module


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
