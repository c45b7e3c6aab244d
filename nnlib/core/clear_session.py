"""Back to how a process begins."""

import gc

from nnlib.core import dtypes, settings


def clear_session(free_memory: bool = True) -> None:
    """Forget the global dtype policy and where progress is shown, and free what is not used.

    Names of layers are counted inside each model, so no counters have to be reset; the float type,
    the fuzz factor and the image layout stay.

    Args:
        free_memory: whether Python's garbage is collected at once.

    >>> import nnlib as nn
    >>> nn.config.set_dtype_policy("mixed_bfloat16")
    >>> nn.backend.clear_session()
    >>> nn.config.dtype_policy()
    <DTypePolicy "float32">
    """
    dtypes.set_dtype_policy(None)
    settings.forget_session_settings()
    if free_memory:
        gc.collect()
